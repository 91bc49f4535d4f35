"""Who came to the desk, and the proof of that person: identity card with a code, or approval by telephone (D-78)."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from eligibility import service as eligibility
from kt_remedy.core import access, masking
from kt_remedy.core.access import permission_required
from kt_remedy.identity import provider
from kt_remedy.identity import service as identity
from kt_remedy.portal import desk_code
from kt_remedy.portal.desk_forms import ComerForm, IdentityCardForm, PhoneProofForm, SpokenCodeForm
from kt_remedy.portal.desk_sessions import before_proof, context, desk_user
from refunds.applications import call_backs, desk_sessions
from refunds.applications.representation import DOCUMENTS
from refunds.models.accounts import OwnerKind
from refunds.models.desk import DeskSession

# The check of a number in the place of a kind of card.
_BY_NUMBER = "NUMBER"
TOO_MANY_CODES = gettext_lazy("이 번호로는 한 시간 동안 더 보낼 수 없습니다. 휴대폰 승인으로 확인하거나 나중에 하세요.")


def show(request: HttpRequest, row: DeskSession, **forms: Any) -> HttpResponse:
    """Page of a session whose comer is not proven: who came, or the proof of that person."""
    in_store = bool(desk_user(request).store_id)
    comers = desk_sessions.allowed_comers(row.customer, in_store=in_store)
    values = context(request, row) | {"in_store": in_store, "comers": comers}
    if not row.came_as:
        values["comer_form"] = ComerForm(comers=comers, in_store=in_store)
    else:
        values |= {
            "came_as": OwnerKind(row.came_as),
            "came_name": row.came_name if row.came_name_enc else "",
            "documents": DOCUMENTS.get(row.came_as, ()),
            "card_form": IdentityCardForm(),
            "phone_form": PhoneProofForm(),
            "number_to": masking.phone(number) if (number := "" if in_store else _confirmed_number(row)) else "",
        }
        if "code" in (check := desk_sessions.check_of(row)):
            values |= {
                "code_form": SpokenCodeForm(),
                "code_to": masking.phone(desk_code.contact_of(check["code"], row.customer_id)),
                "code_minutes": desk_code.CODE_MINUTES,
                "code_lost": desk_code.is_lost(check["code"]),
                "by_number": check["kind"] == _BY_NUMBER,
            }
    values |= forms
    values["errors_of"] = next(iter(forms.values()), None)
    return render(request, "portal/desk_proof.html", values, status=422 if forms else 200)


@permission_required("portal.serve_customer")
@never_cache
@require_POST
@before_proof
def who(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Record who came; asked anew, an earlier proof of somebody else is void."""
    if "another" in request.POST:
        desk_sessions.set_comer(row, "", "")
        return redirect("portal:desk-customer", row.key)
    in_store = bool(desk_user(request).store_id)
    comers = desk_sessions.allowed_comers(row.customer, in_store=in_store)
    form = ComerForm(request.POST, comers=comers, in_store=in_store)
    if not form.is_valid():
        return show(request, row, comer_form=form)
    desk_sessions.set_comer(row, form.cleaned_data["came_as"], form.cleaned_data.get("came_name", "").strip())
    return redirect("portal:desk-customer", row.key)


