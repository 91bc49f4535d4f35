"""The inquiry list: payments without an answer, for the bank to look up, and the same list filled in.

An inquiry is no order: without account number and holder no bank can execute it, and its first character differs from
that of the transfer sheet. This layout is our own until a bank gives one. The tables below drive writer, reader and
docs/bank-files.md, as those of the sheet do.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from refunds.bankfiles.records import UNKNOWN, UNLISTED, Answer, AnswerHead
from refunds.bankfiles.sheet import (
    WHOLE_FILE,
    Column,
    _amount,
    _record,
    _records,
    _text,
    answer_of,
    check_foot,
    record_structs,
)

HEAD = (
    Column("kind", "구분", 1, "text", "I"),
    Column("name", "조회번호", 45, "text", "our number of this list"),
    Column("message_id", "파일번호", 35, "text", "the file the payments left in"),
    Column("asked_on", "조회일", 8, "text", "YYYYMMDD"),
    Column("count", "건수", 9, "number", "payments asked about"),
    Column("won", "합계", 15, "number", "won"),
)
DETAIL = (
    Column("kind", "구분", 1, "text", "Q"),
    Column("number", "일련번호", 9, "number", "from 1"),
    Column("reference", "관리번호", 35, "text", "as it left"),
    Column("bank", "입금은행", 3, "text", "standard bank code"),
    Column("last4", "계좌끝자리", 4, "text", "last four digits"),
    Column("amount", "이체금액", 13, "number", "won"),
    Column("execution_on", "이체일", 8, "text", "YYYYMMDD"),
    Column("result", "처리결과", 2, "text", "empty when it leaves; a code of RESULTS when it comes back"),
    Column("words", "불능사유", 60, "text", "the bank's words"),
)
FOOT = (
    Column("kind", "구분", 1, "text", "E"),
    Column("count", "건수", 9, "number", "rows Q"),
    Column("won", "합계", 15, "number", "won"),
)
RECORDS = {"I": HEAD, "Q": DETAIL, "E": FOOT}
_CUTS = record_structs(RECORDS)
FIRST = b"I\t"


class InquiryPayment(NamedTuple):
    """One payment without an answer; amount in whole won, `bank` the three-digit code."""

    reference: str
    bank: str
    last4: str
    amount: int


class InquiryLayout:
    """The layout `inquiry`, for any bank and whatever layout carried the payments."""

    code, suffix, media_type = "inquiry", "txt", "text/plain; charset=euc-kr"

    def write(
        self,
        payments: Iterable[InquiryPayment],
        *,
        name: str,
        message_id: str,
        asked_on: dt.date,
        execution_on: dt.date,
    ) -> bytes:
        """The whole list: few payments stay unanswered. Raises PaymentRefused, ValueError."""
        rows = list(payments)
        sums = {"count": len(rows), "won": sum(row.amount for row in rows)}
        head = {"kind": "I", "name": name, "message_id": message_id, "asked_on": f"{asked_on:%Y%m%d}", **sums}
        lines = [_record(HEAD, head)]
        lines += [
            _record(DETAIL, {"kind": "Q", "number": at, "execution_on": f"{execution_on:%Y%m%d}", **row._asdict()})
            for at, row in enumerate(rows, 1)
        ]
        return b"".join([*lines, _record(FOOT, {"kind": "E", **sums})])

    def read_answer(self, source: BinaryIO, head: AnswerHead) -> Iterator[Answer]:
        """The payments of the list with its result columns filled in; fills `head`. Raises FileFault.

        Payments it leaves out stay unanswered. No list is refused whole.
        """
        totals: tuple[int, int, int] | None = None
        won = 0
        for line, kind, parts in _records(source, _CUTS):
            cells = {column.name: cell for column, cell in zip(RECORDS[kind.decode()], parts[::2], strict=True)}
            if kind == b"I":
                head.message_id = _text(line, cells["message_id"])
            elif kind == b"E":
                totals = line, _amount(line, cells["count"]), _amount(line, cells["won"])
            else:
                head.rows += 1
                amount = _amount(line, cells["amount"])
                won += amount
                answer = answer_of(line, cells["reference"], cells["result"], cells["words"], amount)
                yield answer._replace(outcome=UNKNOWN, reason=UNLISTED) if answer.code == WHOLE_FILE else answer
        check_foot(totals, head.rows, won)


INQUIRY = InquiryLayout()
