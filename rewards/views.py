"""My rewards: what runs by itself, what waits for a choice, and the few acts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from eligibility.models import Customer
from kt_remedy.core import clock, programme
from kt_remedy.core.access import customer, staff
from kt_remedy.core.persons import ADULT_AGE
from kt_remedy.core.templatetags.remedy import kday
from kt_remedy.identity.service import VerifiedRequest
from rewards import reports, service
from rewards.forms import ChoiceForm, PerkForm

_REFUSALS = {
    "UNKNOWN": gettext_lazy("이 회선에서는 고를 수 없는 혜택입니다. 화면을 새로 열어 다시 확인해 주세요."),
    "NOT_OPEN": gettext_lazy("아직 고르는 기간이 아닙니다."),
    "CLOSED": gettext_lazy("고르는 기간이 끝났습니다."),
    "TOO_YOUNG": gettext_lazy("이 서비스를 쓸 수 있는 나이가 아닙니다. 다른 서비스를 골라 주세요."),
    "GUARDIAN": gettext_lazy("만 %(adult_age)s세가 되지 않은 분은 보호자의 동의가 필요합니다."),
    "FINAL": gettext_lazy("이용권 번호를 이미 받으셔서 바꿀 수 없습니다."),
    "NOT_CHOSEN": gettext_lazy("먼저 서비스를 골라 주세요."),
    "NO_CODES": gettext_lazy("지금은 남은 이용권 번호가 없습니다. 고르신 것은 그대로 있으니 내일 다시 받아 주세요."),
    "NOT_IN_BASE": gettext_lazy("%(day)s이 끝날 때 쓰고 계신 회선이 없어 신청하실 수 없습니다."),
    "NOT_INSURED": gettext_lazy("가입되어 있지 않아 증명서를 드릴 수 없습니다."),
    "AUTOMATIC": gettext_lazy("이미 자동으로 가입되어 있어 신청하지 않으셔도 됩니다."),
}


def refusal(code: str) -> str:
    """Why an act on a perk was refused, in the language of the page. Raises KeyError for an unknown code."""
    return str(_REFUSALS[code]) % {"adult_age": ADULT_AGE, "day": kday(programme.current().rewards.base_date)}


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
        messages.error(request, str(form.errors.get("choice", [refusal("UNKNOWN")])[0]))
        return redirect("rewards:mine")
    return _handle_action(
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
    return _handle_action(
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
    return _handle_action(
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
    return _handle_action(
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
    return _handle_action(
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
    except service.PerkRefused as refused:
        messages.warning(request, refusal(refused.code))
        return redirect("rewards:mine")
    return render(
        request,
        "rewards/certificate.html",
        {"certificate": found, "perk": found.perk, "today": clock.today()},
    )


@staff("supervisor", "auditor", "administrator")
@never_cache
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """Who has what, what was chosen, delivered and failed, each a chart that is its own table; and how far it is."""
    return render(request, "rewards/report.html", reports.report_context())


def _language() -> str:
    """Of the page in front of the person, who is written to in it."""
    return (get_language() or "ko")[:2]


def _handle_action(request: VerifiedRequest, form: Any, act: Callable[[dict], object], done: str) -> HttpResponse:
    """Carry out one act, for oneself or for one's child, and go back to the page with its outcome in words."""
    if not form.is_valid():
        return redirect("rewards:mine")
    who: dict[str, Any] = {"person_index": request.person.ci_index}
    try:
        if child := form.cleaned_data["ward"]:
            who = {
                "person_index": service.ward_person_index(customer_no=child, person_index=request.person.ci_index),
                "guardian": True,
            }
        act(who)
    except service.PerkRefused as refused:
        messages.warning(request, refusal(refused.code))
    else:
        messages.success(request, done)
    return redirect("rewards:mine")
