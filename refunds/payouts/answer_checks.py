"""Check of a staged answer against our items: its faults, and the figures of the preview.

The lines are joined once with the items they name into the temporary table `answer`; every check reads that table. The
worker that reads an answer and the one that applies it do the same check, so a confirmation never covers other figures
than those shown.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils.translation import gettext, gettext_noop

from kt_remedy.core import clock
from refunds.bankfiles.inquiry import INQUIRY
from refunds.bankfiles.records import ACCEPTED, EXECUTED, REFUSED, AnswerHead, FileFault
from refunds.bankfiles.returns import ASKS_CUSTOMER, WAITS_FOR_PERSON
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile
from refunds.models.items import Item

# Faults, and codes of a file refused whole, that are kept with an answer, of any number.
SHOWN, MOST_CODES = 200, 50
# So many lines may name payments that we never sent; they go to suspense. An answer with more is none to our file.
MOST_STRANGERS = 100

# The faults of a line, as SQL over `answer`: the line beside the item that it names.
_FAULTS = (
    ("DOUBLED", "reference IN (SELECT reference FROM answer GROUP BY reference HAVING count(*) > 1)"),
    ("UNKNOWN_ITEM", "item_id IS NULL AND (SELECT count(*) FROM answer WHERE item_id IS NULL) > %(strangers)s"),
    ("FOREIGN_ITEM", "item_id IS NOT NULL AND file_id IS DISTINCT FROM %(file)s"),
    ("AMOUNT", "item_id IS NOT NULL AND won IS NOT NULL AND won <> amount_krw"),
    ("NOT_OUT", "status NOT IN ('FILED', 'UNKNOWN', 'PAID', 'RETURNED')"),
    ("PAID_AFTER_RETURN", "status = 'RETURNED' AND outcome = 'PAID'"),
)
_WORDS = {
    "DOUBLED": gettext_noop("같은 관리번호가 두 번 나옵니다."),
    "UNKNOWN_ITEM": gettext_noop("우리가 보낸 적 없는 관리번호입니다."),
    "FOREIGN_ITEM": gettext_noop("다른 파일에 든 관리번호입니다."),
    "AMOUNT": gettext_noop("금액이 우리가 보낸 금액과 다릅니다."),
    "NOT_OUT": gettext_noop("아직 은행에 보내지 않은 건입니다."),
    "PAID_AFTER_RETURN": gettext_noop("이미 되돌아온 건을 입금되었다고 합니다. 은행에 물어보세요."),
    "SUM": gettext_noop("파일이 말하는 건수나 합계가 우리가 보낸 파일과 다릅니다."),
    "EMPTY": gettext_noop("결과가 한 줄도 없습니다."),
    "UNKNOWN_FILE": gettext_noop("우리가 보낸 파일에 대한 답이 아닙니다."),
    "STATE": gettext_noop("은행에 전달하지 않은 파일에 대한 답입니다."),
    "REFUSED_AGAIN": gettext_noop("이미 은행이 거절한 것으로 남은 파일입니다. 새로 정할 것이 없습니다."),
    "ANSWERED": gettext_noop("이미 답이 온 건이 있는 파일을 은행이 통째로 거절할 수는 없습니다. 은행에 물어보세요."),
}


@dataclass(frozen=True, slots=True)
class AnswerFault:
    """Why an answer cannot be taken in. Line 0 means the whole file; `place` is a path inside an XML message."""

    line: int
    code: str
    source: str
    values: dict[str, Any] = field(default_factory=dict)
    place: str = ""
    reference: str = ""

    @property
    def text(self) -> str:
        """The fault as a sentence in the reader's language."""
        return gettext(self.source) % self.values if self.values else gettext(self.source)


class AnswerRefused(Exception):
    """An answer that cannot be taken in. Carries the first faults by line, and their total."""

    def __init__(self, faults: list[AnswerFault], total: int) -> None:
        super().__init__(f"{total} faults")
        self.faults, self.total = faults, total


def fault(code: str) -> AnswerRefused:
    """The refusal of a whole answer for one reason."""
    return AnswerRefused([AnswerFault(0, code, _WORDS[code])], 1)


def file_fault(error: FileFault) -> AnswerRefused:
    """The refusal of an answer that cannot be read."""
    return AnswerRefused([AnswerFault(error.line, "FORMAT", error.source, error.values, error.place)], 1)


@dataclass(frozen=True, slots=True)
class Findings:
    """What an answer says of our file, and what it would change now."""

    kind: str
    figures: dict[str, Any]
    preview: dict[str, Any]


def file_of(head: AnswerHead, layout: str) -> BankFile:
    """The file that an answer names. Raises AnswerRefused: UNKNOWN_FILE, STATE, SUM."""
    file = BankFile.objects.filter(message_id=head.message_id).first()
    # An inquiry list is answered in its own layout, whatever layout carried the payments.
    if file is None or layout not in (file.layout, INQUIRY.code):
        raise fault("UNKNOWN_FILE")
    if file.status not in (*BankFile.AT_BANK, BankFile.Status.REFUSED):
        raise fault("STATE")
    # The head of an inquiry list counts what was asked about, so it says nothing of the file.
    if head.count not in (None, file.count) or head.won not in (None, file.won):
        raise fault("SUM")
    return file


