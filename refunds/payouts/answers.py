"""Answers of the bank: staged by one person, confirmed by another, applied whole or not at all (D-64).

`stage` keeps the bytes. A worker reads them (`read`), names every fault by its line, and counts what the answer would
change. Another person confirms those figures (`confirm`) or discards the answer. A worker applies a confirmed answer
(`apply`) in one transaction, if it still says what was confirmed. An item that an answer leaves out is unknown, never
paid.
"""

from typing import Any, BinaryIO

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import chain
from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.core.tasks.rows import as_new
from kt_remedy.staff.models import User
from refunds.bankfiles.records import AnswerHead, FileFault
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile, Inquiry
from refunds.models.batches import Batch
from refunds.payouts import answer_checks, answer_effects, money_back
from refunds.payouts.answer_checks import AnswerFault, AnswerRefused, Findings
from refunds.payouts.answer_reading import copy_lines
from refunds.payouts.files import digest_of, keep_bytes
from refunds.payouts.guards import (
    Refused,
    is_maker,
    lock_batch,
    person_of,
    raise_timeouts,
    require_permission,
    require_reason,
    void_figures,
)
from refunds.promise import service as promise

_CONFIRMATION = (
    "confirmed_by", "confirmed_person", "confirmed_at", "confirmed_head", "asked_whom", "bank_said",
)  # fmt: skip
log = structlog.get_logger(__name__)

# Returns that a person has to ask the bank about before they are confirmed (D-65): more than this share of the file in
# percent, or so many for one reason only.
ODD_SHARE, ODD_NUMBER = 5, 100
# Parts of the preview that say nothing about money.
_NOT_COMPARED = ("said_of_file", "refused_because", "people")
# Why the worker discards an answer by itself: its faults say what is wrong.
FAULTY = "FAULTS"


def stage(*, content: BinaryIO, name: str, user: User) -> BankAnswer:
    """Keep an answer of the bank; nothing moves. A worker reads it within seconds.

    Raises Refused: ROLE, PERSON, OWN_FILE (the bytes are a file of ours), SAME_FILE (they are staged or confirmed).
    """
    require_permission(user, "payouts.stage_answer")
    person = person_of(user)
    sha256, size = digest_of(content)
    if BankFile.objects.filter(sha256=sha256).exists() or Inquiry.objects.filter(sha256=sha256).exists():
        _record_refusal(user, sha256, "OWN_FILE")
        raise Refused("OWN_FILE", _("우리가 만든 파일 그대로입니다. 은행이 보낸 답을 올려 주세요."))
    try:
        with transaction.atomic():
            answer = BankAnswer.objects.create(
                sha256=sha256, name=name[:120], size=size, staged_by=user, staged_person=person, staged_at=clock.now()
            )
            # The second of two people with the same bytes waits here for the first, and is refused.
            keep_bytes(sha256, content)
            _record(answer, "answer.staged", actor=audit.actor(user), size=size)
    except IntegrityError:
        _record_refusal(user, sha256, "SAME_FILE")
        raise Refused("SAME_FILE", _("이미 올린 파일입니다. 아무것도 바뀌지 않았습니다.")) from None
    return answer


def unread() -> QuerySet[BankAnswer]:
    """Staged answers that no worker has read to their end."""
    return BankAnswer.objects.filter(status=BankAnswer.Status.STAGED, read_at=None)


def read(answer: BankAnswer) -> None:
    """Read a staged answer and keep what it would change; discard one that cannot be taken in, with its faults.

    Safe to run twice: a run that was killed left lines only, and the next one begins with none.
    """
    try:
        layout, head = copy_lines(answer)
        with transaction.atomic():
            raise_timeouts()
            file = answer_checks.file_of(head, layout)
            early = answer_checks.is_early(answer.staged_at, file)
            found = answer_checks.examine(answer, answer_checks.kind_of(head, file), file, early=early)
            _keep(answer, found, layout=layout, rows=head.rows, file=file, early=early, head=head)
    except FileFault as error:
        _discard_faulty(answer, answer_checks.file_fault(error))
    except AnswerRefused as error:
        _discard_faulty(answer, error)


