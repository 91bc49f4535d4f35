"""The calendar: dated tasks of the programme and periodic tasks, each a row that any worker may carry out.

Each application registers its tasks in `AppConfig.ready()`. Beat only ticks. A tick reads rows, so tasks that fell due
while everything was down are found afterwards, and a doubled tick finds nothing more to do.

Dated tasks follow business time and run one after the other in the order of their due times, however the clock is
moved. Within a queue the order is strict. A task of another queue is waited for some minutes only, so that a queue
whose workers are down does not hold up money. Periodic tasks follow the wall clock.

The dated tasks of a queue share an advisory lock of PostgreSQL, and each periodic task has its own. The lock belongs to
the worker's connection and ends with it, so the next tick takes up a killed run and no lease has to be guessed.
Behind a pooler, workers need session pooling.
"""

import datetime as dt
import logging
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext_noop

from kt_remedy.core import clock, programme
from kt_remedy.core.models import DatedTask, PeriodicTask

log = logging.getLogger(__name__)

QUEUES = ("money", "messages", "perks", "rest")
ATTEMPTS = 3
PLAN_EVERY_SECONDS = 60
# How long a dated task waits for earlier ones of other queues: longer than any takes when nothing is wrong.
PATIENCE = dt.timedelta(minutes=5)
# A periodic task without success for this many periods, and for at least this long, is overdue.
OVERDUE_PERIODS = 5
OVERDUE_AT_LEAST = dt.timedelta(minutes=2)

_LOCK_DATED, _LOCK_PERIODIC = 72_401, 72_402


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
Task = Callable[[Any], TaskResult]
Due = dt.timedelta | Sequence[dt.datetime] | Callable[[programme.Programme], Sequence[dt.datetime]]


@dataclass(frozen=True)
class Registration:
    """One task as an application registered it."""

    code: str
    title: Any
    task: Task
    due: Due
    queue: str
    latest: dt.timedelta | None

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
_planned: tuple[float, str] | None = None


def register(
    code: str,
    *,
    title: Any,
    task: Task,
    due: Due,
    queue: str = "rest",
    latest: dt.timedelta | None = None,
) -> None:
    """Put a dated task or a periodic task on the calendar. Call it in `AppConfig.ready()`.

    A dated task has aware datetimes as `due`, or a function of the programme that gives them: it runs once per moment
    of business time. A periodic task has a timedelta as `due` and follows the wall clock.
    `task` gets the row; its `code` and `due_at` tell which run this is. It returns one or several `result_message`s, a
    word that needs no translation, or None, without personal data. It must be safe to run again after a crash.
    A dated task found more than `latest` after its moment is not run but closed as missed.
    Raises ValueError for a code registered twice and for an unknown queue.
    """
    if code in _entries:
        raise ValueError(f"{code} is on the calendar already")
    if queue not in QUEUES:
        raise ValueError(f"unknown queue {queue}")
    _entries[code] = Registration(code, title, task, due, queue, latest)


def entry(code: str) -> Registration | None:
    """The registration of `code`; None where only a row is left of a task that no longer exists."""
    return _entries.get(code)


def entries() -> list[Registration]:
    """Everything registered, in the order of registration."""
    return list(_entries.values())


def plan() -> int:
    """Write the rows of everything registered; returns how many are new. Safe to repeat.

    A dated task that waits for a moment which left the programme is deleted.
    """
    new = 0
    now = clock.now()
    with transaction.atomic():
        for item in _entries.values():
            if item.period:
                wall = dt.datetime.now(dt.UTC)
                new += PeriodicTask.objects.get_or_create(
                    code=item.code, defaults={"due_at": wall, "planned_at": wall}
                )[1]
                continue
            moments = item.moments()
            have = set(DatedTask.objects.filter(code=item.code).values_list("due_at", flat=True))
            missing = [
                moment
                for moment in moments
                # A moment that had passed before the first plan never belonged to this calendar.
                if moment not in have and (item.latest is None or now - moment <= item.latest)
            ]
            DatedTask.objects.bulk_create(
                [DatedTask(code=item.code, due_at=moment) for moment in missing], ignore_conflicts=True
            )
            new += len(missing)
            DatedTask.objects.filter(code=item.code, state=DatedTask.State.WAITING, due_at__gt=now).exclude(
                due_at__in=moments
            ).delete()
    return new


def sweep(queue: str) -> int:
    """Carry out everything of `queue` that is due; returns the number of runs. Beat calls it every second."""
    _plan_sometimes()
    runs = 0
    while run_next_dated_task(queue):
        runs += 1
    wall = dt.datetime.now(dt.UTC)
    codes = [item.code for item in _entries.values() if item.period and item.queue == queue]
    for code in (
        PeriodicTask.objects.filter(code__in=codes, due_at__lte=wall).order_by("due_at").values_list("code", flat=True)
    ):
        runs += run_periodic_task(code)
    return runs


