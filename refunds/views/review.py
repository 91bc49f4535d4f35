"""The reviewers' pages: the list, the next case, one case, objections. And the customer's page to object."""

import datetime as dt
import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from eligibility import presenters as lines
from eligibility import service as eligibility
from eligibility.models import Line
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.access import customer, staff
from kt_remedy.identity.service import VerifiedRequest
from refunds.applications import documents, file_types, presenters, representation, reviews, timeline
from refunds.applications.forms import DocumentsForm, ObjectionForm
from refunds.applications.service import Late, may_claim
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Channel, Decision, LateReason, Objection
from refunds.models.states import BY_REVIEWER, Status
from refunds.views.review_forms import AnswerForm, CaseForm, DecisionForm, ReasonForm, WordsForm

PER_PAGE = 50


@staff("reviewer", "supervisor", "auditor")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def work_list(request: HttpRequest) -> HttpResponse:
    """Everything that waits for a person, oldest first; several cases can be decided alike in one go."""
    form = DecisionForm(request.POST if request.method == "POST" else None)
    conflicts: list[tuple[int, str]] = []
    if request.method == "POST" and form.is_valid():
        ids = [int(pk) for pk in request.POST.getlist("case") if pk.isdecimal()]
        try:
            count = reviews.decide_all(
                application_ids=ids,
                reviewer=request.user,  # type: ignore[arg-type]
                act=form.cleaned_data["act"],
                words=form.cleaned_data["words"],
            )
        except reviews.Conflicts as found:
            conflicts = found.found
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
        rows = rows.filter(status_since__lt=timeline.overdue_before(clock.today()))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    now = clock.now()
    cases = [
        {
            "row": row,
            "name": masking.name(row.line.customer.holder_name or ""),
            "line": presenters.line_name(row),
            "reason": presenters.staff_reason(row),
            "days": (now - row.status_since).days,
            "by": timeline.review_by(row.status_since),
            "over": timeline.review_by(row.status_since) < clock.kst_date(now),
        }
        for row in page
    ]
    context = {
        "cases": cases,
        "page": page,
        "filters": [
            ("state", _("상태"), picked["state"], [(s.value, s.label) for s in BY_REVIEWER]),
            ("door", _("접수처"), picked["door"], Channel.choices),
            ("age", _("기다린 날"), picked["age"], [("over", _("기한 지난 것만"))]),
        ],
        "query": urlencode({name: value for name, value in picked.items() if value}),
        "filtered": any(picked.values()),
        "form": form,
        "conflicts": conflicts,
        "objections": reviews.open_objections()[:20],
        "today": clock.kst_date(now),
        "kept_for": reviews.KEPT_FOR,
        "may_decide": request.user.has_role("reviewer"),  # type: ignore[union-attr]
    }
    return render(request, "refunds/review_list.html", context, status=422 if form.errors or conflicts else 200)


@staff("reviewer")
@require_POST
def take_next(request: HttpRequest) -> HttpResponse:
    """Give me the next case."""
    row = reviews.take_next(reviewer=request.user)  # type: ignore[arg-type]
    if row is None:
        messages.info(request, _("지금 맡을 건이 없습니다."))
        return redirect("refunds:review")
    return redirect("refunds:review-case", row.pk)


@staff("reviewer", "supervisor", "auditor")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """One case: what the rules saw, what is known of the account, what was decided, and the decision to make."""
    row = (
        Application.objects.select_related("filing", "line__customer", "account__holder_check", "reviewer")
        .filter(pk=pk)
        .first()
    )
    if row is None:
        raise Http404
    open_case, hardship = row.status in BY_REVIEWER, reviews.is_hardship_case(row)
    supervisor = request.user.has_role("supervisor")  # type: ignore[union-attr]
    late = LateReason.objects.filter(filing=row.filing_id).first()
    posted = request.POST if request.method == "POST" else None
    form: DecisionForm | WordsForm = (
        CaseForm(
            posted,
            hardship=hardship,
            approves=supervisor or not hardship,
            earlier=row.previous is not None and row.previous.status == Status.REJECTED,
            initial={"kind": late.kind, "ended_on": late.ended_on} if late else {},
        )
        if open_case
        else WordsForm(posted)
    )
    if request.method == "POST" and form.is_valid():
        try:
            _act(request, row, form)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("결정을 남겼습니다."))
            return redirect("refunds:review")
    audit.record(
        actor=f"staff:{request.user.pk}",
        action="application.viewed",
        object=f"application:{row.pk}",
        subject=row.line.customer_id,
    )
    facts = eligibility.facts_of(row.line)
    context = {
        "row": row,
        "name": masking.name(row.line.customer.holder_name or ""),
        "line_name": presenters.line_name(row),
        "conditions": lines.conditions(eligibility.trace_of(row.line), facts, programme.current()),
        "verdict": lines.outcome_title(row.line.effective_outcome),
        "reason": presenters.staff_reason(row),
        "amount": presenters.amount(row),
        "decisions": [
            {
                "row": one,
                "why": presenters.decision_reason(one.code),
                "who": _who(one.actor),
                "words": _words(one),
            }
            for one in row.decisions.order_by("id")
        ],
        "form": form,
        "open_case": open_case,
        "can_undo": row.status in {Status.REJECTED, Status.APPROVED} and not row.flag,
        "changed": row.status == Status.APPROVED and row.flag == "VERDICT_CHANGED",
        "by": timeline.review_by(row.status_since),
        "may_decide": request.user.has_role("reviewer") or (hardship and supervisor),  # type: ignore[union-attr]
        "hardship": hardship,
        "supervisor": supervisor,
        "late": late,
        "evidence": documents.of_filing(row.filing),
        "earlier": row.previous,
        "documents": representation.names(row.filing.documents),
        "held": row.reviewer_until is not None and row.reviewer_until > dt.datetime.now(dt.UTC),
    }
    return render(request, "refunds/review_case.html", context, status=422 if form.errors else 200)