def kind_of(head: AnswerHead, file: BankFile) -> str:
    """What the answer says of the file.

    A refused group is a refusal of the file, unless every payment names a reason on the customer's side (D-65). Raises
    AnswerRefused EMPTY.
    """
    if head.verdict == REFUSED and not head.customer_rows == head.rows == file.count:
        return BankAnswer.Kind.REFUSED
    if head.verdict == EXECUTED:
        return BankAnswer.Kind.EXECUTED
    if head.rows:
        return BankAnswer.Kind.PAYMENTS
    if head.verdict == ACCEPTED:
        return BankAnswer.Kind.ACCEPTED
    raise fault("EMPTY")


def is_early(staged_at: dt.datetime, file: BankFile) -> bool:
    """True for an answer that was in hand before the day of the transfer: nothing can have been paid yet (D-64)."""
    return clock.kst_date(staged_at) < file.execution_on


def examine(answer: BankAnswer, kind: str, file: BankFile, *, early: bool) -> Findings:
    """Fill the temporary table `answer`, check it, and count what it would change.

    Call it in a transaction. Raises AnswerRefused.
    """
    if file.status == BankFile.Status.REFUSED:
        if kind == BankAnswer.Kind.REFUSED:
            raise fault("REFUSED_AGAIN")
        _stage(answer, kind, file, early)
        return Findings(BankAnswer.Kind.SUSPENSE, {}, _said(kind, file))
    _stage(answer, kind, file, early)
    if kind == BankAnswer.Kind.ACCEPTED:
        return Findings(kind, {}, {})
    if kind == BankAnswer.Kind.REFUSED:
        if Item.objects.filter(file=file).exclude(status=Item.Status.FILED).exists():
            raise fault("ANSWERED")
        return Findings(kind, {}, {"reasons": _codes()})
    _check(file)
    figures, preview = _figures(file)
    return Findings(kind, figures, {**preview, "reasons": reasons()})


def _stage(answer: BankAnswer, kind: str, file: BankFile, early: bool) -> None:
    """Each line with the item it names; `moves` says whether it changes the item. ANALYZE keeps later plans right.

    A repeated answer changes nothing; "not answered yet" never withdraws an answer; before the day of the transfer
    only a return moves. An answer that says all was executed speaks for the payments without a line too.
    """
    columns = "i.id AS item_id, i.file_id, i.status, i.code AS item_code, i.amount_krw, i.application_id, i.kind"
    moves = (
        "i.status <> l.outcome AND (l.outcome <> 'UNKNOWN' OR i.status = 'FILED')"
        " AND (l.outcome = 'RETURNED' OR NOT %(early)s)"
    )
    silent = (
        f"""
        UNION ALL SELECT 0, i.reference, 'PAID', '', '', '', NULL, {columns}, i.status <> 'PAID' AND NOT %(early)s
        FROM refunds_item i WHERE i.file_id = %(file)s AND NOT EXISTS (
            SELECT FROM refunds_answer_line l WHERE l.answer_id = %(answer)s AND l.reference = i.reference)
        """  # noqa: S608  (columns are ours, values are parameters)
        if kind == BankAnswer.Kind.EXECUTED
        else ""
    )
    with connection.cursor() as cursor:
        # The statistics know nothing of lines that were just copied: a nested loop would take hours.
        cursor.execute("SET LOCAL enable_nestloop = off; DROP TABLE IF EXISTS pg_temp.answer")
        cursor.execute(
            f"""
            CREATE TEMP TABLE answer ON COMMIT DROP AS
            SELECT l.line, l.reference, l.outcome, l.reason, l.code, l.words, l.won, {columns}, {moves} AS moves
            FROM refunds_answer_line l LEFT JOIN refunds_item i ON i.reference = l.reference AND i.status <> 'VOID'
            WHERE l.answer_id = %(answer)s
            {silent}
            """,  # noqa: S608  (columns are ours, values are parameters)
            {"answer": answer.pk, "file": file.pk, "early": early},
        )
        cursor.execute("ANALYZE pg_temp.answer; SET LOCAL enable_nestloop TO DEFAULT")


