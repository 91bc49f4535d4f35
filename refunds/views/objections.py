"""Objections: a customer contests the decision on a line, adds to it or takes it back; a reviewer answers."""

import hashlib
import uuid
from typing import Any

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
from refunds.applications import (
    deadlines,
    documents,
    letters,
    objection_answers,
    objection_views,
    objections,
    presenters,
    queue,
    staff_presenters,
)
from refunds.applications.access import may_claim
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Objection
from refunds.models.cases import Adjustment
from refunds.models.reviews import Letter, ReviewCase
from refunds.views.forms import AdditionForm, ObjectionForm
from refunds.views.review_case import reviewer_of, to_next
from refunds.views.review_forms import AnswerForm


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def object_to(request: VerifiedRequest, contract_no: str) -> HttpResponse:
    """A customer contests the decision on a line; while it is open, they add to it or take it back."""
    me = request.person
    line = Line.objects.select_related("customer").filter(pk=contract_no).first()
    if line is None or not may_claim(line.customer, me.ci_index, "GUARDIAN") or not objections.can_object(line):
        raise Http404
    latest = Objection.objects.filter(line=line).order_by("-received_at").first()
    still_open = latest is not None and latest.status == Objection.Status.OPEN
    posted = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form: ObjectionForm | AdditionForm = AdditionForm(*posted) if still_open else ObjectionForm(*posted)
    if request.method == "POST":
        try:
            if latest is not None and "take_back" in request.POST:
                objections.take_back(objection_id=latest.pk, person_index=me.ci_index)
                messages.success(request, _("이의를 거두었습니다."))
                return redirect("refunds:object", contract_no)
            if form.is_valid():
                _receive(request, contract_no, form, latest if still_open else None)
                return redirect("refunds:object", contract_no)
        except Refused as refused:
            form.add_error("files" if refused.code in documents.ABOUT_FILES else None, refused.message)
    facts = eligibility.facts_of(line)
    about_money = line.effective_outcome in {"ELIGIBLE", "NOTHING_DUE"}
    codes = lines.told_codes(line.reason_codes, about_money=about_money)
    until = objections.possible_until(line)
    context = {
        "form": form,
        "latest": latest,
        "can_apply": latest is not None and contract_no in objection_views.to_apply_for([latest]),
        "still_open": still_open,
        "passed": objections.passed_day(latest) if latest is not None else None,
        "additions": list(latest.additions.order_by("id")) if latest is not None else [],
        "letter": _last_letter(latest),
        "correction": _correction(latest),
        "until": until,
        "closed": clock.today() > until,
        "sent": documents.of_objection(latest) if latest is not None and still_open else [],
        "line_name": f"{lines.product_name(line.product)} {masking.phone(line.msisdn or '')}",
        "verdict": lines.outcome_title(line.effective_outcome),
        "reasons": lines.reasons(codes, facts, programme.current()),
        "answer_by": deadlines.objection_by(clock.today()),
    }
    return render(request, "refunds/object.html", context, status=422 if form.errors else 200)


def _receive(
    request: VerifiedRequest, contract_no: str, form: ObjectionForm | AdditionForm, latest: Objection | None
) -> None:
    """Keep an objection, or what is added to the open one, with its documents: all of it or nothing."""
    me, answers = request.person, form.cleaned_data
    files = documents.read(answers["files"]) if answers["files"] else []
    with transaction.atomic():
        if latest is None:
            latest = objections.object_to(
                contract_no=contract_no,
                person_index=me.ci_index,
                text=answers["words"],
                kind=answers["kind"],
                wanted_krw=answers["wanted_krw"],
                contact=me.phone,
                language=(get_language() or "ko")[:2],
            )
        elif answers["words"]:
            objections.add_to(objection_id=latest.pk, text=answers["words"], person_index=me.ci_index)
        if files:
            documents.add_to_objection(objection_id=latest.pk, files=files, person_index=me.ci_index)


def _last_letter(row: Objection | None) -> dict[str, str] | None:
    letter = row.letters.order_by("-id").first() if row is not None else None
    if letter is None:
        return None
    language = (get_language() or "ko")[:2]
    return {"title": letter.title(language), "body": letter.body(language)}


