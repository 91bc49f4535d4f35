"""One filed application in the session of its customer: account, withdrawal, documents, number for notices."""

import datetime as dt
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from eligibility import service as eligibility
from kt_remedy.audit import looks
from kt_remedy.audit import service as audit
from kt_remedy.core import masking
from kt_remedy.core.access import permission_required
from kt_remedy.portal import desk_code
from kt_remedy.portal.desk_forms import AccountChangeForm, SpokenCodeForm
from kt_remedy.portal.desk_proof import TOO_MANY_CODES
from kt_remedy.portal.desk_sessions import context, desk_user, in_session
from kt_remedy.staff.models import User
from refunds.applications import access as application_access
from refunds.applications import change, deadlines, desk_sessions, documents, presenters, reviews, store_actions
from refunds.applications.representation import DOCUMENTS
from refunds.applications.transitions import Refused
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Application, Decision
from refunds.models.desk import DeskSession
from refunds.models.states import Status
from refunds.views.account_entry import enter_account
from refunds.views.forms import DocumentsForm


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_session
def application(request: HttpRequest, row: DeskSession, pk: int) -> HttpResponse:
    """One application of the customer of a session; of nobody else (D2)."""
    user = desk_user(request)
    claim = (
        Application.objects.filter(
            application_access.visible_to(staff=user), pk=pk, line__customer__person_index=row.person_index
        )
        .select_related("filing", "line__customer", "account__holder_check")
        .first()
    )
    if claim is None:
        raise Http404
    act = request.POST.get("act")
    form = AccountChangeForm(
        request.POST if act == "account" else None,
        own=claim.account.owner_kind in {OwnerKind.SELF, OwnerKind.COMPANY},
        in_store=bool(user.store_id),
        holders=(claim.account.holder_name, row.customer.holder_name),
    )
    files = DocumentsForm(*((request.POST, request.FILES) if act == "files" else (None, None)))
    code = SpokenCodeForm(request.POST if act == "number" else None)
    if request.method == "POST":
        try:
            if _handle_action(request, row, claim, form, files, code, user):
                return redirect("portal:desk-application", row.key, pk)
        except Refused as refused:
            messages.warning(request, refused.message)
            return redirect("portal:desk-application", row.key, pk)
    looks.note(object=f"application:{pk}", subject=row.customer_id)
    sent = desk_sessions.check_of(row)
    values = context(request, row) | {
        "view": presenters.present([claim])[0],
        "form": form,
        "account_note": presenters.account_note(claim.account),
        "documents": DOCUMENTS.get(claim.filing.representation, ()),
        "files": files,
        "code_form": code if sent.get("filing") == str(claim.filing_id) else None,
        "errors_of": next((each for each in (files, code) if each.errors), form),
        "sent": documents.of_filing(claim.filing),
        "asked": _asked(claim),
        "contact": masking.phone(claim.filing.contact or ""),
        "other_contact": _other_contact(row, claim),
        "number_known": desk_sessions.confirms_number(row, claim),
        "second": row.second_by,
        "second_asked": row.second_asked_at is not None,
        "card_seen": row.proof.get("method") == "ID_CARD",
    }
    wrong = form.errors or files.errors or code.errors
    return render(request, "portal/desk_application.html", values, status=422 if wrong else 200)


def _asked(claim: Application) -> Decision | None:
    """The request for documents that the application waits for."""
    return claim.decisions.filter(to_status=Status.NEED_DOCS).last() if claim.status == Status.NEED_DOCS else None


def _other_contact(row: DeskSession, claim: Application) -> str:
    """The number confirmed in this session, if the filing has another one; later notices can go to it."""
    contact = (row.contact if row.contact_enc else "") or ""
    return contact if contact != claim.filing.contact else ""


