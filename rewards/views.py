"""My rewards: what runs by itself, what waits for a choice, and the few acts."""

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


@dataclass(frozen=True)
class Ward:
    """A child on the page of the guardian."""

    customer: Customer
    overview: service.Overview


@customer
@never_cache
@require_safe
def mine(request: VerifiedRequest) -> HttpResponse:
    """Every perk of the verified person and of their children, those that wait for an act first."""
    me = request.person.ci_index
    wards = [Ward(child, service.overview(child.person_index, guardian=True)) for child in service.wards_of(me)]
    return render(request, "rewards/mine.html", {"overview": service.overview(me), "wards": wards})


@customer
@require_POST
def choose(request: VerifiedRequest) -> HttpResponse:
    """Choose a service for a line, or change the choice."""
    form = ChoiceForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(form.errors.get("choice", [service.Refused("UNKNOWN").message])[0]))
        return redirect("rewards:mine")
    return _act(
        request,
        form,
        lambda who: service.choose(
            perk_code=form.cleaned_data["perk"],
            contract_no=form.cleaned_data["contract"],
            choice_code=form.cleaned_data["choice"],
            **who,
        ),
        _("골랐습니다. 이용권 번호를 받기 전까지는 바꿀 수 있습니다."),
    )


@customer
@require_POST
def code(request: VerifiedRequest) -> HttpResponse:
    """Get the code of the chosen service; makes the choice final."""
    form = PerkForm(request.POST)
    return _act(
        request,
        form,
        lambda who: service.issue_code(
            perk_code=form.cleaned_data["perk"],
            contract_no=form.cleaned_data["contract"],
            person_index=who["person_index"],
            language=_language(),
        ),
        _("이용권 번호를 드렸습니다. 아래에서 보실 수 있습니다."),
    )


@customer
@require_POST
def substitute(request: VerifiedRequest) -> HttpResponse:
    """Take what a child gets who is too young for every service."""
    form = PerkForm(request.POST)
    return _act(
        request,
        form,
        lambda who: service.take_substitute(
            perk_code=form.cleaned_data["perk"], contract_no=form.cleaned_data["contract"], **who
        ),
        _("대신 받으시기로 했습니다."),
    )


@customer
@require_POST
def apply(request: VerifiedRequest) -> HttpResponse:
    """Apply for a perk by person."""
    form = PerkForm(request.POST)
    return _act(
        request,
        form,
        lambda who: service.apply(perk_code=form.cleaned_data["perk"], language=_language(), **who),
        _("신청했습니다. 아래에서 기간을 보실 수 있습니다."),
    )


@customer
@require_POST
def opt_out(request: VerifiedRequest) -> HttpResponse:
    """Decline a perk by person."""
    form = PerkForm(request.POST)
    return _act(
        request,
        form,
        lambda who: service.opt_out(perk_code=form.cleaned_data["perk"], **who),
        _("받지 않기로 하셨습니다. 언제든 다시 신청하실 수 있습니다."),
    )


@customer
@never_cache
@require_safe
def certificate(request: VerifiedRequest, perk: str) -> HttpResponse:
    """The proof of the insurance, one page to print."""
    try:
        found = service.certificate(perk_code=perk, person_index=request.person.ci_index)
    except service.Refused as refusal:
        messages.warning(request, refusal.message)
        return redirect("rewards:mine")
    return render(
        request,
        "rewards/certificate.html",
        {"certificate": found, "perk": found.perk, "today": clock.today()},
    )


@permission_required("rewards.view_report")
@never_cache
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """Who has what, what was chosen, delivered and failed, each a chart that is its own table; and how far it is."""
    return render(request, "rewards/report.html", reports.page())


def _language() -> str:
    """Of the page in front of the person, who is written to in it."""
    return (get_language() or "ko")[:2]


def _act(request: VerifiedRequest, form: Any, act: Callable[[dict], object], done: str) -> HttpResponse:
    """Carry out one act, for oneself or for one's child, and go back to the page with its outcome in words."""
    if not form.is_valid():
        return redirect("rewards:mine")
    who: dict[str, Any] = {"person_index": request.person.ci_index}
    try:
        if child := form.cleaned_data["ward"]:
            who = {
                "person_index": service.ward(customer_no=child, person_index=request.person.ci_index),
                "guardian": True,
            }
        act(who)
    except service.Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, done)
    return redirect("rewards:mine")
