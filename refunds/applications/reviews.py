"""Reviews: decide a case by reasons that become the letter, confirm, undo; documents that were asked for."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from eligibility import service as eligibility
from eligibility.models import Line
from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.core.templatetags.remedy import kdate, krw
from kt_remedy.notices.models import Message
from kt_remedy.staff.models import User
from refunds.accounts import service as accounts
from refunds.applications import deadlines, desk_sessions, letters, queue, second_looks, sms
from refunds.applications.access import close_to_own_case, locked, refuse_frozen
from refunds.applications.decision import decide
from refunds.applications.facts import VERDICT_CHANGED, facts_of
from refunds.applications.submit import LateReasonInput
from refunds.applications.transitions import Refused, transition
from refunds.applications.verdict import AGREE, APPROVE, ASK_DOCUMENTS, REJECT, Verdict
from refunds.models.accounts import HolderCheck
from refunds.models.applications import Application, Lateness, LateReason
from refunds.models.reviews import Letter, ReviewCase
from refunds.models.states import UNDER_REVIEW, Status
from refunds.promise import service as promise

# A late application is accepted up to HARDSHIP_DAYS after the end of one of these (D-31).
HARDSHIPS = tuple(str(kind) for kind in LateReason.Kind if kind != LateReason.Kind.OTHER)
HARDSHIP_DAYS = 14


class Conflicts(Exception):
    """A bulk decision that changed nothing; `conflicts` pairs each application that prevented it with the reason."""

    def __init__(self, conflicts: list[tuple[int, str]]) -> None:
        super().__init__(f"{len(conflicts)} in the way")
        self.conflicts = conflicts


@dataclass(frozen=True, slots=True)
class Preview:
    """What a customer would read of a decision: the letter, and the text message or "" where none is sent."""

    letter: Letter | None
    text: str


# Deciding -----------------------------------------------------------------------------------------------------


def decide_all(*, application_ids: Iterable[int], reviewer: User, verdict: Verdict) -> int:
    """Decide several cases alike, or none: raises Conflicts naming every one that cannot be decided so."""
    ids = sorted(set(application_ids))
    conflicts: list[tuple[int, str]] = []
    with transaction.atomic():
        for pk in ids:
            try:
                with transaction.atomic():
                    review(application_id=pk, reviewer=reviewer, verdict=verdict)
            except Refused as refused:
                conflicts.append((pk, refused.message))
        if conflicts:
            raise Conflicts(conflicts)
    return len(ids)


def preview(*, application_id: int, reviewer: User, verdict: Verdict) -> Preview:
    """What the customer would read of a decision. It is carried out and taken back, so that it cannot differ.

    Raises Refused as `review`.
    """
    with transaction.atomic():
        newest = Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        row = review(application_id=application_id, reviewer=reviewer, verdict=verdict, final=True)
        letter = row.letters.order_by("-pk").first()
        message = Message.objects.filter(pk__gt=newest, person_index=row.filing.person_index).last()
        transaction.set_rollback(True)
    return Preview(letter, message.body if message else "")


def review(*, application_id: int, reviewer: User, verdict: Verdict, final: bool = False) -> Application:
    """Decide one case. The rest of the table (account, bill, payment) then decides an approved case.

    If the verdict of the line was in review, the decision on the line is recorded too. A late application is decided
    by a supervisor only, and approved for a hardship (D-31). A sample of decisions waits for a second person before it
    counts (D-82), unless `final`; AGREE lets such a first decision stand.
    Raises Refused: UNKNOWN, ROLE, OWN_CASE, OWN_FILING, OWN_DECISION, STATE, TAKEN (another reviewer has it), REASONS,
    DAY, NO_CLAIM, SUPERVISOR, HARDSHIP, EARLIER (no rejected application before it), LINE.
    """
    if not (reviewer.has_perm("refunds.review_application") or reviewer.has_perm("refunds.review_hardship")):
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    queue.describe_new()
    with transaction.atomic():
        row = _locked(application_id)
        case = ReviewCase.objects.select_for_update(of=("self",)).filter(application=row).first()
        check_open_for(row, case, reviewer)
        assert case is not None
        second = case.decided_by_id is not None
        if verdict.act == AGREE:
            verdict = second_looks.agreed(case, reviewer)
        elif is_hardship_case(row) and verdict.act == REJECT and not reviewer.has_perm("refunds.review_hardship"):
            raise Refused("SUPERVISOR", _("기간이 지난 신청은 심사 책임자만 결정할 수 있습니다."))
        if not (final or second) and second_looks.is_drawn(row, case, verdict.act):
            preview(application_id=application_id, reviewer=reviewer, verdict=verdict)  # the refusals come now
            second_looks.propose(case, reviewer, verdict)
            _audit(row, "application.first_decision", reviewer, reason=verdict.note, detail={"act": verdict.act})
            return row
        _carry_out(row, reviewer, verdict)
        return row


def _carry_out(row: Application, reviewer: User, verdict: Verdict) -> None:
    reason = _reason(verdict)
    if verdict.act == ASK_DOCUMENTS:
        _ask_documents(row, reviewer, verdict, reason)
    elif verdict.act == REJECT:
        _reject(row, reviewer, verdict, reason)
    elif verdict.act == APPROVE:
        if is_hardship_case(row):
            _check_hardship(row, reviewer, verdict.late)
        if verdict.earlier_date:
            _take_earlier_date(row)
        _approve(row, reviewer, verdict, reason)
    else:
        raise Refused("ACT", _("결정을 골라 주세요"))


def _reason(verdict: Verdict) -> str:
    """The reason as staff read it, in the language of the records."""
    with translation.override("ko"):
        parts = [letters.labels(verdict.codes), verdict.note.strip()]
        return ". ".join(part for part in parts if part) or _("심사자가 확인함")


def check_open_for(row: Application, case: ReviewCase | None, reviewer: User) -> None:
    """Raise Refused where this reviewer may not decide the case now: ROLE, OWN_CASE, OWN_FILING, STATE, TAKEN,
    OWN_DECISION."""
    hardship = is_hardship_case(row)
    if not reviewer.has_perm("refunds.review_application") and not hardship:
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    for person in (row.filing.person_index, row.line.customer.person_index, row.line.customer.guardian_ci_index):
        if person is not None:
            close_to_own_case(reviewer, bytes(person))
    if row.filing.filed_by_id == reviewer.pk:
        raise Refused("OWN_FILING", _("직접 받은 신청은 다른 사람이 심사해야 합니다."))
    if row.status not in UNDER_REVIEW or case is None:
        raise Refused("STATE", _("이미 다른 상태로 바뀐 신청입니다."))
    if queue.is_held_by_other(case, reviewer):
        raise Refused("TAKEN", _("다른 심사자가 보고 있는 신청입니다."))
    if case.decided_by_id == reviewer.pk:
        raise Refused("OWN_DECISION", _("먼저 결정하신 건이라 다른 사람이 봅니다."))


def _ask_documents(row: Application, reviewer: User, verdict: Verdict, reason: str) -> None:
    due_on = deadlines.documents_by(clock.today())
    letters.chosen(verdict.act, verdict.codes)
    record_review(row, Status.NEED_DOCS, "NEED_DOCS", reviewer, reason, documents_due_on=due_on)
    days = str(promise.of(row).values["days"])
    figures = in_both(lambda: {"due": kdate(due_on), "days": days})
    _write_letter(row, reviewer, verdict, figures)
    sms.notify(row, "application.need_docs", subject=_message_subject(row), context={"due_on": due_on})


def _reject(row: Application, reviewer: User, verdict: Verdict, reason: str) -> None:
    letters.chosen(verdict.act, verdict.codes)
    if row.line.effective_outcome == "REVIEW":
        decide_line(row.line, "NOT_ELIGIBLE", reason, reviewer)
    record_review(row, Status.REJECTED, "REJECTED", reviewer, reason, reviewed=True)
    until = deadlines.objection_until(clock.today())
    _write_letter(row, reviewer, verdict, in_both(lambda: {"until": kdate(until)}))
    sms.notify(row, "application.rejected", subject=_message_subject(row))


def _approve(row: Application, reviewer: User, verdict: Verdict, reason: str) -> None:
    # An approval replaces an earlier rejection of the line by a reviewer, never one by the rules.
    if row.line.effective_outcome == "REVIEW" or row.line.decided_outcome in {"NOT_ELIGIBLE", "NOTHING_DUE"}:
        decide_line(row.line, "ELIGIBLE", reason, reviewer)
        row.line.refresh_from_db()
    if row.account.holder_check.is_for_reviewer:
        accounts.accept(account=row.account, reviewer=audit.actor(reviewer), subject=row.line.customer_id)
    answer = decide(facts_of(row, reviewed=True))
    if answer.status is None:
        raise Refused("NO_CLAIM", _("판정이 대상 아님이라 승인할 수 없습니다. 이의로 판정을 먼저 바꾸세요."))
    record_review(
        row, answer.status, f"REVIEWED_{answer.code}", reviewer, reason,
        reviewed=True, applied_on=row.applied_on, lateness=row.lateness,
    )  # fmt: skip
    made = promise.of(row)
    won = row.line.refundable_krw or row.line.expected_penalty_krw
    _write_letter(row, reviewer, verdict, in_both(lambda: {"won": krw(won), "sentence": made.sentence}))
    if answer.status == Status.APPROVED:
        sms.announce_approval(row)


def in_both(figures: Callable[[], dict[str, str]]) -> dict[str, dict[str, str]]:
    """Figures of a letter in both languages: `figures()` is called in each."""
    found = {}
    for language in letters.LANGUAGES:
        with translation.override(language):
            found[language] = figures()
    return found


def _write_letter(row: Application, reviewer: User, verdict: Verdict, figures: dict[str, dict[str, str]]) -> None:
    letters.write(
        act=verdict.act,
        codes=verdict.codes,
        days=verdict.days or {},
        values=figures,
        language=row.filing.language,
        sent_by=audit.actor(reviewer),
        application=row,
        decision=row.decisions.order_by("-id").first(),
    )


def is_hardship_case(row: Application) -> bool:
    """True if a case waits for a supervisor: made after the window and not within an extension (D-31)."""
    return row.status in UNDER_REVIEW and row.lateness == Lateness.LATE and not row.reviewed


def returns_to(row: Application) -> Status:
    """State after documents: LATE for a late case that was not reviewed, else REVIEW."""
    return Status.LATE if row.lateness != Lateness.IN_TIME and not row.reviewed else Status.REVIEW


def _check_hardship(row: Application, supervisor: User, late: LateReasonInput | None) -> None:
    """Check that a hardship allows a late application, and save the reason the supervisor confirmed."""
    if not supervisor.has_perm("refunds.review_hardship"):
        raise Refused("SUPERVISOR", _("기간이 지난 신청은 심사 책임자만 승인할 수 있습니다."))
    known = LateReason.objects.filter(filing=row.filing_id).first()
    reason = late or (LateReasonInput(known.kind, known.ended_on) if known else None)
    if reason is None or reason.kind not in HARDSHIPS:
        raise Refused("HARDSHIP", _("정해진 사정(군 복무, 해외 체류, 입원, 수감, 먼 곳)이 있어야 승인할 수 있습니다."))
    if reason.ended_on is not None and row.applied_on > reason.ended_on + dt.timedelta(days=HARDSHIP_DAYS):
        raise Refused(
            "HARDSHIP",
            _("사정이 끝나고 %(days)s일이 지난 뒤에 한 신청이라 승인할 수 없습니다.") % {"days": HARDSHIP_DAYS},
        )
    if reason.ended_on is not None and reason.ended_on > clock.today():
        raise Refused("HARDSHIP", _("끝난 날이 아직 오지 않았습니다. 아직 끝나지 않았으면 비워 두세요."))
    if known is None:
        known = LateReason(filing_id=row.filing_id)
        known.words = ""
    known.kind, known.ended_on = reason.kind, reason.ended_on
    known.save()


def _take_earlier_date(row: Application) -> None:
    if row.previous is None or row.previous.status != Status.REJECTED:
        raise Refused("EARLIER", _("앞서 거절된 신청이 없습니다."))
    row.applied_on, row.lateness = row.previous.applied_on, row.previous.lateness


def undo(*, application_id: int, reviewer: User, reason: str) -> None:
    """Reopen a decided case. Raises Refused: ROLE, OWN_CASE, WORDS, STATE, FROZEN, LIVE (applied for anew)."""
    if not reviewer.has_perm("refunds.review_application"):
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    if not reason.strip():
        raise Refused("WORDS", _("사유를 적어 주세요"))
    try:
        with transaction.atomic():
            row = _locked(application_id)
            close_to_own_case(reviewer, row.filing.person_index)
            if row.status not in {Status.REJECTED, Status.APPROVED}:
                raise Refused("STATE", _("되돌릴 결정이 없습니다."))
            refuse_frozen(row)
            if row.account.holder_check.outcome == HolderCheck.Outcome.ACCEPTED:
                accounts.take_back_acceptance(
                    account=row.account, reviewer=audit.actor(reviewer), subject=row.line.customer_id
                )
            record_review(row, Status.REVIEW, "UNDONE", reviewer, reason, reviewed=False, flag="")
    except IntegrityError:
        raise Refused("LIVE", _("그 사이 이 회선으로 다시 신청했습니다. 새 신청을 처리하세요.")) from None


def confirm(*, application_id: int, reviewer: User, reason: str) -> None:
    """Confirm an approval whose verdict has changed. Raises Refused: ROLE, WORDS, STATE, OWN_CASE."""
    if not reviewer.has_perm("refunds.review_application"):
        raise Refused("ROLE", _("심사자만 결정할 수 있습니다."))
    if not reason.strip():
        raise Refused("WORDS", _("사유를 적어 주세요"))
    with transaction.atomic():
        row = _locked(application_id)
        close_to_own_case(reviewer, row.filing.person_index)
        if row.status != Status.APPROVED or row.flag != VERDICT_CHANGED:
            raise Refused("STATE", _("확인을 기다리는 승인이 아닙니다."))
        decide_line(row.line, "ELIGIBLE", reason, reviewer)
        record_review(row, Status.APPROVED, "CONFIRMED", reviewer, reason, flag="")


def documents_shown(*, application_id: int, staff: User, documents: Sequence[str]) -> None:
    """Return a case to the reviewers, because a store saw the documents asked for. Raises Refused: UNKNOWN, STATE."""
    with transaction.atomic():
        row = _locked(application_id)
        close_to_own_case(staff, row.filing.person_index)
        desk_sessions.require(staff, row.filing.person_index, row.line.customer.person_index)
        if row.status != Status.NEED_DOCS:
            raise Refused("STATE", _("서류를 기다리는 신청이 아닙니다."))
        transition(
            row, returns_to(row), code="DOCUMENTS_SHOWN", actor=audit.actor(staff), reason=", ".join(documents),
            documents_due_on=None,
        )  # fmt: skip
        _audit(row, "application.documents_shown", staff, detail={"documents": list(documents)})


def _locked(application_id: int) -> Application:
    row = locked(application_id)
    if row is None:
        raise Refused("UNKNOWN", _("신청을 찾을 수 없습니다."))
    return row


def record_review(row: Application, to: Status, code: str, reviewer: User, reason: str, **columns: Any) -> None:
    """Move a locked application by a reviewer's decision, release it from its reviewer and record both."""
    transition(
        row, to, code=code[:40], actor=audit.actor(reviewer), reason=reason.strip(), **columns,
    )  # fmt: skip
    _audit(row, "application.reviewed", reviewer, reason=reason.strip(), detail={"status": to, "code": code})


