"""Shards: ranges of contracts as claimable rows, so that bulk work is shared, resumed and never doubled."""

import datetime as dt

from django.db import connection, transaction

from kt_remedy import clock, work
from rewards.models import Shard

LEASE_SECONDS = 900


def plan(kind: str, *, table: str, rows: int, perk: str = "", month: dt.date | None = None) -> int:
    """Cut `table` into ranges of about `rows` contracts, once; a second call changes nothing. Returns the number."""
    planned = Shard.objects.filter(kind=kind, perk=perk, month=month)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '15min'")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"shards:{kind}:{perk}:{month}"])
        if number := planned.count():
            return number
        cursor.execute(
            "SELECT contract_no FROM (SELECT contract_no, row_number() OVER (ORDER BY contract_no) AS place"  # noqa: S608
            f" FROM {table}) numbered WHERE place %% %s = 1 ORDER BY contract_no",
            [rows],
        )
        starts = [row[0] for row in cursor.fetchall()] or [""]
        # The first and the last range are open, so that every contract falls into one of them.
        starts[0] = ""
        Shard.objects.bulk_create(
            Shard(kind=kind, perk=perk, month=month, number=number, from_contract=start, to_contract=end)
            for number, (start, end) in enumerate(zip(starts, [*starts[1:], ""], strict=True), 1)
        )
    return len(starts)


def next_open(kind: str, perk: str = "", month: dt.date | None = None) -> Shard | None:
    """Claim one shard that is not done, or None where all are done or in other hands."""
    waiting = Shard.objects.filter(kind=kind, perk=perk, month=month, done_at=None).order_by("number")
    claimed = work.claim(waiting, limit=1, lease_seconds=LEASE_SECONDS)
    return Shard.objects.get(pk=claimed[0]) if claimed else None


def finish(shard: Shard, *, rows: int) -> None:
    """Mark a shard done; in the transaction of its work."""
    Shard.objects.filter(pk=shard.pk).update(rows=rows, done_at=clock.now(), lease_until=None, fault="")


def count(table: str, shard: Shard) -> int:
    """Rows of `table` within the shard's range (and month and perk, where it has them)."""
    sql = f"SELECT count(*) FROM {table} WHERE contract_no >= %s AND (%s = '' OR contract_no < %s)"  # noqa: S608
    params: list[str | dt.date] = [shard.from_contract, shard.to_contract, shard.to_contract]
    if shard.month:
        sql += " AND month = %s AND perk = %s"
        params += [shard.month, shard.perk]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0]