def odd_returns(answer: BankAnswer) -> list[str]:
    """Codes of what must be asked of the bank before the answer is confirmed (D-65): SHARE, ONE_REASON."""
    if not answer.file:
        return []
    codes = {code or reason for reason, code, _count, _won in answer.preview.get("reasons", [])}
    return [
        code
        for code, found in (
            ("SHARE", answer.returned * 100 > answer.file.count * ODD_SHARE),
            ("ONE_REASON", answer.returned >= ODD_NUMBER and len(codes) == 1),
        )
        if found
    ]


def number_to_type(answer: BankAnswer) -> int:
    """The number a person types to confirm: the returned payments of odd returns, else the paid ones.

    An answer about the whole file asks for its number of payments.
    """
    assert answer.file is not None
    if answer.kind not in (BankAnswer.Kind.PAYMENTS, BankAnswer.Kind.EXECUTED):
        return answer.file.count
    return answer.returned if odd_returns(answer) else answer.paid


def confirm(*, answer_id: int, user: User, typed: int, asked_whom: str = "", bank_said: str = "") -> BankAnswer:
    """Confirm the figures of an answer that another person staged; a worker applies it within seconds.

    Odd returns need to say whom of the bank one asked and the answer. Raises Refused: ROLE, PERSON, STATE,
    SAME_PERSON, COUNT (the typed number is another one), ASK_BANK.
    """
    require_permission(user, "payouts.confirm_answer")
    person = person_of(user)
    with transaction.atomic():
        answer = _lock(answer_id)
        _require_open(answer)
        if is_maker(user, answer.staged_by_id, answer.staged_person):
            raise Refused("SAME_PERSON", _("올린 사람과 다른 사람이 확인해야 합니다."))
        asked_whom, bank_said = asked_whom.strip(), bank_said.strip()
        odd = odd_returns(answer)
        if odd and not (asked_whom and bank_said):
            raise Refused("ASK_BANK", _("은행의 누구에게 물었고 뭐라고 했는지 적어 주세요."))
        if typed != number_to_type(answer):
            raise Refused("COUNT", _("적으신 건수가 이 답과 다릅니다. 다시 보고 적어 주세요."))
        answer.confirmed_by, answer.confirmed_person, answer.confirmed_at = user, person, clock.now()
        answer.confirmed_head = str(chain.end() or "")
        answer.asked_whom, answer.bank_said = (asked_whom[:120], bank_said[:500]) if odd else ("", "")
        answer.save(update_fields=_CONFIRMATION)
        BankAnswer.objects.filter(pk=answer.pk).update(**as_new())
        _record(
            answer,
            "answer.confirmed",
            actor=audit.actor(user),
            reason=" / ".join(filter(None, (answer.asked_whom, answer.bank_said))),
            odd=odd,
            audit_head=audit.head(),
            **_sums(answer),
        )
    return answer


def discard(*, answer_id: int, user: User, reason: str) -> BankAnswer:
    """Discard a staged answer; nothing has moved. Raises Refused: ROLE, REASON, STATE."""
    require_permission(user, "payouts.discard_answer")
    reason = require_reason(reason)
    with transaction.atomic():
        answer = _lock(answer_id)
        if answer.status != BankAnswer.Status.STAGED or answer.confirmed_by_id:
            raise Refused("STATE", _("확인을 기다리는 답만 버릴 수 있습니다."))
        answer.status, answer.discarded_by = BankAnswer.Status.DISCARDED, user
        answer.discarded_at, answer.discarded_because = clock.now(), reason[:500]
        answer.save(update_fields=["status", "discarded_by", "discarded_at", "discarded_because"])
        _record(answer, "answer.discarded", actor=audit.actor(user), reason=reason)
    return answer


def unapplied() -> QuerySet[BankAnswer]:
    """Confirmed answers that no worker has applied."""
    return BankAnswer.objects.filter(status=BankAnswer.Status.STAGED, confirmed_by__isnull=False)


