"""Parse the two files of a delivery into typed rows: check the header and the rules of every column.

`LineFile` and `BillFile` are read batch by batch. A good row has its values as sent, in the order of `columns`, and
the facts or the bill for the rules. A bad row has its key and its first fault. The caller finds repeated keys and
bills of unknown contracts, because one pass cannot.
"""

import os
import re
from collections.abc import Callable, Iterator
from datetime import date, tzinfo
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

from eligibility.feed.records import FeedError, read
from eligibility.rules import Bill, Facts, LocalDays
from kt_remedy.core.programme import DEFAULT_NETWORK

# Longest whole number: far above any amount, and below Python's limit for converting text to int.
_DIGITS = 4_000
_REMEMBERED = 50_000  # dates cached as existing

_KEY = r"[A-Z0-9-]{1,20}"
_CI = r"(?:[A-Za-z0-9+/]{86}(?:[A-Za-z0-9+/]{2}|[A-Za-z0-9+/]=|==))?"
_DAY = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = (
    _DAY + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,4000})?)?"
    r"(?:Z|\+(?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_NUMBER = rf"[0-9]{{1,{_DIGITS}}}"

# column -> (pattern of the whole value, reason of the reject). Text excludes NUL, which the database cannot store.
LINE_RULES: dict[str, tuple[str, str]] = {
    "contract_no": (_KEY, "not 1 to 20 of A-Z, 0-9 and -"),
    "customer_no": (_KEY, "not 1 to 20 of A-Z, 0-9 and -"),
    "ci": (_CI, "not 88 characters of base64 or empty"),
    "guardian_ci": (_CI, "not 88 characters of base64 or empty"),
    "holder_kind": (r"PERSON|FOREIGNER|CORPORATE", "not PERSON, FOREIGNER or CORPORATE"),
    "holder_name": (r"[^\0]{1,60}", "not a text of 1 to 60 characters"),
    "birth_date": (rf"(?:{_DAY})?", "not a date YYYY-MM-DD"),
    "msisdn": (r"01[0-9]{8,9}", "not 01 and 8 or 9 digits"),
    "contact_msisdn": (r"(?:010[0-9]{8})?", "not 010 and 8 digits or empty"),
    "network": (rf"{DEFAULT_NETWORK}|MVNO", f"not {DEFAULT_NETWORK} or MVNO"),
    "product": (r"HANDSET|WATCH|TABLET|IOT|PREPAID", "not HANDSET, WATCH, TABLET, IOT or PREPAID"),
    "opened_at": (_TIME, "not a time with its offset"),
    "contract_type": (r"SUBSIDY|DISCOUNT|NONE", "not SUBSIDY, DISCOUNT or NONE"),
    "contract_event": (
        r"NEW|DEVICE_CHANGE|RECONTRACT|AUTO_RENEWAL|TRANSFER",
        "not NEW, DEVICE_CHANGE, RECONTRACT, AUTO_RENEWAL or TRANSFER",
    ),
    "contract_started_at": (_TIME, "not a time with its offset"),
    "commitment_started_at": (_TIME, "not a time with its offset"),
    "contract_months": (r"12|24|0", "not 12, 24 or 0"),
    "subsidy_krw": (_NUMBER, "not a whole number of won"),
    "extra_subsidy_krw": (_NUMBER, "not a whole number of won"),
    "discount_krw": (_NUMBER, "not a whole number of won"),
    "suspended_days": (_NUMBER, "not a whole number of days"),
    "status": (r"ACTIVE|SUSPENDED|TERMINATED", "not ACTIVE, SUSPENDED or TERMINATED"),
    "terminated_at": (rf"(?:{_TIME})?", "not a time with its offset"),
    "termination_reason": (r"(?:PORT_OUT|CANCEL|FORCED)?", "not PORT_OUT, CANCEL or FORCED"),
    "port_requested_at": (rf"(?:{_TIME})?", "not a time with its offset or empty"),
    "rejoined_at": (rf"(?:{_TIME})?", "not a time with its offset or empty"),
}
# Columns that a delivery may leave out; an empty value means unknown. They change no verdict.
LINE_OPTIONAL_RULES: dict[str, tuple[str, str]] = {
    "plan_name": (r"[^\0]{0,60}", "not a text of at most 60 characters"),
    "plan_data": (r"(?:LIMITED|UNLIMITED)?", "not LIMITED, UNLIMITED or empty"),
}
BILL_RULES: dict[str, tuple[str, str]] = {
    "contract_no": (_KEY, "not 1 to 20 of A-Z, 0-9 and -"),
    "item": (r"[^\0]{1,40}", "not a text of 1 to 40 characters"),
    "billed_on": (_DAY, "not a date YYYY-MM-DD"),
    "billed_krw": (_NUMBER, "not a whole number of won"),
    "paid_krw": (_NUMBER, "not a whole number of won"),
    "waived_krw": (_NUMBER, "not a whole number of won"),
    "refunded_krw": (_NUMBER, "not a whole number of won"),
}
LINE_COLUMNS = tuple(LINE_RULES)
LINE_OPTIONAL_COLUMNS = tuple(LINE_OPTIONAL_RULES)
BILL_COLUMNS = tuple(BILL_RULES)
_DATES = {"birth_date", "billed_on"}
_PERSONAL = {"ci", "guardian_ci", "holder_name", "birth_date", "msisdn", "contact_msisdn"}
_SHOWN = 60  # characters of a masked value

