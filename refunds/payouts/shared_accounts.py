"""Report of shared accounts: accounts of several people, people with several accounts or many lines, paid staff.

It reads keyed indexes, which stay when the numbers are wiped.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from refunds.models.applications import Application
from refunds.models.item_states import HOLDING_SQL

SHOWN = 100
MANY_LINES = 5


@dataclass(frozen=True, slots=True)
class SharedAccountGroup:
    """One account or person: an application to open, its numbers of people, applications and accounts, and won sent."""

    application: Application
    people: int
    applications: int
    accounts: int
    won: int


@dataclass(frozen=True, slots=True)
class SharedAccountReport:
    """One kind of sharing: the largest groups, and the number of all."""

    code: str
    title: Any
    groups: list[SharedAccountGroup]
    count: int


_BASE = f"""
    SELECT a.id, f.person_index, c.number_index, f.filed_by_id,
           COALESCE((SELECT sum(i.amount_krw) FROM refunds_item i WHERE i.application_id = a.id
                     AND i.status IN {HOLDING_SQL}), 0) AS won
    FROM refunds_application a
    JOIN refunds_filing f ON f.id = a.filing_id
    JOIN refunds_account c ON c.id = a.account_id
    WHERE a.status NOT IN ('REJECTED', 'WITHDRAWN')
"""  # noqa: S608  (states are ours)
_FIGURES = (
    "min(id) AS id, count(DISTINCT person_index) AS people, count(*) AS applications,"
    " count(DISTINCT number_index) AS accounts, sum(won)::bigint AS won"
)
# The key of a group, and the condition for listing it.
_KINDS: dict[str, tuple[Any, str, str]] = {
    "account": (_("여러 사람이 함께 쓰는 계좌"), "number_index", "count(DISTINCT person_index) > 1"),
    "accounts": (_("계좌가 여럿인 사람"), "person_index", "count(DISTINCT number_index) > 1"),
    "lines": (_("신청이 많은 사람"), "person_index", f"count(*) >= {MANY_LINES}"),
}


def reports() -> list[SharedAccountReport]:
    """Every kind, each with its largest groups by people, then won. Reads the whole table of applications."""
    result = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '120s'")
        for code, (title, group, condition) in _KINDS.items():
            result.append(_report(cursor, code, title, f"FROM base GROUP BY {group} HAVING {condition}"))
        staff = (
            "FROM base WHERE person_index IN (SELECT person_index FROM staff_user WHERE person_index IS NOT NULL)"
            " GROUP BY person_index"
        )
        result.append(_report(cursor, "staff", _("직원이 받는 환급"), staff))
    return result


def _report(cursor: Any, code: str, title: Any, grouping: str) -> SharedAccountReport:
    cursor.execute(
        f"WITH base AS ({_BASE}) SELECT s.*, count(*) OVER () FROM (SELECT {_FIGURES} {grouping}) s"  # noqa: S608
        f" ORDER BY people DESC, won DESC, id LIMIT {SHOWN}"
    )
    rows = cursor.fetchall()
    known = Application.objects.select_related("filing", "line__customer", "account").in_bulk([row[0] for row in rows])
    groups = [SharedAccountGroup(known[row[0]], *row[1:5]) for row in rows]
    return SharedAccountReport(code, title, groups, rows[0][5] if rows else 0)


def applications_to_same_account(application: Application, limit: int = 20) -> list[Application]:
    """Other applications whose money goes, or went, to the account of this one."""
    index = application.account.number_index
    return list(
        Application.objects.filter(account__number_index=index)
        .exclude(pk=application.pk)
        .select_related("filing", "line__customer", "account")
        .order_by("-pk")[:limit]
    )


def applications_of_same_person(application: Application, limit: int = 20) -> list[Application]:
    """Other applications of the person who filed this one."""
    return list(
        Application.objects.filter(filing__person_index=application.filing.person_index)
        .exclude(pk=application.pk)
        .select_related("filing", "line__customer", "account")
        .order_by("-pk")[:limit]
    )
