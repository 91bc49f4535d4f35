"""The calendar: dated acts of the programme and jobs repeated for ever, as rows that any worker may carry out.

Rooms register what they own in `AppConfig.ready()`; beat only ticks. A tick looks at rows, so what was due while
everything was down is found afterwards, and a tick that comes twice finds nothing more to do.

Acts follow business time and run one after the other, in the order of their due times: whoever moves the clock a month
forward sees the same order as whoever waited. Within a queue that is strict; an act of another queue is waited for some
minutes only, so that a queue whose workers are down does not hold up money. Jobs follow the wall clock.

The acts of a queue share an advisory lock of PostgreSQL and each job has its own. The lock belongs to the worker's
connection: it is gone the moment the worker is, so a killed run is taken up by the next tick, and no lease has to be
guessed.
(Behind a pooler, workers need session pooling.)
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
from kt_remedy.core.models import Act, Job

log = logging.getLogger(__name__)

QUEUES = ("money", "messages", "perks", "rest")
ATTEMPTS = 3
PLAN_EVERY_SECONDS = 60
# So long an act waits for earlier ones of other queues: longer than any of them takes when nothing is wrong.
PATIENCE = dt.timedelta(minutes=5)
# A job that did not succeed for this many of its periods, and for at least this long, is overdue.
OVERDUE_PERIODS = 5
OVERDUE_AT_LEAST = dt.timedelta(minutes=2)

_LOCK_ACTS, _LOCK_JOB = 72_401, 72_402


class NotYet(Exception):
    """Raised by the task of an act when what it needs is not there yet; `told`, or else its text, stands on the page.

    The act is asked again every half minute, without counting as a failure and without holding back others. No
    personal data in either.
    """

    def __init__(self, text: str, told: "Said | None" = None) -> None:
        super().__init__(text)
        self.told = told


class Said(NamedTuple):
    """One sentence on how a run went: a Korean entry of the catalogue (mark it by `gettext_noop`) and its numbers.

    It is kept like this and put into words where it is shown, in the language of whoever reads it.
    """

    text: str
    values: dict[str, int | str]


def said(text: str, **values: int | str) -> Said:
    """A sentence for the calendar; no personal data."""
    return Said(text, values)


Told = str | Said | Sequence[Said] | None
Task = Callable[[Any], Told]
Due = dt.timedelta | Sequence[dt.datetime] | Callable[[programme.Programme], Sequence[dt.datetime]]


@dataclass(frozen=True)
class Entry:
    """What a room registered."""

    code: str
    title: Any
    task: Task
    due: Due
    queue: str
    latest: dt.timedelta | None

    @property
    def period(self) -> dt.timedelta | None:
        """How often a job runs; None for a dated act."""
        return self.due if isinstance(self.due, dt.timedelta) else None

    def moments(self) -> list[dt.datetime]:
        """The due times of a dated act."""
        if isinstance(self.due, dt.timedelta):
            return []
        return sorted(self.due(programme.current()) if callable(self.due) else self.due)


_entries: dict[str, Entry] = {}
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
    """Put an act or a job on the calendar; call it in `AppConfig.ready()`.

    `due` is a list of aware datetimes or a function of the programme that gives one (an act, once per moment, business
    time), or a timedelta (a job, wall clock). `task` gets the row, whose `code` and `due_at` say which run this is, and
    returns what `said` made of how it went, a list of those, a word that needs no translation, or None; no personal
    data. It must bear being run again after a crash.
    An act found more than `latest` after its time is not run but closed as missed.
    Raises ValueError for a code registered twice or an unknown queue.
    """
    if code in _entries:
        raise ValueError(f"{code} is on the calendar already")
    if queue not in QUEUES:
        raise ValueError(f"unknown queue {queue}")
    _entries[code] = Entry(code, title, task, due, queue, latest)


def entry(code: str) -> Entry | None:
    """What was registered under `code`; None where a row is left of an act that is gone."""
    return _entries.get(code)


def entries() -> list[Entry]:
    """Everything registered, in the order of registration."""
    return list(_entries.values())


def plan() -> int:
    """Write the rows of everything registered; returns how many are new. Safe to repeat.

    Acts still waiting whose moment left the programme are taken off.
    """
    new = 0
    now = clock.now()
    with transaction.atomic():
        for item in _entries.values():
            if item.period:
                wall = dt.datetime.now(dt.UTC)
                new += Job.objects.get_or_create(code=item.code, defaults={"due_at": wall, "planned_at": wall})[1]
                continue
            moments = item.moments()
            have = set(Act.objects.filter(code=item.code).values_list("due_at", flat=True))
            missing = [
                moment
                for moment in moments
                # What was over before anybody planned it never belonged to this calendar.
                if moment not in have and (item.latest is None or now - moment <= item.latest)
            ]
            Act.objects.bulk_create([Act(code=item.code, due_at=moment) for moment in missing], ignore_conflicts=True)
            new += len(missing)
            Act.objects.filter(code=item.code, state=Act.State.WAITING, due_at__gt=now).exclude(
                due_at__in=moments
            ).delete()
    return new


def sweep(queue: str) -> int:
    """Carry out everything of `queue` that is due; returns how many runs. What beat calls, every second."""
    _plan_sometimes()
    runs = 0
    while run_next_act(queue):
        runs += 1
    wall = dt.datetime.now(dt.UTC)
    codes = [item.code for item in _entries.values() if item.period and item.queue == queue]
    for code in Job.objects.filter(code__in=codes, due_at__lte=wall).order_by("due_at").values_list("code", flat=True):
        runs += run_job(code)
    return runs


def run_next_act(queue: str) -> bool:
    """Run the earliest act of `queue` that is due, unless an earlier one has to end first; says whether it did.

    An act that failed is tried again some seconds later, `ATTEMPTS` times in all; until then the later ones wait.
    """
    with _locked(_LOCK_ACTS, _number(queue)) as ours:
        if not ours:
            return False
        now, wall = clock.now(), dt.datetime.now(dt.UTC)
        due = Act.objects.filter(
            state__in=(Act.State.WAITING, Act.State.RUNNING), due_at__lte=now, code__in=list(_entries)
        ).order_by("due_at", "id")
        due.filter(seen_at__isnull=True).order_by().update(seen_at=wall)
        act = None
        for act in due:
            pausing = act.retry_at is not None and act.retry_at > wall
            waited_for = act.seen_at is None or wall - act.seen_at < PATIENCE
            if _entries[act.code].queue == queue and not pausing:
                break
            if waited_for:
                return False
        else:
            return False
        item = _entries[act.code]
        if item.latest is not None and now - act.due_at > item.latest:
            _finish(act, Act.State.MISSED, [])
            log.warning("act missed: %s", act.code)
            return True
        if act.attempts >= ATTEMPTS:  # it took its worker down each time
            _finish(act, Act.State.FAILED, act.told)
            return True
        act.state, act.started_at, act.attempts = Act.State.RUNNING, now, act.attempts + 1
        act.save(update_fields=["state", "started_at", "attempts"])
        try:
            told = _told(item.task(act))
        except NotYet as reason:
            Act.objects.filter(pk=act.pk).update(
                state=Act.State.WAITING,
                attempts=act.attempts - 1,
                told=_told(reason.told or str(reason)),
                seen_at=wall - PATIENCE,
                retry_at=wall + dt.timedelta(seconds=30),
            )
            return True
        except Exception as error:  # whatever it was, the calendar has to go on and say so
            where = _where(error)
            log.error("act failed: %s %s", act.code, where)
            if act.attempts >= ATTEMPTS:
                _finish(act, Act.State.FAILED, _told(where))
            else:
                Act.objects.filter(pk=act.pk).update(
                    state=Act.State.WAITING,
                    told=_told(where),
                    retry_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5 * 3**act.attempts),
                )
            return True
        _finish(act, Act.State.DONE, told)
        return True


def run_job(code: str) -> bool:
    """Run a job if it is due and nobody runs it now; says whether it did. A failure is tried again at the next tick."""
    item = _entries[code]
    assert item.period is not None
    with _locked(_LOCK_JOB, _number(code)) as ours:
        wall = dt.datetime.now(dt.UTC)
        # Read under the lock: another worker may have run it since it was seen to be due.
        job = Job.objects.filter(code=code, due_at__lte=wall).first() if ours else None
        if job is None:
            return False
        Job.objects.filter(pk=code).update(started_at=wall)
        try:
            told = _told(item.task(job))
        except Exception as error:  # a broken job must not stop the others
            where = _where(error)
            log.error("job failed: %s %s", code, where)
            # Back off from a fault that lasts, but not longer than a minute beyond the job's own period.
            pause = item.period + dt.timedelta(seconds=min(2**job.failures, 60))
            Job.objects.filter(pk=code).update(
                due_at=dt.datetime.now(dt.UTC) + pause, failures=job.failures + 1, told=_told(where)
            )
            return True
        done = dt.datetime.now(dt.UTC)
        Job.objects.filter(pk=code).update(due_at=wall + item.period, succeeded_at=done, failures=0, told=told)
        return True


def run_again(*, act_id: int) -> bool:
    """Put a failed or missed act back on the calendar to be run at the next tick; says whether it was one."""
    return bool(
        Act.objects.filter(pk=act_id, state__in=(Act.State.FAILED, Act.State.MISSED)).update(
            state=Act.State.WAITING, attempts=0, seen_at=None, retry_at=None
        )
    )


def overdue_jobs() -> list[Job]:
    """Jobs that did not succeed for longer than they should: the dead man's alarm, which also sounds without a beat."""
    wall = dt.datetime.now(dt.UTC)
    jobs = Job.objects.filter(code__in=[item.code for item in _entries.values() if item.period])
    return [job for job in jobs if is_overdue(job, wall)]


