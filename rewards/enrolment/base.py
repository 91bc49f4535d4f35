"""The base: every line of the register as it stood at the end of the base date, and the perks it qualifies for (D-45).

Set-based, in shards of contract ranges that any number of workers share. Running anything again changes nothing.
"""

import itertools
from collections import Counter

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_noop

from eligibility.models import Feed
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.core.tasks import schedule
from rewards.enrolment import shards
from rewards.models import BaseLine, Shard

# Small enough that a shard takes a second or two and is sorted in memory.
SHARD_ROWS = 250_000
# Each line's customer is found by the key. A hash of all customers for every shard would grow with the square of them.
_BY_KEY = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
PRODUCTS = ("HANDSET", "WATCH", "TABLET", "IOT", "PREPAID")

# The values have the types of the columns to the length, or each array would be built anew, element by element. What is
# sorted and counted has no arrays yet.
_INSERT = """
WITH seen AS MATERIALIZED (
    SELECT l.contract_no, l.customer_no, {person} AS person_index, l.product, c.holder_kind = 'CORPORATE' AS corporate,
           l.status = 'SUSPENDED' AS suspended,
           CASE WHEN l.network = ANY(%(networks)s) THEN varchar(12) 'NETWORK'
                WHEN l.opened_on > %(base)s THEN varchar(12) 'OPENED_LATER'
                WHEN l.terminated_on <= %(base)s THEN varchar(12) 'TERMINATED'
                ELSE varchar(12) 'IN_SERVICE' END AS why
    FROM eligibility_line l JOIN eligibility_customer c USING (customer_no)
    WHERE l.contract_no >= %(from)s AND (%(to)s = '' OR l.contract_no < %(to)s)
    ORDER BY l.contract_no
), made AS (
    INSERT INTO rewards_baseline (contract_no, customer_no, person_index, why, perks)
    SELECT contract_no, customer_no, person_index, why,
           CASE WHEN why <> 'IN_SERVICE' THEN %(none)s::varchar(40)[] {perks} ELSE %(none)s::varchar(40)[] END
    FROM seen
) SELECT why, product, corporate, suspended, count(*) FROM seen GROUP BY why, product, corporate, suspended
"""


class BaseNotReady(schedule.NotYet):
    """The base cannot be taken yet; the message says what is missing."""


def perks_for(rules: programme.Programme, product: str, corporate: bool, status: str = "ACTIVE") -> list[str]:
    """Codes of the perks a line of `product` qualifies for; those by person skip companies (D-51, D-56, D-62).

    `status` on the base date counts only for a perk whose months it decides once and for all (D-48).
    """
    return [
        perk.code
        for perk in rules.perks
        if product not in perk.excluded_products
        and not (corporate and perk.unit == "PERSON")
        and not (perk.skipped_once and status in perk.skipped_while)
    ]


def plan() -> int:
    """Cut the register into shards, once; returns how many there are. Raises NotYet before the base date's delivery."""
    rules = programme.current()
    if clock.today() <= rules.rewards.base_date:
        raise BaseNotReady(
            f"The base is taken after {rules.rewards.base_date} has ended.",
            schedule.result_message(gettext_noop("%(day)s이 지난 뒤 확정"), day=str(rules.rewards.base_date)),
        )
    if not Feed.objects.filter(state=Feed.State.LOADED, as_of__gt=rules.rewards.base_date).exists():
        raise BaseNotReady(
            f"No delivery later than {rules.rewards.base_date} has been loaded yet.",
            schedule.result_message(
                gettext_noop("%(day)s보다 뒤의 청구 데이터를 기다림"), day=str(rules.rewards.base_date)
            ),
        )
    return shards.plan(Shard.Kind.BASE, table="eligibility_line", rows=SHARD_ROWS)


def run(shard: Shard) -> int:
    """Write the base rows of one shard; one transaction. Returns its rows, 0 where the shard was done."""
    rules = programme.current()
    cases, params = [], {}
    for corporate, suspended, product in itertools.product((False, True), (False, True), PRODUCTS):
        key = f"{product}_{corporate}_{suspended}"
        params[key] = perks_for(rules, product, corporate, "SUSPENDED" if suspended else "ACTIVE")
        words = f"{'' if corporate else 'NOT'} corporate AND {'' if suspended else 'NOT'} suspended"
        cases.append(f"WHEN product = '{product}' AND {words} THEN %({key})s::varchar(40)[]")
    with transaction.atomic(), connection.cursor() as cursor:
        if not shards.begin(cursor, shard):
            return 0
        cursor.execute(_BY_KEY)
        cursor.execute(
            _INSERT.format(perks=" ".join(cases), person="c.person_index"),
            params
            | {
                "none": [],
                "networks": list(rules.rewards.excluded_networks),
                "base": rules.rewards.base_date,
                "from": shard.from_contract,
                "to": shard.to_contract,
            },
        )
        rows, counts = 0, Counter[str]()
        for why, product, corporate, suspended, number in cursor.fetchall():
            rows += number
            counts[why] += number
            if why == BaseLine.Why.IN_SERVICE:
                counts.update(dict.fromkeys(params.get(f"{product}_{corporate}_{suspended}", ()), number))
        shards.finish(shard, rows=rows, counts=dict(counts))
    return rows


def run_all(act: object = None) -> schedule.ResultMessage:
    """Plan and work off the base until every shard is done, whoever did it; the calendar's act. Safe to run again.

    Returns what the calendar says of it."""
    number = plan()
    while True:
        if shard := shards.claim_next(Shard.Kind.BASE):
            run(shard)
        elif not shards.wait_for_others(Shard.Kind.BASE):
            break
    lines = sum(
        counts.get(BaseLine.Why.IN_SERVICE, 0) for counts in _finished_shards().values_list("counts", flat=True)
    )
    with transaction.atomic():
        audit.record(actor="system", action="rewards.base", object="base", detail={"lines": lines, "shards": number})
    return schedule.result_message(gettext_noop("대상 회선 %(lines)s, %(shards)s묶음"), lines=lines, shards=number)


def _finished_shards() -> QuerySet[Shard]:
    return Shard.objects.filter(kind=Shard.Kind.BASE).exclude(done_at=None)


def is_complete() -> bool:
    """Whether the base has been taken whole. One query."""
    found = Shard.objects.filter(kind=Shard.Kind.BASE).aggregate(
        all=Count("id"), open=Count("id", filter=Q(done_at=None))
    )
    return found["all"] > 0 and found["open"] == 0
