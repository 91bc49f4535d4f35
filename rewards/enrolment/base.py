"""The base: a row for every line of the register at the end of the base date, with its perks (D-45).

One SQL statement writes a shard (a range of contracts), and any number of workers share the shards. A second run
changes nothing.
"""

import datetime as dt
import itertools
from collections import Counter

from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils.translation import gettext_noop

from eligibility.models import Feed
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.core.tasks import schedule
from rewards.enrolment import shards
from rewards.models import BaseLine, PerkCount, Shard

# A shard of this size takes a second or two and is sorted in memory.
SHARD_ROWS = 250_000
# Look up each customer by key. A hash of all customers for each shard would take time in the square of the customers.
_BY_KEY = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
PRODUCTS = ("HANDSET", "WATCH", "TABLET", "IOT", "PREPAID")

# A kind is a number for a reason with its perks (`_kinds`): rows are sorted and counted by it, which takes less than by
# the columns that it stands for. The values have exactly the types of the columns, because PostgreSQL would otherwise
# convert each array element by element.
_INSERT = """
WITH lines AS MATERIALIZED (
    SELECT l.contract_no, l.customer_no, c.person_index,
           CASE WHEN l.network = ANY(%(networks)s) THEN 0 WHEN l.opened_on > %(base)s THEN 1
                WHEN l.terminated_on <= %(base)s THEN 2 {kind} END AS kind
    FROM eligibility_line l JOIN eligibility_customer c USING (customer_no)
    WHERE l.contract_no >= %(from)s AND (%(to)s = '' OR l.contract_no < %(to)s)
    ORDER BY l.contract_no
), inserted AS (
    INSERT INTO rewards_baseline (contract_no, customer_no, person_index, why, perks)
    SELECT contract_no, customer_no, person_index, CASE kind {why} END, CASE kind {perks} END
    FROM lines
) SELECT kind, count(*) FROM lines GROUP BY kind
"""

# One row for each person, with a bit for each perk that one of their lines has: a count of distinct persons by perk
# would sort a row for each line and perk. In one process: several would each keep most persons, and merge them sorted.
_COUNT_PERSONS = """
SELECT {counts} FROM (
    SELECT bit_or({bits}) AS bits FROM rewards_baseline WHERE person_index IS NOT NULL GROUP BY person_index
) AS persons
"""


class BaseNotReady(schedule.NotYet):
    """The base cannot be recorded yet; the message gives the reason. The dated task runs again later."""


def perks_for(rules: programme.Programme, product: str, corporate: bool, status: str = "ACTIVE") -> list[str]:
    """Codes of the perks for which a line of `product` qualifies; companies get no perk by person (D-51, D-56, D-62).

    `status` on the base date matters only for perks with `skipped_once` (D-48).
    """
    return [
        perk.code
        for perk in rules.perks
        if product not in perk.excluded_products
        and not (corporate and perk.unit == "PERSON")
        and not (perk.skipped_once and status in perk.skipped_while)
    ]


def why_of(rules: programme.Programme, *, network: str, opened_on: dt.date, terminated_on: dt.date | None) -> str:
    """The reason why a line is in the base or not, a BaseLine.Why, from KST dates; the same rule as the SQL (D-45)."""
    base = rules.rewards.base_date
    if network in rules.rewards.excluded_networks:
        return BaseLine.Why.NETWORK
    if opened_on > base:
        return BaseLine.Why.OPENED_LATER
    return BaseLine.Why.TERMINATED if terminated_on and terminated_on <= base else BaseLine.Why.IN_SERVICE