@permission_required("portal.serve_customer")
@never_cache
@require_POST
@before_proof
def prove_card(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Record that an identity card was seen: type, clerk and time, never a number. Not on the telephone.

    A code goes to the number for notices. Somebody without a mobile is proven at once and gets no notices.
    """
    if not row.came_as:
        return redirect("portal:desk-customer", row.key)
    form = IdentityCardForm(request.POST)
    if not desk_user(request).store_id:
        form.add_error(None, _("신분증은 매장에서만 볼 수 있습니다. 휴대폰 승인으로 확인하세요."))
    if not form.is_valid():
        return show(request, row, card_form=form)
    kind, contact = form.cleaned_data["kind"], form.cleaned_data["contact"]
    if not contact:
        return _record_id_card(row, kind, "")
    if not _send_code(request, row, kind, contact):
        form.add_error("contact", TOO_MANY_CODES)
        return show(request, row, card_form=form)
    return redirect("portal:desk-customer", row.key)


def _send_code(request: HttpRequest, row: DeskSession, kind: str, contact: str) -> bool:
    try:
        code = desk_code.send(
            customer_no=row.customer_id,
            person=row.person_index,
            contact=contact,
            clerk=desk_user(request).pk,
            language=eligibility.language_of(row.customer),
            call=kind == _BY_NUMBER,
        )
    except desk_code.TooMany:
        return False
    desk_sessions.keep_check(row, {"kind": kind, "code": code})
    return True


@permission_required("portal.serve_customer")
@never_cache
@require_POST
@before_proof
def prove_code(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Check the code that the customer reads aloud, send it again, or take another number."""
    check = desk_sessions.check_of(row)
    if "code" not in check:
        return redirect("portal:desk-customer", row.key)
    kind, sent_code = check["kind"], check["code"]
    if "another" in request.POST:
        desk_sessions.keep_check(row, {})
        return redirect("portal:desk-customer", row.key)
    contact = desk_code.contact_of(sent_code, row.customer_id)
    form = SpokenCodeForm(request.POST)
    if "again" in request.POST:
        if _send_code(request, row, kind, contact):
            messages.success(request, _("새 숫자를 보냈습니다. 앞의 숫자는 쓸 수 없습니다."))
        else:
            messages.warning(request, TOO_MANY_CODES)
        return redirect("portal:desk-customer", row.key)
    if form.is_valid():
        if desk_code.matches(sent_code, form.cleaned_data["code"], row.customer_id):
            if kind == _BY_NUMBER:
                desk_sessions.prove(row, proof={"method": "NUMBER"}, contact=contact)
                return redirect("portal:desk-customer", row.key)
            return _record_id_card(row, kind, contact)
        form.add_error("code", desk_code.why_wrong(sent_code))
    return show(request, row, code_form=form)


def _confirmed_number(row: DeskSession) -> str:
    """The number that the person who came confirmed with a filing and that is still theirs; "" for none (D-86)."""
    return call_backs.confirmed_number(row.customer, came_as=row.came_as) if row.came_as else ""


@permission_required("portal.serve_customer")
@never_cache
@require_POST
@before_proof
def prove_number(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Send a code to the confirmed number of a caller without the app, who reads it aloud (D-86). Not in a store."""
    number = "" if desk_user(request).store_id else _confirmed_number(row)
    if not number:
        messages.warning(request, _("확인된 번호가 없습니다. 휴대폰 승인으로 확인하거나 일반 안내만 하세요."))
    elif not _send_code(request, row, _BY_NUMBER, number):
        messages.warning(request, TOO_MANY_CODES)
    return redirect("portal:desk-customer", row.key)


def _record_id_card(row: DeskSession, kind: str, contact: str) -> HttpResponse:
    number = "CODE" if contact else "NONE"
    desk_sessions.prove(row, proof={"method": "ID_CARD", "type": kind, "contact": number}, contact=contact)
    return redirect("portal:desk-customer", row.key)


@permission_required("portal.serve_customer")
@never_cache
@require_POST
@before_proof
def prove_phone(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Ask the phone of the person who came to approve; the page that follows waits for it."""
    if not row.came_as:
        return redirect("portal:desk-customer", row.key)
    form = PhoneProofForm(request.POST)
    if form.is_valid():
        try:
            pending = identity.begin(
                method="APP",
                carrier=form.cleaned_data["carrier"],
                name=(row.came_name if row.came_name_enc else row.customer.holder_name) or "",
                phone=form.cleaned_data["phone"],
                address=access.current_address() or "",
            )
        except identity.LimitReached:
            form.add_error(None, _("오늘은 이 번호로 더 보낼 수 없습니다."))
        except (provider.VerificationRefused, provider.Unavailable):
            form.add_error(None, _("승인 요청을 보내지 못했습니다. 통신사와 번호를 다시 확인하세요."))
        else:
            desk_sessions.keep_check(row, {"pending": pending.to_session()})
            return redirect("portal:desk-approve", row.key)
    return show(request, row, phone_form=form)


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@before_proof
def approve(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Confirm the approval that the person gives on the phone."""
    check = desk_sessions.check_of(row)
    if "pending" not in check:
        return redirect("portal:desk-customer", row.key)
    pending = identity.PendingVerification(**check["pending"])
    wrong = ""
    if request.method == "POST":
        try:
            person = identity.confirm(pending)
        except provider.NotApproved:
            wrong = _("아직 승인하지 않으셨습니다.")
        except (provider.VerificationRefused, provider.Unavailable, identity.LimitReached, identity.MissingCI):
            wrong = _("확인되지 않았습니다. 다시 보내거나 신분증으로 확인하세요.")
        else:
            if wrong := _other_person(row, person):
                desk_sessions.keep_check(row, {})
            else:
                desk_sessions.prove(row, proof={"method": "CODE"}, contact=person.phone)
                return redirect("portal:desk-customer", row.key)
    values = context(request, row) | {"pending": pending, "wrong": wrong, "sandbox": settings.SANDBOX_URL}
    return render(request, "portal/desk_approve.html", values, status=422 if wrong else 200)


def _other_person(row: DeskSession, person: identity.Person) -> str:
    """Why the person who approved is not the one who came; "" if it is."""
    if row.came_as == OwnerKind.SELF:
        return "" if person.ci_index == row.person_index else _("승인한 분이 이 고객이 아닙니다.")
    guardian = row.customer.guardian_ci_index
    if row.came_as == OwnerKind.GUARDIAN and guardian is not None:
        return "" if person.ci_index == bytes(guardian) else _("승인한 분이 등록된 보호자가 아닙니다.")
    return _("승인한 분이 이 고객 본인입니다. 오신 분을 확인하세요.") if person.ci_index == row.person_index else ""
