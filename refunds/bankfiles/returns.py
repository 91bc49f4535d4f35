"""Reasons of returned payments and their consequences: the one table, with its cases in tests/cases/returns.csv."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from refunds.bankfiles import records


@dataclass(frozen=True, slots=True)
class ReturnReason:
    """One reason: its words, and whether the account is at fault. If it is not, the money rides to the same account
    with the next round and nobody is asked for another one."""

    label: Any
    account_at_fault: bool


RETURNS = {
    records.NO_ACCOUNT: ReturnReason(_("없는 계좌"), True),
    records.CLOSED: ReturnReason(_("해지된 계좌"), True),
    records.NAME: ReturnReason(_("예금주가 다름"), True),
    records.BLOCKED: ReturnReason(_("입금할 수 없는 계좌"), True),
    records.BANK_DOWN: ReturnReason(_("은행 점검"), False),
    records.LIMIT: ReturnReason(_("한도를 넘음"), False),
    # What no bank explained is asked: another account may do what this one did not.
    records.OTHER: ReturnReason(_("그 밖"), True),
}
# For SQL: with these the same account is tried again.
SAME_ACCOUNT = tuple(code for code, row in RETURNS.items() if not row.account_at_fault)


def return_reason(code: str) -> str:
    """Reason of a returned payment, in words."""
    return str(RETURNS.get(code, RETURNS[records.OTHER]).label)


def pays_same_account_again(code: str) -> bool:
    """Whether what came back for this reason goes to the same account again."""
    return code in SAME_ACCOUNT
