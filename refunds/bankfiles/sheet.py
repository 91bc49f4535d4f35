"""The bulk-transfer sheet: text in CP949, tab-separated columns padded to a width in bytes, so that it opens in a
spreadsheet and is read by position alike.

The layout is ours until a bank's own is given. It stands in the tables below and nowhere else: they drive the writer,
the reader and the description in the README (`describe`). A spreadsheet runs what begins with = + - or @, so such a
text is refused; a bank file is never changed to make it safe.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from refunds.bankfiles.records import (
    BANK_DOWN,
    BLOCKED,
    CLOSED,
    LIMIT,
    NAME,
    NO_ACCOUNT,
    OTHER,
    PAID,
    RETURNED,
    STATEMENT_TEXT,
    UNKNOWN,
    Answer,
    Answers,
    FileFault,
    Head,
    Payment,
    PaymentRefused,
    check,
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
    "99": ("REFUSED", ""),  # on every row: the bank refused the file whole
}
FIRST = b"H\t"
_FORMULA = ("=", "+", "-", "@")
_PIECE = 500


def describe() -> str:
    """The layout as a Markdown table, for the README."""
    lines = ["| 줄 | 칸 | 바이트 | 뜻 |", "|---|---|---|---|"]
    for kind, columns in RECORDS.items():
        lines += [f"| {kind} | {c.title} | {c.width} {c.kind} | {c.meaning} |" for c in columns]
    return "\n".join(lines)


def _padded(column: Column, value: str, reference: str) -> bytes:
    """A text in its column. Raises PaymentRefused for what does not fit or a spreadsheet would run."""
    if value.startswith(_FORMULA) or not value.isprintable():
        raise PaymentRefused(reference, f"{column.title}: this text would be run as a formula, or holds a control sign")
    try:
        encoded = value.encode(ENCODING)
    except UnicodeEncodeError:
        raise PaymentRefused(reference, f"{column.title}: this text cannot be written in CP949") from None
    if len(encoded) > column.width:
        raise PaymentRefused(reference, f"{column.title}: longer than {column.width} bytes")
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


class Sheet:
    """The layout `sheet`."""

    code, suffix, media_type = "sheet", "txt", "text/plain; charset=euc-kr"

    def write(self, payments: Iterable[Payment], head: Head) -> Iterator[bytes]:
        """One line a payment. Raises PaymentRefused, ValueError."""
        values = {name: getattr(head, name) for name in ("message_id", "payer_bank", "payer_number", "count", "won")}
        yield _record(HEAD, {**values, "kind": "H", "execution_on": f"{head.execution_on:%Y%m%d}"})
        columns = {column.name: column for column in DETAIL}
        holder, amount_width = columns["holder"], columns["amount"].width
        account_width, number_width = columns["account"].width, columns["number"].width
        reference_width = columns["reference"].width
        statement = _padded(columns["statement"], STATEMENT_TEXT, "")
        tail = b"\t" + b" " * columns["result"].width + b"\t" + b" " * columns["words"].width + END
        pieces: list[bytes] = []
        count = won = 0
        for payment in payments:
            reference, bank, number, name, amount = payment
            count += 1
            won += amount
            if not (number.isascii() and number.isdigit() and len(number) <= account_width and len(bank) == 3):
                raise PaymentRefused(reference, f"{columns['account'].title}: digits only, {account_width} at most")
            front = (
                f"D\t{count:0{number_width}}\t{bank}\t{number:<{account_width}}\t{amount:0{amount_width}}\t".encode()
            )
            back = f"\t{reference:<{reference_width}}".encode()
            pieces.append(b"".join((front, _padded(holder, name, reference), b"\t", statement, back, tail)))
            if len(pieces) == _PIECE:
                yield b"".join(pieces)
                pieces.clear()
        check(head, count, won)
        pieces.append(_record(FOOT, {"kind": "T", "count": count, "won": won}))
        yield b"".join(pieces)

    def read(self, content: bytes) -> Iterator[tuple[int, Payment]]:
        """The payments of a sheet."""
        for line, cells in _records(content):
            if cells["kind"] == "D":
                yield (
                    line,
                    Payment(
                        cells["reference"],
                        cells["bank"],
                        cells["account"],
                        cells["holder"],
                        _amount(line, cells["amount"]),
                    ),
                )

    def read_result(self, content: bytes) -> Answers:
        """A sheet with its result columns filled in."""
        answers = Answers("")
        refused = rows = won = 0
        foot = None
        for line, cells in _records(content):
            if cells["kind"] == "H":
                answers.message_id = cells["message_id"]
                answers.count, answers.won = _amount(line, cells["count"]), _amount(line, cells["won"])
            elif cells["kind"] == "T":
                foot = (line, _amount(line, cells["count"]), _amount(line, cells["won"]))
            else:
                amount = _amount(line, cells["amount"])
                rows += 1
                won += amount
                if cells["result"] not in RESULTS:
                    raise FileFault(line, f"the result {cells['result']} is not known")
                outcome, code = RESULTS[cells["result"]]
                refused += outcome == "REFUSED"
                answers.words = answers.words or (cells["words"] if outcome == "REFUSED" else "")
                words = f"{cells['result']} {cells['words']}".strip()
                answers.rows.append(Answer(line, cells["reference"], outcome, code, words, amount))
        if not answers.message_id:
            raise FileFault(1, "the first line does not name the file")
        if foot is None:
            raise FileFault(0, "the last line (T) is missing: the file was cut off")
        if foot[1:] != (rows, won):
            raise FileFault(foot[0], f"the last line says {foot[1]} rows and {foot[2]} won; there are {rows} and {won}")
        if refused:
            if refused != rows:
                raise FileFault(0, "some rows say the whole file was refused and others do not")
            answers.refused, answers.code, answers.rows = True, "99", []
        return answers


def _records(content: bytes, records: dict[str, tuple[Column, ...]] = RECORDS) -> Iterator[tuple[int, dict[str, str]]]:
    """The records by position, with their physical lines; anything that does not fit is named by its line."""
    kinds = list(records)
    lines = content.split(b"\n")
    if lines and lines[-1].strip() in (b"", b"\x1a"):
        lines.pop()
    for number, raw in enumerate(lines, 1):
        data = raw.removesuffix(b"\r")
        columns = records.get(data[:1].decode("latin-1"))
        if columns is None:
            raise FileFault(number, f"a line begins with {', '.join(kinds[:-1])} or {kinds[-1]}")
        if len(data) != sum(column.width for column in columns) + len(columns) - 1:
            raise FileFault(number, f"this line has {len(data)} bytes, which is not its length")
        cells: dict[str, str] = {}
        at = 0
        for column in columns:
            cell = data[at : at + column.width]
            at += column.width + 1
            if at <= len(data) and data[at - 1 : at] != b"\t":
                raise FileFault(number, f"there is no tab after {column.title}")
            try:
                cells[column.name] = cell.decode(ENCODING).rstrip(" ")
            except UnicodeDecodeError:
                raise FileFault(number, f"{column.title} is not CP949") from None
        if (number == 1) != (cells["kind"] == kinds[0]):
            raise FileFault(number, f"the line {kinds[0]} stands first, and once")
        yield number, cells


def _amount(line: int, digits: str) -> int:
    if not digits.isascii() or not digits.isdigit():
        raise FileFault(line, "an amount holds digits only")
    return int(digits)
