"""Statements of the bank: staged by one person, read by a worker, confirmed by another person, applied by a worker.

Until it is confirmed a statement moves nothing. It is applied whole or not at all: if the lines are matched otherwise
than in the preview that the person saw, nothing is applied and the new preview waits.
"""

import csv
import io
import tempfile
from typing import Any, BinaryIO

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, text
from kt_remedy.core.tasks.rows import as_new
from kt_remedy.staff.models import User
from refunds import bankfiles
from refunds.bankfiles.statement import Reading, StatementFault, StatementHead, fault_text
from refunds.models.statements import BankStatement, StatementLine
from refunds.payouts import matching, statement_chain
from refunds.payouts.files import StoredBytes, digest_of, keep_bytes
from refunds.payouts.guards import Refused, is_maker, person_of, raise_timeouts, require_permission, require_reason

log = structlog.get_logger(__name__)

PROGRESS_EVERY = 20_000
_START_BYTES = 64
_COLUMNS = (
    "statement_id", "number", "line", "direction", "won", "booked_on", "reference", "bank_reference", "code", "words",
    "match", "after_paid",
)  # fmt: skip


def stage(*, upload: BinaryIO, name: str, user: User) -> BankStatement:
    """Keep an uploaded statement; a worker reads it within seconds. Nothing else changes.

    Raises Refused: ROLE, PERSON, LAYOUT, SAME_FILE (these bytes wait or were confirmed).
    """
    require_permission(user, "payouts.stage_statement")
    person = person_of(user)
    sha256, size = digest_of(upload)
    upload.seek(0)
    try:
        layout = bankfiles.recognise_statement(upload.read(_START_BYTES))
    except StatementFault as fault:
        raise Refused(fault.code, fault_text(fault.code, fault.values)) from None
    try:
        with transaction.atomic():
            row = BankStatement.objects.create(
                sha256=sha256,
                name=text.clean(name)[:120],
                layout=layout.code,
                size=size,
                staged_by=user,
                staged_person=person,
                staged_at=clock.now(),
            )
            keep_bytes(sha256, upload)
            _record(user, "statement.staged", row, sha256=sha256)
    except IntegrityError:
        if not BankStatement.objects.filter(sha256=sha256).exclude(status=BankStatement.Status.DISCARDED).exists():
            raise
        raise Refused("SAME_FILE", _("이미 올린 거래내역입니다. 아무것도 바뀌지 않았습니다.")) from None
    return row


def confirm(*, statement_id: int, user: User, typed_closing: int) -> BankStatement:
    """Confirm a statement that another person staged, by its closing balance, typed (won); a worker applies it.

    Raises Refused: ROLE, PERSON, STATE, SAME_PERSON, TOTAL, NUMBER (another statement has this number).
    """
    require_permission(user, "payouts.confirm_statement")
    person = person_of(user)
    with transaction.atomic():
        row = BankStatement.objects.select_for_update().get(pk=statement_id)
        if row.status != BankStatement.Status.STAGED or not row.read_at or row.fault_code or row.confirmed_at:
            raise Refused("STATE", _("확인을 기다리는 거래내역이 아닙니다."))
        if is_maker(user, row.staged_by_id, row.staged_person):
            raise Refused("SAME_PERSON", _("올린 사람은 확인할 수 없습니다. 다른 사람이 확인해야 합니다."))
        if typed_closing != row.closing:
            raise Refused("TOTAL", _("적으신 끝 잔액이 거래내역의 끝 잔액과 다릅니다."))
        if _number_taken(row):
            raise Refused("NUMBER", _REFUSALS["NUMBER"]())
        row.confirmed_by, row.confirmed_person, row.confirmed_at = user, person, clock.now()
        row.refusal_code = ""
        row.save()
        BankStatement.objects.filter(pk=row.pk).update(**as_new())
        _record(user, "statement.confirmed", row, number=row.number, closing=row.closing)
    return row


def discard(*, statement_id: int, user: User, reason: str) -> BankStatement:
    """Discard a statement that nobody confirmed. Raises Refused: ROLE, REASON, STATE."""
    require_permission(user, "payouts.discard_statement")
    reason = require_reason(reason)
    with transaction.atomic():
        row = BankStatement.objects.select_for_update().get(pk=statement_id)
        if row.status != BankStatement.Status.STAGED or row.confirmed_at:
            raise Refused("STATE", _("이미 확인했거나 버린 거래내역입니다."))
        row.status = BankStatement.Status.DISCARDED
        row.discarded_by, row.discarded_at, row.discarded_because = user, clock.now(), reason
        row.save()
        _record(user, "statement.discarded", row, reason=reason)
    return row


_REFUSALS: dict[str, Any] = {
    "CHANGED": lambda: _("확인하신 뒤에 은행 답이 바뀌어 적용하지 않았습니다. 아래를 다시 보고 확인해 주세요."),
    "NUMBER": lambda: _("이 번호의 거래내역이 이미 있습니다. 은행에 물어보고 하나를 버려 주세요."),
}