def run_next_dated_task(queue: str) -> bool:
    """Run the earliest dated task of `queue` that is due, unless an earlier one must end first. True if one ran.

    A failed task is tried again some seconds later, `ATTEMPTS` times in all. Until then the later ones wait.
    """
    with _locked(_LOCK_DATED, _number(queue)) as ours:
        if not ours:
            return False
        now, wall = clock.now(), dt.datetime.now(dt.UTC)
        due = DatedTask.objects.filter(
            state__in=(DatedTask.State.WAITING, DatedTask.State.RUNNING), due_at__lte=now, code__in=list(_entries)
        ).order_by("due_at", "id")
        due.filter(seen_at__isnull=True).order_by().update(seen_at=wall)
        task = None
        for task in due:
            pausing = task.retry_at is not None and task.retry_at > wall
            waited_for = task.seen_at is None or wall - task.seen_at < PATIENCE
            if _entries[task.code].queue == queue and not pausing:
                break
            if waited_for:
                return False
        else:
            return False
        item = _entries[task.code]
        if item.latest is not None and now - task.due_at > item.latest:
            _finish(task, DatedTask.State.MISSED, [])
            log.warning("dated task missed: %s", task.code)
            return True
        if task.attempts >= ATTEMPTS:  # it took its worker down each time
            _finish(task, DatedTask.State.FAILED, task.result_messages)
            return True
        task.state, task.started_at, task.attempts = DatedTask.State.RUNNING, now, task.attempts + 1
        task.save(update_fields=["state", "started_at", "attempts"])
        try:
            result_messages = _result_messages(item.task(task))
        except NotYet as reason:
            DatedTask.objects.filter(pk=task.pk).update(
                state=DatedTask.State.WAITING,
                attempts=task.attempts - 1,
                result_messages=_result_messages(reason.result_messages or str(reason)),
                seen_at=wall - PATIENCE,
                retry_at=wall + dt.timedelta(seconds=30),
            )
            return True
        except Exception as error:  # whatever it was, the calendar has to go on and say so
            where = _where(error)
            log.error("dated task failed: %s %s", task.code, where)
            if task.attempts >= ATTEMPTS:
                _finish(task, DatedTask.State.FAILED, _result_messages(where))
            else:
                DatedTask.objects.filter(pk=task.pk).update(
                    state=DatedTask.State.WAITING,
                    result_messages=_result_messages(where),
                    retry_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5 * 3**task.attempts),
                )
            return True
        _finish(task, DatedTask.State.DONE, result_messages)
        return True


def run_periodic_task(code: str) -> bool:
    """Run a periodic task that is due and that nobody runs now. True if it ran. A failure is retried with back-off."""
    item = _entries[code]
    assert item.period is not None
    with _locked(_LOCK_PERIODIC, _number(code)) as ours:
        wall = dt.datetime.now(dt.UTC)
        # Read under the lock: another worker may have run it since it was seen to be due.
        row = PeriodicTask.objects.filter(code=code, due_at__lte=wall).first() if ours else None
        if row is None:
            return False
        PeriodicTask.objects.filter(pk=code).update(started_at=wall)
        try:
            result_messages = _result_messages(item.task(row))
        except Exception as error:  # a broken periodic task must not stop the others
            where = _where(error)
            log.error("periodic task failed: %s %s", code, where)
            # Back off from a fault that lasts, but not longer than a minute beyond the task's own period.
            pause = item.period + dt.timedelta(seconds=min(2**row.failures, 60))
            PeriodicTask.objects.filter(pk=code).update(
                due_at=dt.datetime.now(dt.UTC) + pause,
                failures=row.failures + 1,
                result_messages=_result_messages(where),
            )
            return True
        done = dt.datetime.now(dt.UTC)
        PeriodicTask.objects.filter(pk=code).update(
            due_at=wall + item.period, succeeded_at=done, failures=0, result_messages=result_messages
        )
        return True


def run_again(*, act_id: int) -> bool:
    """Put a failed or missed dated task back on the calendar, to run at the next tick. True if it was one."""
    return bool(
        DatedTask.objects.filter(pk=act_id, state__in=(DatedTask.State.FAILED, DatedTask.State.MISSED)).update(
            state=DatedTask.State.WAITING, attempts=0, seen_at=None, retry_at=None
        )
    )


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


def watch(row: PeriodicTask) -> ResultMessage | None:
    """The periodic task that writes a warning for each overdue one."""
    late = [other.code for other in overdue_periodic_tasks() if other.code != row.code]
    for code in late:
        log.warning("periodic task overdue: %s", code)
    return result_message(gettext_noop("멈춘 업무: %(codes)s"), codes=", ".join(late)) if late else None


def _plan_sometimes() -> None:
    # Remembered with the database's name: tests change databases within a process.
    global _planned
    name = str(connection.settings_dict["NAME"])
    if _planned is None or _planned[1] != name or time.monotonic() - _planned[0] > PLAN_EVERY_SECONDS:
        plan()
        _planned = (time.monotonic(), name)


def _result_messages(result: TaskResult) -> list:
    """As it is kept: sentences, each with its values."""
    if isinstance(result, str):
        return [[result, {}]] if result else []
    return [list(one) for one in ([result] if isinstance(result, ResultMessage) else result or [])]


def _finish(task: DatedTask, state: str, result_messages: list) -> None:
    DatedTask.objects.filter(pk=task.pk).update(
        state=state, result_messages=result_messages, finished_at=clock.now(), retry_at=None
    )


def _where(error: Exception) -> str:
    """The kind of an error and the line it came from; its text may hold personal data and stays out."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} ({Path(frame.filename).name}:{frame.lineno})"


def _number(code: str) -> int:
    return zlib.crc32(code.encode()) - 2**31  # PostgreSQL's integer is signed


@contextmanager
def _locked(space: int, number: int) -> Iterator[bool]:
    """Try to take the lock: True if this connection got it. Gives it back afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [space, number])
        ours = cursor.fetchone()[0]
    try:
        yield ours
    finally:
        if ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [space, number])
