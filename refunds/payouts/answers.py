"""Taking in what the bank answers: a whole file or nothing of it, every fault by its line.

The answers are COPYed into a temporary table and joined with the items they name once; everything is asked of that
table, and only when nothing is wrong is one statement allowed to move the items. What a file does not mention is
unknown, never paid.
"""

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from refunds import bankfiles
from refunds.applications import recheck
from refunds.applications.sms import confirmed_number_or_blank
from refunds.bankfiles import records
from refunds.bankfiles.inquiry import INQUIRY
from refunds.bankfiles.records import Answers, FileFault
from refunds.bankfiles.returns import same_account
from refunds.calendar import next_round
from refunds.models.payouts import BankFile, Batch, Item, ResultFile
from refunds.payouts.service import Refused, _keep, _lock, _need

_SHOWN = 200

# Each kind of fault a row may have, in SQL over `answer`: what a line says, beside the item it names as it stands.
_FAULTS = (
    ("DOUBLED", "reference IN (SELECT reference FROM answer GROUP BY reference HAVING count(*) > 1)"),
    ("UNKNOWN_ITEM", "item_id IS NULL"),
    ("FOREIGN_ITEM", "file_id IS DISTINCT FROM %(file)s"),
    ("AMOUNT", "amount IS NOT NULL AND amount <> amount_krw"),
    ("NOT_OUT", "status NOT IN ('FILED', 'UNKNOWN', 'PAID', 'RETURNED')"),
    ("PAID_AFTER_RETURN", "status = 'RETURNED' AND outcome = 'PAID'"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one line of a result file; line 0 is the file as a whole."""

    line: int
    code: str
    reference: str = ""

    @property
    def text(self) -> str:
        """The fault in words."""
        return _WORDS[self.code]() if self.code in _WORDS else self.code


_WORDS: dict[str, Any] = {
    "DOUBLED": lambda: _("같은 관리번호가 두 번 나옵니다."),
    "UNKNOWN_ITEM": lambda: _("우리가 보낸 적 없는 관리번호입니다."),
    "FOREIGN_ITEM": lambda: _("다른 파일에 든 관리번호입니다."),
    "AMOUNT": lambda: _("금액이 우리가 보낸 금액과 다릅니다."),
    "NOT_OUT": lambda: _("아직 은행에 보내지 않은 건입니다."),
    "PAID_AFTER_RETURN": lambda: _("이미 되돌아온 건을 입금되었다고 합니다. 은행에 물어보세요."),
    "SUM": lambda: _("파일이 말하는 건수나 합계가 우리가 보낸 파일과 다릅니다."),
    "EMPTY": lambda: _("결과가 한 줄도 없습니다."),
}


class ResultRefused(Exception):
    """A result file was not taken in; nothing of it was. Carries the faults by line."""

    def __init__(self, faults: list[Fault], total: int) -> None:
        super().__init__(f"{total} faults")
        self.faults, self.total = faults, total


def load_result(*, content: bytes, name: str, user: User) -> ResultFile:
    """Take in an answer of the bank, wholly or not at all.

    Items move to PAID, RETURNED or UNKNOWN; items of the file that it leaves out become UNKNOWN and go on the inquiry
    list. A file refused whole moves the batch to REFUSED. Returned applications ask their customers for another
    account, unless theirs is not to blame (`returns`); those paid are told.
    Raises Refused (ROLE, SAME_FILE, UNKNOWN_FILE, STATE) or ResultRefused.
    """
    _need(user, "maker")
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        with transaction.atomic():
            return _load(content, sha256, name, user)
    except ResultRefused as error:
        _refusal(user, sha256, f"{error.total} faults: " + ", ".join(sorted({fault.code for fault in error.faults})))
        raise
    except Refused as error:
        _refusal(user, sha256, error.code)
        raise


def _refusal(user: User, sha256: str, why: str) -> None:
    # In a transaction of its own: the one that failed is gone, that somebody tried is not.
    audit.record(actor=f"staff:{user.pk}", action="result.refused", object=f"result:{sha256[:16]}", detail={"why": why})


def _load(content: bytes, sha256: str, name: str, user: User) -> ResultFile:
    if ResultFile.objects.filter(sha256=sha256).exists():
        raise Refused("SAME_FILE", _("이미 올린 파일입니다. 아무것도 바뀌지 않았습니다."))
    try:
        layout = bankfiles.recognise(content)
        answers = layout.read_result(content)
    except FileFault as fault:
        raise ResultRefused([Fault(fault.line, fault.text)], 1) from None
    given = BankFile.objects.filter(message_id=answers.message_id).first()
    # An inquiry list is answered in its own layout, whatever the payments left in.
    if given is None or layout.code not in (given.layout, INQUIRY.code):
        raise Refused("UNKNOWN_FILE", _("우리가 보낸 파일에 대한 결과가 아닙니다."))
    batch = _lock(given.batch_id)
    given = BankFile.objects.select_for_update().get(pk=given.pk)
    if given.status != BankFile.Status.HANDED_OVER:
        raise Refused("STATE", _("은행에 전달하지 않았거나 은행이 거절한 파일의 결과입니다."))
    if _differs(answers.count, given.count) or _differs(answers.won, given.won):
        raise ResultRefused([Fault(0, "SUM")], 1)
    # A concurrent load of the same bytes waits at the batch and finds this row.
    if ResultFile.objects.filter(sha256=sha256).exists():
        raise Refused("SAME_FILE", _("이미 올린 파일입니다. 아무것도 바뀌지 않았습니다."))
    now = clock.now()
    if answers.refused:
        sums: dict[str, Any] = {}
        _refuse_whole(batch, given, answers)
    else:
        if not answers.rows:
            raise ResultRefused([Fault(0, "EMPTY")], 1)
        _stage(answers)
        _check(given)
        sums = _sums(given)
    kept = ResultFile(
        sha256=sha256,
        name=name[:120],
        layout=layout.code,
        size=len(content),
        rows=len(answers.rows),
        loaded_by=user,
        loaded_at=now,
        **sums,
    )
    kept.save()
    kept.files.set([given])
    _keep(sha256, (content,))
    if not answers.refused:
        _apply(kept, given, now)
        _tell(kept, batch, user)
        _settle(batch)
    audit.record(
        actor=f"staff:{user.pk}",
        action="result.loaded",
        object=f"batch:{batch.pay_on}",
        detail={"part": given.part, "sha256": sha256, "refused": answers.refused, **_plain(sums)},
    )
    return kept


def _differs(said: int | None, ours: int) -> bool:
    return said is not None and said != ours


def _plain(sums: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in sums.items() if key != "notes"}


def _refuse_whole(batch: Batch, given: BankFile, answers: Answers) -> None:
    """The bank took none of it: the same items leave again in a new part (`service.file_again`)."""
    if Item.objects.filter(file=given).exclude(status=Item.Status.FILED).exists():
        raise Refused(
            "STATE", _("이미 답이 온 건이 있는 파일을 은행이 통째로 거절할 수는 없습니다. 은행에 물어보세요.")
        )
    given.status = BankFile.Status.REFUSED
    given.refused_because = f"{answers.code} {answers.words}".strip()[:140]
    given.save(update_fields=["status", "refused_because"])
    if batch.status == Batch.Status.HANDED_OVER:
        batch.status = Batch.Status.REFUSED
        batch.save(update_fields=["status"])


def _stage(answers: Answers) -> None:
    """The table `answer`: each line with the item it names. Analysed, or every later plan would be one for few rows."""
    text = io.StringIO()
    csv.writer(text).writerows(answers.rows)
    text.seek(0)
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS pg_temp.line, pg_temp.answer;"
            'CREATE TEMP TABLE line (line int, reference text COLLATE "C", outcome text, code text, words text,'
            " amount bigint) ON COMMIT DROP"
        )
        cursor.copy_expert("COPY line FROM STDIN (FORMAT csv, FORCE_NOT_NULL (reference, code, words))", text)
        cursor.execute(
            """
            ANALYZE pg_temp.line;
            CREATE TEMP TABLE answer ON COMMIT DROP AS
            SELECT t.line, t.reference, t.outcome, t.code, left(t.words, 140) AS words, t.amount, i.id AS item_id,
                   i.file_id, i.status, i.amount_krw, i.application_id
            FROM pg_temp.line t LEFT JOIN refunds_item i ON i.reference = t.reference AND i.status <> 'VOID';
            ANALYZE pg_temp.answer
            """
        )


def _check(given: BankFile) -> None:
    """Raise ResultRefused naming every faulty line, the first fault of each."""
    case = " ".join(f"WHEN {condition} THEN '{code}'" for code, condition in _FAULTS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT line, fault, reference, count(*) OVER () FROM ("  # noqa: S608
            f" SELECT line, reference, CASE {case} END AS fault FROM answer) s"
            " WHERE fault IS NOT NULL ORDER BY line, reference LIMIT %(shown)s",
            {"file": given.pk, "shown": _SHOWN},
        )
        found = cursor.fetchall()
    if found:
        raise ResultRefused([Fault(line, code, reference) for line, code, reference, _all in found], found[0][3])


def _sums(given: BankFile) -> dict[str, Any]:
    """What the file says, beside what we knew: sums of the answers, and what is worth a second look."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE outcome = 'PAID'),
                   COALESCE(sum(amount_krw) FILTER (WHERE outcome = 'PAID'), 0)::bigint,
                   count(*) FILTER (WHERE outcome = 'RETURNED'),
                   COALESCE(sum(amount_krw) FILTER (WHERE outcome = 'RETURNED'), 0)::bigint,
                   count(*) FILTER (WHERE outcome = 'UNKNOWN'),
                   (SELECT count(*) FROM refunds_item WHERE file_id = %s AND status = 'FILED')
                       - count(*) FILTER (WHERE status = 'FILED'),
                   count(*) FILTER (WHERE outcome = status),
                   count(*) FILTER (WHERE outcome = 'RETURNED' AND status = 'PAID')
            FROM answer
            """,
            [given.pk],
        )
        paid, paid_won, returned, returned_won, unknown, absent, known, taken_back = cursor.fetchone()
    notes = []
    if known:
        notes.append({"code": "KNOWN", "count": known})
    if taken_back:
        notes.append({"code": "RETURNED_AFTER_PAID", "count": taken_back})
    return {
        "paid": paid,
        "paid_won": paid_won,
        "returned": returned,
        "returned_won": returned_won,
        "unknown": unknown,
        "absent": absent,
        "notes": notes,
    }


def _apply(kept: ResultFile, given: BankFile, now: Any) -> None:
    with connection.cursor() as cursor:
        # An answer that repeats what we know changes nothing; "not answered yet" never takes an answer back.
        cursor.execute(
            """
            UPDATE refunds_item i SET status = t.outcome, status_at = %s, code = t.code, words = t.words, result_id = %s
            FROM answer t
            WHERE i.id = t.item_id AND i.status <> t.outcome AND (t.outcome <> 'UNKNOWN' OR i.status = 'FILED')
            """,
            [now, kept.pk],
        )
        if kept.absent:
            # Whatever was answered has moved, so what still stands as filed was left out.
            cursor.execute(
                "UPDATE refunds_item SET status = 'UNKNOWN', status_at = %s, code = 'ABSENT', result_id = %s"
                " WHERE file_id = %s AND status = 'FILED'",
                [now, kept.pk, given.pk],
            )


def _tell(kept: ResultFile, batch: Batch, user: User) -> None:
    """Returned: the application asks for an account, or goes to the same one again, and its customer is written to.
    Paid: the customers are told."""
    returned = (
        Item.objects.filter(result=kept, status=Item.Status.RETURNED)
        .select_related("application__filing")
        .order_by("id")
    )
    by_code: dict[str, list[int]] = {}
    coming = next_round(clock.now(), programme.current())
    for item in returned:
        filing = item.application.filing
        kind, context = "payout.returned", {}
        if same_account(item.code):
            kind, context = ("payout.again", {"pay_on": coming.pay_on}) if coming else ("payout.called", {})
        if item.kind == Item.Kind.REFUND:
            by_code.setdefault(item.code or records.OTHER, []).append(item.application_id)
        notices.queue(
            kind=kind,
            subject=f"item:{item.pk}",
            context=context,
            person=bytes(filing.person_index),
            to=confirmed_number_or_blank(filing),
            language=filing.language,
        )
    # A correction that came back leaves the refund paid and the application where it is.
    for code, ids in by_code.items():
        ask = not same_account(code)
        recheck.mark_returned(application_ids=ids, code=code, actor=f"staff:{user.pk}", ask=ask)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DROP TABLE IF EXISTS pg_temp.told;
            CREATE TEMP TABLE told ON COMMIT DROP AS
            SELECT DISTINCT ON (f.person_index) f.person_index, f.id::text AS recipient, f.language
            FROM answer t
            JOIN refunds_application a ON a.id = t.application_id
            JOIN refunds_filing f ON f.id = a.filing_id
            WHERE t.outcome = 'PAID' AND t.status <> 'PAID'
            ORDER BY f.person_index, f.received_at DESC;
            ANALYZE pg_temp.told
            """
        )
    notices.queue_all(
        kind="payout.paid",
        subject=f"batch:{batch.pk}",
        select="SELECT person_index, recipient, language FROM told",
    )


def _settle(batch: Batch) -> None:
    if batch.status == Batch.Status.HANDED_OVER and not batch.items.live().exists():
        batch.status, batch.settled_at = Batch.Status.SETTLED, clock.now()
        batch.save(update_fields=["status", "settled_at"])