def plan() -> int:
    """Create the shards of the base once; returns their number. Raises BaseNotReady before its delivery."""
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
    """Write the base rows of one shard in one transaction. Returns their number, 0 if the shard was done already."""
    rules = programme.current()
    cases, kinds = _kinds(rules)
    with transaction.atomic(), connection.cursor() as cursor:
        if not shards.begin(cursor, shard):
            return 0
        cursor.execute(_BY_KEY)
        cursor.execute(
            _INSERT.format(
                kind=cases,
                why=" ".join(f"WHEN {kind} THEN varchar(12) '{why}'" for kind, (why, _perks) in enumerate(kinds)),
                perks=" ".join(f"WHEN {kind} THEN %(perks_{kind})s::varchar(40)[]" for kind in range(len(kinds))),
            ),
            {f"perks_{kind}": perks for kind, (_why, perks) in enumerate(kinds)}
            | {
                "networks": list(rules.rewards.excluded_networks),
                "base": rules.rewards.base_date,
                "from": shard.from_contract,
                "to": shard.to_contract,
            },
        )
        rows, counts = 0, Counter[str]()
        for kind, number in cursor.fetchall():
            why, perks = kinds[kind]
            rows += number
            counts[why] += number
            counts.update(dict.fromkeys(perks, number))
        shards.finish(shard, rows=rows, counts=dict(counts))
    return rows


def _kinds(rules: programme.Programme) -> tuple[str, list[tuple[str, list[str]]]]:
    """The cases of `_INSERT` for lines in service, and reason and perks of each kind by its number."""
    why = BaseLine.Why
    kinds: list[tuple[str, list[str]]] = [(reason, []) for reason in (why.NETWORK, why.OPENED_LATER, why.TERMINATED)]
    cases = []

    def kind_of(perks: list[str]) -> int:
        kind = (why.IN_SERVICE, perks)
        if kind not in kinds:
            kinds.append(kind)
        return kinds.index(kind)

    for corporate, suspended, product in itertools.product((False, True), (False, True), PRODUCTS):
        kind = kind_of(perks_for(rules, product, corporate, "SUSPENDED" if suspended else "ACTIVE"))
        cases.append(
            f"WHEN l.product = '{product}' AND c.holder_kind {'=' if corporate else '<>'} 'CORPORATE'"
            f" AND l.status {'=' if suspended else '<>'} 'SUSPENDED' THEN {kind}"
        )
    return f"{' '.join(cases)} ELSE {kind_of([])}", kinds


def record_result() -> schedule.ResultMessage:
    """Record the complete base in the audit; returns the sentence for the calendar.

    Call it in a transaction that closes the dated task, so that it is recorded once. Raises schedule.NotYet while a
    shard is open.
    """
    if not is_complete():
        raise schedule.NotYet("Shards of the base are open.")
    counts = list(Shard.objects.filter(kind=Shard.Kind.BASE).values_list("counts", flat=True))
    _count_perks(counts)
    lines, number = sum(count.get(BaseLine.Why.IN_SERVICE, 0) for count in counts), len(counts)
    audit.record(actor="system", action="rewards.base", object="base", detail={"lines": lines, "shards": number})
    return schedule.result_message(gettext_noop("대상 회선 %(lines)s, %(shards)s묶음"), lines=lines, shards=number)


def _count_perks(counts: list[dict[str, int]]) -> None:
    """Count lines, by the counts of the shards, and persons of each perk, each person once (D-56)."""
    codes = [perk.code for perk in programme.current().perks]
    if not codes:
        return
    bits = " | ".join(f"CASE WHEN %s = ANY(perks) THEN {1 << place} ELSE 0 END" for place in range(len(codes)))
    persons = ", ".join(f"count(*) FILTER (WHERE bits & {1 << place} <> 0)" for place in range(len(codes)))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '15min'; SET LOCAL work_mem = '128MB'; SET LOCAL jit = off")
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        cursor.execute(_COUNT_PERSONS.format(counts=persons, bits=bits), codes)
        found = cursor.fetchone()
    PerkCount.objects.bulk_create(
        [
            PerkCount(perk=code, lines=sum(count.get(code, 0) for count in counts), persons=number)
            for code, number in zip(codes, found, strict=True)
        ],
        update_conflicts=True,
        unique_fields=["perk"],
        update_fields=["lines", "persons"],
    )


def is_complete() -> bool:
    """True if every shard of the base is done. One query."""
    shard_counts = Shard.objects.filter(kind=Shard.Kind.BASE).aggregate(
        all=Count("id"), open=Count("id", filter=Q(done_at=None))
    )
    return shard_counts["all"] > 0 and shard_counts["open"] == 0
