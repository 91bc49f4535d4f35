"""Shards: ranges of contracts as claimable rows, so that bulk work is shared, resumed and never doubled."""

import datetime as dt
import time
from typing import Any

from django.db import connection, transaction

from kt_remedy.core import clock
from kt_remedy.core.tasks import leases
from rewards.models import Shard

# A shard takes seconds. Whoever needs longer than this may be asked for by another worker, which then finds the row
# locked, or done.
LEASE_SECONDS = 300
ATTEMPTS_BEFORE_ALARM = 3
RECHECK_SECONDS = 0.5


def plan(kind: str, *, table: str, rows: int, perk: str = "", month: dt.date | None = None) -> int:
    """Cut `table` into ranges of about `rows` contracts, once; a second call changes nothing. Returns the number."""
    planned = Shard.objects.filter(kind=kind, perk=perk, month=month)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '15min'")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"shards:{kind}:{perk}:{month}"])
        if number := planned.count():
            return number
        # The first and the last range are open, so that every contract falls into one of them.
        starts = [""]
        beyond = f"SELECT contract_no FROM {table} WHERE contract_no >= %s ORDER BY contract_no OFFSET %s LIMIT 1"  # noqa: S608
        while True:
            cursor.execute(beyond, [starts[-1], rows])
            if (found := cursor.fetchone()) is None:
                break
            starts.append(found[0])
        Shard.objects.bulk_create(
            Shard(kind=kind, perk=perk, month=month, number=number, from_contract=start, to_contract=end)
            for number, (start, end) in enumerate(zip(starts, [*starts[1:], ""], strict=True), 1)
        )
    return len(starts)


def plan_from_base(kind: str, *, perk: str, month: dt.date) -> int:
    """Plan a work in the ranges of the base, once; returns how many there are."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"shards:{kind}:{perk}:{month}"])
        planned = Shard.objects.filter(kind=kind, perk=perk, month=month)
        if number := planned.count():
            return number
        Shard.objects.bulk_create(
            Shard(
                kind=kind,
                perk=perk,
                month=month,
                number=base.number,
                from_contract=base.from_contract,
                to_contract=base.to_contract,
            )
            for base in Shard.objects.filter(kind=Shard.Kind.BASE).order_by("number")
        )
        return planned.count()


def claim_next(kind: str = "", perk: str = "", month: dt.date | None = None) -> Shard | None:
    """Claim one shard that is not done, or None where all are done or in other hands. Without a kind: any."""
    waiting = Shard.objects.filter(done_at=None).order_by("id")
    if kind:
        waiting = waiting.filter(kind=kind, perk=perk, month=month)
    claimed = leases.claim(waiting, limit=1, lease_seconds=LEASE_SECONDS)
    return Shard.objects.get(pk=claimed[0]) if claimed else None


def begin(cursor: Any, shard: Shard) -> bool:
    """Begin a shard's work in the transaction that will also end it; False where somebody else has ended it.

    The row is locked until then, so that its rows are written by one worker, once, whatever the leases say. Ranges are
    read by their index, never a table whole: the time grows with the lines, not with their square.
    """
    cursor.execute("SET LOCAL statement_timeout = '15min'; SET LOCAL random_page_cost = 1.1")
    cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
    cursor.execute("SELECT done_at FROM rewards_shard WHERE id = %s FOR UPDATE", [shard.pk])
    return cursor.fetchone()[0] is None


def finish(shard: Shard, *, rows: int, counts: dict[str, int]) -> None:
    """Mark a shard done; in the transaction of its work."""
    Shard.objects.filter(pk=shard.pk).update(rows=rows, counts=counts, done_at=clock.now(), lease_until=None, fault="")


def wait_for_others(kind: str, perk: str = "", month: dt.date | None = None) -> bool:
    """Whether shards are left in other hands; pauses a moment if so. A dead worker's come back by their lease."""
    if not Shard.objects.filter(kind=kind, perk=perk, month=month, done_at=None).exists():
        return False
    time.sleep(RECHECK_SECONDS)
    return True


def restore_missing() -> int:
    """Plan anew the ranges that no shard of a piece of work covers any more; returns how many there were."""
    new = 0
    works = Shard.objects.exclude(kind=Shard.Kind.DAY).values_list("kind", "perk", "month").distinct().order_by()
    for kind, perk, month in works:
        covered, gaps, number = "", [], 0
        for shard in Shard.objects.filter(kind=kind, perk=perk, month=month).order_by("from_contract"):
            if shard.from_contract != covered:
                gaps.append((covered, shard.from_contract))
            covered, number = shard.to_contract, max(number, shard.number)
        if covered:
            gaps.append((covered, ""))
        for start, end in gaps:
            number += 1
            new += Shard.objects.get_or_create(
                kind=kind, perk=perk, month=month, number=number, defaults={"from_contract": start, "to_contract": end}
            )[1]
    return new


def stuck_shards() -> list[Shard]:
    """Open shards that were taken up again and again without coming to an end."""
    return list(Shard.objects.filter(done_at=None, attempts__gte=ATTEMPTS_BEFORE_ALARM).order_by("id")[:100])
