"""The calendar: dated tasks of the programme and periodic tasks, each a row that a Celery task of its own carries out.

Each application registers its tasks in `AppConfig.ready()`. Beat reads the rows, so tasks that fell due while
everything was down are found afterwards.

Dated tasks follow business time and run one after the other in the order of their due times, however the clock is
moved. Within a queue the order is strict. A task of another queue is waited for some minutes only, so that a queue
whose workers are down does not hold up money. Periodic tasks follow the wall clock.

The dated tasks of a queue share a lock, and each periodic task has its own (`rows.locked`). A dated task that other
tasks share in (shards) stays RUNNING until the last of them closes it (`run_shared_task`, `close`).
"""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import models, transaction
from django.db.models import Count, Min, Q
from django.db.models.functions import Coalesce, Now

from kt_remedy.core import clock, programme, tracing
from kt_remedy.core.models import DatedTask, PeriodicTask
from kt_remedy.core.tasks import dispatch, rows
from kt_remedy.core.tasks.base import TaskFailed, place_of
from kt_remedy.core.tasks.dispatch import Publication, Waiting

log = logging.getLogger(__name__)

QUEUES = dispatch.QUEUES
ATTEMPTS = 3
# How long a dated task waits for earlier ones of other queues: longer than any takes when nothing is wrong.
PATIENCE = dt.timedelta(minutes=5)
# A dated task that waits for its shards is looked at again after this time, in case the last shard could not close it.
LOOK_AGAIN = dt.timedelta(minutes=1)
# A periodic task without success for this many periods, and for at least this long, is overdue.
OVERDUE_PERIODS = 5
OVERDUE_AT_LEAST = dt.timedelta(minutes=2)

_DATED, _PERIODIC = "dated tasks of a queue", PeriodicTask._meta.db_table
_OPEN = (DatedTask.State.WAITING, DatedTask.State.RUNNING)


class NotYet(Exception):
    """Raised by a dated task whose input is not there yet; the calendar page shows `result_messages`, or else the text.

    The task is tried again every half minute. This counts as no failure and holds back no other task. Neither text
    holds personal data.
    """

    def __init__(self, text: str, result_messages: "ResultMessage | None" = None) -> None:
        super().__init__(text)
        self.result_messages = result_messages


class ResultMessage(NamedTuple):
    """One sentence on how a run went: a Korean entry of the catalogue (mark it by `gettext_noop`) and its numbers.

    The row keeps it in this form; the page words it in the reader's language.
    """

    text: str
    values: dict[str, int | str]


def result_message(text: str, **values: int | str) -> ResultMessage:
    """A sentence for the calendar; no personal data."""
    return ResultMessage(text, values)


TaskResult = str | ResultMessage | Sequence[ResultMessage] | None
Work = Callable[[Any], TaskResult]
Due = dt.timedelta | Sequence[dt.datetime] | Callable[[programme.Programme], Sequence[dt.datetime]]


@dataclass(frozen=True)
class Registration:
    """One task as an application registered it; `task` is the Celery task that gets the key of the row."""

    code: str
    title: Any
    task: Any
    due: Due
    latest: dt.timedelta | None

    @property
    def queue(self) -> str:
        """The queue of the Celery task."""
        return dispatch.queue_of(self.task)

    @property
    def period(self) -> dt.timedelta | None:
        """Period of a periodic task; None for a dated task."""
        return self.due if isinstance(self.due, dt.timedelta) else None

    def moments(self) -> list[dt.datetime]:
        """The due times of a dated task, in order."""
        if isinstance(self.due, dt.timedelta):
            return []
        return sorted(self.due(programme.current()) if callable(self.due) else self.due)


_entries: dict[str, Registration] = {}


def register(code: str, *, title: Any, task: Any, due: Due, latest: dt.timedelta | None = None) -> None:
    """Put a dated task or a periodic task on the calendar. Call it in `AppConfig.ready()`.

    A dated task has aware datetimes as `due`, or a function of the programme that gives them: it runs once per moment
    of business time. A periodic task has a timedelta as `due` and follows the wall clock.
    `task` is a Celery task with the key of the row as its argument, which it hands to `run_dated_task`,
    `run_shared_task` or `run_periodic_task`. Celery's routes give its queue.
    A dated task found more than `latest` after its moment is not run but closed as missed.
    Raises ValueError for a code registered twice.
    """
    if code in _entries:
        raise ValueError(f"{code} is on the calendar already")
    _entries[code] = Registration(code, title, task, due, latest)