def is_overdue(job: Job, wall: dt.datetime) -> bool:
    """Whether `job` should have succeeded by `wall`; see `OVERDUE_PERIODS`."""
    period = _entries[job.code].period
    assert period is not None
    return wall - (job.succeeded_at or job.planned_at) > max(OVERDUE_PERIODS * period, OVERDUE_AT_LEAST)


def watch(job: Job) -> Said | None:
    """The job that writes a warning for each overdue one."""
    late = [other.code for other in overdue_jobs() if other.code != job.code]
    for code in late:
        log.warning("job overdue: %s", code)
    return said(gettext_noop("멈춘 업무: %(codes)s"), codes=", ".join(late)) if late else None


def _plan_sometimes() -> None:
    # Remembered with the database's name: tests change databases within a process.
    global _planned
    name = str(connection.settings_dict["NAME"])
    if _planned is None or _planned[1] != name or time.monotonic() - _planned[0] > PLAN_EVERY_SECONDS:
        plan()
        _planned = (time.monotonic(), name)


def _told(result: Told) -> list:
    """As it is kept: sentences, each with its values."""
    if isinstance(result, str):
        return [[result, {}]] if result else []
    return [list(one) for one in ([result] if isinstance(result, Said) else result or [])]


def _finish(act: Act, state: str, told: list) -> None:
    Act.objects.filter(pk=act.pk).update(state=state, told=told, finished_at=clock.now(), retry_at=None)


def _where(error: Exception) -> str:
    """The kind of an error and the line it came from; its text may hold personal data and stays out."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} ({Path(frame.filename).name}:{frame.lineno})"


def _number(code: str) -> int:
    return zlib.crc32(code.encode()) - 2**31  # PostgreSQL's integer is signed


@contextmanager
def _locked(space: int, number: int) -> Iterator[bool]:
    """Whether this connection got the lock; gives it back afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [space, number])
        ours = cursor.fetchone()[0]
    try:
        yield ours
    finally:
        if ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [space, number])
