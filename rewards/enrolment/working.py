"""Run shards of any kind, close their dated tasks, find missing and stuck shards, report the progress of bulk work."""

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum
from django.utils.translation import gettext_noop

from eligibility import register_clock
from kt_remedy.core import clock, programme
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from kt_remedy.core.tasks.base import place_of
from rewards.enrolment import base, corrections, grants, lists, shards
from rewards.models import HandOff, Shard

log = logging.getLogger(__name__)

BASE, GRANTS = "rewards.base", "rewards.grants"  # codes of the dated tasks that have shards
_CODES: dict[str, str] = {Shard.Kind.BASE: BASE, Shard.Kind.GRANT: GRANTS}


def carry_out(shard: Shard) -> None:
    """Run a shard and close its dated task if no other shard of it is open.

    An exception is recorded with the shard and raised again. After ATTEMPTS_BEFORE_ALARM failed attempts the dated
    task is closed as failed, so that the later ones go on. The shard is still tried, and ends the dated task after all.
    """
    if shard.attempts > shards.ATTEMPTS_BEFORE_ALARM:  # for a shard that took its worker down each time
        _fail_dated_task(shard, shard.fault or "worker lost")
    try:
        run(shard)
    except Exception as error:
        place = place_of(error)
        Shard.objects.filter(pk=shard.pk, done_at=None).update(fault=place)
        if shard.attempts >= shards.ATTEMPTS_BEFORE_ALARM:
            _fail_dated_task(shard, place)
        raise
    for task in _dated_tasks(shard):
        schedule.close(task.pk, result_of)
    if shard.correction_id:
        corrections.close(shard.correction_id)


def plan_again(task: DatedTask) -> None:
    """Create the shards of a dated task, and make those due at once that had failed. Raises base.BaseNotReady."""
    if task.code == BASE:
        base.plan()
        shards.retry_now(Shard.Kind.BASE)
    else:
        month = grants.month_of(task)
        grants.plan_month(month)
        shards.retry_now(Shard.Kind.GRANT, month)


def result_of(task: DatedTask) -> schedule.TaskResult:
    """The result of a dated task whose shards are done. Raises schedule.NotYet while one is open."""
    return base.record_result() if task.code == BASE else grants.month_results(grants.month_of(task))


def _dated_tasks(shard: Shard) -> list[DatedTask]:
    """The dated task that a shard belongs to and that has not been closed, if any: lists have none."""
    states = (DatedTask.State.RUNNING, DatedTask.State.FAILED)
    tasks = DatedTask.objects.filter(code=_CODES.get(shard.kind), state__in=states)
    return [task for task in tasks if task.code == BASE or grants.month_of(task) == shard.month]


def _fail_dated_task(shard: Shard, place: str) -> None:
    for task in _dated_tasks(shard):
        schedule.fail(task.pk, f"{shard}: {place}")


def run(shard: Shard) -> int:
    """Run a shard of any kind; returns the number of its rows. A second run changes nothing."""
    if shard.kind == Shard.Kind.BASE:
        return base.run(shard)
    perk = next((perk for perk in programme.current().perks if perk.code == shard.perk), None)
    if perk is None:
        raise LookupError(f"the programme has no perk {shard.perk} any more")
    if shard.kind == Shard.Kind.GRANT:
        return grants.run(shard, perk)
    if shard.kind == Shard.Kind.CHECK:
        return corrections.compare(shard, perk)
    if shard.kind == Shard.Kind.FIX:
        return corrections.carry_out(shard, perk)
    return lists.run(shard, perk)


def sweep() -> schedule.ResultMessage:
    """Periodic task: create missing shards, log stuck ones, close failed dated tasks without open shards.

    Missing are shards of a month that has begun (its dated task failed, or the clock jumped), shards of due lists, and
    ranges without a shard. Stuck shards have too many attempts; workers still try them. A failed dated task without
    open shards is left by a worker that died after the last one.
    """
    missing = shards.restore_missing()
    if base.is_complete():
        planned = set(Shard.objects.filter(kind=Shard.Kind.GRANT).values_list("perk", "month").distinct())
        for perk, month in grants.planned_grants(programme.current()):
            # On the first of the month the dated task creates the shards. Missing ones are created from the next day,
            # on a delivery that the grants may use (D-67).
            if month < clock.today() and (perk.code, month) not in planned and register_clock.covers(month):
                missing += grants.plan(perk, month)
        missing += lists.plan_due()
        corrections.sweep()
    for task in DatedTask.objects.filter(code__in=_CODES.values(), state=DatedTask.State.FAILED):
        schedule.close(task.pk, result_of)
    stuck = shards.stuck_shards()
    for shard in stuck:
        log.warning("shard stuck: %s after %d attempts %s", shard, shard.attempts, shard.fault)
    return schedule.result_message(
        gettext_noop("빠져 있던 묶음 %(missing)s, 멈춘 묶음 %(stuck)s"), missing=missing, stuck=len(stuck)
    )


