"""Refunds that no round paid: after the last one they stand on a list for billing, which takes them over (D-94)."""

import io
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.staff.models import User
from refunds.bankfiles.returns import return_reason
from refunds.calendar import payout_rounds
from refunds.models.item_states import HOLDING_SQL
from refunds.models.states import LIVE, Status
from refunds.payouts import sheets
from refunds.payouts.guards import Refused, require_permission, require_reason


@dataclass(frozen=True, slots=True)
class Unpaid:
    """One refund that no round paid. `code` is the bank's reason where its last payment was returned."""

    application_id: int
    reference: str
    contract_no: str
    status: str
    won: int
    code: str

    @property
    def why(self) -> str:
        """Why it is unpaid, in words."""
        return return_reason(self.code) if self.code else str(Status(self.status).label)


def is_over() -> bool:
    """True after the last pay day of the programme."""
    rounds = payout_rounds(programme.current())
    return bool(rounds) and clock.today() > rounds[-1].pay_on


def unpaid() -> list[Unpaid]:
    """Every live application with money of the customer that no payment holds, by its id; none before the last pay day.

    `won` is the amount that the bills give now (D-23, D-24).
    """
    if not is_over():
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT a.id, f.reference, a.contract_no, a.status, l.refundable_krw, COALESCE(i.code, '')
            FROM refunds_application a
            JOIN refunds_filing f ON f.id = a.filing_id
            JOIN eligibility_line l ON l.contract_no = a.contract_no
            LEFT JOIN LATERAL (
                SELECT code FROM refunds_item WHERE application_id = a.id AND kind = 'REFUND' AND status = 'RETURNED'
                ORDER BY id DESC LIMIT 1) i ON true
            WHERE a.status = ANY(%s) AND l.refundable_krw > 0
              AND COALESCE(NULLIF(l.decided_outcome, ''), l.outcome) IN ('ELIGIBLE', 'REVIEW')
              AND NOT EXISTS (SELECT FROM refunds_item h WHERE h.application_id = a.id AND h.kind = 'REFUND'
                              AND h.status IN {HOLDING_SQL})
              AND NOT EXISTS (SELECT FROM refunds_manual_payment m WHERE m.application_id = a.id
                              AND m.status IN ('RECORDED', 'CONFIRMED'))
            ORDER BY a.id
            """,  # noqa: S608  (states are ours)
            [[status.value for status in LIVE]],
        )
        return [Unpaid(*row) for row in cursor.fetchall()]


def export(*, kind: str, user: User, reason: str) -> bytes:
    """The list for billing as `csv` or `xlsx`; the hand-over is recorded with its reason, count and won.

    Raises Refused: ROLE, REASON, EMPTY.
    """
    require_permission(user, "payouts.hand_to_billing")
    reason = require_reason(reason)
    rows = unpaid()
    if not rows:
        raise Refused("EMPTY", _("청구 부서에 넘길 환급이 없습니다."))
    with transaction.atomic():
        audit.record(
            actor=audit.actor(user),
            action="settlement.handed_to_billing",
            object="applications:unpaid",
            reason=reason,
            detail={"count": len(rows), "won": sum(row.won for row in rows), "format": kind},
        )
    heads = [_("접수번호"), _("계약번호"), _("상태"), _("이유"), _("금액(원)")]
    cells = [[row.reference, row.contract_no, str(Status(row.status).label), row.why, row.won] for row in rows]
    written = io.BytesIO()
    sheets.write(written, kind, heads, cells, name=_("청구 부서에 넘길 환급"))
    return written.getvalue()
