"""The perks of the customer at the desk: choose, hand out the code, apply or decline on their behalf."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, masking, persons
from kt_remedy.core.access import permission_required
from kt_remedy.portal.desk import DeskSession, current_session, desk_user
from rewards import service as rewards

ACTS = [(act, act) for act in ("choose", "code", "apply", "opt-out", "substitute")]


class ActForm(forms.Form):
    """One act on one perk. Codes and contracts are checked again, under lock, by the service."""

    act = forms.ChoiceField(choices=ACTS)
    perk = forms.CharField(max_length=40)
    contract = forms.CharField(max_length=20, required=False)
    choice = forms.CharField(max_length=40, required=False)
    # With a child somebody has to be there who may agree; the clerk looks at the proof and says so.
    guardian = forms.BooleanField(required=False)


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def perks(request: HttpRequest) -> HttpResponse:
    """Every card of the proven customer, with the acts that are open; codes are shown to be read aloud."""
    desk_session = current_session(request)
    if desk_session is None or not desk_session.proven:
        return redirect("portal:desk")
    user, customer = desk_user(request), desk_session.customer
    if request.method == "POST":
        form = ActForm(request.POST)
        if form.is_valid():
            _act(request, form.cleaned_data, desk_session)
        else:
            messages.error(request, rewards.PerkRefused("UNKNOWN").message)
        return redirect("portal:desk-perks")
    key = customer.person_index
    minor = persons.is_minor(customer.birth_date, clock.today())
    # As a guardian sees them: whether one is there is asked with each act.
    overview = rewards.overview(key, guardian=minor)
    audit.record(
        actor=audit.actor(user), action="rewards.viewed", object=f"customer:{customer.pk}", subject=customer.pk
    )
    context = {"overview": overview, "name": masking.name(customer.holder_name or ""), "minor": minor}
    return render(request, "portal/desk_perks.html", context)


def _act(request: HttpRequest, asked: dict[str, Any], desk_session: DeskSession) -> None:
    who: dict[str, Any] = {
        "perk_code": asked["perk"],
        "person_index": desk_session.customer.person_index,
        "by": desk_user(request),
    }
    guardian = {"guardian": asked["guardian"]}
    line = {"contract_no": asked["contract"]}
    acts: dict[str, tuple[Callable[[], object], Any]] = {
        "choose": (
            lambda: rewards.choose(**who, **line, **guardian, choice_code=asked["choice"]),
            gettext_lazy("고객이 말한 서비스로 골랐습니다."),
        ),
        "code": (lambda: rewards.issue_code(**who, **line), gettext_lazy("이용권 번호를 드렸습니다. 읽어 드리세요.")),
        "apply": (lambda: rewards.apply(**who, **guardian), gettext_lazy("신청했습니다.")),
        "opt-out": (lambda: rewards.opt_out(**who, **guardian), gettext_lazy("받지 않기로 적었습니다.")),
        "substitute": (
            lambda: rewards.take_substitute(**who, **line, **guardian),
            gettext_lazy("대신 받기로 적었습니다."),
        ),
    }
    act, done = acts[asked["act"]]
    if asked["act"] == "choose" and not asked["choice"]:
        messages.error(request, _("고객이 고른 서비스를 눌러 주세요."))
        return
    try:
        act()
    except rewards.PerkRefused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, done)
