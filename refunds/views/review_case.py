"""One case of a reviewer: evidence, conditions, bills, and the decision with the letter that it becomes.

The letter is shown before it is sent: a decision is carried out only with the digest of the letter that was seen.
"""

import hashlib
import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from eligibility import presenters as lines
from eligibility import service as eligibility
from kt_remedy.audit import looks
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.access import permission_required
from kt_remedy.staff.models import User
from refunds.applications import (
    documents,
    letters,
    presenters,
    queue,
    representation,
    reviews,
    second_looks,
    staff_presenters,
)
from refunds.applications.facts import VERDICT_CHANGED
from refunds.applications.reviews import AGREE, APPROVE, ASK_DOCUMENTS, REJECT, Preview
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Decision, LateReason
from refunds.models.reviews import Letter, ReviewCase
from refunds.models.states import UNDER_REVIEW, Status
from refunds.promise import service as promise
from refunds.views.forms import ReviewReasonForm
from refunds.views.review_forms import CaseForm, ParkForm, QuestionForm, SupervisorAnswerForm, act_label, send_label

ASIDE = {"park": ParkForm, "ask": QuestionForm, "answer": SupervisorAnswerForm}


def reviewer_of(request: HttpRequest) -> User:
    """The signed-in member of staff."""
    assert isinstance(request.user, User)
    return request.user


def to_next(request: HttpRequest, *, other_than: tuple[int, ...] = ()) -> HttpResponse:
    """Hand out the next case and lead to it, or home where there is none. The kind that was chosen stays chosen."""
    kind = request.session.get("review_kind", "")
    case = queue.take_next(reviewer=reviewer_of(request), kind=kind, other_than=other_than)
    if case is None:
        messages.info(request, _("지금 맡을 건이 없습니다."))
        return redirect("refunds:review")
    if case.objection_id:
        return redirect("refunds:review-objection", case.objection_id)
    return redirect("refunds:review-case", case.application_id)


@permission_required("refunds.review_application", "refunds.review_hardship")
@require_POST
def take_next(request: HttpRequest) -> HttpResponse:
    """Hand out the next case, of one kind where `kind` names one."""
    kind = request.POST.get("kind", "")
    request.session["review_kind"] = kind if kind in ReviewCase.Kind.values else ""
    return to_next(request)


@permission_required("refunds.view_review")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """One case on one page; a decision leads to the next one."""
    row = Application.objects.select_related("filing", "line__customer", "account__holder_check").filter(pk=pk).first()
    if row is None:
        raise Http404
    waiting = ReviewCase.objects.select_related("holder", "asked_by", "answered_by", "decided_by").filter(
        application=row
    )
    kept = waiting.first()
    form = _form(request, row, kept)
    shown: Preview | None = None
    if request.method == "POST" and _is_stale(request, form):
        form.errors.clear()
        form.add_error(None, _("이미 다른 상태로 바뀐 신청입니다."))
    elif request.method == "POST" and form.is_valid():
        try:
            shown = _act(request, row, kept, form)
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            if shown is None:
                return to_next(request) if kept is not None else redirect("refunds:review-case", pk)
    context = {"form": form, "row": row, **_letter(shown, form, row)}
    if request.headers.get("X-Part") == "letter":
        return render(request, "refunds/_review_letter.html", context)
    context |= _page(request, row, kept)
    return render(request, "refunds/review_case.html", context, status=422 if form.errors else 200)


def _acts(user: User, row: Application, kept: ReviewCase | None) -> list[str]:
    """The decisions that are open to a member of staff for this case."""
    second = kept is not None and kept.decided_by_id not in {None, user.pk}
    hardship = reviews.is_hardship_case(row)
    if hardship and not user.has_perm("refunds.review_hardship"):
        return [*([AGREE] if second else []), ASK_DOCUMENTS]
    return [*([AGREE] if second else []), APPROVE, REJECT, ASK_DOCUMENTS]


def _form(request: HttpRequest, row: Application, kept: ReviewCase | None) -> CaseForm | ReviewReasonForm:
    posted = request.POST if request.method == "POST" else None
    if row.status not in UNDER_REVIEW or kept is None:
        return ReviewReasonForm(posted)
    acts = _acts(reviewer_of(request), row, kept)
    late = LateReason.objects.filter(filing=row.filing_id).first()
    known = [reason for act in acts if act != AGREE for reason in letters.reasons_for(act)]
    return CaseForm(
        posted,
        acts=acts,
        case_kind=kept.kind,
        days=letters.days_of(row.line, known),
        hardship=reviews.is_hardship_case(row),
        earlier=row.previous is not None and row.previous.status == Status.REJECTED,
        initial={"kind": late.kind, "ended_on": late.ended_on} if late else {},
    )


