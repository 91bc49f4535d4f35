"""The bulk-transfer sheet: text in CP949 with tab-separated columns of a fixed width in bytes.

A spreadsheet can open it, and a program can read it by position.

This layout is our own until a bank gives one. Only the tables below define it: they drive the writer, the reader and
the description in docs/bank-files.md (`describe`). A spreadsheet executes a text that begins with = + - or @, so such a
text is refused; a bank file is never changed to make it safe.
"""

import io
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kt_remedy.core.csv import FORMULA_STARTS
from refunds.bankfiles.records import (
    ACCOUNT_NUMBER,
    BANK_DOWN,
    BLOCKED,
    CLOSED,
    LIMIT,
    NAME,
    NAME_LENGTH,
    NAME_LETTERS,
    NAME_START,
    NO_ACCOUNT,
    OTHER,
    PAID,
    RETURNED,
    STATEMENT_TEXT,
    UNKNOWN,
    Answer,
    Answers,
    FileFault,
    FileHeader,
    Payment,
    PaymentRefused,
    check_totals,
)

ENCODING = "cp949"
END = b"\r\n"


class Column(NamedTuple):
    """A column: name, Korean title, width in bytes, "text" (padded right) or "number" (zeros left), meaning."""

    name: str
    title: str
    width: int
    kind: str
    meaning: str


HEAD = (
    Column("kind", "구분", 1, "text", "H"),
    Column("message_id", "파일번호", 35, "text", "our number of the file"),
    Column("execution_on", "이체일", 8, "text", "YYYYMMDD"),
    Column("payer_bank", "출금은행", 3, "text", "standard bank code"),
    Column("payer_number", "출금계좌", 16, "text", "digits"),
    Column("count", "건수", 9, "number", "payments in the file"),
    Column("won", "합계", 15, "number", "won"),
)
DETAIL = (
    Column("kind", "구분", 1, "text", "D"),
    Column("number", "일련번호", 9, "number", "from 1"),
    Column("bank", "입금은행", 3, "text", "standard bank code"),
    Column("account", "입금계좌", 16, "text", "digits"),
    Column("amount", "이체금액", 13, "number", "won"),
    Column("holder", "예상예금주", 60, "text", "as the bank keeps the name"),
    Column("statement", "받는통장표시", 14, "text", "what the customer reads"),
    Column("reference", "관리번호", 35, "text", "ours; comes back unchanged"),
    Column("result", "처리결과", 2, "text", "empty when it leaves; a code of RESULTS when it comes back"),
    Column("words", "불능사유", 60, "text", "the bank's words"),
)
FOOT = (
    Column("kind", "구분", 1, "text", "T"),
    Column("count", "건수", 9, "number", "rows D"),
    Column("won", "합계", 15, "number", "won"),
)
RECORDS = {"H": HEAD, "D": DETAIL, "T": FOOT}


def record_structs(records: dict[str, tuple[Column, ...]]) -> dict[bytes, tuple[tuple[Column, ...], struct.Struct]]:
    """Struct that splits each kind of line: cell, tab, cell, tab …"""
    return {
        kind.encode(): (columns, struct.Struct("1s".join(f"{column.width}s" for column in columns)))
        for kind, columns in records.items()
    }


_CUTS = record_structs(RECORDS)
# The result codes: outcome and reason. Blank is no answer.
RESULTS = {
    "": (UNKNOWN, ""),
    "00": (PAID, ""),
    "01": (RETURNED, NO_ACCOUNT),
    "02": (RETURNED, CLOSED),
    "03": (RETURNED, NAME),
    "04": (RETURNED, BLOCKED),
    "05": (RETURNED, BANK_DOWN),
    "06": (RETURNED, LIMIT),
    "07": (RETURNED, OTHER),
    "98": (UNKNOWN, ""),
    "99": ("REFUSED", ""),  # on every row: the bank refused the whole file
}
FIRST = b"H\t"
_PIECE = 500


def describe(records: dict[str, tuple[Column, ...]] = RECORDS) -> str:
    """A layout as a Markdown table, for docs/bank-files.md."""
    lines = ["| 줄 | 칸 | 바이트 | 뜻 |", "|---|---|---|---|"]
    for kind, columns in records.items():
        lines += [f"| {kind} | {c.title} | {c.width} {c.kind} | {c.meaning} |" for c in columns]
    return "\n".join(lines)


