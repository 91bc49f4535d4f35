"""The bulk-transfer sheet: text in CP949 with tab-separated columns of a fixed width in bytes.

A spreadsheet can open it, and a program can read it by position.

This layout is our own until a bank gives one. Only the tables below define it: they drive the writer, the reader and
the description in docs/bank-files.md (`describe`). A spreadsheet executes a text that begins with = + - or @, so such a
text is refused; a bank file is never changed to make it safe.
"""

import io
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from django.utils.translation import gettext_noop

from kt_remedy.core import text as outside
from kt_remedy.core.csv import FORMULA_STARTS
from refunds.bankfiles import returns
from refunds.bankfiles.records import (
    ACCOUNT_NUMBER,
    NAME_LENGTH,
    NAME_LETTERS,
    NAME_START,
    PAID,
    REFUSED,
    RETURNED,
    UNKNOWN,
    UNLISTED,
    Answer,
    AnswerHead,
    FileFault,
    FileHeader,
    Payment,
    PaymentRefused,
    check_totals,
    statement_text,
    whole_number,
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
# On every row: the bank refused the whole file.
WHOLE_FILE = "99"
# The result codes: outcome and reason. Blank is no answer; those of returns stand in reason_codes.csv.
RESULTS = {
    "": (UNKNOWN, ""),
    "00": (PAID, ""),
    **{row.code: (RETURNED, row.reason) for row in returns.CODES[returns.SHEET].values()},
    "98": (UNKNOWN, ""),
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
    said = {**{code: " ".join(filter(None, answer)) for code, answer in RESULTS.items() if code}, WHOLE_FILE: REFUSED}
    return ", ".join(f"`{code}` {said[code].lower()}" for code in sorted(said))


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
        statement = _padded(columns["statement"], statement_text(), "")
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
        for line, kind, cells in _records(io.BytesIO(content)):
            if kind == b"D":
                yield (
                    line,
                    Payment(
                        _text(line, cells[reference]),
                        _text(line, cells[bank]),
                        _text(line, cells[account]),
                        _text(line, cells[holder]),
                        _amount(line, cells[amount]),
                    ),
                )

    def read_answer(self, source: BinaryIO, head: AnswerHead) -> Iterator[Answer]:
        """The payments of a sheet with its result columns filled in; fills `head`. Raises FileFault."""
        won = refused = 0
        totals = None
        d_amount, d_reference, d_result, d_words = (
            _place(DETAIL, name) for name in ("amount", "reference", "result", "words")
        )
        for line, kind, cells in _records(source):
            if kind == b"D":
                amount = _amount(line, cells[d_amount])
                head.rows += 1
                won += amount
                answer = answer_of(line, cells[d_reference], cells[d_result], cells[d_words], amount)
                if answer.code == WHOLE_FILE:
                    refused += 1
                    head.code, head.words = WHOLE_FILE, head.words or answer.words
                yield answer
            elif kind == b"H":
                head.message_id = _text(line, cells[_place(HEAD, "message_id")])
                head.count = _amount(line, cells[_place(HEAD, "count")])
                head.won = _amount(line, cells[_place(HEAD, "won")])
            else:
                totals = line, _amount(line, cells[_place(FOOT, "count")]), _amount(line, cells[_place(FOOT, "won")])
        check_foot(totals, head.rows, won)
        if not head.message_id:
            raise FileFault(1, gettext_noop("첫 줄에 파일번호가 없습니다."))
        if refused:
            if refused != head.rows:
                raise FileFault(0, gettext_noop("어떤 줄은 파일 전체가 거절되었다고 하고 다른 줄은 그렇지 않습니다."))
            head.verdict = REFUSED


def answer_of(line: int, reference: bytes, result: bytes, words: bytes, amount: int) -> Answer:
    """The answer in one line. A result that is in no list leaves the payment unanswered, with a note."""
    outcome, reason, code = _result(result)
    return Answer(line, _text(line, reference), outcome, reason, code, _loose(words), amount)


@lru_cache(maxsize=1024)  # half a million lines say the same few results
def _result(cell: bytes) -> tuple[str, str, str]:
    """Outcome, reason and code of a result cell."""
    code = _loose(cell)
    return *RESULTS.get(code, (UNKNOWN, UNLISTED)), code


def check_foot(totals: tuple[int, int, int] | None, rows: int, won: int) -> None:
    """Raise FileFault if the last line is missing or says another number or sum: (line, number, won)."""
    if totals is None:
        raise FileFault(0, gettext_noop("마지막 줄이 없습니다. 파일이 잘린 것 같습니다. 은행에서 다시 받아 주세요."))
    line, said, said_won = totals
    if (said, said_won) != (rows, won):
        raise FileFault(
            line,
            gettext_noop("마지막 줄은 %(said)s건 %(said_won)s원이라는데 줄을 세면 %(rows)s건 %(won)s원입니다."),
            said=said,
            said_won=said_won,
            rows=rows,
            won=won,
        )


def _place(columns: tuple[Column, ...], name: str) -> int:
    """Index of a column's cell in a split line."""
    return 2 * next(n for n, column in enumerate(columns) if column.name == name)


def _records(
    source: BinaryIO, cuts: dict[bytes, tuple[tuple[Column, ...], struct.Struct]] = _CUTS
) -> Iterator[tuple[int, bytes, tuple[bytes, ...]]]:
    """The lines with their kind and cells (and the tabs between them), one at a time. Raises FileFault.

    Editors change a sheet: they save it as UTF-8, pad it with NUL or cut trailing blanks. Such a line is taken as it
    was meant. A line that does not fit then is a fault.
    """
    first = next(iter(cuts))
    longest = max(cut.size for _columns, cut in cuts.values())
    number = 0
    while raw := source.readline(3 * longest):
        number += 1
        data = raw.rstrip(b"\r\n\x1a")
        if b"\0" in data:
            data = data.replace(b"\0", b" ")
        kind = data[:1]
        if kind not in cuts:
            if not data.strip():
                continue
            raise FileFault(
                number,
                gettext_noop("줄은 %(kinds)s 가운데 하나로 시작해야 합니다."),
                kinds=", ".join(known.decode() for known in cuts),
            )
        columns, cut = cuts[kind]
        cells = _cut(data, columns, cut) or _cut(_from_utf8(data), columns, cut)
        if cells is None:
            raise FileFault(
                number,
                gettext_noop("이 줄은 %(bytes)s바이트인데 %(right)s바이트여야 하고 칸 사이에는 탭이 있어야 합니다."),
                bytes=len(data),
                right=cut.size,
            )
        if (number == 1) != (kind == first):
            raise FileFault(number, gettext_noop("%(kind)s 줄은 맨 앞에 한 번만 있습니다."), kind=first.decode())
        yield number, kind, cells


@lru_cache(maxsize=16)
def _blank(columns: tuple[Column, ...]) -> bytes:
    return b"\t".join(b" " * column.width for column in columns)


def _cut(data: bytes, columns: tuple[Column, ...], cut: struct.Struct) -> tuple[bytes, ...] | None:
    """The cells of a line, without its blanks at the end if need be; None if it does not fit."""
    if len(data) != cut.size:
        if len(data) > cut.size:
            return None
        data += _blank(columns)[len(data) :]
    cells = cut.unpack(data)
    return cells if cells[1::2].count(b"\t") == len(columns) - 1 else None


def _from_utf8(data: bytes) -> bytes:
    """A line of a UTF-8 copy as it stood in the sheet; the bytes themselves if they are no UTF-8."""
    try:
        return data.decode("utf-8").encode(ENCODING, errors="replace")
    except UnicodeDecodeError:
        return data


def _text(line: int, cell: bytes) -> str:
    try:
        return cell.rstrip(b" ").decode(ENCODING)
    except UnicodeDecodeError:
        raise FileFault(line, gettext_noop("한글이 깨진 칸이 있습니다(CP949가 아님).")) from None


def _loose(cell: bytes) -> str:
    """Words of the bank: what cannot be read, as half a letter at the end of the cell, is left out."""
    cell = cell.strip(b" ")
    return outside.clean(cell.decode(ENCODING, errors="ignore")) if cell else ""


def _amount(line: int, digits: bytes) -> int:
    return whole_number(digits.decode("ascii", errors="replace"), line)