def _is_stale(request: HttpRequest, form: CaseForm | ReviewReasonForm) -> bool:
    """True where a decision is sent for a case that is decided: from another tab, or by a second click. It must not be
    taken for the wish to take that decision back."""
    return isinstance(form, ReviewReasonForm) and not {"undo", "confirm"} & request.POST.keys()


def digest(shown: Preview) -> str:
    """The digest of what a customer would read, so that nothing else is sent than was seen."""
    letter = shown.letter
    parts = [shown.text] if letter is None else [letter.title_ko, letter.body_ko, letter.body_en, shown.text]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _act(
    request: HttpRequest, row: Application, kept: ReviewCase | None, form: CaseForm | ReviewReasonForm
) -> Preview | None:
    """Carry out the decision, or give what has to be read before. None once it is carried out."""
    user = reviewer_of(request)
    if not isinstance(form, CaseForm):
        values: dict[str, Any] = {
            "application_id": row.pk, "reviewer": user, "reason": form.cleaned_data["words"]
        }  # fmt: skip
        if "confirm" in request.POST:
            reviews.confirm(**values)
        else:
            reviews.undo(**values)
        messages.success(request, _("결정을 남겼습니다."))
        return None
    assert kept is not None
    verdict = form.verdict()
    shown = reviews.preview(application_id=row.pk, reviewer=user, verdict=verdict)
    queue.renew(kept, user)
    if request.POST.get("seen") != digest(shown) or "send" not in request.POST:
        return shown
    row = reviews.review(application_id=row.pk, reviewer=user, verdict=verdict)
    figures = {"reference": row.filing.reference, "act": act_label(verdict.act)}
    if row.status in UNDER_REVIEW:
        text = _("%(reference)s: %(act)s. 다른 사람이 한 번 더 본 뒤에 알립니다.") % figures
    else:
        text = _("%(reference)s: %(act)s. 고객에게 알렸습니다.") % figures
    messages.success(request, text)
    return None


def _letter(shown: Preview | None, form: CaseForm | ReviewReasonForm, row: Application) -> dict[str, Any]:
    if shown is None:
        return {}
    act = form.cleaned_data["act"]
    return {
        "shown": shown,
        "seen": digest(shown),
        "send_label": send_label(act),
        "language": row.filing.language,
    }


def _page(request: HttpRequest, row: Application, kept: ReviewCase | None) -> dict[str, Any]:
    user = reviewer_of(request)
    looks.note(object=f"application:{row.pk}", subject=row.line.customer_id)
    facts, bills = eligibility.facts_of(row.line), eligibility.bills_of([row.line_id])[row.line_id]
    refundable = programme.current().waiver.refundable_items
    made = promise.of(row)
    return {
        "kept": kept,
        "name": masking.name(row.line.customer.holder_name or ""),
        "line_name": presenters.line_name(row),
        "conditions": lines.conditions(eligibility.trace_of(row.line, bills), facts, programme.current()),
        "verdict": staff_presenters.verdict_title(row.line.effective_outcome),
        "reason": staff_presenters.question(row, kept),
        "amount": presenters.amount(row),
        "bills": [
            {"name": lines.item_name(bill.item), "row": bill, "counts": bill.item in refundable} for bill in bills
        ],
        "estimate": lines.explain(eligibility.estimate_of(row.line)),
        "decisions": _decision_rows(row),
        "open_case": row.status in UNDER_REVIEW and kept is not None,
        "changed": row.status == Status.APPROVED and row.flag == VERDICT_CHANGED,
        "can_undo": row.status in {Status.REJECTED, Status.APPROVED},
        "by": made.day,
        "late_days": (clock.today() - kept.due_on).days if kept and kept.due_on else 0,
        "may_decide": _may_decide(user, row, kept),
        "why_not": _why_not(user, row, kept),
        "hardship": reviews.is_hardship_case(row),
        "late": LateReason.objects.filter(filing=row.filing_id).first(),
        "evidence": documents.of_filing(row.filing),
        "earlier": row.previous,
        "documents": representation.names(row.filing.documents),
        "held_by_other": kept is not None and queue.is_held_by_other(kept, user),
        "mine": kept is not None and kept.level in queue.levels_of(user),
        "proposal": _proposal(kept),
        "park_most": queue.park_until_at_most(kept) if kept else None,
        "today": clock.today(),
    }


