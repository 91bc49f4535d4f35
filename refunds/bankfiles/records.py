"""Content of bank files in both directions, independent of any layout. Pure: no database, no clock, no Django."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

# What stands on the customer's own statement: seven Hangul at most are safe at every bank (docs/domain.md#c3).
STATEMENT_TEXT = "KT위약금환급"

PAID, RETURNED, UNKNOWN = "PAID", "RETURNED", "UNKNOWN"

# Why a bank returns money, in one vocabulary for every layout.
NO_ACCOUNT, CLOSED, NAME, BLOCKED, BANK_DOWN, LIMIT, OTHER = (
    "NO_ACCOUNT",
    "CLOSED",
    "NAME",
    "BLOCKED",
    "BANK_DOWN",
    "LIMIT",
    "OTHER",
)


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
    """The bank's answer to one payment. `line` is the physical line of the result file; `amount` None if not named."""

    line: int
    reference: str
    outcome: str
    code: str
    words: str
    amount: int | None


@dataclass(slots=True)
class Answers:
    """A whole result file. `refused`: the bank took none of it; then `code` and `words` say why."""

    message_id: str
    refused: bool = False
    code: str = ""
    words: str = ""
    count: int | None = None
    won: int | None = None
    rows: list[Answer] = field(default_factory=list)


class FileFault(Exception):
    """A file cannot be read or a payment cannot be written. Carries the physical line, or 0, and one sentence."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(f"{line}: {text}" if line else text)
        self.line, self.text = line, text


class PaymentRefused(Exception):
    """A payment cannot stand in this layout; `reference` names it, the text says why without its personal data."""

    def __init__(self, reference: str, text: str) -> None:
        super().__init__(f"{reference}: {text}")
        self.reference, self.text = reference, text


class Layout(Protocol):
    """A bank's format: write payments, read one of our files again, read the bank's answer."""

    code: str
    suffix: str
    media_type: str

    def write(self, payments: Iterable[Payment], head: FileHeader) -> Iterator[bytes]:
        """The bytes of the file, in pieces. Raises PaymentRefused."""

    def read(self, content: bytes) -> Iterator[tuple[int, Payment]]:
        """The payments of such a file with their physical lines. Raises FileFault."""

    def read_result(self, content: bytes) -> Answers:
        """The bank's answer to such a file. Raises FileFault."""


def check_totals(head: FileHeader, count: int, won: int) -> None:
    """Raise ValueError where what was written is not what the head announced."""
    if (count, won) != (head.count, head.won):
        raise ValueError(f"{count} payments of {won} won were written, the head says {head.count} of {head.won}")
