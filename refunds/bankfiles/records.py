"""Content of bank files in both directions, independent of any layout. Pure: no database and no clock."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol

from django.utils.translation import gettext, gettext_noop

from kt_remedy.core import programme

# Of the text on the customer's bank statement: seven Hangul are safe at every bank (docs/domain.md#c3).
_STATEMENT_BYTES = 14

PAID, RETURNED, UNKNOWN = "PAID", "RETURNED", "UNKNOWN"

# Reasons of returned payments, in one vocabulary for all layouts (`returns` has their labels and owners).
NO_ACCOUNT, CLOSED, NAME, BLOCKED = "NO_ACCOUNT", "CLOSED", "NAME", "BLOCKED"
BANK_DOWN, LIMIT = "BANK_DOWN", "LIMIT"
FUNDS, PAYER_ACCOUNT, PAYER_LIMIT = "FUNDS", "PAYER_ACCOUNT", "PAYER_LIMIT"
DUPLICATE, CANCELLED, FILE = "DUPLICATE", "CANCELLED", "FILE"
OTHER = "OTHER"
# Note of a payment whose status or code is in no list that we know: it stays unanswered.
UNLISTED = "UNLISTED"

# What an answer says of the whole file. "" leaves it to the payments.
REFUSED, ACCEPTED, EXECUTED = "REFUSED", "ACCEPTED", "EXECUTED"
# No file holds more payments or won than so many digits; longer numbers are a fault.
DIGITS = 15


def statement_text() -> str:
    """The text on the customer's bank statement, which begins with the carrier's prefix."""
    prefix = programme.current().carrier.reference_prefix
    text = f"{prefix}위약금환급"
    return text if len(text.encode("cp949")) <= _STATEMENT_BYTES else f"{prefix}환급금"


class Payment(NamedTuple):
    """One payment as it leaves: amounts in whole won, `bank` the three-digit standard code, `number` digits only."""

    reference: str
    bank: str
    number: str
    holder: str
    amount: int


@dataclass(frozen=True, slots=True)
class FileHeader:
    """Header of a file. `made_at` is aware; count and won are the control totals."""

    message_id: str
    made_at: dt.datetime
    execution_on: dt.date
    payer_name: str
    payer_bank: str
    payer_number: str
    count: int
    won: int


class Answer(NamedTuple):
    """The bank's answer to one payment. `line` is the physical line of the answer; `won` is None if not named.

    `reason` is of our vocabulary, or UNLISTED; `code` and `words` are the bank's.
    """

    line: int
    reference: str
    outcome: str
    reason: str
    code: str
    words: str
    won: int | None


@dataclass(slots=True)
class AnswerHead:
    """What an answer says of itself; complete once all its payments were read.

    `verdict` is what it says of the whole file, with the bank's `code` and `words`. `rows` counts the payments,
    `customer_rows` those that name a reason of their own on the customer's side.
    """

    message_id: str = ""
    verdict: str = ""
    code: str = ""
    words: str = ""
    count: int | None = None
    won: int | None = None
    rows: int = 0
    customer_rows: int = 0


class FileFault(Exception):
    """A file that cannot be read or written.

    Carries the physical line (0 for none), the place inside an XML message, and one sentence: Korean source text with
    its values, worded in the reader's language by `text`.
    """

    def __init__(self, line: int, source: str, place: str = "", **values: object) -> None:
        super().__init__(f"{line}: {source}" if line else source)
        self.line, self.source, self.place, self.values = line, source, place, values

    @property
    def text(self) -> str:
        """The sentence."""
        return gettext(self.source) % self.values if self.values else gettext(self.source)


def whole_number(digits: str, line: int, place: str = "") -> int:
    """A number of payments or won as a bank writes it. Raises FileFault for anything but DIGITS digits at most."""
    if not (digits.isascii() and digits.isdigit()):
        raise FileFault(line, gettext_noop("금액이나 건수는 숫자만 적을 수 있습니다."), place)
    if len(digits.lstrip("0")) > DIGITS:
        raise FileFault(
            line, gettext_noop("숫자가 %(length)s자리라 너무 깁니다. %(most)s자리까지 읽습니다."), place,
            length=len(digits), most=DIGITS,
        )  # fmt: skip
    return int(digits.lstrip("0") or "0")


# What of a payment a layout cannot hold.
NAME_LETTERS, NAME_LENGTH, NAME_START, ACCOUNT_NUMBER = "NAME_LETTERS", "NAME_LENGTH", "NAME_START", "ACCOUNT_NUMBER"


class PaymentRefused(Exception):
    """A payment that a layout cannot hold; `reference` names it, the text gives the reason without personal data.

    `code` is one of the four above, or "" for a fault that is not the payment's own.
    """

    def __init__(self, reference: str, text: str, code: str = "") -> None:
        super().__init__(f"{reference}: {text}")
        self.reference, self.text, self.code = reference, text, code


class Layout(Protocol):
    """A bank's format: write payments, read one of our files again, read the bank's answer."""

    code: str
    suffix: str
    media_type: str

    def write(self, payments: Iterable[Payment], head: FileHeader) -> Iterator[bytes]:
        """The bytes of the file, in pieces. Raises PaymentRefused."""

    def check(self, payment: Payment) -> None:
        """Raise PaymentRefused, as `write` does, if this layout cannot hold the payment."""

    def read(self, content: bytes) -> Iterator[tuple[int, Payment]]:
        """The payments of such a file with their physical lines. Raises FileFault."""

    def read_answer(self, source: BinaryIO, head: AnswerHead) -> Iterator[Answer]:
        """The payments of the bank's answer to such a file, one by one; fills `head` as it reads. Raises FileFault."""


def check_totals(head: FileHeader, count: int, won: int) -> None:
    """Raise ValueError if the number or sum of the written payments differs from the header."""
    if (count, won) != (head.count, head.won):
        raise ValueError(f"{count} payments of {won} won were written, the head says {head.count} of {head.won}")
