"""Pages of the perks of a customer, their actions, the certificate, and the report for staff."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from eligibility.models import Customer
from kt_remedy.core import clock
from kt_remedy.core.access import customer, permission_required
from kt_remedy.identity.service import VerifiedRequest
from rewards import reports, service
from rewards.forms import ChoiceForm, PerkForm
from rewards.models import Entitlement


@dataclass(frozen=True)
class Ward:
    """A child on the page of the guardian."""

    customer: Customer
    overview: service.Overview


@customer
@never_cache
@require_safe
def mine(request: VerifiedRequest) -> HttpResponse:
    """All perks of the verified person and of their wards; cards that need an action come first."""
    me = request.person.ci_index
    wards = [Ward(child, service.overview(child.person_index, guardian=True)) for child in service.wards_of(me)]
    return render(request, "rewards/mine.html", {"overview": service.overview(me), "wards": wards})


@customer
@require_POST
def choose(request: VerifiedRequest) -> HttpResponse:
    """Choose a service for a line, or change the choice."""
    form = ChoiceForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(form.errors.get("choice", [service.PerkRefused("UNKNOWN").message])[0]))
        return redirect("rewards:mine")
    return _handle_action(
        request,
        form,
        lambda target: service.choose(
            perk_code=form.cleaned_data["perk"],
            contract_no=form.cleaned_data["contract"],
            choice_code=form.cleaned_data["choice"],
            **target,
        ),
        _("골랐습니다. 이용권 번호를 받기 전까지는 바꿀 수 있습니다."),
    )


@customer
@require_POST
def code(request: VerifiedRequest) -> HttpResponse:
    """Issue the code of the chosen service, which makes the choice final, or put the person into the queue for it."""
    form = PerkForm(request.POST)
    return _handle_action(
        request,
        form,
        lambda target: service.issue_code(
            perk_code=form.cleaned_data["perk"],
            contract_no=form.cleaned_data["contract"],
            person_index=target["person_index"],
            language=_language(),
        ),
        lambda row: (
            _("이용권 번호를 드렸습니다. 아래에서 보실 수 있습니다.") if row.voucher_id else service.WAITS_FOR_CODE
        ),
    )


@customer
@require_POST
def substitute(request: VerifiedRequest) -> HttpResponse:
    """Take the substitute for a child who is too young for all services."""
    form = PerkForm(request.POST)
    return _handle_action(
        request,
        form,
        lambda target: service.take_substitute(
            perk_code=form.cleaned_data["perk"], contract_no=form.cleaned_data["contract"], **target
        ),
        _("대신 받으시기로 했습니다."),
    )


@customer
@require_POST
def apply(request: VerifiedRequest) -> HttpResponse:
    """Apply for a perk by person."""
    form = PerkForm(request.POST)
    return _handle_action(
        request,
        form,
        lambda target: service.apply(perk_code=form.cleaned_data["perk"], language=_language(), **target),
        _("신청했습니다. 아래에서 기간을 보실 수 있습니다."),
    )


@customer
@require_POST
def opt_out(request: VerifiedRequest) -> HttpResponse:
    """Decline a perk by person."""
    form = PerkForm(request.POST)
    return _handle_action(
        request,
        form,
        lambda target: service.opt_out(perk_code=form.cleaned_data["perk"], **target),
        _("받지 않기로 하셨습니다. 언제든 다시 신청하실 수 있습니다."),
    )


@customer
@never_cache
@require_safe
def certificate(request: VerifiedRequest, perk: str) -> HttpResponse:
    """The certificate of insurance, one page to print."""
    try:
        proof = service.certificate(perk_code=perk, person_index=request.person.ci_index)
    except service.PerkRefused as refusal:
        messages.warning(request, refusal.message)
        return redirect("rewards:mine")
    return render(
        request,
        "rewards/certificate.html",
        {"certificate": proof, "perk": proof.perk, "today": clock.today()},
    )


@permission_required("rewards.view_report")
@never_cache
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """Figures of the perks as charts, and the progress of the bulk work."""
    return render(request, "rewards/report.html", reports.report_context())


def _language() -> str:
    """The language of the page, which is also the language of the message."""
    return (get_language() or "ko")[:2]


def _handle_action(
    request: VerifiedRequest,
    form: Any,
    action: Callable[[dict], Entitlement],
    success: str | Callable[[Entitlement], Any],
) -> HttpResponse:
    """Run an action for the person or a ward, and redirect to the page with the result message."""
    if not form.is_valid():
        return redirect("rewards:mine")
    target: dict[str, Any] = {"person_index": request.person.ci_index}
    try:
        if child := form.cleaned_data["ward"]:
            target = {
                "person_index": service.ward_person_index(customer_no=child, person_index=request.person.ci_index),
                "guardian": True,
            }
        row = action(target)
    except service.PerkRefused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, success if isinstance(success, str) else success(row))
    return redirect("rewards:mine")