def refusal(row: BankStatement) -> str:
    """Why a confirmed statement was not applied, in the reader's language; "" if nothing refused it."""
    return _REFUSALS[row.refusal_code]() if row.refusal_code else ""


def fault(row: BankStatement) -> str:
    """The fault of a statement that cannot be read, in the reader's language; "" if there is none."""
    return fault_text(row.fault_code, row.fault_values) if row.fault_code else ""


def gaps_with(row: BankStatement) -> list[statement_chain.Gap]:
    """The gaps of the chain beside this statement."""
    return [gap for gap in statement_chain.gaps() if row.pk in (gap.before.pk, gap.after.pk)]


# The worker ---------------------------------------------------------------------------------------------------------


def open_statements() -> QuerySet[BankStatement]:
    """Statements that a worker has to read or to apply."""
    return BankStatement.objects.filter(Q(read_at=None) | Q(confirmed_at__isnull=False), status="STAGED")


def carry_out(row: BankStatement) -> None:
    """Read a staged statement, or apply a confirmed one. Safe to run twice and to be killed at any line."""
    if row.read_at is None:
        _read(row)
    elif row.confirmed_at:
        _apply(row)


def _read(row: BankStatement) -> None:
    try:
        with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as spool:
            head = _spool(row, spool)
            spool.seek(0)
            _store_lines(row, head, spool)
    except StatementFault as found:
        with transaction.atomic():
            BankStatement.objects.filter(pk=row.pk, read_at=None).update(
                read_at=clock.now(), fault_line=found.line, fault_code=found.code, fault_values=found.values
            )
            audit.record(actor="system", action="statement.faulty", object=f"statement:{row.pk}", detail=found.values)


def _spool(row: BankStatement, spool: Any) -> StatementHead:
    """Write the lines as CSV into a temporary file; report the progress. Raises StatementFault."""
    reading: Reading = bankfiles.STATEMENTS[row.layout].read(io.BufferedReader(StoredBytes(row.sha256)))
    head = reading.head
    if head.account != text.without_separators(settings.PAYER_ACCOUNT):
        raise StatementFault(0, "ACCOUNT")
    if head.day > clock.today():
        raise StatementFault(0, "FUTURE")
    writer, stored = csv.writer(spool), StatementLine._meta.get_field("words").get_prep_value
    for number, entry in enumerate(reading.entries, 1):
        writer.writerow((row.pk, number, *entry._replace(words=stored(entry.words)), "", "f"))
        if number % PROGRESS_EVERY == 0:
            BankStatement.objects.filter(pk=row.pk).update(lines_read=number)
    return head


def _store_lines(row: BankStatement, head: StatementHead, spool: Any) -> None:
    with transaction.atomic():
        raise_timeouts()
        locked = BankStatement.objects.select_for_update().get(pk=row.pk)
        if locked.status != BankStatement.Status.STAGED or locked.read_at:
            return
        with connection.cursor() as cursor:
            cursor.copy_expert(
                f"COPY refunds_statement_line ({', '.join(_COLUMNS)}) FROM STDIN"
                " (FORMAT csv, FORCE_NOT_NULL (reference, bank_reference, code, words, match))",
                spool,
            )
            locked.lines_read = cursor.rowcount
        locked.number, locked.day = head.number, head.day
        locked.opening, locked.closing = head.opening, head.closing
        locked.read_at = clock.now()
        matching.match(locked)
        locked.preview = matching.preview()
        locked.save()


def _apply(row: BankStatement) -> None:
    with transaction.atomic():
        raise_timeouts()
        locked = BankStatement.objects.select_for_update().get(pk=row.pk)
        if locked.status != BankStatement.Status.STAGED or not locked.confirmed_at:
            return
        matching.lock(locked)
        matching.match(locked)
        seen = matching.preview()
        code = "NUMBER" if _number_taken(locked) else "CHANGED" if seen != locked.preview else ""
        user = locked.confirmed_by
        assert user is not None
        if code:
            locked.preview, locked.refusal_code = seen, code
            locked.confirmed_by = locked.confirmed_person = locked.confirmed_at = None
            locked.save()
            _record(user, "statement.not_applied", locked, why=code)
            return
        locked.status, locked.applied_at = BankStatement.Status.CONFIRMED, clock.now()
        locked.save()
        matching.apply(locked, user)
        found = [gap.kind for gap in gaps_with(locked)]
        _record(user, "statement.applied", locked, number=locked.number, sums=seen, gaps=found)
    if found:
        log.warning("statements do not follow each other", number=locked.number, gaps=found)
    if seen["after_paid"][0]:
        log.warning("payments came back after they were paid", number=locked.number, payments=seen["after_paid"][0])


def _number_taken(row: BankStatement) -> bool:
    return BankStatement.objects.filter(number=row.number, status=BankStatement.Status.CONFIRMED).exists()


def _record(user: User, action: str, row: BankStatement, *, reason: str = "", **detail: Any) -> None:
    audit.record(actor=audit.actor(user), action=action, object=f"statement:{row.pk}", reason=reason, detail=detail)
