"""The reviewers' pages: the list, the next case, one case."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from eligibility import presenters as lines
from eligibility import service as eligibility
from kt_remedy.audit import looks
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.access import permission_required
from refunds.applications import deadlines, documents, objections, presenters, representation, reviews, staff_presenters
from refunds.applications.facts import VERDICT_CHANGED
from refunds.applications.submit import LateReasonInput
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Channel, Decision, LateReason
from refunds.models.states import UNDER_REVIEW, Status
from refunds.promise import service as promise
from refunds.promise.facts import Situation
from refunds.views.forms import CaseForm, DecisionForm, ReviewReasonForm

PER_PAGE = 50


@permission_required("refunds.view_review")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def work_list(request: HttpRequest) -> HttpResponse:
    """Cases that wait for a reviewer, oldest first; several can be decided alike at once."""
    form = DecisionForm(request.POST if request.method == "POST" else None)
    conflicts: list[tuple[int, str]] = []
    if request.method == "POST" and form.is_valid():
        ids = [int(pk) for pk in request.POST.getlist("case") if pk.isdecimal()]
        try:
            count = reviews.decide_all(
                application_ids=ids,
                reviewer=request.user,  # type: ignore[arg-type]
                act=form.cleaned_data["act"],
                reason=form.cleaned_data["words"],
            )
        except reviews.Conflicts as error:
            conflicts = error.conflicts
        else:
            messages.success(request, _("%(count)s건을 결정했습니다.") % {"count": count})
            return redirect("refunds:review")
    picked = {name: request.GET.get(name, "") for name in ("state", "door", "age")}
    rows = reviews.waiting()
    if picked["state"] in Status.values:
        rows = rows.filter(status=picked["state"])
    if picked["door"] in Channel.values:
        rows = rows.filter(channel=picked["door"])
    if picked["age"] == "over":
        rows = rows.filter(status_since__lt=deadlines.overdue_before(clock.today()))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    now = clock.now()
    promises = promise.of_many(page)
    cases = [
        {
            "row": row,
            "name": masking.name(row.line.customer.holder_name or ""),
            "line": presenters.line_name(row),
            "reason": staff_presenters.staff_reason(row),
            "days": (now - row.status_since).days,
            "by": promises[row.pk].day,
            "over": promises[row.pk].situation == Situation.ANSWER_PASSED,
        }
        for row in page
    ]
    context = {
        "cases": cases,
        "page": page,
        "filters": [
            ("state", _("상태"), picked["state"], [(s.value, s.label) for s in UNDER_REVIEW]),
            ("door", _("접수처"), picked["door"], Channel.choices),
            ("age", _("기다린 날"), picked["age"], [("over", _("기한 지난 것만"))]),
        ],
        "query": urlencode({name: value for name, value in picked.items() if value}),
        "filtered": any(picked.values()),
        "form": form,
        "conflicts": conflicts,
        "objections": objections.open_objections()[:20],
        "today": clock.kst_date(now),
        "case_lease": reviews.CASE_LEASE,
    }
    return render(request, "refunds/review_list.html", context, status=422 if form.errors or conflicts else 200)


@permission_required("refunds.review_application")
@require_POST
def take_next(request: HttpRequest) -> HttpResponse:
    """Assign the next case to this reviewer."""
    row = reviews.take_next(reviewer=request.user)  # type: ignore[arg-type]
    if row is None:
        messages.info(request, _("지금 맡을 건이 없습니다."))
        return redirect("refunds:review")
    return redirect("refunds:review-case", row.pk)


@permission_required("refunds.view_review")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """One case: conditions of the rules, account, decisions so far, and the decision to make."""
    row = (
        Application.objects.select_related("filing", "line__customer", "account__holder_check", "reviewer")
        .filter(pk=pk)
        .first()
    )
    if row is None:
        raise Http404
    open_case, hardship = row.status in UNDER_REVIEW, reviews.is_hardship_case(row)
    supervisor = request.user.has_perm("refunds.review_hardship")
    late = LateReason.objects.filter(filing=row.filing_id).first()
    posted = request.POST if request.method == "POST" else None
    form = _case_form(posted, row, late, approves=supervisor or not hardship) if open_case else ReviewReasonForm(posted)
    if request.method == "POST" and form.is_valid():
        try:
            _act(request, row, form)
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("결정을 남겼습니다."))
            return redirect("refunds:review")
    looks.note(object=f"application:{row.pk}", subject=row.line.customer_id)
    facts = eligibility.facts_of(row.line)
    context = {
        "row": row,
        "name": masking.name(row.line.customer.holder_name or ""),
        "line_name": presenters.line_name(row),
        "conditions": lines.conditions(eligibility.trace_of(row.line), facts, programme.current()),
        "verdict": lines.outcome_title(row.line.effective_outcome),
        "reason": staff_presenters.staff_reason(row),
        "amount": presenters.amount(row),
        "decisions": _decision_rows(row),
        "form": form,
        "open_case": open_case,
        "can_undo": row.status in {Status.REJECTED, Status.APPROVED} and not row.flag,
        "changed": row.status == Status.APPROVED and row.flag == VERDICT_CHANGED,
        "by": promise.of(row).day,
        "may_decide": request.user.has_perm("refunds.review_application") or (hardship and supervisor),
        "hardship": hardship,
        "late": late,
        "evidence": documents.of_filing(row.filing),
        "earlier": row.previous,
        "documents": representation.names(row.filing.documents),
        "is_assigned": row.reviewer_until is not None and row.reviewer_until > dt.datetime.now(dt.UTC),
    }
    return render(request, "refunds/review_case.html", context, status=422 if form.errors else 200)


def _case_form(posted: Any, row: Application, late: LateReason | None, *, approves: bool) -> CaseForm:
    return CaseForm(
        posted,
        hardship=reviews.is_hardship_case(row),
        approves=approves,
        earlier=row.previous is not None and row.previous.status == Status.REJECTED,
        initial={"kind": late.kind, "ended_on": late.ended_on} if late else {},
    )


def _decision_rows(row: Application) -> list[dict[str, Any]]:
    return [
        {
            "row": decision,
            "why": staff_presenters.decision_reason(decision.code),
            "who": _who(decision.actor),
            "explanation": _explanation(decision),
        }
        for decision in row.decisions.order_by("id")
    ]


def _explanation(decision: Decision) -> str:
    if decision.code == "DOCUMENTS_SHOWN":
        return ", ".join(representation.names(decision.words.split(", ")))
    return decision.words


def _who(actor: str) -> str:
    kind, _colon, number = actor.partition(":")
    return {"customer": _("고객"), "system": _("저절로")}.get(kind, _("직원 %(number)s") % {"number": number})


def _act(request: HttpRequest, row: Application, form: DecisionForm | ReviewReasonForm) -> None:
    values: dict[str, Any] = {
        "application_id": row.pk,
        "reviewer": request.user,
        "reason": form.cleaned_data["words"],
    }
    if "act" in form.cleaned_data:
        answers = form.cleaned_data
        late = LateReasonInput(answers["kind"], answers["ended_on"]) if answers.get("kind") else None
        reviews.review(act=answers["act"], late=late, earlier_date=answers.get("earlier_date", False), **values)
    elif "confirm" in request.POST:
        reviews.confirm(**values)
    else:
        reviews.undo(**values)


@permission_required("refunds.release_case")
@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a case from its reviewer."""
    try:
        reviews.release(application_id=pk, supervisor=request.user)  # type: ignore[arg-type]
    except Refused:
        raise Http404 from None
    messages.success(request, _("다른 심사자가 맡을 수 있게 풀었습니다."))
    return redirect("refunds:review-case", pk)
