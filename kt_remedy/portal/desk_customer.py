"""Page of one customer in a desk session: the lines with the next act, and the panel that answers what is asked."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from eligibility import presenters as lines_wording
from eligibility import service as eligibility
from eligibility.models import Line
from kt_remedy.audit import looks
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate_long
from kt_remedy.portal import desk_panel, desk_proof
from kt_remedy.portal.desk_forms import EscalationForm, NoteForm
from kt_remedy.portal.desk_sessions import before_proof, context, desk_user, in_session
from kt_remedy.staff.models import User
from refunds.applications import access as application_access
from refunds.applications import call_backs, desk_sessions, documents, objections, presenters, queries, store_actions
from refunds.applications.representation import ID_CARDS
from refunds.applications.transitions import Refused
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Application, Objection
from refunds.models.desk import DeskSession
from refunds.promise import calls as promise_calls
from refunds.promise import service as promise
from refunds.promise.facts import Situation
from refunds.views.forms import AdditionForm, ObjectionForm


@dataclass(slots=True)
class DeskLine:
    """One line as the desk shows it: the answer, the sum, the day, and a sentence to say aloud."""

    line: Line
    kind: str
    title: str
    bits: list[str]
    application: Application | None
    label: str
    won: int
    day: dt.date | None
    reasons: list[Any]
    say: str
    can_file: bool
    can_object: bool


@permission_required("portal.serve_customer")
@never_cache
@require_safe
@before_proof
def customer(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """The customer of a session; before the proof only who came and how to prove that person."""
    if not row.is_proven:
        return desk_proof.show(request, row)
    if row.draft_of:
        return redirect("portal:desk-file", row.key)
    return show(request, row)


def show(request: HttpRequest, row: DeskSession, **forms: Any) -> HttpResponse:
    """Page of a proven customer, with the forms that have errors."""
    user = desk_user(request)
    looks.note(object=f"customer:{row.customer_id}", subject=row.customer_id)
    values = context(request, row) | _customer_context(row, user) | desk_panel.context(request, row)
    values |= forms
    values["errors_of"] = next(iter(forms.values()), None)
    return render(request, "portal/desk_customer.html", values, status=422 if forms else 200)


def _customer_context(row: DeskSession, user: User) -> dict[str, Any]:
    holder = row.customer
    age = None
    if holder.birth_date:
        today, born = clock.today(), holder.birth_date
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    cards = desk_lines(row)
    views = presenters.present(queries.of_person(row.person_index))
    own = Application.objects.filter(
        application_access.visible_to(staff=user), pk__in=[view.application.pk for view in views]
    )
    own_pks = set(own.values_list("pk", flat=True))
    return {
        "age": age,
        "proof": proof_text(row),
        "cards": cards,
        "can_file": [card for card in cards if card.can_file],
        "views": views,
        "mine_pks": own_pks,
        "foreign": any(view.application.pk not in own_pks for view in views) and bool(user.store_id),
        "notes": call_backs.notes_of(holder),
        "note_form": NoteForm(),
        "up_form": EscalationForm(),
        "up_answer": promise_calls.due_at(clock.now()),
        "came_as": OwnerKind(row.came_as),
        "came_name": masking.name(row.came_name) if row.came_name_enc else "",
    }


def proof_text(row: DeskSession) -> str:
    """How the person who came was proven."""
    if row.proof.get("method") == "CODE":
        return _("휴대폰 승인 확인")
    if row.proof.get("method") == "NUMBER":
        return _("확인된 번호로 보낸 숫자 확인")
    return _("%(card)s 확인") % {"card": dict(ID_CARDS).get(row.proof.get("type", ""), "")}


def desk_lines(row: DeskSession) -> list[DeskLine]:
    """All lines of the customer of a session."""
    lines = list(eligibility.lines_of(row.person_index))
    filed = queries.for_lines([line.pk for line in lines])
    return [desk_line(line, filed.get(line.pk), row.came_as) for line in lines]


def desk_line(line: Line, application: Application | None, came_as: str) -> DeskLine:
    """One line with its answer; a line that gets nothing never shows a reason that reads as a promise (D4)."""
    outcome = line.effective_outcome
    kind = {"ELIGIBLE": "yes", "REVIEW": "review", "NOT_ELIGIBLE": "no", "NOTHING_DUE": "none"}[outcome]
    if line.terminated_on is None:
        kind = "keep"
    label, won = presenters.amount(Application(line=line))
    live = application is not None and application.is_live
    day = made = None
    if line.terminated_on and not live and outcome in {"ELIGIBLE", "REVIEW"}:
        made = promise.of_line(line, representation=came_as or "SELF")
        day = made.day if made.situation == Situation.OFFER else None
    reasons = []
    if not line.decided_outcome:
        codes = lines_wording.told_codes(line.reason_codes, about_money=kind in {"yes", "none"})
        reasons = lines_wording.reasons(codes, eligibility.facts_of(line), programme.current())
    return DeskLine(
        line=line,
        kind=kind,
        title=_("쓰고 있는 회선입니다") if kind == "keep" else lines_wording.outcome_title(outcome),
        bits=[
            f"{lines_wording.product_name(line.product)} {masking.phone(line.msisdn or '')}",
            _("%(day)s 해지") % {"day": kdate_long(line.terminated_on)} if line.terminated_on else _("이용 중"),
        ],
        application=application,
        label=label,
        won=won,
        day=day,
        reasons=reasons,
        say=made.sentence if made else "",
        can_file=outcome in {"ELIGIBLE", "REVIEW"} and not live and line.terminated_on is not None,
        can_object=kind != "keep" and objections.can_object(line),
    )


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_session
def object_to(request: HttpRequest, row: DeskSession, contract_no: str) -> HttpResponse:
    """The objection of a proven customer to the answer on a line; while it is open, words and documents are added to it
    or it is taken back, as the customer says."""
    user = desk_user(request)
    line = next((line for line in eligibility.lines_of(row.person_index) if line.pk == contract_no), None)
    still_open = Objection.objects.filter(line=line, status=Objection.Status.OPEN).first() if line else None
    if line is None or not (still_open or objections.can_object(line)):
        raise Http404
    posted = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form: ObjectionForm | AdditionForm = AdditionForm(*posted) if still_open else ObjectionForm(*posted)
    if request.method == "POST":
        try:
            if "take_back" in request.POST:
                if still_open is not None:
                    objections.take_back(objection_id=still_open.pk, staff=user)
                messages.success(request, _("이의를 거두었습니다."))
                return redirect("portal:desk-customer", row.key)
            if form.is_valid():
                said = _receive(row, line, form, still_open, user)
                messages.success(request, said)
                return redirect("portal:desk-customer", row.key)
        except Refused as refused:
            form.add_error("files" if refused.code in documents.ABOUT_FILES else None, refused.message)
    if still_open is not None:
        looks.note(object=f"objection:{still_open.pk}", subject=row.customer_id)
    values = context(request, row) | {
        "form": form,
        "card": desk_line(line, None, row.came_as),
        "still_open": still_open,
        "additions": list(still_open.additions.order_by("id")) if still_open else [],
        "sent": documents.of_objection(still_open) if still_open else [],
        "until": objections.possible_until(line),
    }
    return render(request, "portal/desk_object.html", values, status=422 if form.errors else 200)


def _receive(
    row: DeskSession, line: Line, form: ObjectionForm | AdditionForm, still_open: Objection | None, user: User
) -> str:
    """Keep the objection, or what is added to the open one, with its documents; returns what the clerk then says."""
    answers = form.cleaned_data
    files = documents.read(answers["files"]) if answers["files"] else []
    with transaction.atomic():
        if still_open is not None:
            objection, said = still_open, _("덧붙인 것을 받았습니다. %(day)s까지 답한다고 말씀드리세요.")
            if answers["words"]:
                objections.add_to(objection_id=objection.pk, text=answers["words"], staff=user)
        else:
            said = _("이의를 받았습니다. %(day)s까지 답한다고 말씀드리세요.")
            objection = objections.object_to(
                contract_no=line.pk,
                person_index=row.person_index,
                text=answers["words"],
                kind=answers["kind"],
                wanted_krw=answers["wanted_krw"],
                contact=row.contact or "",
                language=eligibility.language_of(row.customer),
                staff=user,
            )
        if files:
            documents.add_to_objection(objection_id=objection.pk, files=files, staff=user)
    return said % {"day": kdate_long(objection.answer_by)}


@permission_required("portal.transfer_filing")
@require_POST
@in_session
def transfer_filing(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Transfer a filing to this store; the customer tells its reference."""
    try:
        filing = store_actions.transfer_filing(
            reference=request.POST.get("reference", ""), customer=row.customer, staff=desk_user(request)
        )
    except Refused as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, _("%(reference)s을 이 매장으로 옮겼습니다.") % {"reference": filing.reference})
    return redirect("portal:desk-customer", row.key)


