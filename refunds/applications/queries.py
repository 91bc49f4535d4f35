"""Read applications: by line, by person, with their last payout item."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection

from refunds.applications.access import visible_to
from refunds.bankfiles.returns import pays_same_account_again
from refunds.models.applications import Application
from refunds.models.items import Item
from refunds.models.states import LIVE


class ApplicationSummary(NamedTuple):
    """State of the newest application of a line, for pages that list lines.

    Item fields are None where there is no payout item; SENT and the day for a refund that was paid offline.
    """

    application_id: int
    status: str
    reference: str
    item_status: str | None
    item_pay_on: dt.date | None


def live_applications(contract_nos: Iterable[str]) -> dict[str, Application]:
    """The live application of each of these lines that has one."""
    rows = Application.objects.filter(line__in=list(contract_nos), status__in=LIVE).select_related("filing", "account")
    return {row.line_id: row for row in rows}


def live_and_earlier(contract_nos: list[str]) -> tuple[dict[str, Application], dict[str, Application]]:
    """The live application of each line, and its last one that ended without a refund (D-32)."""
    live: dict[str, Application] = {}
    earlier: dict[str, Application] = {}
    if not filed_or_objected(contract_nos)[0]:
        return live, earlier
    for row in Application.objects.filter(line__in=contract_nos).select_related("filing").order_by("id"):
        (live if row.is_live else earlier)[row.line_id] = row
    return live, earlier


def summaries_of(contract_nos: Iterable[str]) -> dict[str, ApplicationSummary]:
    """State of the newest application of each of these lines, with its last payout item.

    Raw SQL, because every customer opens a page that uses it and the ORM takes longer to build this query than to run
    it. Ask `filed_or_objected` first.
    """
    numbers = list(contract_nos)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT ON (a.contract_no) a.contract_no, a.id, a.status, f.reference,
                   CASE WHEN m.id IS NULL THEN i.status ELSE 'SENT' END, COALESCE(m.paid_on, b.pay_on)
            FROM refunds_application a
            JOIN refunds_filing f ON f.id = a.filing_id
            LEFT JOIN LATERAL (
                SELECT status, batch_id FROM refunds_item
                WHERE application_id = a.id AND kind = 'REFUND' AND status <> 'VOID'
                ORDER BY id DESC LIMIT 1
            ) i ON true
            LEFT JOIN refunds_batch b ON b.id = i.batch_id
            LEFT JOIN refunds_manual_payment m ON m.application_id = a.id AND m.status = 'CONFIRMED'
            WHERE a.contract_no = ANY(%s)
            ORDER BY a.contract_no, a.id DESC
            """,
            [numbers],
        )
        return {row[0]: ApplicationSummary(*row[1:]) for row in cursor.fetchall()}


def for_lines(contract_nos: Iterable[str]) -> dict[str, Application]:
    """The newest application of each of these lines, live or ended."""
    rows = Application.objects.filter(line__in=list(contract_nos)).select_related("filing", "account").order_by("id")
    return {row.line_id: row for row in rows}


def of_person(person_index: bytes) -> list[Application]:
    """All applications of a person and of their wards, newest first."""
    return list(
        Application.objects.filter(visible_to(person_index=person_index))
        .select_related("filing", "line__customer", "account__holder_check")
        .order_by("-id")
    )


def items_of(applications: list[Application]) -> dict[int, list[Item]]:
    """The payout items of each application, refunds and corrections, the earliest first, without void items."""
    rows = (
        Item.objects.filter(application__in=applications)
        .exclude(status=Item.Status.VOID)
        .select_related("batch", "file")
        .order_by("id")
    )
    found: dict[int, list[Item]] = {}
    for row in rows:
        found.setdefault(row.application_id, []).append(row)
    return found


def returned_corrections(application_ids: Iterable[int]) -> dict[int, int]:
    """Won of returned corrections that wait for another account, by application.

    A correction that was returned for a reason other than its account is paid again to the same account and left out.
    """
    returned: dict[int, int] = {}
    rows = Item.objects.filter(
        application__in=application_ids, kind=Item.Kind.ADJUSTMENT, status=Item.Status.RETURNED
    ).select_related("application", "adjustment")
    latest = {row.adjustment_id: row for row in rows.order_by("id")}
    holding = set(
        Item.objects.filter(adjustment__in=latest, status__in=Item.HOLDING).values_list("adjustment_id", flat=True)
    )
    for adjustment, row in latest.items():
        same = row.account_id == row.application.account_id
        if adjustment not in holding and same and not pays_same_account_again(row.code):
            returned[row.application_id] = returned.get(row.application_id, 0) + row.amount_krw
    return returned


def filed_or_objected(contract_nos: list[str]) -> tuple[bool, bool]:
    """True if any of these lines has an application, and true if any has an objection.

    Most lines have neither, and planning the joins that follow takes five times as long as this query.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM refunds_application WHERE contract_no = ANY(%(lines)s)),"
            " EXISTS (SELECT FROM refunds_objection WHERE contract_no = ANY(%(lines)s))",
            {"lines": contract_nos},
        )
        return cursor.fetchone()
