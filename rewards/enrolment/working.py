"""Working off shards of any kind, by any number of workers; finding what is stuck or missing; telling how far it is."""

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum
from django.utils.translation import gettext_noop

from kt_remedy.core import clock, programme
from kt_remedy.core.tasks import schedule
from rewards.enrolment import base, grants, lists, shards
from rewards.models import HandOff, Shard

log = logging.getLogger(__name__)


def run_next_shard() -> bool:
    """Take one open shard and do it; says whether there was one. A fault is kept with it, and its lease runs out."""
    shard = shards.claim_next()
    if shard is None:
        return False
    try:
        run(shard)
    except Exception as error:
        Shard.objects.filter(pk=shard.pk, done_at=None).update(fault=type(error).__name__)
        raise
    return True


def run(shard: Shard) -> int:
    """Do a claimed shard, whatever its kind; returns its rows. Twice the same changes nothing."""
    if shard.kind == Shard.Kind.BASE:
        return base.run(shard)
    perk = next((perk for perk in programme.current().perks if perk.code == shard.perk), None)
    if perk is None:
        raise LookupError(f"the programme has no perk {shard.perk} any more")
    return grants.run(shard, perk) if shard.kind == Shard.Kind.GRANT else lists.run(shard, perk)


def sweep() -> schedule.ResultMessage:
    """Find what is missing and what is stuck; returns what the calendar says of it. Safe to repeat.

    Missing: a month whose day has come without shards (its act failed, or the clock jumped), lists that are due,
    ranges whose shard is gone.
    Stuck: shards that were taken up several times without an end; they are tried again and named in the log.
    """
    missing = shards.restore_missing()
    if base.is_complete():
        planned = set(Shard.objects.filter(kind=Shard.Kind.GRANT).values_list("perk", "month").distinct())
        for perk, month in grants.due(programme.current()):
            # The month's own act comes first; the day after, what it left out is missing.
            if month < clock.today() and (perk.code, month) not in planned:
                missing += grants.plan(perk, month)
        missing += lists.plan_due()
    stuck = shards.stuck_shards()
    for shard in stuck:
        log.warning("shard stuck: %s after %d attempts %s", shard, shard.attempts, shard.fault)
    return schedule.result_message(
        gettext_noop("빠져 있던 묶음 %(missing)s, 멈춘 묶음 %(stuck)s"), missing=missing, stuck=len(stuck)
    )


@dataclass(frozen=True)
class Progress:
    """How far one piece of bulk work is. Seconds and rates by the wall of business time between shards done."""

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
        """The kind of work in words."""
        return Shard.Kind(self.kind).label

    @property
    def percent(self) -> int:
        """Of its shards; only the last one makes it 100."""
        return self.done * 100 // self.shards

    @property
    def rows_per_second(self) -> int | None:
        """Rows a second between the first and the last shard done."""
        if self.began is None or self.last is None or self.done < 2 or self.last <= self.began:
            return None
        # The first shard's own time is not known, so its rows do not count.
        seconds = (self.last - self.began).total_seconds()
        return int(self.rows * (self.done - 1) / self.done / seconds)

    @property
    def remaining(self) -> dt.timedelta | None:
        """The time the open shards will take at the rate so far."""
        if self.done == self.shards or self.done < 2 or self.began is None or self.last is None:
            return None
        return (self.last - self.began) / (self.done - 1) * (self.shards - self.done)

    def bar(self, width: int = 24) -> str:
        """For a terminal."""
        filled = self.done * width // self.shards
        return "#" * filled + "." * (width - filled)

    def __str__(self) -> str:
        name = " ".join(filter(None, [self.kind, self.perk, str(self.month or "")]))
        words = [f"{name:32} [{self.bar()}] {self.percent:3d} %  {self.done}/{self.shards} shards  {self.rows:,} rows"]
        if rate := self.rows_per_second:
            words.append(f"{rate:,} rows/s")
        if left := self.remaining:
            words.append(f"{int(left.total_seconds())} s left")
        return "  ".join(words)


def progress() -> list[Progress]:
    """Every piece of bulk work planned so far, the oldest first. One query."""
    found = (
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
        for row in found
    ]


@dataclass(frozen=True)
class ProviderTotals:
    """What a provider was given and what it said of it, in rows. `owed` is what the shards say should have left."""

    provider: str
    files: int
    rows: int
    waiting: int
    unanswered: int
    acknowledged: int
    refused: int
    faults: int


def reconcile() -> list[ProviderTotals]:
    """Rows handed over, unanswered, acknowledged and refused, by provider. One query."""
    state = HandOff.State
    found = (
        HandOff.objects.filter()
        .values("provider")
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
        for row in found
    ]
