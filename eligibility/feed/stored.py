"""Read stored lines with their bills, as the rules take them."""

# ruff: noqa: S608  (names of tables and columns are our own; every value is a parameter)

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import connection

from eligibility import rules
from kt_remedy.core.programme import Programme

BILL_FACTS = "item, billed_krw, paid_krw, waived_krw, refunded_krw"

_FETCH_ROWS = 10_000
_TIMES = {"contract_started_at", "commitment_started_at", "terminated_at", "port_requested_at", "rejoined_at"}
_COLUMNS = (  # in the order of rules.Facts
    "network", "product", "contract_type", "contract_event", "contract_started_at", "commitment_started_at",
    "contract_months", "subsidy_krw", "extra_subsidy_krw", "discount_krw", "suspended_days", "terminated_at",
    "termination_reason", "port_requested_at", "rejoined_at",
)  # fmt: skip


def fact_columns(alias: str) -> str:
    """The columns that the query `facts` of `facts_and_bills` must select from a table of lines."""
    return ", ".join(f"{alias}.{name}" for name in ("contract_no", *_COLUMNS))


def facts_and_bills(
    with_clause: str, programme: Programme, **values: Any
) -> Iterator[tuple[str, rules.Facts, list[rules.Bill]]]:
    """Yield (contract number, facts, bills) in the order of the contract numbers, from a server-side cursor.

    `with_clause` defines the queries `facts` (`fact_columns`) and `bills` (contract_no and BILL_FACTS). Times become
    dates of the programme's time zone. Needs an open transaction.
    """
    facts = ", ".join(f"(f.{name} AT TIME ZONE %(zone)s)::date" if name in _TIMES else f"f.{name}" for name in _COLUMNS)
    assert connection.connection is not None
    with connection.connection.cursor("eligibility_judge") as cursor:
        cursor.itersize = _FETCH_ROWS
        cursor.execute(
            f"{with_clause} SELECT f.contract_no, {facts}, b.item, b.billed_krw, b.paid_krw, b.waived_krw,"
            " b.refunded_krw FROM facts f LEFT JOIN bills b USING (contract_no) ORDER BY f.contract_no",
            {"zone": programme.timezone, **values},
        )
        width = len(_COLUMNS) + 1
        for contract_no, group in groupby(cursor, key=itemgetter(0)):
            rows = list(group)
            bills = [rules.Bill(*row[width:]) for row in rows if row[width] is not None]
            yield contract_no, rules.Facts(*rows[0][1:width]), bills