def _may_decide(user: User, row: Application, kept: ReviewCase | None) -> bool:
    if kept is None:
        return user.has_perm("refunds.review_application")
    return user.has_perm("refunds.review_application") or (
        reviews.is_hardship_case(row) and user.has_perm("refunds.review_hardship")
    )


def _why_not(user: User, row: Application, kept: ReviewCase | None) -> str:
    """Why this member of staff may not decide the case now; empty if they may."""
    try:
        reviews.check_open_for(row, kept, user)
    except Refused as refused:
        return refused.message if row.status in UNDER_REVIEW else ""
    return ""


def _proposal(kept: ReviewCase | None) -> dict[str, str] | None:
    if kept is None or kept.decided_by is None:
        return None
    first = second_looks.proposed(kept)
    return {"act": act_label(first.act), "reasons": letters.labels(first.codes), "note": first.note}


def _decision_rows(row: Application) -> list[dict[str, Any]]:
    decisions = list(row.decisions.select_related("letter").order_by("id"))
    people = staff_presenters.names_of(decision.actor for decision in decisions)
    return [
        {
            "row": decision,
            "why": _unlike_state(staff_presenters.decision_reason(decision.code), decision),
            "who": people[decision.actor],
            "explanation": _explanation(decision),
            "letter": getattr(decision, "letter", None),
        }
        for decision in decisions
    ]


def _unlike_state(why: str, decision: Decision) -> str:
    """The reason of a decision; empty where it only repeats the state that stands above it."""
    return "" if why == decision.get_to_status_display() else why


def _explanation(decision: Decision) -> str:
    """The words of a decision. Its reasons were kept in Korean and are named again in the language of the reader."""
    if decision.code == "DOCUMENTS_SHOWN":
        return ", ".join(representation.names(decision.words.split(", ")))
    letter: Letter | None = getattr(decision, "letter", None)
    if letter is not None and letter.codes:
        with translation.override("ko"):
            kept = letters.labels(letter.codes)
        if decision.words.startswith(kept):
            return letters.labels(letter.codes) + decision.words.removeprefix(kept)
    return decision.words


@permission_required("refunds.review_application", "refunds.review_hardship")
@require_POST
def aside(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Park a case, ask a supervisor, answer a reviewer or give the case back; then the next case comes."""
    kept = ReviewCase.objects.filter(pk=pk).first()
    if kept is None or act not in {*ASIDE, "back"}:
        raise Http404
    user = reviewer_of(request)
    form = ASIDE[act](request.POST) if act in ASIDE else None
    try:
        if form is not None and not form.is_valid():
            raise Refused("FORM", str(next(iter(form.errors.values()))[0]))
        if act == "park":
            assert form is not None
            queue.park(case_id=pk, reviewer=user, until=form.cleaned_data["until"], note=form.cleaned_data["waits_for"])
            messages.success(request, _("미뤄 두었습니다. 그날 다시 나옵니다."))
        elif act == "ask":
            assert form is not None
            queue.ask(case_id=pk, reviewer=user, question=form.cleaned_data["question"])
            messages.success(request, _("심사 책임자에게 넘겼습니다. 답이 오면 내 업무에 나옵니다."))
        elif act == "answer":
            assert form is not None
            queue.answer(case_id=pk, supervisor=user, words=form.cleaned_data["reply"])
            messages.success(request, _("답을 보냈습니다."))
        else:
            queue.give_back(case_id=pk, reviewer=user)
            messages.success(request, _("놓아주었습니다."))
    except (Refused, ValidationError) as refused:
        messages.warning(request, refused.message)
        if kept.objection_id:
            return redirect("refunds:review-objection", kept.objection_id)
        return redirect("refunds:review-case", kept.application_id)
    return to_next(request, other_than=(pk,))


@permission_required("refunds.release_case")
@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a case from its reviewer."""
    try:
        queue.release(application_id=pk, supervisor=reviewer_of(request))
    except Refused:
        raise Http404 from None
    messages.success(request, _("다른 심사자가 맡을 수 있게 풀었습니다."))
    return redirect("refunds:review-case", pk)


@permission_required("refunds.download_document")
@never_cache
@require_GET
def page(request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    """One page of a document as a picture with the mark of the reader."""
    try:
        picture = documents.page_of(evidence_id=pk, staff=reviewer_of(request), number=number)
    except Refused as refused:
        if refused.code in {"OWN_CASE", "STORE"}:
            status = 403 if refused.code == "OWN_CASE" else 503
            return HttpResponse(refused.message, status=status, content_type="text/plain; charset=utf-8")
        raise Http404 from None
    return HttpResponse(picture, content_type="image/jpeg", headers={"Content-Security-Policy": "sandbox"})
