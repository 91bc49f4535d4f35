"""Perks of the customer at the desk: choose, show the voucher code, apply or decline for the customer."""

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

from kt_remedy.audit import looks
from kt_remedy.core import clock, persons
from kt_remedy.core.access import permission_required
from kt_remedy.core.fields import TextField
from kt_remedy.portal.desk_sessions import context, desk_user, in_session
from refunds.models.desk import DeskSession
from rewards import service as rewards
from rewards.models import Entitlement

ACTIONS = [(act, act) for act in ("choose", "code", "apply", "opt-out", "substitute")]


class PerkActionForm(forms.Form):
    """One action on one perk. The service checks codes and contract numbers again, under lock."""

    act = forms.ChoiceField(choices=ACTIONS)
    perk = TextField(max_length=40)
    contract = TextField(max_length=20, required=False)
    choice = TextField(max_length=40, required=False)
    # A minor needs the consent of a guardian at the desk; the clerk has checked the proof.
    guardian = forms.BooleanField(required=False)


@permission_required("portal.serve_customer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_session
def perks(request: HttpRequest, row: DeskSession) -> HttpResponse:
    """Perks of a proven customer with their open actions; the clerk reads voucher codes aloud."""
    customer = row.customer
    if request.method == "POST":
        form = PerkActionForm(request.POST)
        if form.is_valid():
            _handle_action(request, form.cleaned_data, row)
        else:
            messages.error(request, rewards.PerkRefused("UNKNOWN").message)
        return redirect("portal:desk-perks", row.key)
    key = customer.person_index
    minor = persons.is_minor(customer.birth_date, clock.today())
    # The guardian's view: each action asks for the guardian again.
    overview = rewards.overview(key, guardian=minor)
    looks.note(object=f"customer:{customer.pk}", subject=customer.pk)
    values = context(request, row) | {"overview": overview, "minor": minor}
    return render(request, "portal/desk_perks.html", values)


def _handle_action(request: HttpRequest, cleaned: dict[str, Any], desk_session: DeskSession) -> None:
    common: dict[str, Any] = {
        "perk_code": cleaned["perk"],
        "person_index": desk_session.customer.person_index,
        "by": desk_user(request),
    }
    guardian = {"guardian": cleaned["guardian"]}
    line = {"contract_no": cleaned["contract"]}
    actions: dict[str, tuple[Callable[[], Entitlement], Any]] = {
        "choose": (
            lambda: rewards.choose(**common, **line, **guardian, choice_code=cleaned["choice"]),
            gettext_lazy("고객이 말한 서비스로 골랐습니다."),
        ),
        "code": (
            lambda: rewards.issue_code(**common, **line),
            gettext_lazy("이용권 번호를 드렸습니다. 읽어 드리세요."),
        ),
        "apply": (lambda: rewards.apply(**common, **guardian), gettext_lazy("신청했습니다.")),
        "opt-out": (lambda: rewards.opt_out(**common, **guardian), gettext_lazy("받지 않기로 적었습니다.")),
        "substitute": (
            lambda: rewards.take_substitute(**common, **line, **guardian),
            gettext_lazy("대신 받기로 적었습니다."),
        ),
    }
    action, done_text = actions[cleaned["act"]]
    if cleaned["act"] == "choose" and not cleaned["choice"]:
        messages.error(request, _("고객이 고른 서비스를 눌러 주세요."))
        return
    try:
        row = action()
    except rewards.PerkRefused as refusal:
        messages.warning(request, refusal.message)
    else:
        waits = cleaned["act"] == "code" and not row.voucher_id
        messages.success(request, rewards.WAITS_FOR_CODE if waits else done_text)
