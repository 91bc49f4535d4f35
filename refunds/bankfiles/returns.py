"""Reasons of returned payments and their consequences: the one table, with its cases in tests/cases/returns.csv."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from refunds.bankfiles import records


@dataclass(frozen=True, slots=True)
class ReturnReason:
    """A reason with its label, and True if the account is at fault.

    Otherwise the next round pays the same account again, and the customer is not asked for another one.
    """

    label: Any
    account_at_fault: bool


RETURNS = {
    records.NO_ACCOUNT: ReturnReason(_("없는 계좌"), True),
    records.CLOSED: ReturnReason(_("해지된 계좌"), True),
    records.NAME: ReturnReason(_("예금주가 다름"), True),
    records.BLOCKED: ReturnReason(_("입금할 수 없는 계좌"), True),
    records.BANK_DOWN: ReturnReason(_("은행 점검"), False),
    records.LIMIT: ReturnReason(_("한도를 넘음"), False),
    # Without a reason from the bank the customer is asked for another account, which may accept the payment.
    records.OTHER: ReturnReason(_("그 밖"), True),
}
# For SQL: after these reasons the same account is paid again.
SAME_ACCOUNT = tuple(code for code, row in RETURNS.items() if not row.account_at_fault)


def return_reason(code: str) -> str:
    """Reason of a returned payment, in words."""
    return str(RETURNS.get(code, RETURNS[records.OTHER]).label)


def pays_same_account_again(code: str) -> bool:
    """True if a payment that was returned for this reason is paid to the same account again."""
    return code in SAME_ACCOUNT