@dataclass(frozen=True)
class Progress:
    """Progress of one kind of bulk work. Rates use the business time between the first and the last done shard."""

    kind: str
    perk: str
    month: dt.date | None
    shards: int
    done: int
    rows: int
    began: dt.datetime | None
    last: dt.datetime | None

    @property
    def kind_label(self) -> Any:
        """Name of the kind of work."""
        return Shard.Kind(self.kind).label

    @property
    def percent(self) -> int:
        """Done shards in per cent, rounded down."""
        return self.done * 100 // self.shards

    @property
    def rows_per_second(self) -> int | None:
        """Rows a second between the first and the last done shard; None if unknown."""
        if self.began is None or self.last is None or self.done < 2 or self.last <= self.began:
            return None
        # The start of the first shard is unknown, so its rows do not count.
        seconds = (self.last - self.began).total_seconds()
        return int(self.rows * (self.done - 1) / self.done / seconds)

    @property
    def remaining(self) -> dt.timedelta | None:
        """Estimated time for the open shards; None if unknown."""
        if self.done == self.shards or self.done < 2 or self.began is None or self.last is None:
            return None
        return (self.last - self.began) / (self.done - 1) * (self.shards - self.done)

    def bar(self, width: int = 24) -> str:
        """Progress bar of `width` characters for a terminal."""
        filled = self.done * width // self.shards
        return "#" * filled + "." * (width - filled)

    def __str__(self) -> str:
        name = " ".join(filter(None, [self.kind, self.perk, str(self.month or "")]))
        parts = [f"{name:32} [{self.bar()}] {self.percent:3d} %  {self.done}/{self.shards} shards  {self.rows:,} rows"]
        if rate := self.rows_per_second:
            parts.append(f"{rate:,} rows/s")
        if left := self.remaining:
            parts.append(f"{int(left.total_seconds())} s left")
        return "  ".join(parts)


def progress() -> list[Progress]:
    """Progress of all planned bulk work, oldest first. One query."""
    rows = (
        Shard.objects.values("kind", "perk", "month")
        .annotate(
            first=Min("id"),
            shards=Count("id"),
            done=Count("id", filter=Q(done_at__isnull=False)),
            total=Sum("rows", default=0),
            began=Min("done_at"),
            last=Max("done_at"),
        )
        .order_by("first")
    )
    return [
        Progress(
            row["kind"], row["perk"], row["month"], row["shards"], row["done"], row["total"], row["began"], row["last"]
        )
        for row in rows
    ]


@dataclass(frozen=True)
class ProviderTotals:
    """Totals of one provider: `files`, `waiting`, `unanswered` and `faults` count files, the others rows."""

    provider: str
    files: int
    rows: int
    waiting: int
    unanswered: int
    acknowledged: int
    refused: int
    faults: int


def reconcile() -> list[ProviderTotals]:
    """Totals of hand-offs by provider. One query."""
    state = HandOff.State
    rows = (
        HandOff.objects.values("provider")
        .annotate(
            files=Count("id"),
            total=Sum("rows", filter=Q(part=1), default=0),
            waiting=Count("id", filter=Q(state=state.WAITING)),
            unanswered=Count("id", filter=Q(state=state.SENT)),
            acknowledged=Sum("rows", filter=Q(state=state.ACKNOWLEDGED), default=0),
            refusals=Sum("refused", default=0),
            faults=Count("id", filter=~Q(fault="")),
        )
        .order_by("provider")
    )
    return [
        ProviderTotals(
            row["provider"],
            row["files"],
            row["total"],
            row["waiting"],
            row["unanswered"],
            row["acknowledged"] - row["refusals"],
            row["refusals"],
            row["faults"],
        )
        for row in rows
    ]