def decide_line(line: Line, outcome: str, reason: str, reviewer: User) -> None:
    """Record a reviewer's decision on a line; it stands above the verdict of the rules."""
    try:
        eligibility.record_decision(contract_no=line.pk, outcome=outcome, reason=reason.strip(), decided_by=reviewer)
    except PermissionDenied:
        raise Refused("LINE", _("회선의 판정이 아직 열려 있습니다. 심사자가 판정을 먼저 정해야 합니다.")) from None


def _audit(row: Application, action: str, staff: User, *, reason: str = "", detail: dict | None = None) -> None:
    audit.record(
        actor=audit.actor(staff),
        action=action,
        object=f"application:{row.pk}",
        subject=row.line.customer_id,
        reason=reason,
        detail=detail,
    )


def _message_subject(row: Application) -> str:
    """Subject of the message about this decision: a later decision of the same kind sends another message."""
    return f"application:{row.pk}:{row.decisions.count()}"


def count_unread() -> int:
    """Let the approvals of the sample count that nobody read in time (D-82); returns how many. Safe to run twice."""
    counted = 0
    for case in second_looks.unread():
        with transaction.atomic():
            row = locked(case.application_id, skip=True) if case.application_id else None
            current = ReviewCase.objects.select_for_update(of=("self",)).filter(pk=case.pk).first()
            if row is None or current is None or row.status not in UNDER_REVIEW:
                continue
            counted += _count(row, current)
    return counted