def _correction(row: Objection | None) -> dict[str, Any] | None:
    """How far the further sum of an upheld objection is, and by when it is sent (D-72); None where there is none."""
    if row is None or not row.difference_krw or row.answered_at is None:
        return None
    found = Adjustment.objects.filter(objection=row).order_by("-id").first()
    return {
        "won": row.difference_krw,
        "by": deadlines.correction_by(clock.kst_date(row.answered_at)),
        "approved": found is not None and found.status == Adjustment.Status.APPROVED,
        "proposed": found is not None and found.status == Adjustment.Status.PROPOSED,
    }


@permission_required("refunds.view_review")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def objection(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A reviewer reads one objection and answers it by reasons; the letter is shown before it is sent."""
    row = Objection.objects.select_related("line__customer", "answered_by").filter(pk=pk).first()
    if row is None:
        raise Http404
    kept = ReviewCase.objects.select_related("holder").filter(objection=row).first()
    posted = request.POST if request.method == "POST" else None
    form = AnswerForm(
        posted, about_amount=objections.is_about_amount(row), about_day=objections.has_day(row), kind=row.kind
    )
    shown: Letter | None = None
    if request.method == "POST" and form.is_valid():
        try:
            shown = _answer(request, row, form)
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            if shown is None:
                messages.success(request, _("답변을 보냈습니다."))
                return to_next(request)
            if kept is not None:
                queue.renew(kept, reviewer_of(request))
    context = {
        "form": form, "shown": {"letter": shown, "text": ""} if shown else None,
        "seen": _digest(shown) if shown else "", "send_label": _("답 보내고 다음 건"), "language": row.language,
    }  # fmt: skip
    if request.headers.get("X-Part") == "letter":
        return render(request, "refunds/_review_letter.html", context)
    context |= _page(request, row, kept)
    return render(request, "refunds/review_objection.html", context, status=422 if form.errors else 200)


def _answer(request: HttpRequest, row: Objection, form: AnswerForm) -> Letter | None:
    """Answer the objection, or give the letter that has to be read before. None once it is answered."""
    values: dict[str, Any] = {
        "objection_id": row.pk,
        "reviewer": reviewer_of(request),
        "uphold": form.cleaned_data["act"] == objection_answers.UPHOLD,
        "codes": form.picked(),
        "difference_krw": form.cleaned_data.get("difference_krw"),
        "applied_on": form.cleaned_data.get("applied_on"),
    }
    shown = objection_answers.preview(**values)
    if "send" not in request.POST or request.POST.get("seen") != _digest(shown):
        return shown
    objection_answers.answer_objection(note=form.cleaned_data["words"], **values)
    return None


def _digest(letter: Letter) -> str:
    return hashlib.sha256("\0".join([letter.body_ko, letter.body_en]).encode()).hexdigest()[:32]


def _page(request: HttpRequest, row: Objection, kept: ReviewCase | None) -> dict[str, Any]:
    user = reviewer_of(request)
    looks.note(object=f"objection:{row.pk}", subject=row.line.customer_id)
    bills = eligibility.bills_of([row.line_id])[row.line_id]
    refundable = programme.current().waiver.refundable_items
    newest = Application.objects.filter(line=row.line_id).select_related("line", "filing").order_by("-id").first()
    return {
        "row": row,
        "kept": kept,
        "application": newest,
        "amount": presenters.amount(newest) if newest else None,
        "name": masking.name(row.line.customer.holder_name or ""),
        "conditions": lines.conditions(
            eligibility.trace_of(row.line, bills), eligibility.facts_of(row.line), programme.current()
        ),
        "bills": [
            {"name": lines.item_name(bill.item), "row": bill, "counts": bill.item in refundable} for bill in bills
        ],
        "estimate": lines.explain(eligibility.estimate_of(row.line)),
        "verdict": staff_presenters.verdict_title(row.line.effective_outcome),
        "may_decide": user.has_perm("refunds.answer_objection"),
        "held_by_other": kept is not None and queue.is_held_by_other(kept, user),
        "mine": kept is not None and kept.level in queue.levels_of(user),
        "park_most": queue.park_until_at_most(kept) if kept else None,
        "additions": list(row.additions.order_by("id")),
        "evidence": documents.of_objection(row),
        "answer_reasons": letters.labels(code for letter in row.letters.all() for code in letter.codes),
    }
