"""Judge every line of the register again after a change of the programme. Line decisions stay as they are."""

# ruff: noqa: S608  (names of tables and columns are our own; every value is a parameter)

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection, transaction

from eligibility import rules
from eligibility.feed import load, merge, staging, stored
from kt_remedy.core import clock, programme

_SHARD_LINES = 20_000

OnChange = Callable[[merge.ChangedVerdict], None]


@dataclass
class RejudgeSummary:
    """Counts of a rejudge: lines judged, verdicts changed, and changes by (old outcome, new outcome)."""

    judged: int = 0
    changed: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)


def rejudge(*, dry_run: bool = False, on_change: OnChange = lambda changed: None) -> RejudgeSummary:
    """Judge all lines by the installed programme. With `dry_run`, only report the changes.

    `on_change` gets the old and the new verdict of each line whose verdict changes. Each shard of contract numbers is
    a transaction, so the rejudge may be stopped and run again at any time. Raises `load.LoadRefusedError` during a
    load.
    """
    current = programme.current()
    summary = RejudgeSummary()
    with load.exclusive():
        last = ""
        while True:
            with transaction.atomic():
                last = _judge_shard(last, current, summary, dry_run, on_change)
            if not last:
                return summary


def _judge_shard(
    after: str, current: programme.Programme, summary: RejudgeSummary, dry_run: bool, on_change: OnChange
) -> str:
    """Judge the next lines after contract number `after`; returns the last one, or "" if there was none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(contract_no) FROM (SELECT contract_no FROM eligibility_line WHERE contract_no > %s"
            " ORDER BY contract_no LIMIT %s) shard",
            [after, _SHARD_LINES],
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
        summary.judged += len(verdicts)
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
            summary.changed += 1
            summary.outcomes[changed.old_outcome, changed.new_outcome] += 1
            on_change(changed)
        if not dry_run:
            merge.replace_verdicts("eligibility_rejudged", feed=None, now=clock.now())
        cursor.execute("DROP TABLE eligibility_rejudged")
    return last