_LINE_AT = {name: number for number, name in enumerate(LINE_COLUMNS)}
_LINE_TIMES = tuple(name for name in LINE_COLUMNS if name.endswith("_at"))

REPEATED_KEY = "this key stood earlier in the file"
UNKNOWN_CONTRACT = "no line with this contract number"


Record = tuple[int, str | list[str]]  # number of its first physical line, and that line or the values


class RowFault(NamedTuple):
    """The fault of a bad row: column, value (personal columns masked) and reason."""

    column: str
    value: str
    reason: str


class LineRow(NamedTuple):
    """A good row of lines.csv: number of its first physical line, values as sent, and facts for the rules.

    `values` are in the order of LINE_COLUMNS and LINE_OPTIONAL_COLUMNS; a column that the file leaves out is empty.
    """

    line: int
    values: tuple[str, ...]
    facts: Facts


class BillRow(NamedTuple):
    """A good row of bills.csv: number of its first physical line, values as sent, and the bill for the rules."""

    line: int
    values: tuple[str, ...]
    bill: Bill


class BadRow(NamedTuple):
    """A bad row. `key` holds the values of its key columns, or is None if the number of fields is wrong."""

    line: int
    key: tuple[str, ...] | None
    fault: RowFault


def masked(column: str, value: str) -> str:
    """A rejected value for the report. In a personal column, each letter and digit becomes a star."""
    if column not in _PERSONAL:
        return value
    return re.sub(r"[^\W_]", "*", value[:_SHOWN])


def _unquoted(pattern: str) -> str:
    """The pattern of a value in a line without quotation marks, where a value cannot contain a comma."""
    return pattern.replace(r"[^\0]", r"[^\0,]").replace("[.,]", "[.]")