def _words(decision: Decision) -> str:
    if decision.code == "DOCUMENTS_SHOWN":
        return ", ".join(representation.names(decision.words.split(", ")))
    return decision.words


def _who(actor: str) -> str:
    kind, _colon, number = actor.partition(":")
    return {"customer": _("고객"), "system": _("저절로")}.get(kind, _("직원 %(number)s") % {"number": number})


def _act(request: HttpRequest, row: Application, form: DecisionForm | WordsForm) -> None:
    values: dict[str, Any] = {
        "application_id": row.pk,
        "reviewer": request.user,
        "words": form.cleaned_data["words"],
    }
    if "act" in form.cleaned_data:
        given = form.cleaned_data
        found = Late(given["kind"], given["ended_on"]) if given.get("kind") else None
        reviews.review(act=given["act"], late=found, earlier_date=given.get("earlier_date", False), **values)
    elif "confirm" in request.POST:
        reviews.confirm(**values)
    else:
        reviews.undo(**values)


@staff("supervisor")
@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a case from whoever has it."""
    try:
        reviews.release(application_id=pk, supervisor=request.user)  # type: ignore[arg-type]
    except Refused:
        raise Http404 from None
    messages.success(request, _("다른 심사자가 맡을 수 있게 풀었습니다."))
    return redirect("refunds:review-case", pk)


@staff(*documents.READERS)
@never_cache
@require_POST
def take_out(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A document, as a file to open elsewhere, for a reason that is written down."""
    form = ReasonForm(request.POST)
    back = request.POST.get("back", "")
    try:
        if not form.is_valid():
            raise Refused("REASON", str(next(iter(form.errors["reason"]))))
        row, data = documents.take_out(
            evidence_id=pk,
            staff=request.user,  # type: ignore[arg-type]
            reason=form.cleaned_data["reason"],
        )
    except Refused as refused:
        if refused.code == "UNKNOWN":
            raise Http404 from None
        messages.warning(request, str(refused))
        safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
        return redirect(back if safe else "refunds:review")
    name = f"{row.added_at:%Y%m%d}-{row.pk.hex[:8]}.{row.kind}"
    return HttpResponse(
        data,
        content_type=file_types.MIME[row.kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": "sandbox"},
    )


@staff("reviewer", "supervisor", "auditor")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def objection(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One objection, in the customer's words, and its answer."""
    row = Objection.objects.select_related("line__customer", "answered_by").filter(pk=pk).first()
    if row is None:
        raise Http404
    form = AnswerForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            reviews.answer_objection(
                objection_id=pk,
                reviewer=request.user,  # type: ignore[arg-type]
                uphold=form.cleaned_data["uphold"] == "yes",
                words=form.cleaned_data["words"],
            )
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("답변을 보냈습니다."))
            return redirect("refunds:review")
    audit.record(
        actor=f"staff:{request.user.pk}",
        action="objection.viewed",
        object=f"objection:{pk}",
        subject=row.line.customer_id,
    )
    context = {
        "row": row,
        "form": form,
        "name": masking.name(row.line.customer.holder_name or ""),
        "conditions": lines.conditions(
            eligibility.trace_of(row.line), eligibility.facts_of(row.line), programme.current()
        ),
        "verdict": lines.outcome_title(row.line.effective_outcome),
        "may_decide": request.user.has_role("reviewer"),  # type: ignore[union-attr]
        "evidence": documents.of_objection(row),
    }
    return render(request, "refunds/review_objection.html", context, status=422 if form.errors else 200)


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def object_to(request: VerifiedRequest, contract_no: str) -> HttpResponse:
    """A customer says what is wrong about the answer to a line."""
    me = request.person
    line = Line.objects.select_related("customer").filter(pk=contract_no).first()
    if line is None or not may_claim(line.customer, me.ci_index, "GUARDIAN") or not reviews.can_object(line):
        raise Http404
    latest = Objection.objects.filter(line=line).order_by("-received_at").first()
    still_open = latest is not None and latest.status == Objection.Status.OPEN
    posted = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    # While one is open, only documents can be added to it.
    form: ObjectionForm | DocumentsForm = DocumentsForm(*posted) if still_open else ObjectionForm(*posted)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                if not still_open:
                    latest = reviews.object_to(
                        contract_no=contract_no,
                        person_index=me.ci_index,
                        words=form.cleaned_data["words"],
                        contact=me.phone,
                        language=(get_language() or "ko")[:2],
                    )
                if latest is not None and form.cleaned_data["files"]:
                    documents.add_to_objection(
                        objection_id=latest.pk, files=form.cleaned_data["files"], person_index=me.ci_index
                    )
        except Refused as refused:
            form.add_error("files", str(refused))
        else:
            return redirect("refunds:object", contract_no)
    facts = eligibility.facts_of(line)
    context = {
        "form": form,
        "latest": latest,
        "still_open": still_open,
        "sent": documents.of_objection(latest) if latest is not None and still_open else [],
        "line_name": f"{lines.product_name(line.product)} {masking.phone(line.msisdn or '')}",
        "verdict": lines.outcome_title(line.effective_outcome),
        "reasons": lines.reasons(line.reason_codes, facts, programme.current()),
        "answer_by": timeline.objection_by(clock.today()),
    }
    return render(request, "refunds/object.html", context, status=422 if form.errors else 200)
