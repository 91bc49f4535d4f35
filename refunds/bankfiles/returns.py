"""Reasons of returned payments: the codes of banks, who is at fault, and the consequence (D-65, D-80).

`reason_codes.csv` holds every code of ISO 20022 ExternalStatusReason1Code (list STATUS) and ExternalReturnReason1Code
(RETURN) as published, and those of our sheet (SHEET). Its columns `owner` and `reason` are ours. Only CUSTOMER asks the
customer for something. What the BANK could not do rides again by itself. PAYER and UNKNOWN wait for a person.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from refunds.bankfiles import records

CUSTOMER, BANK, PAYER, UNCLEAR = "CUSTOMER", "BANK", "PAYER", "UNKNOWN"
OWNERS: dict[str, Any] = {
    CUSTOMER: _("고객 계좌 쪽"),
    BANK: _("은행·통신망 쪽"),
    PAYER: _("회사·파일 쪽"),
    UNCLEAR: _("누구 쪽인지 모름"),
}
STATUS, RETURN, SHEET = "STATUS", "RETURN", "SHEET"


class ReasonCode(NamedTuple):
    """One code of a published list: who is at fault, the reason in our vocabulary, the meaning as published."""

    list: str
    code: str
    owner: str
    reason: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ReturnReason:
    """A reason of our vocabulary with its label and the side at fault."""

    label: Any
    owner: str


RETURNS = {
    records.NO_ACCOUNT: ReturnReason(_("없는 계좌"), CUSTOMER),
    records.CLOSED: ReturnReason(_("해지된 계좌"), CUSTOMER),
    records.NAME: ReturnReason(_("예금주가 다름"), CUSTOMER),
    records.BLOCKED: ReturnReason(_("입금할 수 없는 계좌"), CUSTOMER),
    records.BANK_DOWN: ReturnReason(_("은행 점검"), BANK),
    records.LIMIT: ReturnReason(_("한도를 넘음"), BANK),
    records.FUNDS: ReturnReason(_("출금 계좌의 잔액 부족"), PAYER),
    records.PAYER_ACCOUNT: ReturnReason(_("출금 계좌를 쓸 수 없음"), PAYER),
    records.PAYER_LIMIT: ReturnReason(_("은행과 약속한 한도를 넘음"), PAYER),
    records.DUPLICATE: ReturnReason(_("두 번 보낸 것으로 봄"), PAYER),
    records.CANCELLED: ReturnReason(_("지급을 취소함"), PAYER),
    records.FILE: ReturnReason(_("파일에 잘못이 있음"), PAYER),
    records.OTHER: ReturnReason(_("그 밖"), UNCLEAR),
}


def _read() -> dict[str, dict[str, ReasonCode]]:
    lists: dict[str, dict[str, ReasonCode]] = {STATUS: {}, RETURN: {}, SHEET: {}}
    with (Path(__file__).parent / "reason_codes.csv").open(encoding="utf-8", newline="") as file:
        for row in map(ReasonCode._make, list(csv.reader(file))[1:]):
            lists[row.list][row.code] = row
    return lists


# Code → meaning for each list of `reason_codes.csv`.
CODES = _read()
# For SQL: these returns ask the customer for another account; those wait for a person.
ASKS_CUSTOMER = tuple(code for code, row in RETURNS.items() if row.owner == CUSTOMER)
WAITS_FOR_PERSON = tuple(code for code, row in RETURNS.items() if row.owner in (PAYER, UNCLEAR))
# For SQL: after these reasons the same account is paid again, at once or after a person has decided.
SAME_ACCOUNT = tuple(code for code in RETURNS if code not in ASKS_CUSTOMER)


def owner_of(code: str) -> str:
    """The side at fault for a reason of our vocabulary."""
    return RETURNS.get(code, RETURNS[records.OTHER]).owner


def return_reason(code: str) -> str:
    """Reason of a returned payment, in words."""
    return str(RETURNS.get(code, RETURNS[records.OTHER]).label)


def pays_same_account_again(code: str) -> bool:
    """True if a payment that was returned for this reason is paid to the same account again."""
    return code in SAME_ACCOUNT


def waits_for_person(code: str) -> bool:
    """True if a person decides what follows a return for this reason: payer or file are at fault, or it is unclear."""
    return owner_of(code) in (PAYER, UNCLEAR)
