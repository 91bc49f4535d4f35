"""A customer's filed applications: receipt, status, withdrawal, another account, proof of payment."""

import datetime as dt

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from kt_remedy.core import clock, masking, programme
from kt_remedy.core.access import customer
from kt_remedy.identity.service import VerifiedRequest
from kt_remedy.notices import service as notices
from refunds import calendar
from refunds.applications import change, deadlines, drafts, objection_views, presenters, queries
from refunds.applications.access import visible_to
from refunds.applications.transitions import Refused
from refunds.bankfiles.records import statement_text
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Application
from refunds.promise import calendar_file
from refunds.promise import service as promises
from refunds.promise.sentences import of_lines
from refunds.views.account_entry import enter_account
from refunds.views.forms import AccountForm
from refunds.views.own import own_application


@customer
@never_cache
@require_safe
def receipt(request: VerifiedRequest, reference: str) -> HttpResponse:
    """Receipt of a filing: reference, sum, pay day and what happens next."""
    rows = list(
        Application.objects.filter(visible_to(person_index=request.person.ci_index), filing__reference=reference)
        .select_related("filing", "line__customer", "account__holder_check")
        .order_by("id")
    )
    if not rows:
        raise Http404
    views = presenters.present(rows)
    filing = rows[0].filing
    sent = [
        message
        for message in notices.messages_of_person(filing.person_index, limit=50)
        if message.subject == f"filing:{filing.id}"
    ]
    estimated = any(presenters.is_estimated(row) for row in rows)
    facts = [(_("신청하신 분"), _applicant(rows[0], request.person.name))]
    if filing.representation == OwnerKind.GUARDIAN:
        facts.append((_("자녀"), masking.name(rows[0].line.customer.holder_name or "")))
    facts += [(_("회선"), presenters.line_name(row)) for row in rows]
    facts.append((_("받을 계좌"), str(filing.account)))
    return render(
        request,
        "refunds/receipt.html",
        {
            "filing": filing,
            "views": views,
            "differ": of_lines(view.promise for view in views),
            "label": presenters.amount_label(estimated=estimated),
            "won": sum(view.won for view in views),
            "rows": facts,
            "sent": sent[0] if sent else None,
        },
    )


def _applicant(row: Application, reader: str) -> str:
    """Name of the person who applied, in full to themselves and masked to everybody else (D-83)."""
    filing = row.filing
    name = filing.representative if filing.representation != OwnerKind.SELF else row.line.customer.holder_name
    return name if name == reader else masking.name(name or "")


@customer
@never_cache
@require_safe
def status(request: VerifiedRequest) -> HttpResponse:
    """All applications of this person and their wards; a single one opens at once."""
    views = presenters.present(queries.of_person(request.person.ci_index))
    filed = {view.application.line_id for view in views}
    objections = [one for one in objection_views.of_person(request.person.ci_index) if one.row.line_id not in filed]
    if len(views) == 1 and not objections:
        return _application_page(request, views[0])
    key, answers = drafts.load(person_index=request.person.ci_index)
    context = {
        "views": views,
        "objections": objections,
        "to_apply_for": objection_views.to_apply_for(one.row for one in objections),
        "differ": of_lines(view.promise for view in views),
        "draft": bool(key and answers.lines),
    }
    return render(request, "refunds/status.html", context)


@customer
@never_cache
@require_safe
def application(request: VerifiedRequest, pk: int) -> HttpResponse:
    """One application: headline, sum and timeline."""
    return _application_page(request, presenters.present([own_application(request, pk)])[0])


def _application_page(request: HttpRequest, view: presenters.ApplicationView) -> HttpResponse:
    following = None
    if view.item is not None and not view.paid:
        following = calendar.next_round(view.item.batch.cut_off + dt.timedelta(seconds=1), programme.current())
    objections = [view.objection.row] if view.objection is not None else []
    context = {
        "view": view,
        "following": following,
        "to_apply_for": objection_views.to_apply_for(objections),
    }
    return render(request, "refunds/application.html", context)


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: VerifiedRequest, pk: int) -> HttpResponse:
    """Withdraw an application, after a confirmation."""
    row = own_application(request, pk)
    if request.method == "POST":
        try:
            change.withdraw(application_id=pk, person_index=request.person.ci_index)
        except Refused as refused:
            messages.warning(request, refused.message)
        else:
            messages.success(request, _("신청을 철회했습니다."))
        return redirect("refunds:application", pk)
    return render(request, "refunds/withdraw.html", {"view": presenters.present([row])[0]})


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change_account(request: VerifiedRequest, pk: int) -> HttpResponse:
    """Pay one application to another account."""
    row, me = own_application(request, pk), request.person
    view = presenters.present([row])[0]
    if not view.can_change_account:
        messages.warning(request, _("보낼 명단이 마감되었거나 끝난 신청이라 계좌를 바꿀 수 없습니다."))
        return redirect("refunds:application", pk)
    for_ward = row.filing.representation == OwnerKind.GUARDIAN
    name = row.line.customer.holder_name if for_ward else me.name
    form = AccountForm(request.POST if request.method == "POST" else None, for_ward=for_ward, holders=(me.name, name))
    if request.method == "POST" and form.is_valid():
        guardians = form.cleaned_data.get("whose") == "GUARDIAN"
        entered = enter_account(
            form,
            person_index=row.account.person_index,
            holder_name=me.name if guardians else name or "",
            holder_birth=me.birth_date if guardians or not for_ward else row.line.customer.birth_date,
            owner_kind=OwnerKind.GUARDIAN if guardians else OwnerKind.SELF,
            contract_nos=[row.line_id],
            actor="customer",
            subject=row.line.customer_id,
        )
        if entered is not None and not form.errors:
            try:
                changed = change.change_account(application_id=pk, account_id=entered.pk, person_index=me.ci_index)
            except Refused as refused:
                form.add_error("number", refused.message)
            else:
                messages.success(request, f"{_('계좌를 바꾸었습니다.')} {deadlines.hold_note(changed)}".rstrip())
                return redirect("refunds:application", pk)
    status_code = 422 if form.errors else 200
    context = {"view": view, "form": form, "name": name, "person": me, "for_ward": for_ward}
    return render(request, "refunds/change_account.html", context, status=status_code)


@customer
@never_cache
@require_safe
def proof(request: VerifiedRequest, pk: int) -> HttpResponse:
    """Proof of payment, for printing; only where the money has arrived. One's own name stands in full (D-83)."""
    view = presenters.present([own_application(request, pk)])[0]
    if not view.paid:
        raise Http404
    holder = view.application.line.customer.holder_name or ""
    context = {
        "view": view,
        "holder": holder if holder == request.person.name else masking.name(holder),
        "now": clock.now(),
        "statement": statement_text(),
    }
    return render(request, "refunds/proof.html", context)


@customer
@never_cache
@require_safe
def pay_day(request: VerifiedRequest, pk: int) -> HttpResponse:
    """The pay day as a calendar file; only where nothing but the calendar stands before it."""
    promise = promises.of(own_application(request, pk))
    if not calendar_file.has_day(promise):
        raise Http404
    content = calendar_file.of_pay_day(pk, promise)
    headers = {"Content-Disposition": 'attachment; filename="pay-day.ics"'}
    return HttpResponse(content, content_type=calendar_file.MEDIA_TYPE, headers=headers)