def describe_results() -> str:
    """The result codes in one line, for docs/bank-files.md."""
    return ", ".join(f"`{code}` {' '.join(filter(None, answer)).lower()}" for code, answer in RESULTS.items() if code)


def _padded(column: Column, value: str, reference: str) -> bytes:
    """A text padded to its column. Raises PaymentRefused if it does not fit or a spreadsheet would execute it."""
    if value.startswith(FORMULA_STARTS):
        raise PaymentRefused(reference, f"{column.title}: this text would be run as a formula", NAME_START)
    if not value.isprintable():
        raise PaymentRefused(reference, f"{column.title}: this text holds a control sign", NAME_LETTERS)
    try:
        encoded = value.encode(ENCODING)
    except UnicodeEncodeError:
        raise PaymentRefused(reference, f"{column.title}: this text cannot be written in CP949", NAME_LETTERS) from None
    if len(encoded) > column.width:
        raise PaymentRefused(reference, f"{column.title}: longer than {column.width} bytes", NAME_LENGTH)
    return encoded.ljust(column.width)


def _number(column: Column, value: int) -> bytes:
    digits = b"%0*d" % (column.width, value)
    if value < 0 or len(digits) > column.width:
        raise ValueError(f"{column.name} does not fit in {column.width} digits")
    return digits


def _record(columns: tuple[Column, ...], values: dict[str, object]) -> bytes:
    cells = [
        _number(column, values[column.name])  # type: ignore[arg-type]
        if column.kind == "number"
        else _padded(column, str(values.get(column.name, "")), "")
        for column in columns
    ]
    return b"\t".join(cells) + END


_HOLDER, _ACCOUNT = (next(column for column in DETAIL if column.name == name) for name in ("holder", "account"))


def _holder_cell(payment: Payment) -> bytes:
    """The holder's cell of a payment that fits this layout. Raises PaymentRefused for any other."""
    reference, bank, number, name, _amount = payment
    if not (number.isascii() and number.isdigit() and len(number) <= _ACCOUNT.width and len(bank) == 3):
        raise PaymentRefused(reference, f"{_ACCOUNT.title}: digits only, {_ACCOUNT.width} at most", ACCOUNT_NUMBER)
    if not name.strip():
        raise PaymentRefused(reference, f"{_HOLDER.title}: empty", NAME_LETTERS)
    return _padded(_HOLDER, name, reference)


