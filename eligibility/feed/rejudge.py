"""Every line of the register judged again, after the programme changed. People's decisions stay where they are."""

# ruff: noqa: S608  (names of tables and columns are our own; every value is a parameter)

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection, transaction

from eligibility import rules
from eligibility.feed import load, merge, staging, stored
from kt_remedy.core import clock, programme

_AT_ONCE = 20_000

OnChange = Callable[[merge.ChangedVerdict], None]


@dataclass
class RejudgeSummary:
    """What a rejudge changed or would change: lines looked at, and how many went from one outcome to another."""

    judged: int = 0
    changed: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)


def rejudge(*, dry_run: bool = False, told: OnChange = lambda changed: None) -> RejudgeSummary:
    """Judge all lines by the installed programme; `dry_run` only says what would change.

    `told` hears each line whose verdict changes, with both verdicts.

    The register is taken in shards of contract numbers, each its own transaction, so it can be stopped and run again
    at any time. Raises `load.LoadRefusedError` beside a running load.
    """
    current = programme.current()
    changes = RejudgeSummary()
    with load.exclusive():
        last = ""
        while True:
            with transaction.atomic():
                last = _shard(last, current, changes, dry_run, told)
            if not last:
                return changes


def _shard(after: str, current: programme.Programme, changes: RejudgeSummary, dry_run: bool, told: OnChange) -> str:
    """Judge the lines behind `after`; returns the last contract number, or nothing where there was no line."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(contract_no) FROM (SELECT contract_no FROM eligibility_line WHERE contract_no > %s"
            " ORDER BY contract_no LIMIT %s) shard",
            [after, _AT_ONCE],
        )
        last = cursor.fetchone()[0]
        if last is None:
            return ""
        verdicts = [
            (contract_no, rules.judge(facts, bills, current))
            for contract_no, facts, bills in stored.facts_and_bills(
                "WITH facts AS ("
                f"SELECT {stored.fact_columns('l')} FROM eligibility_line l"
                " WHERE contract_no > %(after)s AND contract_no <= %(last)s), bills AS (SELECT contract_no,"
                f" {stored.BILL_FACTS} FROM eligibility_bill"
                " WHERE contract_no > %(after)s AND contract_no <= %(last)s)",
                current,
                after=after,
                last=last,
            )
        ]
        changes.judged += len(verdicts)
        cursor.execute(
            "CREATE TEMPORARY TABLE eligibility_rejudged ON COMMIT DROP AS"
            f" SELECT contract_no, {', '.join(staging.VERDICT)} FROM eligibility_line WITH NO DATA"
        )
        staging.copy(
            "eligibility_rejudged",
            ("contract_no", *staging.VERDICT),
            [staging.verdict_row(contract_no, verdict, current.version) for contract_no, verdict in verdicts],
        )
        for changed in merge.changed_verdicts("eligibility_rejudged"):
            changes.changed += 1
            changes.outcomes[changed.old_outcome, changed.new_outcome] += 1
            told(changed)
        if not dry_run:
            merge.replace_verdicts("eligibility_rejudged", feed=None, now=clock.now())
        cursor.execute("DROP TABLE eligibility_rejudged")
    return last