def entry(code: str) -> Registration | None:
    """The registration of `code`; None where only a row is left of a task that no longer exists."""
    return _entries.get(code)


def entries() -> list[Registration]:
    """Everything registered, in the order of registration."""
    return list(_entries.values())


def plan() -> int:
    """Write the rows of everything registered; returns how many are new. Safe to repeat; two queries if none is.

    A dated task that waits for a moment which left the programme is deleted.
    """
    now, wall = clock.now(), dt.datetime.now(dt.UTC)
    with transaction.atomic():
        periodic = set(PeriodicTask.objects.values_list("code", flat=True))
        missing_periodic = [
            PeriodicTask(code=item.code, due_at=wall, planned_at=wall)
            for item in _entries.values()
            if item.period and item.code not in periodic
        ]
        planned: dict[str, dict[dt.datetime, tuple[int, str]]] = {}
        for code, due_at, pk, state in DatedTask.objects.values_list("code", "due_at", "pk", "state"):
            planned.setdefault(code, {})[due_at] = (pk, state)
        missing, left = [], []
        for item in _entries.values():
            if item.period:
                continue
            moments, have = item.moments(), planned.get(item.code, {})
            missing += [
                DatedTask(code=item.code, due_at=moment)
                for moment in moments
                # A moment that had passed before the first plan never belonged to this calendar.
                if moment not in have and (item.latest is None or now - moment <= item.latest)
            ]
            left += [
                pk
                for due_at, (pk, state) in have.items()
                if state == DatedTask.State.WAITING and due_at > now and due_at not in moments
            ]
        if missing_periodic:
            PeriodicTask.objects.bulk_create(missing_periodic, ignore_conflicts=True)
        if missing:
            DatedTask.objects.bulk_create(missing, ignore_conflicts=True)
        if left:
            DatedTask.objects.filter(pk__in=left, state=DatedTask.State.WAITING).delete()
    return len(missing) + len(missing_periodic)


def run_dated_task(act_id: int, work: Work) -> None:
    """Carry out a dated task if it is next in its queue: `work` gets the row and returns what the calendar shows.

    `work` returns one or several `result_message`s, a word that needs no translation, or None, without personal data.
    It must be safe to run again after a crash. A failed task is tried again some seconds later, `ATTEMPTS` times in
    all; until then the later ones wait. Raises TaskFailed after an error of `work`.
    """
    _run_dated(act_id, lambda task, _begun: _finish(task, DatedTask.State.DONE, _result_messages(work(task))))


def run_shared_task(act_id: int, plan_shares: Callable[[Any], None], outcome: Callable[[Any], TaskResult]) -> None:
    """Carry out a dated task whose shares are rows with tasks of their own.

    `plan_shares` writes those rows, once, and again after an error, a crash or `run_again`. The task stays RUNNING
    until `close` finds all of them done; the share that ends last calls it. Errors as in `run_dated_task`.
    """

    def start(task: DatedTask, begun: bool) -> None:
        if not begun:
            plan_shares(task)
        if not close(task.pk, outcome):
            DatedTask.objects.filter(pk=task.pk, state=DatedTask.State.RUNNING).update(
                attempts=0, published_at=None, retry_at=Now() + LOOK_AGAIN, result_messages=[]
            )

    _run_dated(act_id, start)


def close(act_id: int, outcome: Callable[[Any], TaskResult]) -> bool:
    """Close a shared task under the lock of its row. True if this call closed it.

    `outcome` gets the row and returns what the calendar shows; it raises `NotYet` while a share is open.
    A task that had failed because of one share is closed too when that share is done after all.
    """
    with transaction.atomic():
        task = (
            DatedTask.objects.select_for_update()
            .filter(pk=act_id, state__in=(DatedTask.State.RUNNING, DatedTask.State.FAILED))
            .first()
        )
        if task is None:
            return False
        try:
            result_messages = _result_messages(outcome(task))
        except NotYet:
            return False
        _finish(task, DatedTask.State.DONE, result_messages)
        return True


def fail(act_id: int, place: str) -> bool:
    """Close a running shared task as failed because a share of it fails again and again. True if it was running."""
    with transaction.atomic():
        task = DatedTask.objects.select_for_update().filter(pk=act_id, state=DatedTask.State.RUNNING).first()
        if task is None:
            return False
        _finish(task, DatedTask.State.FAILED, _result_messages(place))
        return True