@permission_required("portal.serve_customer")
@never_cache
@require_POST
@in_session
def add_note(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Write a note on the customer, with a call-back if one was promised."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        return show(request, row, note_form=form)
    try:
        call_backs.write_note(
            customer=row.customer,
            text=form.cleaned_data["words"],
            staff=desk_user(request),
            call_back_at=form.cleaned_data["call_back"],
            call_to=row.contact or "",
        )
    except (Refused, ValidationError) as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, _("메모를 남겼습니다."))
    return redirect("portal:desk-customer", row.key)


@permission_required("portal.serve_customer")
@never_cache
@require_POST
@in_session
def escalate(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Hand the matter to a supervisor, who calls the customer by the day that is said."""
    form = EscalationForm(request.POST)
    if not form.is_valid():
        return show(request, row, up_form=form)
    answer_at = promise_calls.due_at(clock.now())
    call_backs.escalate(
        customer=row.customer,
        staff=desk_user(request),
        reason=form.cleaned_data["reason"],
        text=form.cleaned_data["words"],
        answer_at=answer_at,
        call_to=row.contact or "",
    )
    messages.success(request, _("상급자에게 올렸습니다. 약속한 때까지 상급자가 전화합니다."))
    return redirect("portal:desk-customer", row.key)


@permission_required("portal.serve_customer")
@require_POST
@in_session
def ask_second(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Ask a second clerk of the store to see the identity card."""
    try:
        desk_sessions.ask_second(row)
    except Refused as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, _("같은 매장의 다른 직원 화면에 확인 요청이 나옵니다. 함께 본 뒤에 이어서 하세요."))
    return redirect("portal:desk-customer", row.key)