class Sheet:
    """The layout `sheet`."""

    code, suffix, media_type = "sheet", "txt", "text/plain; charset=euc-kr"

    def write(self, payments: Iterable[Payment], head: FileHeader) -> Iterator[bytes]:
        """The sheet in pieces, one line per payment. Raises PaymentRefused, ValueError."""
        values = {name: getattr(head, name) for name in ("message_id", "payer_bank", "payer_number", "count", "won")}
        yield _record(HEAD, {**values, "kind": "H", "execution_on": f"{head.execution_on:%Y%m%d}"})
        columns = {column.name: column for column in DETAIL}
        amount_width = columns["amount"].width
        account_width, number_width = _ACCOUNT.width, columns["number"].width
        reference_width = columns["reference"].width
        statement = _padded(columns["statement"], STATEMENT_TEXT, "")
        tail = b"\t" + b" " * columns["result"].width + b"\t" + b" " * columns["words"].width + END
        pieces: list[bytes] = []
        count = won = 0
        for payment in payments:
            reference, bank, number, _name, amount = payment
            count += 1
            won += amount
            holder_cell = _holder_cell(payment)
            leading_cells = (
                f"D\t{count:0{number_width}}\t{bank}\t{number:<{account_width}}\t{amount:0{amount_width}}\t".encode()
            )
            reference_cell = f"\t{reference:<{reference_width}}".encode()
            pieces.append(b"".join((leading_cells, holder_cell, b"\t", statement, reference_cell, tail)))
            if len(pieces) == _PIECE:
                yield b"".join(pieces)
                pieces.clear()
        check_totals(head, count, won)
        pieces.append(_record(FOOT, {"kind": "T", "count": count, "won": won}))
        yield b"".join(pieces)

    def check(self, payment: Payment) -> None:
        """Raise PaymentRefused if a line of the sheet cannot hold the payment."""
        _holder_cell(payment)

    def read(self, content: bytes) -> Iterator[tuple[int, Payment]]:
        """The payments of a sheet."""
        bank, account, amount, holder, reference = (
            _place(DETAIL, name) for name in ("bank", "account", "amount", "holder", "reference")
        )
        for line, kind, cells in _records(content):
            if kind == b"D":
                yield (
                    line,
                    Payment(
                        _text(cells[reference]),
                        _text(cells[bank]),
                        _text(cells[account]),
                        _text(cells[holder]),
                        _amount(line, cells[amount]),
                    ),
                )

    def read_result(self, content: bytes) -> Answers:
        """A sheet with its result columns filled in."""
        answers = Answers("")
        rows, won = 0, 0
        refused = 0
        totals = None
        d_amount, d_reference, d_result, d_words = (
            _place(DETAIL, name) for name in ("amount", "reference", "result", "words")
        )
        for line, kind, cells in _records(content):
            if kind == b"D":
                amount, result = _amount(line, cells[d_amount]), _text(cells[d_result])
                rows += 1
                won += amount
                if result not in RESULTS:
                    raise FileFault(line, f"the result {result} is not known")
                outcome, code = RESULTS[result]
                reason = _text(cells[d_words])
                if outcome == "REFUSED":
                    refused += 1
                    answers.words = answers.words or reason
                answers.rows.append(
                    Answer(line, _text(cells[d_reference]), outcome, code, f"{result} {reason}".strip(), amount)
                )
            elif kind == b"H":
                answers.message_id = _text(cells[_place(HEAD, "message_id")])
                answers.count = _amount(line, cells[_place(HEAD, "count")])
                answers.won = _amount(line, cells[_place(HEAD, "won")])
            else:
                totals = (line, _amount(line, cells[_place(FOOT, "count")]), _amount(line, cells[_place(FOOT, "won")]))
        if not answers.message_id:
            raise FileFault(1, "the first line does not name the file")
        if totals is None:
            raise FileFault(0, "the last line (T) is missing: the file was cut off")
        if totals[1:] != (rows, won):
            raise FileFault(
                totals[0], f"the last line says {totals[1]} rows and {totals[2]} won; there are {rows} and {won}"
            )
        if refused:
            if refused != rows:
                raise FileFault(0, "some rows say the whole file was refused and others do not")
            answers.refused, answers.code, answers.rows = True, "99", []
        return answers


def _place(columns: tuple[Column, ...], name: str) -> int:
    """Index of a column's cell in a split line."""
    return 2 * next(n for n, column in enumerate(columns) if column.name == name)


def _records(
    content: bytes, cuts: dict[bytes, tuple[tuple[Column, ...], struct.Struct]] = _CUTS
) -> Iterator[tuple[int, bytes, tuple[bytes, ...]]]:
    """The lines with their kind and cells (and the tabs between them). Raises FileFault if a line does not fit."""
    *first_kinds, last = (kind.decode() for kind in cuts)
    first = next(iter(cuts))
    for number, raw in enumerate(io.BytesIO(content.rstrip(b"\x1a\r\n")), 1):
        data = raw.rstrip(b"\r\n")
        kind = data[:1]
        if kind not in cuts:
            raise FileFault(number, f"a line begins with {', '.join(first_kinds)} or {last}")
        columns, cut = cuts[kind]
        if len(data) != cut.size:
            raise FileFault(number, f"this line has {len(data)} bytes, which is not its length")
        cells = cut.unpack(data)
        if cells[1::2].count(b"\t") != len(columns) - 1:
            wrong = cells[1::2].index(next(tab for tab in cells[1::2] if tab != b"\t"))
            raise FileFault(number, f"there is no tab after {columns[wrong].title}")
        if b"\0" in data or not data.isascii():
            _readable(number, columns, cells[::2])
        if (number == 1) != (kind == first):
            raise FileFault(number, f"the line {first.decode()} stands first, and once")
        yield number, kind, cells


def _readable(line: int, columns: tuple[Column, ...], cells: tuple[bytes, ...]) -> None:
    for column, cell in zip(columns, cells, strict=True):
        try:
            if "\0" in cell.decode(ENCODING):
                raise FileFault(line, f"{column.title} holds a control sign")
        except UnicodeDecodeError:
            raise FileFault(line, f"{column.title} is not CP949") from None


def _text(cell: bytes) -> str:
    return cell.rstrip(b" ").decode(ENCODING)


def _amount(line: int, digits: bytes) -> int:
    if not digits.isdigit():
        raise FileFault(line, "an amount holds digits only")
    return int(digits)