def _run_dated(act_id: int, carry_out: Callable[[DatedTask, bool], None]) -> None:
    """`carry_out` gets the row, and whether its shares are planned already."""
    named = DatedTask.objects.filter(pk=act_id, state__in=_OPEN, code__in=list(_entries)).first()
    if named is None:
        return
    queue = _entries[named.code].queue
    with rows.locked(_DATED, queue) as ours:
        if not ours:
            return
        task = _next_by_queue().get(queue)
        if task is None or task.pk != act_id:  # another one has to run first; beat publishes this one again
            DatedTask.objects.filter(pk=act_id).update(published_at=None)
            return
        now = clock.now()
        latest = _entries[task.code].latest
        if latest is not None and now - task.due_at > latest:
            _finish(task, DatedTask.State.MISSED, [])
            log.warning("dated task missed: %s", task.code)
            return
        if task.attempts >= ATTEMPTS:  # it took its worker down each time
            _finish(task, DatedTask.State.FAILED, task.result_messages)
            return
        begun = task.state == DatedTask.State.RUNNING and not task.attempts  # `run_shared_task` left it so
        if task.state != DatedTask.State.RUNNING:
            task.state, task.started_at = DatedTask.State.RUNNING, now
        task.attempts, task.taken_at = task.attempts + 1, dt.datetime.now(dt.UTC)
        task.save(update_fields=["state", "started_at", "attempts", "taken_at"])
        try:
            with tracing.span(task.code, "CONSUMER", parent=task.traceparent, remedy_row=str(task.pk)):
                carry_out(task, begun)
        except NotYet as reason:
            wall = dt.datetime.now(dt.UTC)
            DatedTask.objects.filter(pk=task.pk).update(
                state=DatedTask.State.WAITING,
                attempts=task.attempts - 1,
                result_messages=_result_messages(reason.result_messages or str(reason)),
                seen_at=wall - PATIENCE,
                published_at=None,
                retry_at=wall + dt.timedelta(seconds=30),
            )
        except Exception as error:  # whatever it was, the calendar has to go on and say so
            place = place_of(error)
            log.error("dated task failed: %s %s %s", task.code, task.pk, place)
            if task.attempts >= ATTEMPTS:
                _finish(task, DatedTask.State.FAILED, _result_messages(place))
            else:
                DatedTask.objects.filter(pk=task.pk).update(
                    state=DatedTask.State.WAITING,
                    result_messages=_result_messages(place),
                    published_at=None,
                    retry_at=Now() + dispatch.pause(task.attempts),
                )
            raise TaskFailed(f"{task.code} {task.pk}: {place}") from None


def run_periodic_task(code: str, work: Work) -> None:
    """Carry out a periodic task that is due and that nobody runs now. A failure is retried with back-off.

    `work` gets the row and returns what the calendar shows, as in `run_dated_task`. Raises TaskFailed after its error.
    """
    with rows.locked(_PERIODIC, code) as ours:
        wall = dt.datetime.now(dt.UTC)
        due = PeriodicTask.objects.filter(code=code, due_at__lte=wall)
        if not ours or not due.update(started_at=wall, taken_at=wall):
            return
        period = _entries[code].period
        assert period is not None
        row = PeriodicTask.objects.get(code=code)
        try:
            with tracing.span(code, "CONSUMER"):
                result_messages = _result_messages(work(row))
        except Exception as error:  # a broken periodic task must not stop the others
            place = place_of(error)
            log.error("periodic task failed: %s %s", code, place)
            # Back off from a fault that lasts, but not longer than a minute beyond the task's own period.
            pause = period + dt.timedelta(seconds=min(2**row.failures, 60))
            PeriodicTask.objects.filter(pk=code).update(
                due_at=dt.datetime.now(dt.UTC) + pause,
                failures=row.failures + 1,
                published_at=None,
                result_messages=_result_messages(place),
            )
            raise TaskFailed(f"{code}: {place}") from None
        PeriodicTask.objects.filter(pk=code).update(
            due_at=wall + period,
            succeeded_at=dt.datetime.now(dt.UTC),
            failures=0,
            published_at=None,
            result_messages=result_messages,
        )


def run_again(*, act_id: int) -> bool:
    """Put a failed or missed dated task back on the calendar, to run at the next tick. True if it was one."""
    return bool(
        DatedTask.objects.filter(pk=act_id, state__in=(DatedTask.State.FAILED, DatedTask.State.MISSED)).update(
            state=DatedTask.State.WAITING, attempts=0, seen_at=None, retry_at=None, published_at=None
        )
    )


def running_dated_tasks() -> list[DatedTask]:
    """Dated tasks that have begun and not ended, those that wait for their shards too, in the order of their times."""
    return list(DatedTask.objects.filter(state=DatedTask.State.RUNNING, code__in=list(_entries)).order_by("due_at"))