def _check(file: BankFile) -> None:
    """Raise AnswerRefused naming every faulty line, the first fault of each."""
    case = " ".join(f"WHEN {condition} THEN '{code}'" for code, condition in _FAULTS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT line, fault, reference, count(*) OVER () FROM ("  # noqa: S608
            f" SELECT line, reference, CASE {case} END AS fault FROM answer) s"
            " WHERE fault IS NOT NULL ORDER BY line, reference LIMIT %(shown)s",
            {"file": file.pk, "shown": SHOWN, "strangers": MOST_STRANGERS},
        )
        found = cursor.fetchall()
    if found:
        raise AnswerRefused(
            [AnswerFault(line, code, _WORDS[code], reference=reference) for line, code, reference, _all in found],
            found[0][3],
        )


def _figures(file: BankFile) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sums of the answers, and of those that are odd: [count, won] by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE outcome = 'PAID'), sum(amount_krw) FILTER (WHERE outcome = 'PAID'),
                   count(*) FILTER (WHERE outcome = 'RETURNED'), sum(amount_krw) FILTER (WHERE outcome = 'RETURNED'),
                   count(*) FILTER (WHERE outcome = 'UNKNOWN'), sum(amount_krw) FILTER (WHERE outcome = 'UNKNOWN'),
                   count(*) FILTER (WHERE outcome = status AND (outcome <> 'RETURNED' OR reason = item_code)),
                   count(*) FILTER (WHERE reason = 'UNLISTED'), sum(amount_krw) FILTER (WHERE reason = 'UNLISTED'),
                   count(*) FILTER (WHERE outcome = 'RETURNED' AND status = 'PAID'),
                   sum(amount_krw) FILTER (WHERE outcome = 'RETURNED' AND status = 'PAID'),
                   count(*) FILTER (WHERE status = 'PAID' AND outcome = 'UNKNOWN'
                                    OR status = 'RETURNED' AND (outcome = 'UNKNOWN' OR reason <> item_code)),
                   count(*) FILTER (WHERE status = 'FILED'), sum(amount_krw) FILTER (WHERE status = 'FILED')
            FROM answer WHERE item_id IS NOT NULL
            """
        )
        found = [int(value or 0) for value in cursor.fetchone()]
        cursor.execute(
            "SELECT count(*), COALESCE(sum(amount_krw), 0)::bigint FROM refunds_item"
            " WHERE file_id = %s AND status = 'FILED'",
            [file.pk],
        )
        filed, filed_won = cursor.fetchone()
        cursor.execute("SELECT count(*), COALESCE(sum(won), 0)::bigint FROM answer WHERE item_id IS NULL")
        strangers = cursor.fetchone()
    paid, paid_won, returned, returned_won, unknown, unknown_won, known, *odd = found
    unlisted, unlisted_won, after_paid, after_paid_won, contradicts, answered, answered_won = odd
    figures = {
        "paid": paid,
        "paid_won": paid_won,
        "returned": returned,
        "returned_won": returned_won,
        "unknown": unknown,
        "absent": filed - answered,
    }
    preview = {
        "unknown_won": unknown_won,
        "absent_won": filed_won - answered_won,
        "known": known,
        "unlisted": [unlisted, unlisted_won],
        "after_paid": [after_paid, after_paid_won],
        "contradicts": contradicts,
        "strangers": list(strangers),
    }
    return figures, preview


def reasons() -> list[list[Any]]:
    """[reason, code of the bank, count, won] of the returns, most frequent first."""
    return _by_reason("outcome = 'RETURNED' AND item_id IS NOT NULL")


def _codes() -> list[list[Any]]:
    """[reason, code of the bank, count, won] of the lines of a file that was refused whole."""
    return _by_reason("code <> ''")[:MOST_CODES]


def _by_reason(condition: str) -> list[list[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reason, code, count(*), COALESCE(sum(amount_krw), 0)::bigint FROM answer"  # noqa: S608
            f" WHERE {condition} GROUP BY reason, code ORDER BY 3 DESC, reason, code"
        )
        return [list(row) for row in cursor.fetchall()]


def people() -> dict[str, list[int]]:
    """[people, payments] by what they are told: paid, mend the account, paid again, or nothing.

    Call it after `examine`, for the preview alone: no decision relies on it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT told, count(*), sum(payments) FROM (
                SELECT CASE WHEN t.outcome = 'PAID' THEN 'paid' WHEN t.reason = ANY(%s) THEN 'mend'
                            WHEN t.reason = ANY(%s) THEN 'nothing' ELSE 'again' END AS told,
                       f.person_index, count(*) AS payments
                FROM answer t
                JOIN refunds_application a ON a.id = t.application_id
                JOIN refunds_filing f ON f.id = a.filing_id
                WHERE t.moves AND t.outcome <> 'UNKNOWN'
                GROUP BY 1, 2) s
            GROUP BY told
            """,
            [list(ASKS_CUSTOMER), list(WAITS_FOR_PERSON)],
        )
        return {told: [people, int(payments)] for told, people, payments in cursor.fetchall()}


def _said(kind: str, file: BankFile) -> dict[str, Any]:
    """[count, won] by outcome of an answer that moves nothing."""
    if kind == BankAnswer.Kind.EXECUTED:
        return {"said": {"PAID": [file.count, file.won]}}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT outcome, count(*), COALESCE(sum(COALESCE(won, amount_krw)), 0)::bigint FROM answer GROUP BY outcome"
        )
        return {"said": {outcome: [count, won] for outcome, count, won in cursor.fetchall()}}
