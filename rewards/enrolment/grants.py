"""Monthly grants on the first of each month, by the status of each line on that day (D-48, D-49, D-57)."""

import datetime as dt
from typing import Any

from django.db import connection, connections, transaction
from django.utils.translation import gettext_noop

from eligibility import register_clock
from kt_remedy.core import clock, programme
from kt_remedy.core import grants as privileges
from kt_remedy.core.models import DatedTask
from kt_remedy.core.programme import Perk
from kt_remedy.core.tasks import schedule
from rewards import providers
from rewards.enrolment import base, shards
from rewards.models import Shard
from rewards.perks.periods import add_months, grant_months

# The range is given for both tables, so that a shard reads neither completely. Rows in key order let the index grow at
# its end.
_INSERT = """
WITH inserted AS (
INSERT INTO rewards_grant (month, perk, contract_no, state)
SELECT %(month)s, %(perk)s, b.contract_no,
       CASE WHEN l.terminated_on < %(month)s THEN varchar(10) 'TERMINATED'
            WHEN l.status = ANY(%(skipped)s) THEN varchar(10) 'SUSPENDED'
            ELSE varchar(10) 'GRANTED' END
FROM rewards_baseline b JOIN eligibility_line l USING (contract_no)
WHERE b.contract_no >= %(from)s AND (%(to)s = '' OR b.contract_no < %(to)s) AND %(perk)s = ANY(b.perks)
  AND l.contract_no >= %(from)s AND (%(to)s = '' OR l.contract_no < %(to)s)
  AND (b.added_on IS NULL OR b.added_on <= %(month)s)
ORDER BY b.contract_no
RETURNING state
) SELECT state, count(*) FROM inserted GROUP BY state
"""


def monthly(rules: programme.Programme) -> list[Perk]:
    """The perks with a grant each month."""
    return [perk for perk in rules.perks if perk.monthly_gb]


def month_of(task: DatedTask) -> dt.date:
    """The first day of the month that a dated task grants."""
    return clock.kst_date(task.due_at).replace(day=1)


def plan_month(month: dt.date) -> int:
    """Create the shards of every perk that is granted in `month`, once; returns their number.

    Raises base.BaseNotReady before the month or a complete base, NoDelivery before a delivery as of the month's first
    day: nothing is granted on an older one (D-67).
    """
    if clock.today() < month:
        raise base.BaseNotReady(
            f"The grants of {month:%Y-%m} are due on {month}.",
            schedule.result_message(gettext_noop("%(day)s이 되기를 기다림"), day=str(month)),
        )
    if not base.is_complete():
        raise base.BaseNotReady(
            "The base has not been taken yet.", schedule.result_message(gettext_noop("대상 회선이 확정되기를 기다림"))
        )
    register_clock.require(month)
    return sum(plan(perk, month) for perk in _granted_in(month))


def month_results(month: dt.date) -> list[schedule.ResultMessage]:
    """The sentence of each perk for the calendar. Raises schedule.NotYet while a shard of the month is open."""
    results = []
    for perk in _granted_in(month):
        planned = list(Shard.objects.filter(kind=Shard.Kind.GRANT, perk=perk.code, month=month))
        if not planned or any(shard.done_at is None for shard in planned):
            raise schedule.NotYet(f"Shards of {perk.code} for {month:%Y-%m} are open.")
        results.append(
            schedule.result_message(
                gettext_noop("%(rows)s회선 가운데 %(granted)s회선에 지급"),
                rows=sum(shard.rows or 0 for shard in planned),
                granted=sum(shard.counts.get("GRANTED", 0) for shard in planned),
            )
        )
    return results


def plan(perk: Perk, month: dt.date) -> int:
    """Create the shards of the month once; returns their number. `make_partitions` made the partition before."""
    return shards.plan_from_base(Shard.Kind.GRANT, perk=perk.code, month=month)


def make_partitions(using: str, **signal: Any) -> None:
    """Make the partition of each month that the programme grants, after every migration: a worker makes no table."""
    if not privileges.is_migrated(using, signal):
        return
    months = sorted({month for _perk, month in planned_grants(programme.current())})
    with connections[using].cursor() as cursor:
        for month in months:
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS rewards_grant_{month:%Y_%m} PARTITION OF rewards_grant"
                " FOR VALUES FROM (%s) TO (%s)",
                [month, add_months(month, 1)],
            )


def run(shard: Shard, perk: Perk) -> int:
    """Grant one shard and create its hand-off in one transaction. Returns the granted lines, 0 if it was done."""
    assert shard.month is not None, "a shard of grants has a month"
    with transaction.atomic(), connection.cursor() as cursor:
        if not shards.begin(cursor, shard):
            return 0
        cursor.execute(
            _INSERT,
            {
                "month": shard.month,
                "perk": perk.code,
                "skipped": [] if perk.skipped_once else list(perk.skipped_while),
                "from": shard.from_contract,
                "to": shard.to_contract,
            },
        )
        counts = dict(cursor.fetchall())
        providers.create_hand_off(shard, perk, rows=counts.get("GRANTED", 0))
        shards.finish(shard, rows=sum(counts.values()), counts=counts, as_of=register_clock.as_of())
    return counts.get("GRANTED", 0)


def planned_grants(rules: programme.Programme) -> list[tuple[Perk, dt.date]]:
    """Every monthly grant of the programme: (perk, first of the month)."""
    return [(perk, month) for perk in monthly(rules) for month in grant_months(perk)]


def _granted_in(month: dt.date) -> list[Perk]:
    return [perk for perk, first in planned_grants(programme.current()) if first == month]