def overdue_periodic_tasks() -> list[PeriodicTask]:
    """Jobs that did not succeed for longer than they should: the dead man's alarm, which also sounds without a beat."""
    wall = dt.datetime.now(dt.UTC)
    jobs = PeriodicTask.objects.filter(code__in=[item.code for item in _entries.values() if item.period])
    return [row for row in jobs if is_overdue(row, wall)]


def is_overdue(row: PeriodicTask, wall: dt.datetime) -> bool:
    """True if `row` should have succeeded by `wall`; see `OVERDUE_PERIODS`."""
    period = _entries[row.code].period
    assert period is not None
    return wall - (row.succeeded_at or row.planned_at) > max(OVERDUE_PERIODS * period, OVERDUE_AT_LEAST)


def _next_by_queue() -> dict[str, DatedTask]:
    """The dated task of each queue that may run now: the earliest that is due, unless an earlier one must end first.

    A task that waits for its shards keeps the later ones of its queue waiting.
    """
    now, wall = clock.now(), dt.datetime.now(dt.UTC)
    due = _due_dated(now).order_by("due_at", "id")
    due.filter(seen_at__isnull=True).order_by().update(seen_at=wall)
    heads: dict[str, DatedTask] = {}
    blocked: set[str] = set()
    for task in due:
        queue = _entries[task.code].queue
        pausing = task.retry_at is not None and task.retry_at > wall
        if queue not in blocked and not pausing:
            heads[queue] = task
        waited_for = task.seen_at is None or wall - task.seen_at < PATIENCE
        if waited_for:
            break
        if not pausing or task.state == DatedTask.State.RUNNING:
            blocked.add(queue)
    return heads


def _due_dated(now: dt.datetime) -> models.QuerySet[DatedTask]:
    return DatedTask.objects.filter(state__in=_OPEN, due_at__lte=now, code__in=list(_entries))


def _mark_dated() -> list[Publication]:
    publications = []
    for queue, task in _next_by_queue().items():
        if rows.is_locked(_DATED, queue):
            continue
        keys = dispatch.mark(rows.publishable(rows.due(DatedTask.objects.filter(pk=task.pk))))
        publications += [Publication(_entries[task.code].task, DatedTask, pk) for pk in keys]
    return publications


def _waiting_dated() -> list[Waiting]:
    due = rows.unstarted(rows.due(_due_dated(clock.now()))).values("code")
    counts = due.annotate(rows=Count("pk"), since=Min(Coalesce("seen_at", Now()))).order_by("code")
    return [Waiting(_entries[row["code"]].task, row["rows"], row["since"]) for row in counts]


def _due_periodic() -> models.QuerySet[PeriodicTask]:
    periodic = [item for item in _entries.values() if item.period]
    # The audit and the upkeep of the database go on while every change is stopped.
    upkeep = [item.code for item in periodic if item.queue == "rest"]
    return PeriodicTask.objects.filter(
        Q(code__in=upkeep) | (Q(code__in=[item.code for item in periodic]) & ~Q(rows.READ_ONLY)), due_at__lte=Now()
    )


def _publishable_periodic() -> models.QuerySet[PeriodicTask]:
    return rows.publishable(_due_periodic())


def _mark_periodic() -> list[Publication]:
    keys = dispatch.mark(_publishable_periodic())
    return [Publication(_entries[code].task, PeriodicTask, code) for code in keys]


def _waiting_periodic() -> list[Waiting]:
    due = rows.unstarted(_due_periodic()).values_list("code", "due_at")
    return [Waiting(_entries[code].task, 1, due_at) for code, due_at in due]


def _result_messages(result: TaskResult) -> list:
    """As it is kept: sentences, each with its values."""
    if isinstance(result, str):
        return [[result, {}]] if result else []
    return [list(one) for one in ([result] if isinstance(result, ResultMessage) else result or [])]


def _finish(task: DatedTask, state: str, result_messages: list) -> None:
    DatedTask.objects.filter(pk=task.pk).update(
        state=state, result_messages=result_messages, finished_at=clock.now(), retry_at=None, published_at=None
    )


dispatch.register(
    # The check is wider than `_mark_dated`, which looks at the order of the tasks.
    dispatch.Source(lambda: rows.due(_due_dated(clock.now())), _mark_dated, _waiting_dated)
)
dispatch.register(dispatch.Source(_publishable_periodic, _mark_periodic, _waiting_periodic))
