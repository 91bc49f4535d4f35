"""Content of bank files in both directions, independent of any layout. Pure: no database, no clock, no Django."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

# Text on the customer's bank statement: at most seven Hangul are safe at every bank (docs/domain.md#c3).
STATEMENT_TEXT = "KT위약금환급"

PAID, RETURNED, UNKNOWN = "PAID", "RETURNED", "UNKNOWN"

# Reasons of returned payments, in one vocabulary for all layouts.
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
    """A whole result file. `refused`: the bank accepted none of it, for the reason in `code` and `words`."""

    message_id: str
    refused: bool = False
    code: str = ""
    words: str = ""
    count: int | None = None
    won: int | None = None
    rows: list[Answer] = field(default_factory=list)


class FileFault(Exception):
    """A file that cannot be read or written. Carries the physical line (0 for none) and one sentence."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(f"{line}: {text}" if line else text)
        self.line, self.text = line, text


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

    def read_result(self, content: bytes) -> Answers:
        """The bank's answer to such a file. Raises FileFault."""


def check_totals(head: FileHeader, count: int, won: int) -> None:
    """Raise ValueError if the number or sum of the written payments differs from the header."""
    if (count, won) != (head.count, head.won):
        raise ValueError(f"{count} payments of {won} won were written, the head says {head.count} of {head.won}")
