"""Filing at the desk: one page with the questions of the website, and the receipt."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from eligibility import service as eligibility
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import krw
from kt_remedy.portal.desk_customer import DeskLine, desk_lines
from kt_remedy.portal.desk_forms import FilingForm
from kt_remedy.portal.desk_sessions import context, desk_user, for_filing, typed
from kt_remedy.staff.models import User
from refunds.accounts import consents
from refunds.accounts import service as accounts
from refunds.applications import access as application_access
from refunds.applications import continuing, desk_sessions, presenters, store_actions, submit, window
from refunds.applications.transitions import Refused
from refunds.models.accounts import Account, OwnerKind
from refunds.models.applications import Application, Channel, Lateness
from refunds.models.desk import DeskSession
from refunds.views.account_entry import enter_account


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_filing
def submit_application(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Submit an application for the customer of a session, by the person who came and was proven."""
    user = desk_user(request)
    try:
        lateness = window.lateness(clock.today(), programme.current())
    except Refused as refused:
        messages.warning(request, refused.message)
        return redirect("portal:desk-customer", row.key)
    cards = [card for card in desk_lines(row) if card.can_file]
    if row.draft_of:
        drafted = continuing.lines_of(row)
        cards = [card for card in cards if card.line.pk in drafted]
    if not cards and request.method != "POST":
        messages.info(request, _("지금 신청할 회선이 없습니다."))
        if row.draft_of:
            desk_sessions.end(row)
            return redirect("portal:desk")
        return redirect("portal:desk-customer", row.key)
    form = _form(request, row, cards, user, late=lateness == Lateness.LATE)
    if request.method == "POST":
        if form.is_valid() and (done := _file(request, row, form, user)) is not None:
            return done
        desk_sessions.save_draft(row, typed(request))
    by = OwnerKind(row.came_as)
    values = context(request, row) | {
        "form": form,
        "by_label": by.label,
        "came_name": masking.name(row.came_name) if row.came_name_enc else "",
        "idempotency_key": _key(request, row),
        "contact": row.contact or "",
        "cards": cards,
        "version": submit.CONSENTS["privacy"],
        "kept_days": settings.ACCOUNT_WIPE_DAYS,
        "anyway": form.has_error("number", "holder"),
    }
    return render(request, "portal/desk_file.html", values, status=422 if form.errors else 200)


def _form(request: HttpRequest, row: DeskSession, cards: list[DeskLine], user: User, *, late: bool) -> FilingForm:
    options = [(card.line.pk, f"{card.bits[0]} · {card.bits[1]} · {krw(card.won)}") for card in cards]
    if request.method == "POST":
        known = {number for number, _label in options}
        # A line that was filed meanwhile is answered by its receipt, not by an error of the form.
        filed = [number for number in request.POST.getlist("lines") if number not in known]
        own = {line.pk for line in eligibility.lines_of(row.person_index)}
        options += [(number, number) for number in filed if number in own]
    initial: dict[str, Any] = {
        name: values if name in {"lines", "documents", "offline_documents"} else values[-1]
        for name, values in desk_sessions.draft_of(row).items()
        if values
    }
    if len(cards) == 1:
        initial.setdefault("lines", [cards[0].line.pk])
    return FilingForm(
        request.POST if request.method == "POST" else None,
        options=options,
        by=row.came_as,
        supervisor=user.has_perm("refunds.file_after_outage"),
        late=late,
        in_store=bool(user.store_id),
        holders=(row.customer.holder_name, row.came_name if row.came_name_enc else ""),
        initial=initial,
    )


def _key(request: HttpRequest, row: DeskSession) -> str:
    """Idempotency key of the filing; that of the website's draft where the caller goes on with one."""
    return str(row.draft_of or request.POST.get("key") or uuid.uuid4())