def _count(row: Application, case: ReviewCase) -> bool:
    if case.decided_by is not None:
        _carry_out(row, case.decided_by, second_looks.proposed(case))
        return True
    answer = decide(facts_of(row, reviewed=True))
    if answer.status is None or answer.status in UNDER_REVIEW:
        return False
    transition(row, answer.status, code="SAMPLE_UNREAD", actor="system", reviewed=True)
    if answer.status == Status.APPROVED:
        sms.announce_approval(row)
    audit.record(
        actor="system", action="application.sample_unread", object=f"application:{row.pk}", subject=row.line.customer_id
    )
    return True


# Documents that do not come --------------------------------------------------------------------------------


def remind_of_documents(*, days_before: int = 2, limit: int = 500) -> int:
    """Remind customers, once, of documents due within `days_before`; returns how many cases are due."""
    soon = clock.today() + dt.timedelta(days=days_before)
    rows = list(
        Application.objects.filter(status=Status.NEED_DOCS, documents_due_on__lte=soon)
        .select_related("filing")
        .order_by("id")[:limit]
    )
    for row in rows:
        sms.notify(
            row,
            "application.docs_reminder",
            subject=f"application:{row.pk}:{row.documents_due_on}",
            context={"due_on": row.documents_due_on},
        )
    return len(rows)


def end_document_requests(*, limit: int = 500) -> int:
    """Return cases with overdue documents to the reviewers, who decide without them; returns how many."""
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
            transition(row, returns_to(row), code="DOCUMENTS_OVERDUE", actor="system", documents_due_on=None)
            audit.record(
                actor="system",
                action="application.documents_overdue",
                object=f"application:{pk}",
                subject=row.line.customer_id,
            )
            ended += 1
    return ended
