"""What reviewers do: take the next case, decide it with a reason, undo, answer objections."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from eligibility import service as eligibility
from eligibility.models import Line
from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from refunds.applications import timeline
from refunds.applications.decision import decide
from refunds.applications.forms import refuse_registration_number
from refunds.applications.service import (
    Late,
    announce_approval,
    close_to_own_case,
    facts_of,
    locked,
    may_claim,
    notify,
    refuse_frozen,
)
from refunds.applications.transitions import Refused, move
from refunds.models.applications import Application, Lateness, LateReason, Objection
from refunds.models.states import BY_REVIEWER, Status

KEPT_FOR = dt.timedelta(minutes=20)
# After the end of one of these a late application is let in for so many days (D-31).
HARDSHIPS = tuple(str(kind) for kind in LateReason.Kind if kind != LateReason.Kind.OTHER)
HARDSHIP_DAYS = 14
APPROVE, REJECT, ASK_DOCUMENTS = "APPROVE", "REJECT", "ASK_DOCUMENTS"


class Conflicts(Exception):
    """A bulk decision that was not carried out at all; `found` says which applications are in the way and why."""

    def __init__(self, found: list[tuple[int, str]]) -> None:
        super().__init__(f"{len(found)} in the way")
        self.found = found


# The work list ------------------------------------------------------------------------------------------------


def waiting() -> QuerySet[Application]:
    """Cases a reviewer has to decide, the oldest first."""
    return (
        Application.objects.filter(Q(status__in=BY_REVIEWER) | Q(status=Status.APPROVED, flag="VERDICT_CHANGED"))
        .select_related("filing", "line__customer", "account__holder_check", "reviewer")
        .order_by("status_since", "id")
    )


def take_next(*, reviewer: User) -> Application | None:
    """Give the reviewer the oldest case nobody works on, for KEPT_FOR; None where the list is empty.

    SKIP LOCKED: two reviewers never get the same one. A case of the reviewer's own is passed over.
    """
    with transaction.atomic():
        free = (
            Application.objects.filter(status__in=BY_REVIEWER)
            .filter(Q(reviewer__isnull=True) | Q(reviewer=reviewer) | Q(reviewer_until__lt=Now()))
            .order_by("status_since", "id")
        )
        if reviewer.person_index is not None:
            own = bytes(reviewer.person_index)
            free = free.exclude(filing__person_index=own).exclude(line__customer__person_index=own)
        row = free.select_for_update(of=("self",), skip_locked=True).first()
        if row is not None:
            row.reviewer, row.reviewer_until = reviewer, dt.datetime.now(dt.UTC) + KEPT_FOR
            row.save(update_fields=["reviewer", "reviewer_until"])
        return row


# Deciding -----------------------------------------------------------------------------------------------------


def decide_all(*, application_ids: Iterable[int], reviewer: User, act: str, words: str) -> int:
    """Decide several cases alike, or none: raises Conflicts naming every one that cannot be decided so."""
    ids = sorted(set(application_ids))
    found: list[tuple[int, str]] = []
    with transaction.atomic():
        for pk in ids:
            try:
                with transaction.atomic():
                    review(application_id=pk, reviewer=reviewer, act=act, words=words)
            except Refused as refused:
                found.append((pk, str(refused)))
        if found:
            raise Conflicts(found)
    return len(ids)


def review(
    *,
    application_id: int,
    reviewer: User,
    act: str,
    words: str,
    late: Late | None = None,
    earlier_date: bool = False,
) -> Application:
    """Decide one case with a reason. Approving lets the rest of the table (account, bill, payment) have its say.

    Where the verdict itself was in review, the decision on the line is written with it. What came after the window is
    let in by a supervisor, for one of the hardship types (D-31): `late` puts right what the customer said of it.
    `earlier_date` gives an application that follows a rejected one the date of that one: the no was our error (D-32).
    Raises Refused: UNKNOWN, ROLE, OWN_CASE, WORDS, STATE, TAKEN (another reviewer has it), NO_CLAIM, SUPERVISOR,
    HARDSHIP, EARLIER (no rejected application before it).
    """
    if not (reviewer.has_role("reviewer") or reviewer.has_role("supervisor")):
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    if not words.strip():
        raise Refused("WORDS", _("사유를 적어 주세요"))
    with transaction.atomic():
        row = _locked(application_id)
        if not reviewer.has_role("reviewer") and not is_hardship_case(row):
            raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
        for person in (row.filing.person_index, row.line.customer.person_index, row.line.customer.guardian_ci_index):
            if person is not None:
                close_to_own_case(reviewer, bytes(person))
        if row.status not in BY_REVIEWER:
            raise Refused("STATE", _("이미 다른 상태로 바뀐 신청입니다."))
        if row.reviewer_id not in {None, reviewer.pk} and row.reviewer_until and row.reviewer_until > _wall():
            raise Refused("TAKEN", _("다른 심사자가 보고 있는 신청입니다."))
        if act == ASK_DOCUMENTS:
            due = timeline.documents_by(clock.today())
            _decided(row, Status.NEED_DOCS, "NEED_DOCS", reviewer, words, documents_due_on=due)
            notify(row, "application.need_docs", subject=_once(row), context={"due_on": due})
        elif act == REJECT:
            if row.line.effective_outcome == "REVIEW":
                _settle_line(row.line, "NOT_ELIGIBLE", words, reviewer)
            _decided(row, Status.REJECTED, "REJECTED", reviewer, words, reviewed=True)
            notify(row, "application.rejected", subject=_once(row))
        elif act == APPROVE:
            if is_hardship_case(row):
                _let_in(row, reviewer, late)
            if earlier_date:
                _take_earlier_date(row)
            # A person's earlier no on the line is undone by a person's yes; the rules' own no is not.
            if row.line.effective_outcome == "REVIEW" or row.line.decided_outcome in {"NOT_ELIGIBLE", "NOTHING_DUE"}:
                _settle_line(row.line, "ELIGIBLE", words, reviewer)
                row.line.refresh_from_db()
            answer = decide(facts_of(row, reviewed=True))
            if answer.status is None:
                raise Refused("NO_CLAIM", _("판정이 대상 아님이라 승인할 수 없습니다. 이의로 판정을 먼저 바꾸세요."))
            _decided(
                row, answer.status, f"REVIEWED_{answer.code}", reviewer, words,
                reviewed=True, applied_on=row.applied_on, lateness=row.lateness,
            )  # fmt: skip
            if answer.status == Status.APPROVED:
                announce_approval(row)
            elif answer.status == Status.NEED_ACCOUNT:
                notify(row, "application.need_account", subject=f"application:{row.pk}:{row.account_id}")
        else:
            raise Refused("ACT")
        return row


def is_hardship_case(row: Application) -> bool:
    """Whether it waits for a supervisor: it came after the window, and no holiday or cure excuses that (D-31)."""
    return row.status in BY_REVIEWER and row.lateness == Lateness.LATE and not row.reviewed


def returns_to(row: Application) -> Status:
    """Where a case goes that waited for documents: back to those who look at late ones, or to the reviewers."""
    return Status.LATE if row.lateness != Lateness.IN_TIME and not row.reviewed else Status.REVIEW


def _let_in(row: Application, supervisor: User, late: Late | None) -> None:
    """Check that a hardship carries a late application, and keep what the supervisor found."""
    if not supervisor.has_role("supervisor"):
        raise Refused("SUPERVISOR", _("기간이 지난 신청은 심사 책임자만 승인할 수 있습니다."))
    known = LateReason.objects.filter(filing=row.filing_id).first()
    found = late or (Late(known.kind, known.ended_on) if known else None)
    if found is None or found.kind not in HARDSHIPS:
        raise Refused("HARDSHIP", _("정해진 사정(군 복무, 해외 체류, 입원, 수감, 먼 곳)이 있어야 승인할 수 있습니다."))
    if found.ended_on is not None and row.applied_on > found.ended_on + dt.timedelta(days=HARDSHIP_DAYS):
        raise Refused(
            "HARDSHIP",
            _("사정이 끝나고 %(days)s일이 지난 뒤에 한 신청이라 승인할 수 없습니다.") % {"days": HARDSHIP_DAYS},
        )
    if found.ended_on is not None and found.ended_on > clock.today():
        raise Refused("HARDSHIP", _("끝난 날이 아직 오지 않았습니다. 아직 끝나지 않았으면 비워 두세요."))
    if known is None:
        known = LateReason(filing_id=row.filing_id)
        known.words = ""
    known.kind, known.ended_on = found.kind, found.ended_on
    known.save()


def _take_earlier_date(row: Application) -> None:
    if row.previous is None or row.previous.status != Status.REJECTED:
        raise Refused("EARLIER", _("앞서 거절된 신청이 없습니다."))
    row.applied_on, row.lateness = row.previous.applied_on, row.previous.lateness


def release(*, application_id: int, supervisor: User) -> None:
    """Take a case from the reviewer who has it, so that the next one gets it. Raises Refused: UNKNOWN, ROLE."""
    if not supervisor.has_role("supervisor"):
        raise Refused("ROLE", _("심사 책임자만 할 수 있습니다."))
    with transaction.atomic():
        row = _locked(application_id)
        before, row.reviewer, row.reviewer_until = row.reviewer_id, None, None
        row.save(update_fields=["reviewer", "reviewer_until"])
        _audit(row, "application.released", supervisor, detail={"from": before})


def undo(*, application_id: int, reviewer: User, words: str) -> None:
    """Open a decided case again. Raises Refused: ROLE, OWN_CASE, WORDS, STATE, FROZEN, LIVE (applied for anew)."""
    if not reviewer.has_role("reviewer"):
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    if not words.strip():
        raise Refused("WORDS", _("사유를 적어 주세요"))
    try:
        with transaction.atomic():
            row = _locked(application_id)
            close_to_own_case(reviewer, bytes(row.filing.person_index))
            if row.status not in {Status.REJECTED, Status.APPROVED}:
                raise Refused("STATE", _("되돌릴 결정이 없습니다."))
            refuse_frozen(row)
            _decided(row, Status.REVIEW, "UNDONE", reviewer, words, reviewed=False, flag="")
    except IntegrityError:
        raise Refused("LIVE", _("그 사이 이 회선으로 다시 신청했습니다. 새 신청을 처리하세요.")) from None


def confirm(*, application_id: int, reviewer: User, words: str) -> None:
    """Let an approval stand although its verdict changed. Raises Refused: ROLE, WORDS, STATE, OWN_CASE."""
    if not reviewer.has_role("reviewer"):
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    if not words.strip():
        raise Refused("WORDS", _("사유를 적어 주세요"))
    with transaction.atomic():
        row = _locked(application_id)
        close_to_own_case(reviewer, bytes(row.filing.person_index))
        if row.status != Status.APPROVED or row.flag != "VERDICT_CHANGED":
            raise Refused("STATE", _("확인을 기다리는 승인이 아닙니다."))
        _settle_line(row.line, "ELIGIBLE", words, reviewer)
        _decided(row, Status.APPROVED, "CONFIRMED", reviewer, words, flag="")


def documents_shown(*, application_id: int, staff: User, documents: Sequence[str]) -> None:
    """A store saw the documents asked for: the case goes back to the reviewers. Raises Refused: UNKNOWN, STATE."""
    with transaction.atomic():
        row = _locked(application_id)
        close_to_own_case(staff, bytes(row.filing.person_index))
        if row.status != Status.NEED_DOCS:
            raise Refused("STATE", _("서류를 기다리는 신청이 아닙니다."))
        move(
            row, returns_to(row), code="DOCUMENTS_SHOWN", actor=f"staff:{staff.pk}", words=", ".join(documents),
            documents_due_on=None,
        )  # fmt: skip
        _audit(row, "application.documents_shown", staff, detail={"documents": list(documents)})


def _locked(application_id: int) -> Application:
    row = locked(application_id)
    if row is None:
        raise Refused("UNKNOWN", _("신청을 찾을 수 없습니다."))
    return row


def _decided(row: Application, to: Status, code: str, reviewer: User, words: str, **columns: Any) -> None:
    move(
        row, to, code=code[:40], actor=f"staff:{reviewer.pk}", words=words.strip(),
        reviewer=None, reviewer_until=None, **columns,
    )  # fmt: skip
    _audit(row, "application.reviewed", reviewer, reason=words.strip(), detail={"status": to, "code": code})


def _settle_line(line: Line, outcome: str, words: str, reviewer: User) -> None:
    eligibility.record_decision(contract_no=line.pk, outcome=outcome, reason=words.strip(), decided_by=reviewer)


def _audit(row: Application, action: str, staff: User, *, reason: str = "", detail: dict | None = None) -> None:
    audit.record(
        actor=f"staff:{staff.pk}",
        action=action,
        object=f"application:{row.pk}",
        subject=row.line.customer_id,
        reason=reason,
        detail=detail,
    )


def _once(row: Application) -> str:
    """The subject of a message about this very decision: a later one of the same kind is another message."""
    return f"application:{row.pk}:{row.decisions.count()}"


def _wall() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


# Objections -------------------------------------------------------------------------------------------------


def can_object(line: Line) -> bool:
    """Whether there is a no or an amount to contest: anything that is judged and not simply in service."""
    return line.effective_outcome in {"NOT_ELIGIBLE", "NOTHING_DUE", "ELIGIBLE"}


def object_to(
    *, contract_no: str, person_index: bytes, words: str, contact: str, language: str = "ko", staff: User | None = None
) -> Objection:
    """A customer contests what was decided about a line; the answer is promised by a date they are shown.

    One open objection per line: sent twice it is the same. Raises Refused: LINES, WORDS; ValidationError for text that
    looks like a registration number.
    """
    refuse_registration_number(words)
    if not words.strip():
        raise Refused("WORDS", _("어떤 점이 다른지 적어 주세요"))
    with transaction.atomic():
        line = Line.objects.select_related("customer").filter(pk=contract_no).first()
        if line is None or not may_claim(line.customer, person_index, "GUARDIAN") or not can_object(line):
            raise Refused("LINES", _("회선을 찾을 수 없습니다."))
        row = Objection(
            id=uuid.uuid4(),
            line=line,
            application=line.applications.order_by("-id").first(),
            person_index=person_index,
            verdict_outcome=line.effective_outcome,
            verdict_reasons=line.reasons,
            amount_seen_krw=line.refundable_krw,
            received_at=clock.now(),
            answer_by=timeline.objection_by(clock.today()),
            language=language,
        )
        row.words, row.contact = words.strip(), contact
        row = Objection.objects.bulk_create([row], ignore_conflicts=True)[0]
        before = Objection.objects.filter(line=line, status=Objection.Status.OPEN).get()
        if before.pk != row.pk:
            return before
        audit.record(
            actor=f"staff:{staff.pk}" if staff else "customer",
            action="objection.received",
            object=f"objection:{row.pk}",
            subject=line.customer_id,
        )
        notices.queue(
            kind="objection.received",
            subject=f"objection:{row.pk}",
            person=person_index,
            to=contact,
            language=language,
            context={"answer_by": row.answer_by},
        )
        return before


def answer_objection(*, objection_id: uuid.UUID, reviewer: User, uphold: bool, words: str) -> Objection:
    """Answer an objection. Upheld, the line is decided ELIGIBLE and a rejected application is opened again.

    Raises Refused: UNKNOWN, ROLE, OWN_CASE, WORDS, STATE.
    """
    if not reviewer.has_role("reviewer"):
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    if not words.strip():
        raise Refused("WORDS", _("답변을 적어 주세요"))
    refuse_registration_number(words)
    with transaction.atomic():
        row = (
            Objection.objects.select_for_update(of=("self",)).select_related("line__customer").filter(pk=objection_id)
        ).first()
        if row is None:
            raise Refused("UNKNOWN")
        close_to_own_case(reviewer, bytes(row.person_index))
        if row.status != Objection.Status.OPEN:
            raise Refused("STATE", _("이미 답한 이의입니다."))
        row.status = Objection.Status.UPHELD if uphold else Objection.Status.DECLINED
        row.answer, row.answered_at, row.answered_by = words.strip(), clock.now(), reviewer
        row.save(update_fields=["status", "answer", "answered_at", "answered_by"])
        if uphold and row.line.effective_outcome != "ELIGIBLE":
            _settle_line(row.line, "ELIGIBLE", words, reviewer)
        newest = Application.objects.filter(line=row.line_id).order_by("-id").values_list("pk", flat=True).first()
        last = locked(newest) if newest else None
        if uphold and last is not None and last.status == Status.REJECTED:
            _decided(last, Status.REVIEW, "OBJECTION_UPHELD", reviewer, words, reviewed=False)
        audit.record(
            actor=f"staff:{reviewer.pk}",
            action="objection.answered",
            object=f"objection:{row.pk}",
            subject=row.line.customer_id,
            reason=words.strip(),
            detail={"upheld": uphold},
        )
        notices.queue(
            kind="objection.answered",
            subject=f"objection:{row.pk}",
            person=bytes(row.person_index),
            to=eligibility.confirmed_number_or_blank(row.contact, confirmed_at=row.received_at),
            language=row.language,
        )
        return row


def open_objections() -> QuerySet[Objection]:
    """What waits for an answer, the one due first on top."""
    return Objection.objects.filter(status=Objection.Status.OPEN).select_related("line__customer").order_by("answer_by")


# Documents that do not come --------------------------------------------------------------------------------


def remind_of_documents(*, days_before: int = 2, limit: int = 500) -> int:
    """Remind those whose documents are due soon, once; returns how many were looked at."""
    soon = clock.today() + dt.timedelta(days=days_before)
    rows = list(
        Application.objects.filter(status=Status.NEED_DOCS, documents_due_on__lte=soon)
        .select_related("filing")
        .order_by("id")[:limit]
    )
    for row in rows:
        notify(
            row,
            "application.docs_reminder",
            subject=f"application:{row.pk}:{row.documents_due_on}",
            context={"due_on": row.documents_due_on},
        )
    return len(rows)


def end_document_requests(*, limit: int = 500) -> int:
    """Put cases whose documents did not come back to the reviewers, who decide on what there is; returns how many."""
    overdue = (
        Application.objects.filter(status=Status.NEED_DOCS, documents_due_on__lt=clock.today())
        .order_by("id")
        .values_list("pk", flat=True)[:limit]
    )
    ended = 0
    for pk in list(overdue):
        with transaction.atomic():
            row = locked(pk, skip=True)
            if row is None or row.status != Status.NEED_DOCS:
                continue
            move(row, returns_to(row), code="DOCUMENTS_OVERDUE", actor="system", documents_due_on=None)
            audit.record(
                actor="system",
                action="application.documents_overdue",
                object=f"application:{pk}",
                subject=row.line.customer_id,
            )
            ended += 1
    return ended