def _file(request: HttpRequest, row: DeskSession, form: FilingForm, user: User) -> HttpResponse | None:
    """File a valid form; None if it has errors now."""
    # The clerk read the consents out and the customer gave both, also where they had withdrawn one (D-91).
    consents.give_again(
        row.person_index, versions=submit.CONSENTS, actor=audit.actor(user), subject=row.customer.customer_no
    )
    account = _account(request, row, form, user)
    if account is None:
        return None
    try:
        submitted = submit.submit(
            submit.Submission(
                key=_key(request, row),
                channel=Channel.STORE if user.store_id else Channel.CALL_CENTRE,
                person_index=row.person_index,
                contract_nos=form.cleaned_data["lines"],
                account_id=account.pk,
                consents=dict(submit.CONSENTS),
                contact=row.contact or "",
                proof=row.proof,
                language=eligibility.language_of(row.customer),
                representation=OwnerKind(row.came_as),
                representative=(row.came_name if row.came_name_enc else "") or "",
                documents=[*form.cleaned_data.get("documents", []), *form.cleaned_data["offline_documents"]],
                staff=user,
                outage_on=form.cleaned_data.get("outage_on"),
                outage_reason=form.cleaned_data.get("outage_reason", ""),
                late_reason=form.late(),
            )
        )
    except Refused as refused:
        form.add_error(None, refused.message)
        return None
    desk_sessions.save_draft(row, {})
    if submitted.new:
        store_actions.tell_holder(row, application_ids=list(submitted.filing.applications.values_list("pk", flat=True)))
    else:
        messages.info(
            request,
            _("이미 접수된 신청입니다. 접수번호는 %(reference)s 그대로입니다.")
            % {"reference": submitted.filing.reference},
        )
        if user.store_id and submitted.filing.store_id != user.store_id:
            return redirect("portal:desk-customer", row.key)  # a filing of another channel is announced, not opened
    return redirect("portal:desk-receipt", row.key, submitted.filing.reference)


def _account(request: HttpRequest, row: DeskSession, form: FilingForm, user: User) -> Account | None:
    """Account on the screen; None if the bank did not confirm it and the clerk has not chosen to go on.

    The button to go on files the account whose answer is on the screen; one typed anew is asked about first (D6).
    """
    # A company's account bears the name in the register (D-17); nobody types how its bank spells it (D-74).
    own = form.by in {OwnerKind.SELF, OwnerKind.COMPANY}
    holder_name = (row.customer.holder_name or "") if own else form.cleaned_data["owner"]
    if form.is_offline:
        return accounts.enter_offline(
            person_index=row.person_index,
            holder_name=holder_name,
            owner_kind=form.by,
            actor=audit.actor(user),
            subject=row.customer_id,
        )
    passbook = form.cleaned_data.get("passbook", False)
    tried = desk_sessions.check_of(row).get("candidate")
    if "anyway" in request.POST and tried:
        candidate = Account.objects.select_related("holder_check").get(pk=tried)
        if accounts.is_same(
            candidate, form.cleaned_data["bank"], form.cleaned_data["number"], holder_name, owner_kind=form.by
        ):
            if passbook and not candidate.holder_check.matched:
                accounts.record_passbook(account=candidate, staff=audit.actor(user), subject=row.customer_id)
            return candidate
    entered = enter_account(
        form,
        person_index=row.person_index,
        holder_name=holder_name,
        holder_birth=row.customer.birth_date if own else form.cleaned_data["owner_born"],
        owner_kind=form.by,
        contract_nos=form.cleaned_data["lines"],
        actor=audit.actor(user),
        subject=row.customer_id,
        passbook=passbook,
    )
    if entered is None or not form.errors:
        return entered
    desk_sessions.keep_check(row, {"candidate": str(entered.pk)})
    return None


@permission_required("portal.serve_customer")
@never_cache
@require_safe
@for_filing
def receipt(request: HttpRequest, row: DeskSession, reference: str) -> HttpResponse:
    """The receipt for the customer to take along: store, clerk, applicant, promise."""
    own = Application.objects.filter(
        application_access.visible_to(staff=desk_user(request)),
        filing__reference=reference,
        line__customer__person_index=row.person_index,
    )
    if row.draft_of:
        own = own.filter(filing__idempotency_key=str(row.draft_of))
    rows = list(
        own.select_related("filing__store", "filing__filed_by", "line__customer", "account__holder_check").order_by(
            "id"
        )
    )
    if not rows:
        raise Http404
    filing, views = rows[0].filing, presenters.present(rows)
    applicant = masking.name(filing.representative or row.customer.holder_name or "")
    facts = [(_("회선"), presenters.line_name(each)) for each in rows]
    facts += [
        (_("신청하신 분"), f"{applicant} ({OwnerKind(filing.representation).label})"),
        (_("받을 계좌"), str(filing.account)),
    ]
    if filing.filed_by:
        place = filing.store.name if filing.store else _("고객센터")
        clerk = filing.filed_by.first_name or filing.filed_by.get_username()
        facts.append((_("접수한 곳"), f"{place} · {masking.name(clerk)}"))
    values = context(request, row) | {
        "filing": filing,
        "views": views,
        "rows": facts,
        "won": sum(view.won for view in views),
        "label": views[0].label,
    }
    return render(request, "portal/desk_receipt.html", values)
