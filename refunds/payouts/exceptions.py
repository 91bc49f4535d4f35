"""The applications behind the figures: those a coming round leaves out, with the reason, and returned payments without
another account, for the call centre."""

import csv
import datetime as dt
import io
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, masking, programme
from kt_remedy.core import csv as csv_cells
from kt_remedy.staff.models import User
from refunds.bankfiles.returns import SAME_ACCOUNT, return_reason
from refunds.calendar import PayoutRound, next_round
from refunds.models.applications import Application
from refunds.models.items import Item
from refunds.payouts import batches, guards, selection


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One application that a round leaves out; `won` is the refund it expects."""

    application: Application
    reason: str
    won: int


def excluded(
    *, payout_round: PayoutRound, reason: str = "", limit: int = 100, offset: int = 0
) -> tuple[list[Exclusion], int]:
    """Applications that a round would leave out if it closed now, for one reason or all, and their number."""
    after = None
    for earlier in batches.open_rounds():
        if earlier.pay_on == payout_round.pay_on:
            break
        after = earlier.pay_on
    selected = selection.Selection(
        payout_round.pay_on, payout_round.cut_off, after=after, last=batches.is_last_round(payout_round)
    )
    text, params = selection.round_select(selected, programme.current())
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT application_id, reason, refundable_krw, count(*) OVER () FROM ({text}) s"  # noqa: S608
            " WHERE reason IS NOT NULL AND (%s = '' OR reason = %s) ORDER BY application_id LIMIT %s OFFSET %s",
            [*params, reason, reason, limit, offset],
        )
        selected_rows = cursor.fetchall()
    rows = Application.objects.select_related("filing", "line__customer", "account").in_bulk(
        [row[0] for row in selected_rows]
    )
    return [Exclusion(rows[pk], why, won) for pk, why, won, _all in selected_rows], selected_rows[0][
        3
    ] if selected_rows else 0


@dataclass(frozen=True, slots=True)
class UnpaidReturn:
    """A returned payment without another account, for the call centre. Name and contact are masked."""

    application_id: int
    reference: str
    name: str
    contact: str
    won: int
    code: str
    attempts: int
    returned_on: dt.date
    tried_again: bool


def returned_after_paid() -> QuerySet[Item]:
    """Payments that came back after the bank had called them paid, newest first: their customers heard otherwise."""
    return (
        Item.objects.filter(status=Item.Status.RETURNED, events__status=Item.Status.PAID)
        .select_related("application__filing", "batch")
        .distinct()
        .order_by("-status_at", "-pk")
    )


def unpaid_returns(*, at: dt.datetime | None = None) -> tuple[list[UnpaidReturn], bool]:
    """Returned payments whose customer gave no other account yet, longest first; and True if no round is left.

    After the last round the call centre takes them over (D-38). Payments that are sent to the same account again are
    listed only then.
    """
    at = at or clock.now()
    over = next_round(at, programme.current()) is None
    # After the last round nothing sends the money of a corrected account either.
    states = ["NEED_ACCOUNT", "APPROVED", "SUBMITTED"] if over else ["NEED_ACCOUNT"]
    ride = [] if over else list(SAME_ACCOUNT)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT a.id, i.amount_krw, i.code, i.attempt, i.status_at
            FROM refunds_application a
            JOIN LATERAL (
                SELECT * FROM refunds_item WHERE application_id = a.id AND kind = 'REFUND' AND status <> 'VOID'
                ORDER BY id DESC LIMIT 1) i ON i.status = 'RETURNED'
            WHERE a.status = ANY(%s) AND EXISTS (
                SELECT FROM refunds_item r WHERE r.application_id = a.id AND r.status = 'RETURNED')
            UNION ALL
            SELECT a.id, i.amount_krw, i.code, i.attempt, i.status_at
            FROM refunds_item i JOIN refunds_application a ON a.id = i.application_id
            WHERE i.kind = 'ADJUSTMENT' AND i.status = 'RETURNED' AND i.account_id = a.account_id
              AND i.code <> ALL(%s)
              AND NOT EXISTS (SELECT FROM refunds_item n WHERE n.adjustment_id = i.adjustment_id AND n.id > i.id
                              AND n.status <> 'VOID')
            ORDER BY 5, 1
            """,
            [states, ride],
        )
        returned_rows = cursor.fetchall()
    rows = Application.objects.select_related("filing", "line__customer").in_bulk({row[0] for row in returned_rows})
    listed = []
    for pk, won, code, attempt, since in returned_rows:
        row = rows[pk]
        listed.append(
            UnpaidReturn(
                pk,
                row.filing.reference,
                masking.name(row.line.customer.holder_name or ""),
                masking.phone(row.filing.contact or ""),
                won,
                code,
                attempt,
                clock.kst_date(since),
                row.status != "NEED_ACCOUNT",
            )
        )
    return listed, over


def call_list(*, user: User, reason: str) -> bytes:
    """The list of `unpaid_returns` as CSV for the call centre, with full telephone numbers; the download is recorded.

    Raises Refused: ROLE, REASON.
    """
    guards.require_permission(user, "payouts.download_call_list")
    reason = guards.require_reason(reason)
    listed, _over = unpaid_returns()
    contacts = {
        row.pk: row.filing.contact or ""
        for row in Application.objects.select_related("filing").filter(
            pk__in=[unpaid.application_id for unpaid in listed]
        )
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        [
            _("접수번호"),
            _("신청한 분"),
            _("연락처"),
            _("금액(원)"),
            _("되돌아온 이유"),
            _("번째 시도"),
            _("되돌아온 날"),
        ]
    )
    for unpaid in listed:
        writer.writerow(
            csv_cells.guarded(cell)
            for cell in (
                unpaid.reference,
                unpaid.name,
                _dialled(contacts[unpaid.application_id]),
                unpaid.won,
                return_reason(unpaid.code),
                unpaid.attempts,
                unpaid.returned_on.isoformat(),
            )
        )
    with transaction.atomic():
        audit.record(
            actor=audit.actor(user),
            action="item.call_list",
            object="items:RETURNED",
            reason=reason,
            detail={"count": len(listed), "filters": ["status"]},
        )
    return text.getvalue().encode("utf-8-sig")


def _dialled(number: str) -> str:
    """A telephone number with hyphens: a spreadsheet keeps the leading zero."""
    return f"{number[:3]}-{number[3:-4]}-{number[-4:]}" if len(number) >= 10 else number
