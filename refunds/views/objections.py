"""Objections: a customer contests the decision on a line, a reviewer answers."""

import uuid

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from eligibility import presenters as lines
from eligibility import service as eligibility
from eligibility.models import Line
from kt_remedy.audit import looks
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.access import customer, permission_required
from kt_remedy.identity.service import VerifiedRequest
from refunds.applications import deadlines, documents, objections
from refunds.applications.access import may_claim
from refunds.applications.transitions import Refused
from refunds.models.applications import Objection
from refunds.views.forms import AnswerForm, DocumentsForm, ObjectionForm


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def object_to(request: VerifiedRequest, contract_no: str) -> HttpResponse:
    """A customer contests the decision on a line."""
    me = request.person
    line = Line.objects.select_related("customer").filter(pk=contract_no).first()
    if line is None or not may_claim(line.customer, me.ci_index, "GUARDIAN") or not objections.can_object(line):
        raise Http404
    latest = Objection.objects.filter(line=line).order_by("-received_at").first()
    still_open = latest is not None and latest.status == Objection.Status.OPEN
    posted = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    # While one is open, only documents can be added to it.
    form: ObjectionForm | DocumentsForm = DocumentsForm(*posted) if still_open else ObjectionForm(*posted)
    if request.method == "POST" and form.is_valid():
        try:
            files = documents.read(form.cleaned_data["files"]) if form.cleaned_data["files"] else []
            with transaction.atomic():
                if not still_open:
                    latest = objections.object_to(
                        contract_no=contract_no,
                        person_index=me.ci_index,
                        text=form.cleaned_data["words"],
                        contact=me.phone,
                        language=(get_language() or "ko")[:2],
                    )
                if latest is not None and files:
                    documents.add_to_objection(objection_id=latest.pk, files=files, person_index=me.ci_index)
        except Refused as refused:
            form.add_error("files", refused.message)
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
        "answer_by": deadlines.objection_by(clock.today()),
    }
    return render(request, "refunds/object.html", context, status=422 if form.errors else 200)


@permission_required("refunds.view_review")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def objection(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A reviewer reads one objection and answers it."""
    row = Objection.objects.select_related("line__customer", "answered_by").filter(pk=pk).first()
    if row is None:
        raise Http404
    form = AnswerForm(request.POST if request.method == "POST" else None, about_amount=objections.is_about_amount(row))
    if request.method == "POST" and form.is_valid():
        try:
            objections.answer_objection(
                objection_id=pk,
                reviewer=request.user,  # type: ignore[arg-type]
                uphold=form.cleaned_data["uphold"] == "yes",
                answer=form.cleaned_data["words"],
                difference_krw=form.cleaned_data.get("difference_krw"),
            )
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, _("답변을 보냈습니다."))
            return redirect("refunds:review")
    looks.note(object=f"objection:{pk}", subject=row.line.customer_id)
    context = {
        "row": row,
        "form": form,
        "name": masking.name(row.line.customer.holder_name or ""),
        "conditions": lines.conditions(
            eligibility.trace_of(row.line), eligibility.facts_of(row.line), programme.current()
        ),
        "verdict": lines.outcome_title(row.line.effective_outcome),
        "may_decide": request.user.has_perm("refunds.answer_objection"),
        "evidence": documents.of_objection(row),
    }
    return render(request, "refunds/review_objection.html", context, status=422 if form.errors else 200)