def _handle_action(
    request: HttpRequest,
    row: DeskSession,
    claim: Application,
    form: AccountChangeForm,
    files: DocumentsForm,
    code: SpokenCodeForm,
    user: User,
) -> bool:
    """Carry out the posted action. False if a form has to be shown again."""
    action = request.POST.get("act")
    if action == "withdraw":
        change.withdraw(application_id=claim.pk, staff=user, reason=_("고객이 요청함"))
        store_actions.tell_holder(row, application_ids=[claim.pk])
        messages.success(request, _("신청을 철회했습니다."))
    elif action == "documents":
        reviews.documents_shown(application_id=claim.pk, staff=user, documents=request.POST.getlist("documents"))
        messages.success(request, _("서류를 확인한 것으로 남기고 심사로 넘겼습니다."))
    elif action == "files":
        return _add_files(request, claim, files, user)
    elif action == "contact":
        contact = _other_contact(row, claim)
        if not contact:
            raise Refused("PROOF", _("고객을 먼저 찾고 본인을 확인하세요."))
        store_actions.change_contact(filing_id=claim.filing_id, contact=contact, staff=user)
        messages.success(request, _("안내 문자 받을 번호를 바꾸었습니다."))
    elif action == "send-number":
        _send_number(request, row, claim, user)
    elif action == "number":
        return _hear_number(request, row, claim, code)
    elif action == "account":
        return _change_account(request, row, claim, form, user)
    else:
        raise Http404
    return True


def _add_files(request: HttpRequest, claim: Application, files: DocumentsForm, user: User) -> bool:
    if not files.is_valid():
        return False
    try:
        documents.add(application_id=claim.pk, staff=user, files=documents.read(files.cleaned_data["files"]))
    except Refused as refused:
        if refused.code not in documents.ABOUT_FILES:
            raise
        files.add_error("files", refused.message)
        return False
    messages.success(request, _("서류를 받았습니다."))
    return True


def _send_number(request: HttpRequest, row: DeskSession, claim: Application, user: User) -> None:
    """Send a code to the number on the filing, so that its owner takes part in a change of the account."""
    filing = claim.filing
    to = eligibility.confirmed_number_or_blank(filing.contact, confirmed_at=filing.received_at)
    if not to:
        raise Refused("NUMBER", _("신청서의 번호로 보낼 수 없습니다. 다른 직원과 함께 신분증을 보세요."))
    try:
        code = desk_code.send(
            customer_no=row.customer_id,
            person=row.person_index,
            contact=to,
            clerk=user.pk,
            language=filing.language,
            call=not user.store_id,
        )
    except desk_code.TooMany:
        raise Refused("TOO_MANY", str(TOO_MANY_CODES)) from None
    desk_sessions.keep_check(row, {"filing": str(filing.pk), "code": code})
    messages.success(request, _("신청서에 적힌 번호로 숫자를 보냈습니다."))


def _hear_number(request: HttpRequest, row: DeskSession, claim: Application, code: SpokenCodeForm) -> bool:
    check: dict[str, Any] = desk_sessions.check_of(row)
    if check.get("filing") != str(claim.filing_id):
        return True
    if not code.is_valid():
        return False
    if not desk_code.matches(check["code"], code.cleaned_data["code"], row.customer_id):
        code.add_error("code", desk_code.why_wrong(check["code"]))
        return False
    desk_sessions.confirm_number(row, claim.filing_id)
    messages.success(request, _("번호를 확인했습니다. 이제 계좌를 고칠 수 있습니다."))
    return True


def _change_account(
    request: HttpRequest, row: DeskSession, claim: Application, form: AccountChangeForm, user: User
) -> bool:
    desk_sessions.require_number(user, claim)
    if not form.is_valid():
        return False
    old = claim.account
    entered = enter_account(
        form,
        person_index=old.person_index,
        holder_name=form.cleaned_data.get("owner") or old.holder_name or "",
        holder_birth=dt.date.fromisoformat(old.holder_birth) if old.holder_birth else None,
        owner_kind=old.owner_kind,
        contract_nos=[claim.line_id],
        actor=audit.actor(user),
        subject=row.customer_id,
        passbook=form.cleaned_data.get("passbook", False),
    )
    if entered is None or form.errors:
        return False
    changed = change.change_account(application_id=claim.pk, account_id=entered.pk, staff=user)
    store_actions.tell_holder(row, application_ids=[claim.pk])
    messages.success(request, f"{_('계좌를 바꾸었습니다.')} {deadlines.hold_note(changed)}".rstrip())
    return True
