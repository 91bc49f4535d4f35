"""The sheet's statement: lines S, L … L, Z in CP949, cells padded to their bytes, a tab between them.

The layout is ours until a bank's own is given. The tables below drive the reader and docs/bank-files.md.
"""

import datetime as dt
from collections.abc import Iterator
from typing import BinaryIO

from kt_remedy.core import text
from refunds.bankfiles import records
from refunds.bankfiles.sheet import ENCODING, RESULTS, Column, record_structs
from refunds.bankfiles.statement import (
    CREDIT,
    DEBIT,
    WON_DIGITS,
    Reading,
    StatementEntry,
    StatementFault,
    StatementHead,
    balanced,
    digits,
)

HEAD = (
    Column("kind", "구분", 1, "text", "S"),
    Column("number", "거래내역번호", 9, "number", "the bank's running number"),
    Column("day", "거래일", 8, "text", "YYYYMMDD"),
    Column("bank", "은행", 3, "text", "standard bank code"),
    Column("account", "계좌", 16, "text", "digits"),
    Column("opening", "시작잔액", 15, "number", "won"),
    Column("closing", "끝잔액", 15, "number", "won"),
)
DETAIL = (
    Column("kind", "구분", 1, "text", "L"),
    Column("number", "일련번호", 9, "number", "from 1"),
    Column("booked_on", "기장일", 8, "text", "YYYYMMDD"),
    Column("direction", "입출", 1, "text", "D: money left; C: money came"),
    Column("amount", "금액", 13, "number", "won"),
    Column(
        "reference",
        "관리번호",
        35,
        "text",
        "ours: of a payment, or 파일번호 of a whole file; empty where there is none",
    ),
    Column("bank_reference", "은행거래번호", 20, "text", "the bank's"),
    Column("code", "불능코드", 2, "text", "of a return: a code of RESULTS"),
    Column("words", "적요", 60, "text", "the bank's words"),
)
FOOT = (
    Column("kind", "구분", 1, "text", "Z"),
    Column("debits", "출금건수", 9, "number", "rows D"),
    Column("debit_won", "출금합계", 15, "number", "won"),
    Column("credits", "입금건수", 9, "number", "rows C"),
    Column("credit_won", "입금합계", 15, "number", "won"),
)
RECORDS = {"S": HEAD, "L": DETAIL, "Z": FOOT}
_CUTS = record_structs(RECORDS)
FIRST = b"S\t"
_LONGEST = 2 * max(cut.size for _columns, cut in _CUTS.values())
_DIRECTIONS = {"D": DEBIT, "C": CREDIT}


class SheetStatement:
    """The layout `sheet_statement`."""

    code = "sheet_statement"

    def read(self, stream: BinaryIO) -> Reading:
        """The statement of a stream."""
        lines = _lines(stream)
        line, kind, cells = next(lines, (0, "", {}))
        if kind != "S":
            raise StatementFault(line, "ORDER")
        head = StatementHead(
            number=_number(line, cells, "number"),
            day=_day(line, cells, "day"),
            account=cells["account"],
            opening=_number(line, cells, "opening"),
            closing=_number(line, cells, "closing"),
        )
        return Reading(head, balanced(head, _entries(lines)))

    def reason(self, code: str) -> str:
        """The reason that a result code of the sheet means."""
        return RESULTS.get(code, ("", ""))[1] or records.OTHER


def _entries(lines: Iterator[tuple[int, str, dict[str, str]]]) -> Iterator[StatementEntry]:
    sums = {DEBIT: [0, 0], CREDIT: [0, 0]}
    ended = False
    for line, kind, cells in lines:
        if kind == "S" or ended:
            raise StatementFault(line, "ORDER")
        if kind == "Z":
            stated = [_number(line, cells, name) for name in ("debits", "debit_won", "credits", "credit_won")]
            if stated != [*sums[DEBIT], *sums[CREDIT]]:
                raise StatementFault(line, "TOTALS")
            ended = True
            continue
        direction = _DIRECTIONS.get(cells["direction"])
        if direction is None:
            raise StatementFault(line, "DIRECTION", path="입출")
        won = _number(line, cells, "amount")
        if not won:
            raise StatementFault(line, "WON", path="금액")
        sums[direction][0] += 1
        sums[direction][1] += won
        yield StatementEntry(
            line,
            direction,
            won,
            _day(line, cells, "booked_on"),
            cells["reference"],
            cells["bank_reference"],
            cells["code"],
            text.clean(cells["words"]),
        )
    if not ended:
        raise StatementFault(0, "CUT")


def _lines(stream: BinaryIO) -> Iterator[tuple[int, str, dict[str, str]]]:
    """The lines with their number, kind and cells. A line that is too long is never read whole."""
    number = 0
    while raw := stream.readline(_LONGEST):
        number += 1
        data = raw.rstrip(b"\r\n\x1a")
        if number == 1:
            data = data.removeprefix(b"\xef\xbb\xbf")
        if not data and not stream.read(1):
            return
        columns, cut = _CUTS.get(data[:1], ((), None))
        if cut is None:
            raise StatementFault(number, "LAYOUT" if number == 1 else "LINE")
        data = data.ljust(cut.size)  # a program that trims blanks at the end of a line changes nothing
        if len(data) != cut.size:
            raise StatementFault(number, "LINE")
        cells = cut.unpack(data)
        if cells[1::2].count(b"\t") != len(columns) - 1:
            raise StatementFault(number, "LINE")
        yield (
            number,
            data[:1].decode(),
            {c.name: _cell(number, c, cell) for c, cell in zip(columns, cells[::2], strict=True)},
        )


def _cell(line: int, column: Column, cell: bytes) -> str:
    try:
        value = cell.decode(ENCODING).strip(" ")
    except UnicodeDecodeError:
        value = "\0"
    if not value.isprintable():
        raise StatementFault(line, "ENCODING", path=column.title)
    return value


_TITLES = {column.name: column.title for columns in RECORDS.values() for column in columns}


def _number(line: int, cells: dict[str, str], name: str) -> int:
    return digits(cells[name], WON_DIGITS, lambda code: StatementFault(line, code, path=_TITLES[name]))


def _day(line: int, cells: dict[str, str], name: str) -> dt.date:
    try:
        return dt.datetime.strptime(cells[name], "%Y%m%d").date()  # noqa: DTZ007  a day, no instant
    except ValueError:
        raise StatementFault(line, "DATE", path=_TITLES[name]) from None