def apply(answer: BankAnswer) -> None:
    """Apply a confirmed answer, whole or not at all, in one transaction. Safe to run twice.

    Items move to PAID, RETURNED or UNKNOWN, or the part to ACCEPTED or REFUSED; customers get their messages. If the
    answer would change something else than was confirmed, because another one came first, its confirmation is void and
    a person looks at the new figures.
    """
    file_id = answer.file_id
    assert file_id is not None
    batch_id = BankFile.objects.values_list("batch_id", flat=True).get(pk=file_id)
    try:
        with transaction.atomic():
            batch = lock_batch(batch_id)
            file = BankFile.objects.select_for_update().get(pk=file_id)
            answer = _lock(answer.pk)
            if answer.status != BankAnswer.Status.STAGED or answer.confirmed_by is None:
                return
            found = answer_checks.examine(answer, _kind_said(answer), file, early=answer.early)
            if not answer.confirmed_by.has_perm("payouts.confirm_answer"):
                _void_confirmation(answer, found, "ROLE")
            elif (found.kind, found.figures, found.preview) != (answer.kind, _figures(answer, found), _shown(answer)):
                _void_confirmation(answer, found, "CHANGED")
            else:
                _apply(answer, batch, file)
    except AnswerRefused as error:
        with transaction.atomic():
            answer = _lock(answer.pk)
            _clear_confirmation(answer)
            _discard_faulty(answer, error)


def send_again(*, answer_id: int, reason_code: str, user: User, reason: str) -> int:
    """Let the returns that wait for a person ride again: release the holds that an answer placed for one reason.

    Returns their number. Raises Refused: ROLE, REASON, STATE (none is held).
    """
    require_permission(user, "payouts.hold_application")
    reason = require_reason(reason)
    with transaction.atomic():
        answer = _lock(answer_id)
        condition, params = answer_effects.held_by(answer, reason_code)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE refunds_hold h SET released_by_id = %s, released_at = %s WHERE {condition}",  # noqa: S608
                [user.pk, clock.now(), *params],
            )
            released = cursor.rowcount
        if not released:
            raise Refused("STATE", _("이 이유로 보류된 건이 없습니다."))
        assert answer.file is not None
        promise.refresh_batch(answer.file.batch_id, cause="SENT_AGAIN")
        _record(answer, "answer.sent_again", actor=audit.actor(user), reason=reason, code=reason_code, count=released)
    return released


def held(answer: BankAnswer, reason_code: str) -> int:
    """How many applications this answer holds for a reason, until a person decides."""
    if answer.applied_at is None:
        return 0
    condition, params = answer_effects.held_by(answer, reason_code)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM refunds_hold h WHERE {condition}", params)  # noqa: S608
        return cursor.fetchone()[0]


def _lock(answer_id: int) -> BankAnswer:
    return BankAnswer.objects.select_for_update(of=("self",)).select_related("file__batch").get(pk=answer_id)


def _require_open(answer: BankAnswer) -> None:
    if answer.status != BankAnswer.Status.STAGED or answer.read_at is None or answer.confirmed_by_id:
        raise Refused("STATE", _("확인을 기다리는 답이 아닙니다."))


def _keep(answer: BankAnswer, found: Findings, *, head: AnswerHead, **columns: Any) -> None:
    """Keep what a worker found; the verdict on the whole file is kept for the time of the confirmation."""
    preview = {
        **found.preview,
        "people": answer_checks.people() if found.figures else {},
        "said_of_file": str(answer_checks.kind_of(head, columns["file"])),
    }
    if found.kind == BankAnswer.Kind.REFUSED:
        code = head.code or (found.preview["reasons"][0][1] if found.preview["reasons"] else "")
        preview["refused_because"] = f"{code} {head.words}".strip()
    unread().filter(pk=answer.pk).update(
        kind=found.kind, preview=preview, read_at=clock.now(), progress=answer.size, **columns, **found.figures
    )
    _record(answer, "answer.read", actor="system", kind=found.kind, **found.figures)


def _kind_said(answer: BankAnswer) -> str:
    return answer.preview["said_of_file"]


def _shown(answer: BankAnswer) -> dict[str, Any]:
    return {name: value for name, value in answer.preview.items() if name not in _NOT_COMPARED}


def _figures(answer: BankAnswer, found: Findings) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in found.figures}


