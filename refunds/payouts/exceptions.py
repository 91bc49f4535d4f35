"""Single applications behind the figures: what a coming round leaves out and why, and what came back for want of an
account, for the call centre."""

import csv
import datetime as dt
import io
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, masking, programme
from kt_remedy.staff.models import User
from refunds.bankfiles.returns import SAME_ACCOUNT, return_reason
from refunds.calendar import PayoutRound, next_round, payout_rounds
from refunds.models.applications import Application
from refunds.payouts import selection, service

CALL_CENTRE = ("maker", "auditor", "supervisor", "agent")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One application that a round leaves out; `won` is what it expects."""

    application: Application
    reason: str
    won: int


def left_out(*, coming: PayoutRound, reason: str = "", limit: int = 100, offset: int = 0) -> tuple[list[Waiting], int]:
    """Applications that `coming` would leave out if it closed now, of one reason or all, and how many there are."""
    frame, after = programme.current(), None
    for round_ in service.open_rounds():
        if round_.pay_on == coming.pay_on:
            break
        after = round_.pay_on
    chosen = selection.Selection(coming.pay_on, coming.cut_off, after=after, last=coming == payout_rounds(frame)[-1])
    text, params = selection.sql(chosen, frame)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT application_id, reason, refundable_krw, count(*) OVER () FROM ({text}) s"  # noqa: S608
            " WHERE reason IS NOT NULL AND (%s = '' OR reason = %s) ORDER BY application_id LIMIT %s OFFSET %s",
            [*params, reason, reason, limit, offset],
        )
        found = cursor.fetchall()
    rows = Application.objects.select_related("filing", "line__customer", "account").in_bulk([row[0] for row in found])
    return [Waiting(rows[pk], why, won) for pk, why, won, _all in found], found[0][3] if found else 0


@dataclass(frozen=True, slots=True)
class CameBack:
    """Money that came back and has no account to go to: whom to call, about what, since when. Names are masked."""

    application_id: int
    reference: str
    name: str
    contact: str
    won: int
    code: str
    attempts: int
    returned_on: dt.date
    tried_again: bool


def came_back(*, at: dt.datetime | None = None) -> tuple[list[CameBack], bool]:
    """Returned payments whose customer gave no other account yet, longest first; and whether no round is left for
    them, so that the call centre takes them over (D-38). What goes to the same account again is among them only then.
    """
    at = at or clock.now()
    over = next_round(at, programme.current()) is None
    # After the last round also those who did mend their account, or need not: nothing sends their money any more.
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
        found = cursor.fetchall()
    rows = Application.objects.select_related("filing", "line__customer").in_bulk({row[0] for row in found})
    listed = []
    for pk, won, code, attempt, since in found:
        row = rows[pk]
        listed.append(
            CameBack(
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
    """The list of `came_back` as a CSV for the call centre, after the look was recorded; telephone numbers in full,
    because they are called. Raises Refused: ROLE, REASON."""
    service._need(user, *CALL_CENTRE)
    reason = service._reason(reason)
    listed, _over = came_back()
    contacts = {
        row.pk: row.filing.contact or ""
        for row in Application.objects.select_related("filing").filter(pk__in=[one.application_id for one in listed])
    }
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\r\n")
    out.writerow(
        [
            _("접수번호"),
            _("신청한 분"),
            _("연락처"),
            _("금액(원)"),
            _("되돌아온 까닭"),
            _("번째 시도"),
            _("되돌아온 날"),
        ]
    )
    for one in listed:
        out.writerow(
            safe(cell)
            for cell in (
                one.reference,
                one.name,
                _dialled(contacts[one.application_id]),
                one.won,
                return_reason(one.code),
                one.attempts,
                one.returned_on.isoformat(),
            )
        )
    with transaction.atomic():
        audit.record(
            actor=service._actor(user),
            action="item.call_list",
            object="items:RETURNED",
            reason=reason,
            detail={"count": len(listed)},
        )
    return text.getvalue().encode("utf-8-sig")


def _dialled(number: str) -> str:
    """With hyphens, so that a spreadsheet keeps the leading zero."""
    return f"{number[:3]}-{number[3:-4]}-{number[-4:]}" if len(number) >= 10 else number


def safe(cell: Any) -> str:
    """A CSV cell that no spreadsheet runs: what begins like a formula is put behind an apostrophe."""
    text = str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
