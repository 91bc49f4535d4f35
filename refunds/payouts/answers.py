"""Answers of the bank: a file is loaded whole or not at all, with every fault named by its line.

The lines are copied into a temporary table and joined once with the items they name; every check reads that table.
Without a fault one statement moves the items. An item that a file leaves out is unknown, never paid.
"""

import csv
import datetime as dt
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
from refunds.bankfiles.returns import pays_same_account_again
from refunds.calendar import next_round
from refunds.models.bank_files import BankFile, ResultFile
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts.files import store_bytes
from refunds.payouts.guards import Refused, lock_batch, require_permission, void_figures

_SHOWN = 200

# The faults of a line, as SQL over `answer`: the line beside the item that it names.
_FAULTS = (
    ("DOUBLED", "reference IN (SELECT reference FROM answer GROUP BY reference HAVING count(*) > 1)"),
    ("UNKNOWN_ITEM", "item_id IS NULL"),
    ("FOREIGN_ITEM", "file_id IS DISTINCT FROM %(file)s"),
    ("AMOUNT", "amount IS NOT NULL AND amount <> amount_krw"),
    ("NOT_OUT", "status NOT IN ('FILED', 'UNKNOWN', 'PAID', 'RETURNED')"),
    ("PAID_AFTER_RETURN", "status = 'RETURNED' AND outcome = 'PAID'"),
)


@dataclass(frozen=True, slots=True)
class ResultFault:
    """A fault in one line of a result file; line 0 means the whole file."""

    line: int
    code: str
    reference: str = ""

    @property
    def text(self) -> str:
        """The fault as a sentence."""
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
    """A result file that was not loaded. Carries the first faults by line, and their total."""

    def __init__(self, faults: list[ResultFault], total: int) -> None:
        super().__init__(f"{total} faults")
        self.faults, self.total = faults, total


def load_result(*, content: bytes, name: str, user: User) -> ResultFile:
    """Load an answer of the bank, whole or not at all.

    Items move to PAID, RETURNED or UNKNOWN; items that the answer leaves out become UNKNOWN and go on the inquiry
    list. A file refused whole is made again as a new part. Customers of returned payments are asked for another
    account, unless the account is not the cause (`bankfiles.returns`); customers of paid ones get a message.
    Raises Refused (ROLE, SAME_FILE, UNKNOWN_FILE, STATE) or ResultRefused.
    """
    require_permission(user, "payouts.load_result")
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
    # In a transaction of its own: the failed one is rolled back, but the try is recorded.
    audit.record(actor=audit.actor(user), action="result.refused", object=f"result:{sha256[:16]}", detail={"why": why})


def _load(content: bytes, sha256: str, name: str, user: User) -> ResultFile:
    if ResultFile.objects.filter(sha256=sha256).exists():
        raise Refused("SAME_FILE", _("이미 올린 파일입니다. 아무것도 바뀌지 않았습니다."))
    try:
        layout = bankfiles.recognise(content)
        answers = layout.read_result(content)
    except FileFault as fault:
        raise ResultRefused([ResultFault(fault.line, fault.text)], 1) from None
    bank_file = BankFile.objects.filter(message_id=answers.message_id).first()
    # An inquiry list is answered in its own layout, whatever layout carried the payments.
    if bank_file is None or layout.code not in (bank_file.layout, INQUIRY.code):
        raise Refused("UNKNOWN_FILE", _("우리가 보낸 파일에 대한 결과가 아닙니다."))
    batch = lock_batch(bank_file.batch_id)
    bank_file = BankFile.objects.select_for_update().get(pk=bank_file.pk)
    if bank_file.status not in BankFile.AT_BANK:
        raise Refused("STATE", _("은행에 전달하지 않았거나 은행이 거절한 파일의 결과입니다."))
    if _differs(answers.count, bank_file.count) or _differs(answers.won, bank_file.won):
        raise ResultRefused([ResultFault(0, "SUM")], 1)
    # A concurrent load of the same bytes waits at the batch and finds this row.
    if ResultFile.objects.filter(sha256=sha256).exists():
        raise Refused("SAME_FILE", _("이미 올린 파일입니다. 아무것도 바뀌지 않았습니다."))
    now = clock.now()
    if answers.refused:
        sums: dict[str, Any] = {}
        _refuse_whole(bank_file, answers)
    else:
        if not answers.rows:
            raise ResultRefused([ResultFault(0, "EMPTY")], 1)
        _stage(answers)
        _check(bank_file)
        sums = _sums(bank_file)
    loaded = ResultFile(
        sha256=sha256,
        name=name[:120],
        layout=layout.code,
        size=len(content),
        rows=len(answers.rows),
        loaded_by=user,
        loaded_at=now,
        **sums,
    )
    loaded.save()
    loaded.files.set([bank_file])
    store_bytes(sha256, (content,))
    if not answers.refused:
        _apply(loaded, bank_file, now)
        _notify_customers(loaded, batch, user)
        _settle(batch)
    audit.record(
        actor=audit.actor(user),
        action="result.loaded",
        object=f"batch:{batch.pay_on}",
        detail={"part": bank_file.part, "sha256": sha256, "refused": answers.refused, **_plain(sums)},
    )
    void_figures(batch.pk)
    return loaded


