"""Shards: ranges of contracts as rows with a task each, so that workers share bulk work and do none of it twice."""

import datetime as dt
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from kt_remedy.core import clock
from rewards.models import GrantCorrection, Shard

ATTEMPTS_BEFORE_ALARM = 3


def open_shards() -> QuerySet[Shard]:
    """The shards that are not done."""
    return Shard.objects.filter(done_at=None)


def plan(
    kind: str,
    *,
    table: str,
    rows: int,
    perk: str = "",
    month: dt.date | None = None,
    correction: GrantCorrection | None = None,
) -> int:
    """Divide `table` into shards of `rows` contracts, once; returns their number. A second call changes nothing."""
    planned = Shard.objects.filter(kind=kind, perk=perk, month=month, correction=correction)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '15min'")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"shards:{kind}:{perk}:{month}:{correction}"])
        if number := planned.count():
            return number
        # The first range has no lower and the last no upper bound, so every contract is in one range.
        starts = [""]
        next_start = f"SELECT contract_no FROM {table} WHERE contract_no >= %s ORDER BY contract_no OFFSET %s LIMIT 1"  # noqa: S608
        while True:
            cursor.execute(next_start, [starts[-1], rows])
            if (row := cursor.fetchone()) is None:
                break
            starts.append(row[0])
        Shard.objects.bulk_create(
            Shard(
                kind=kind,
                perk=perk,
                month=month,
                correction=correction,
                number=number,
                from_contract=start,
                to_contract=end,
            )
            for number, (start, end) in enumerate(zip(starts, [*starts[1:], ""], strict=True), 1)
        )
    return len(starts)


def plan_from_base(kind: str, *, perk: str, month: dt.date, correction: GrantCorrection | None = None) -> int:
    """Create shards with the ranges of the base, once; returns their number."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"shards:{kind}:{perk}:{month}:{correction}"])
        planned = Shard.objects.filter(kind=kind, perk=perk, month=month, correction=correction)
        if number := planned.count():
            return number
        Shard.objects.bulk_create(
            Shard(
                kind=kind,
                perk=perk,
                month=month,
                correction=correction,
                number=base.number,
                from_contract=base.from_contract,
                to_contract=base.to_contract,
            )
            for base in Shard.objects.filter(kind=Shard.Kind.BASE).order_by("number")
        )
        return planned.count()


def retry_now(kind: str, month: dt.date | None = None) -> int:
    """Make open shards due at once, with as many attempts as new ones; returns their number."""
    return open_shards().filter(kind=kind, month=month).update(retry_at=None, attempts=0)


def begin(cursor: Any, shard: Shard) -> bool:
    """Lock a shard until the transaction of its work ends; returns False if it is done already.

    The lock guarantees that one worker writes the rows. The settings make the planner read a range by its index, so
    that the total time grows linearly with the lines.
    """
    cursor.execute("SET LOCAL statement_timeout = '15min'; SET LOCAL random_page_cost = 1.1")
    cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
    cursor.execute("SELECT done_at FROM rewards_shard WHERE id = %s FOR UPDATE", [shard.pk])
    return cursor.fetchone()[0] is None


def finish(shard: Shard, *, rows: int, counts: dict[str, int], as_of: dt.date | None = None) -> None:
    """Mark a shard as done, in the transaction of its work; `as_of` is the date of the register it judged by."""
    Shard.objects.filter(pk=shard.pk).update(
        rows=rows, counts=counts, as_of=as_of, done_at=clock.now(), retry_at=None, fault=""
    )


def restore_missing() -> int:
    """Create shards for ranges that no shard covers any more; returns their number."""
    new = 0
    columns = ("kind", "perk", "month", "correction_id")
    for key in Shard.objects.exclude(kind=Shard.Kind.DAY).values(*columns).distinct().order_by():
        covered, gaps, number = "", [], 0
        for shard in Shard.objects.filter(**key).order_by("from_contract"):
            if shard.from_contract != covered:
                gaps.append((covered, shard.from_contract))
            covered, number = shard.to_contract, max(number, shard.number)
        if covered:
            gaps.append((covered, ""))
        for start, end in gaps:
            number += 1
            ranges = {"from_contract": start, "to_contract": end}
            new += Shard.objects.get_or_create(**key, number=number, defaults=ranges)[1]
    return new


def stuck_shards() -> list[Shard]:
    """At most 100 open shards with too many attempts."""
    return list(open_shards().filter(attempts__gte=ATTEMPTS_BEFORE_ALARM).order_by("id")[:100])