class _FeedFile:
    """One open file of a delivery with a checked header. Raises FeedError if the file or its header is unusable."""

    rules: dict[str, tuple[str, str]]
    optional_rules: dict[str, tuple[str, str]] = {}
    key_columns: int  # number of columns, from the first, that form the key

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        self.columns = tuple(self.rules)
        self._all_rules = self.rules | self.optional_rules
        self._checks = [
            (column, re.compile(pattern).fullmatch, reason) for column, (pattern, reason) in self._all_rules.items()
        ]
        self._known_dates: set[str] = set()
        try:
            self._file: BinaryIO = open(path, "rb")  # noqa: SIM115 (closed by close())
        except OSError as error:
            raise FeedError(f"{self.name} cannot be read: {error.strerror or error}") from None
        try:
            self._records = read(self._file, self.name)
            self._first = next(self._records, [])
            self._read_header()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def size(self) -> int:
        """Size of the file in bytes; 0 for a pipe."""
        return os.fstat(self._file.fileno()).st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _read_header(self) -> None:
        if not self._first:
            raise FeedError(f"{self.name} is empty: its first line must name the columns")
        content = self._first[0][1]
        header = content.split(",") if isinstance(content, str) else content
        for column in self.columns:
            if column not in header:
                raise FeedError(f"{self.name} has the wrong header: the column {column} is missing")
        for column in header:
            if column not in self._all_rules:
                raise FeedError(f"{self.name} has the wrong header: {column[:40]!r} is not a known column")
            if header.count(column) > 1:
                raise FeedError(f"{self.name} has the wrong header: the column {column} stands there twice")
        self._fields = len(header)
        # An optional column that the file leaves out is read from an empty value behind the last one.
        places = [header.index(column) if column in header else len(header) for column in self._all_rules]
        self._order: Callable[[list[str]], tuple[str, ...]] = itemgetter(*places)
        self._whole = re.compile(
            ",".join(f"(?:{_unquoted(self._all_rules[column][0])})" for column in header)
        ).fullmatch

    def records(self) -> Iterator[list[Record]]:
        """Yield the records after the header in batches, not parsed into values. Only one pass is possible."""
        batch: list[Record] | None = self._first[1:]
        while batch is not None:
            if batch:
                yield batch
            batch = next(self._records, None)

    def _build(self, line: int, values: tuple[str, ...]) -> Any:
        """The good row of well-formed values, or None if dates or columns contradict each other."""
        raise NotImplementedError

    def rows(self, records: list[Record]) -> list[Any]:
        """The good and bad rows of some records, which another process may have read."""
        whole, order, fields, keys, build = self._whole, self._order, self._fields, self.key_columns, self._build
        rows: list[Any] = []
        for line, content in records:
            if isinstance(content, str):  # split takes half the time of the groups of a match
                raw, is_whole = content.split(","), whole(content) is not None
            else:
                raw, is_whole = content, False
            if len(raw) != fields:
                reason = f"{len(raw)} fields instead of {fields}"
                rows.append(BadRow(line, None, RowFault("", "", reason)))
                continue
            values = order([*raw, ""])
            row = build(line, values) if is_whole else None
            if row is None:
                fault = self._first_fault(values)
                row = build(line, values) if fault is None else BadRow(line, values[:keys], fault)
            rows.append(row)
        return rows

    def _first_fault(self, values: tuple[str, ...]) -> RowFault | None:
        """The first fault of a row with the right number of fields: each value in order, then contradictions."""
        for (column, matches, reason), value in zip(self._checks, values, strict=True):
            if matches(value) is None or not self._is_real(column, value):
                return RowFault(column, masked(column, value), reason)
        return None

    def _is_real(self, column: str, value: str) -> bool:
        """True if a well-formed date or time is a day of the calendar; other values are always accepted."""
        return column not in _DATES or not value or self._is_date(value)

    def _is_date(self, text: str) -> bool:
        known = self._known_dates
        if text in known:
            return True
        try:
            date.fromisoformat(text)
        except ValueError:
            return False
        if len(known) >= _REMEMBERED:
            known.clear()
        known.add(text)
        return True