def _differs(stated: int | None, expected: int) -> bool:
    return stated is not None and stated != expected


def _plain(sums: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in sums.items() if key != "notes"}


def _refuse_whole(bank_file: BankFile, answers: Answers) -> None:
    """The bank refused the whole file: the same items go out again in a new part (`files.replace_refused_file`)."""
    if Item.objects.filter(file=bank_file).exclude(status=Item.Status.FILED).exists():
        raise Refused(
            "STATE", _("이미 답이 온 건이 있는 파일을 은행이 통째로 거절할 수는 없습니다. 은행에 물어보세요.")
        )
    bank_file.status = BankFile.Status.REFUSED
    bank_file.refused_because = f"{answers.code} {answers.words}".strip()[:140]
    bank_file.save(update_fields=["status", "refused_because"])


def _stage(answers: Answers) -> None:
    """Fill the temporary table `answer`: each line with the item it names. ANALYZE keeps later plans right."""
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


def _check(bank_file: BankFile) -> None:
    """Raise ResultRefused naming every faulty line, the first fault of each."""
    case = " ".join(f"WHEN {condition} THEN '{code}'" for code, condition in _FAULTS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT line, fault, reference, count(*) OVER () FROM ("  # noqa: S608
            f" SELECT line, reference, CASE {case} END AS fault FROM answer) s"
            " WHERE fault IS NOT NULL ORDER BY line, reference LIMIT %(shown)s",
            {"file": bank_file.pk, "shown": _SHOWN},
        )
        faults = cursor.fetchall()
    if faults:
        raise ResultRefused(
            [ResultFault(line, code, reference) for line, code, reference, _all in faults], faults[0][3]
        )


def _sums(bank_file: BankFile) -> dict[str, Any]:
    """Sums of the answers, and notes about answers that repeat or reverse earlier ones."""
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
            [bank_file.pk],
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


def _apply(loaded: ResultFile, bank_file: BankFile, now: Any) -> None:
    with connection.cursor() as cursor:
        # A repeated answer changes nothing; "not answered yet" never withdraws an answer.
        cursor.execute(
            """
            UPDATE refunds_item i SET status = t.outcome, status_at = %s, code = t.code, words = t.words, result_id = %s
            FROM answer t
            WHERE i.id = t.item_id AND i.status <> t.outcome AND (t.outcome <> 'UNKNOWN' OR i.status = 'FILED')
            """,
            [now, loaded.pk],
        )
        if loaded.absent:
            # Every answered item has moved: the items that are still FILED were left out.
            cursor.execute(
                "UPDATE refunds_item SET status = 'UNKNOWN', status_at = %s, code = 'ABSENT', result_id = %s"
                " WHERE file_id = %s AND status = 'FILED'",
                [now, loaded.pk, bank_file.pk],
            )


def _notify_customers(loaded: ResultFile, batch: Batch, user: User) -> None:
    """Queue the messages to customers of returned and of paid items; ask for another account where it is needed."""
    returned = (
        Item.objects.filter(result=loaded, status=Item.Status.RETURNED)
        .select_related("application__filing")
        .order_by("id")
    )
    by_code: dict[str, list[int]] = {}
    payout_round = next_round(clock.now(), programme.current())
    for item in returned:
        filing = item.application.filing
        kind = "payout.returned"
        context: dict[str, dt.date] = {}
        if pays_same_account_again(item.code):
            kind, context = ("payout.again", {"pay_on": payout_round.pay_on}) if payout_round else ("payout.called", {})
        if item.kind == Item.Kind.REFUND:
            by_code.setdefault(item.code or records.OTHER, []).append(item.application_id)
        notices.queue(
            kind=kind,
            subject=f"item:{item.pk}",
            context=context,
            person=filing.person_index,
            to=confirmed_number_or_blank(filing),
            language=filing.language,
        )
    # A returned correction changes neither the paid refund nor the state of the application.
    for code, ids in by_code.items():
        ask = not pays_same_account_again(code)
        recheck.mark_returned(application_ids=ids, code=code, actor=audit.actor(user), ask=ask)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DROP TABLE IF EXISTS pg_temp.recipients;
            CREATE TEMP TABLE recipients ON COMMIT DROP AS
            SELECT DISTINCT ON (f.person_index) f.person_index, f.id::text AS recipient, f.language
            FROM answer t
            JOIN refunds_application a ON a.id = t.application_id
            JOIN refunds_filing f ON f.id = a.filing_id
            WHERE t.outcome = 'PAID' AND t.status <> 'PAID'
            ORDER BY f.person_index, f.received_at DESC;
            ANALYZE pg_temp.recipients
            """
        )
    notices.queue_all(
        kind="payout.paid",
        subject=f"batch:{batch.pk}",
        select="SELECT person_index, recipient, language FROM recipients",
    )


def _settle(batch: Batch) -> None:
    if batch.status == Batch.Status.FILED and not batch.items.live().exists():
        batch.status, batch.settled_at = Batch.Status.SETTLED, clock.now()
        batch.save(update_fields=["status", "settled_at"])
