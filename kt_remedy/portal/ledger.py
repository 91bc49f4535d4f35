"""The sums of a line's bills as rows of a ledger."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from eligibility import presenters
from eligibility.models import Bill, Line
from kt_remedy.core.templatetags.remedy import krw


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Row of a ledger (`partials/ledger.html`); `won` in won."""

    label: str
    note: str = ""
    won: int | None = None
    kind: str = ""
    text: str = ""


def ledger_sums(line: Line, refundable: list[Bill]) -> list[LedgerRow]:
    """Sums in won: expected, billed, paid, and if not 0 waived and refunded."""
    only_item = refundable[0].item if len(refundable) == 1 else ""
    rows = [
        LedgerRow(_("예상 금액"), _("날수로 계산한 값"), line.expected_penalty_krw),
        LedgerRow(
            _("청구된 위약금"),
            f"{presenters.item_name_for_customer(only_item)}: {presenters.item_note(only_item)}" if only_item else "",
            sum(bill.billed_krw for bill in refundable),
        ),
        LedgerRow(_("내신 금액"), won=sum(bill.paid_krw for bill in refundable)),
    ]
    if waived := sum(bill.waived_krw for bill in refundable):
        rows.append(LedgerRow(_("감면해 드린 금액"), won=waived))
    if refunded := sum(bill.refunded_krw for bill in refundable):
        rows.append(LedgerRow(_("이미 돌려드린 금액"), won=refunded))
    if above := paid_above(refundable):
        rows.append(LedgerRow(_("청구보다 더 내신 금액"), _("이 환급과 따로 요금에서 정산합니다"), above))
    return rows


def paid_above(bills: Iterable[Bill]) -> int:
    """Won paid above the bills, which billing settles (D-70), as `refunds/balance.sql` counts it."""
    return sum(max(0, bill.paid_krw - max(bill.billed_krw, bill.refunded_krw)) for bill in bills)


def paid_note(bill: Bill) -> str:
    """Note beside the name of a bill row: partly paid or refunded amounts, else the note of the bill item."""
    if bill.refunded_krw:
        return _("청구 %(billed)s, 이미 돌려드림 %(back)s") % {
            "billed": krw(bill.billed_krw),
            "back": krw(bill.refunded_krw),
        }
    if bill.paid_krw < bill.billed_krw:
        return _("청구 %(billed)s, 내신 금액 %(paid)s") % {"billed": krw(bill.billed_krw), "paid": krw(bill.paid_krw)}
    return presenters.item_note(bill.item)