class LineFile(_FeedFile):
    """lines.csv. Times become calendar dates of `zone`, the programme's time zone (D-01)."""

    rules = LINE_RULES
    optional_rules = LINE_OPTIONAL_RULES
    key_columns = 1

    def __init__(self, path: str | Path, zone: tzinfo, network: str = DEFAULT_NETWORK) -> None:
        # `network` is the carrier's own code; a line of another one belongs to nobody here.
        self.rules = LINE_RULES | {"network": (f"{re.escape(network)}|MVNO", f"not {network} or MVNO")}
        self._days = LocalDays(zone)
        super().__init__(path)

    def batches(self) -> Iterator[list[LineRow | BadRow]]:
        """Yield the rows in file order, some hundreds at a time. Raises FeedError if the file breaks off."""
        return map(self.rows, self.records())

    def _is_real(self, column: str, value: str) -> bool:
        if column in _LINE_TIMES:
            return not value or self._days.day(value) is not None
        return super()._is_real(column, value)

    def _build(self, line: int, values: tuple[str, ...]) -> LineRow | None:
        """The row, or None if a day does not exist or two columns contradict each other."""
        (
            _, _, ci, _, holder_kind, _, birth_date, _, _, network, product, opened_at, contract_type, contract_event,
            contract_started_at, commitment_started_at, months, subsidy, extra_subsidy, discount, suspended_days,
            status, terminated_at, termination_reason, port_requested_at, rejoined_at, _, _,
        ) = values  # fmt: skip
        if status == "TERMINATED":
            if not terminated_at or not termination_reason:
                return None
        elif terminated_at or termination_reason:
            return None
        if (contract_type == "NONE") != (months == "0"):
            return None
        if holder_kind == "CORPORATE":
            if birth_date or ci:
                return None
        elif not birth_date or not (birth_date in self._known_dates or self._is_date(birth_date)):
            return None
        day = self._days.day  # the three times are mostly equal, so compute one date
        opened_on = day(opened_at)
        started_on = opened_on if contract_started_at == opened_at else day(contract_started_at)
        committed_on = started_on if commitment_started_at == contract_started_at else day(commitment_started_at)
        if opened_on is None or started_on is None or committed_on is None:
            return None
        terminated_on = port_requested_on = rejoined_on = None
        if terminated_at and (terminated_on := day(terminated_at)) is None:
            return None
        if port_requested_at and (port_requested_on := day(port_requested_at)) is None:
            return None
        if rejoined_at and (rejoined_on := day(rejoined_at)) is None:
            return None
        return LineRow(
            line,
            values,
            Facts(
                network, product, contract_type, contract_event, started_on, committed_on, int(months), int(subsidy),
                int(extra_subsidy), int(discount), int(suspended_days), terminated_on, termination_reason,
                port_requested_on, rejoined_on,
            ),
        )  # fmt: skip

    def _first_fault(self, values: tuple[str, ...]) -> RowFault | None:
        fault = super()._first_fault(values)
        if fault is not None:
            return fault

        def value(column: str) -> str:
            return values[_LINE_AT[column]]

        terminated, corporate = value("status") == "TERMINATED", value("holder_kind") == "CORPORATE"
        for column in ("terminated_at", "termination_reason"):
            if terminated and not value(column):
                return RowFault(column, "", "missing on a TERMINATED line")
        for column in ("terminated_at", "termination_reason"):
            if not terminated and value(column):
                return RowFault(column, value(column), "only a TERMINATED line has one")
        months = value("contract_months")
        if value("contract_type") == "NONE":
            if months != "0":
                return RowFault("contract_months", months, "must be 0 with NONE")
        elif months == "0":
            return RowFault("contract_months", months, "0 goes with NONE only")
        birth_date = value("birth_date")
        if corporate and birth_date:
            return RowFault("birth_date", masked("birth_date", birth_date), "must be empty for CORPORATE")
        if not corporate and not birth_date:
            return RowFault("birth_date", "", "missing for PERSON or FOREIGNER")
        if corporate and value("ci"):
            return RowFault("ci", masked("ci", value("ci")), "must be empty for CORPORATE")
        return None


class BillFile(_FeedFile):
    """bills.csv."""

    rules = BILL_RULES
    key_columns = 3

    def batches(self) -> Iterator[list[BillRow | BadRow]]:
        """Yield the rows in file order, some thousands at a time. Raises FeedError if the file breaks off."""
        return map(self.rows, self.records())

    def _build(self, line: int, values: tuple[str, ...]) -> BillRow | None:
        _, item, billed_on, billed, paid, waived, refunded = values
        if billed_on not in self._known_dates and not self._is_date(billed_on):
            return None
        return BillRow(line, values, Bill(item, int(billed), int(paid), int(waived), int(refunded)))