def _sums(answer: BankAnswer) -> dict[str, Any]:
    names = ("kind", "paid", "paid_won", "returned", "returned_won", "unknown", "absent")
    return {name: getattr(answer, name) for name in names}


def _apply(answer: BankAnswer, batch: Batch, file: BankFile) -> None:
    now = clock.now()
    assert answer.confirmed_by is not None
    actor = audit.actor(answer.confirmed_by)
    # The items name their answer, and what follows finds its holds by this moment.
    answer.status, answer.applied_at = BankAnswer.Status.CONFIRMED, now
    answer.save(update_fields=["status", "applied_at"])
    if answer.kind == BankAnswer.Kind.REFUSED:
        answer_effects.refuse_file(answer, file)
    elif answer.kind == BankAnswer.Kind.ACCEPTED:
        answer_effects.accept_file(file)
    elif answer.kind == BankAnswer.Kind.SUSPENSE:
        answer_effects.to_suspense(answer, file)
    else:
        if answer.early:
            answer_effects.accept_file(file)
        answer_effects.move_items(answer, file, now)
        answer_effects.follow_returns(answer.preview["reasons"], answer.confirmed_by, now)
        answer_effects.write_messages(batch)
        money_back.find()
        answer_effects.to_suspense(answer, file)
        answer_effects.settle(batch, now)
    promise.refresh_batch(batch.pk, cause="ANSWER")
    count, won = answer.preview.get("after_paid", (0, 0))
    if count:
        log.error("payments came back after they were paid", answer=answer.pk, count=count, won=won)
    _record(answer, "answer.applied", actor=actor, **_sums(answer))
    void_figures(batch.pk)


def _clear_confirmation(answer: BankAnswer) -> None:
    answer.confirmed_by = answer.confirmed_person = answer.confirmed_at = None
    answer.confirmed_head = answer.asked_whom = answer.bank_said = ""
    answer.save(update_fields=_CONFIRMATION)


def _void_confirmation(answer: BankAnswer, found: Findings, why: str) -> None:
    """Keep the new figures for another look."""
    _clear_confirmation(answer)
    kept = {name: answer.preview[name] for name in _NOT_COMPARED if name in answer.preview}
    if found.figures:
        kept["people"] = answer_checks.people()
    BankAnswer.objects.filter(pk=answer.pk).update(
        kind=found.kind, preview={**found.preview, **kept}, notes=[{"code": why}], **found.figures
    )
    _record(answer, "answer.confirmation_voided", actor="system", why=why)


def _discard_faulty(answer: BankAnswer, error: AnswerRefused) -> None:
    """Discard an answer that cannot be taken in. Nothing moved, and the page shows every fault by its line."""
    faults = [
        {
            "line": fault.line,
            "code": fault.code,
            "source": fault.source,
            "values": fault.values,
            "place": fault.place,
            "reference": fault.reference,
        }
        for fault in error.faults
    ]
    with transaction.atomic():
        BankAnswer.objects.filter(pk=answer.pk, status=BankAnswer.Status.STAGED).update(
            status=BankAnswer.Status.DISCARDED,
            faults=faults,
            notes=[{"code": FAULTY, "count": error.total}],
            read_at=clock.now(),
            discarded_at=clock.now(),
            discarded_because=FAULTY,
        )
        codes = ", ".join(sorted({fault.code for fault in error.faults}))
        _record(answer, "answer.refused", actor="system", why=f"{error.total} faults: {codes}")


def faults_of(answer: BankAnswer) -> list[AnswerFault]:
    """The faults kept with an answer that cannot be taken in."""
    return [AnswerFault(**kept) for kept in answer.faults]


def _record(answer: BankAnswer, action: str, *, actor: str, reason: str = "", **detail: Any) -> None:
    audit.record(
        actor=actor,
        action=action,
        object=f"answer:{answer.pk}",
        reason=reason,
        detail={"sha256": answer.sha256, **({"part": answer.file.message_id} if answer.file else {}), **detail},
    )


def _record_refusal(user: User, sha256: str, why: str) -> None:
    audit.record(actor=audit.actor(user), action="answer.refused", object=f"answer:{sha256[:16]}", detail={"why": why})
