"""Content of an account statement of the bank, independent of its layout, and the faults that refuse one.

Pure: no database, no clock. A statement is read as a stream: its head first, then one entry at a time.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, Protocol

from django.utils.translation import gettext_lazy as _

DEBIT, CREDIT = "DEBIT", "CREDIT"
# Longer numbers than these are faults: a sum of them would not fit the columns of the database.
WON_DIGITS, NUMBER_DIGITS = 15, 9
REFERENCE_LENGTH, WORDS_LENGTH = 35, 140


class StatementHead(NamedTuple):
    """The head of a statement: its running number, its day (KST), the account, both balances in won."""

    number: int
    day: dt.date
    account: str
    opening: int
    closing: int


class StatementEntry(NamedTuple):
    """One entry of a statement. `line` is the physical line, `won` is positive, `direction` DEBIT or CREDIT.

    `reference` is ours (payment reference or number of the part) where the bank names one, `bank_reference` the bank's;
    `code` is the bank's reason of a return.
    """

    line: int
    direction: str
    won: int
    booked_on: dt.date
    reference: str
    bank_reference: str
    code: str
    words: str


class StatementFault(Exception):
    """A statement that cannot be read. Carries the physical line (0 for none), a code and the values of its sentence.

    The code and the values are kept; `fault_text` words them in the reader's language.
    """

    def __init__(self, line: int, code: str, **values: object) -> None:
        super().__init__(f"{line}: {code} {values}" if values else f"{line}: {code}")
        self.line, self.code = line, code
        self.values = {name: str(value) for name, value in values.items()}


_FAULTS: dict[str, Any] = {
    "LAYOUT": _("camt.053 전문도 거래내역 시트도 아닙니다. 은행에서 받은 거래내역 파일을 올려 주세요."),
    "XML": _("XML 형식이 깨져 있습니다. 은행에서 다시 받아 주세요."),
    "DOCTYPE": _("문서 형식 선언(DOCTYPE)이 있는 파일은 읽지 않습니다. 은행에서 다시 받아 주세요."),
    "SHAPE": _("한 거래에 든 항목이 너무 많습니다. 은행에 물어보세요."),
    "MANY": _("거래내역이 둘 이상 들어 있습니다. 계좌 하나, 하루치만 올려 주세요."),
    "MISSING": _("%(path)s: 있어야 할 값이 없습니다."),
    "NUMBER": _("%(path)s: 자릿수가 너무 길거나 숫자가 아닙니다."),
    "WON": _("%(path)s: 원 단위 금액이 아닙니다."),
    "CURRENCY": _("%(path)s: 원화가 아닙니다."),
    "DATE": _("%(path)s: 날짜가 아닙니다."),
    "DIRECTION": _("%(path)s: 입금인지 출금인지 알 수 없습니다."),
    "LONG": _("%(path)s: 너무 깁니다."),
    "DETAILS": _("묶음 거래의 금액이 낱건의 합과 다릅니다."),
    "LINE": _("줄의 길이나 칸이 양식과 다릅니다."),
    "ORDER": _("줄의 순서가 양식과 다릅니다. S 한 줄, L 여러 줄, Z 한 줄이어야 합니다."),
    "ENCODING": _("%(path)s: CP949로 읽을 수 없거나 보이지 않는 문자가 있습니다."),
    "CUT": _("마지막 줄(Z)이 없습니다. 파일이 잘렸습니다."),
    "TOTALS": _("마지막 줄의 건수나 합계가 실제 거래와 다릅니다."),
    "BALANCE": _("시작 잔액에 거래를 더하면 %(sum)s원인데 끝 잔액은 %(closing)s원이라고 합니다."),
    "ACCOUNT": _("환급금이 나가는 계좌의 거래내역이 아닙니다."),
    "FUTURE": _("아직 오지 않은 날의 거래내역입니다."),
}


def fault_text(code: str, values: dict[str, str]) -> str:
    """The sentence of a fault in the reader's language: the fault and what to do."""
    return str(_FAULTS[code]) % values


@dataclass(frozen=True)
class Reading:
    """A statement while it is read: the head, then the entries. Reading the entries raises StatementFault."""

    head: StatementHead
    entries: Iterator[StatementEntry]


class StatementLayout(Protocol):
    """A bank's format of a statement."""

    code: str

    def read(self, stream: BinaryIO) -> Reading:
        """The statement of a stream. Raises StatementFault, then or while the entries are read."""

    def reason(self, code: str) -> str:
        """The reason of a return (`records`) that a code of the bank means."""


def balanced(head: StatementHead, entries: Iterator[StatementEntry]) -> Iterator[StatementEntry]:
    """The entries; raises StatementFault BALANCE at the end unless they lead from one balance to the other."""
    won = head.opening
    for entry in entries:
        won += entry.won if entry.direction == CREDIT else -entry.won
        yield entry
    if won != head.closing:
        raise StatementFault(0, "BALANCE", sum=f"{won:,}", closing=f"{head.closing:,}")


def digits(text: str, longest: int, fault: Callable[[str], StatementFault], code: str = "NUMBER") -> int:
    """A number of at most `longest` digits. Raises the fault of `code` for any other text."""
    if not (text.isascii() and text.isdecimal() and len(text.lstrip("0")) <= longest):
        raise fault(code)
    return int(text)
