"""The consents of a customer: their state, a page that says what a withdrawal ends, and the way to give one again."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from eligibility import opening
from kt_remedy.core.access import customer
from kt_remedy.core.errors import Refused
from kt_remedy.identity.service import VerifiedRequest
from kt_remedy.notices import service as notices
from refunds.applications import consents, presenters, queries
from refunds.applications.submit import CONSENTS
from refunds.models.consents import Consent


class _WithdrawForm(forms.Form):
    sure = forms.BooleanField(
        label=gettext_lazy("위에 적힌 것을 읽었고, 동의를 거두겠습니다"),
        error_messages={"required": gettext_lazy("읽으셨으면 표시해 주세요.")},
    )


class _GiveForm(forms.Form):
    sure = forms.BooleanField(
        label=gettext_lazy("위에 적힌 것을 읽었고, 다시 동의합니다"),
        error_messages={"required": gettext_lazy("읽으셨으면 표시해 주세요.")},
    )


def context(request: VerifiedRequest) -> dict[str, Any]:
    """Values of the part of the record about consents: the two of a refund, reminders, and the wish of the opening."""
    me = request.person
    return {
        "consents": consents.of_person(me.ci_index),
        "reminders_stopped": notices.has_opted_out(number=me.phone, person=me.ci_index),
        "opening_wish": opening.wish_of(me.ci_index),
        "kept_days": settings.ACCOUNT_WIPE_DAYS,
    }


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: VerifiedRequest, code: str) -> HttpResponse:
    """Say what the withdrawal of a consent ends, and do it; where it is withdrawn, show the text and take it again."""
    if code not in Consent:
        raise Http404
    chosen, me = Consent(code), request.person
    given = next((each for each in consents.of_person(me.ci_index) if each.consent == chosen), None)
    if given is None:
        messages.info(request, _("동의하신 적이 없습니다."))
        return redirect("portal:my-record")
    # The act comes from the button, so that an old page in another tab never does the opposite.
    withdrawn = given.withdrawn_at is not None
    act = request.POST.get("act", "")
    if request.method == "POST" and act != ("give" if withdrawn else "withdraw"):
        messages.info(request, _("이미 거두신 동의입니다.") if withdrawn else _("이미 동의하셨습니다."))
        return redirect("portal:my-record")
    form = (_GiveForm if withdrawn else _WithdrawForm)(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        _carry_out(request, chosen, give=withdrawn)
        return redirect("portal:my-record")
    views = [
        view
        for view in presenters.present(queries.of_person(me.ci_index))
        if view.application.filing.person_index == me.ci_index and view.application.is_live and not view.paid
    ]
    values = {
        "given": given,
        "form": form,
        "ending": [view for view in views if view.can_withdraw],
        "staying": [view for view in views if not view.can_withdraw],
        "version": CONSENTS[chosen],
        "kept_days": settings.ACCOUNT_WIPE_DAYS,
        "is_privacy": chosen == Consent.PRIVACY,
    }
    return render(request, "portal/my_consent.html", values, status=422 if form.errors else 200)


def _carry_out(request: VerifiedRequest, chosen: Consent, *, give: bool) -> None:
    me = request.person
    if give:
        consents.give_again(consent=chosen, person_index=me.ci_index)
        messages.success(request, _("다시 동의하셨습니다. 거둘 때 철회된 신청은 새로 신청해 주세요."))
        return
    try:
        outcome = consents.withdraw(consent=chosen, person_index=me.ci_index, phone=me.phone)
    except Refused as refused:
        messages.info(request, refused.message)
        return
    text = [_("동의를 거두셨습니다.")]
    if outcome.ended:
        text.append(_("신청 %(n)s건을 철회했습니다.") % {"n": outcome.ended})
    if outcome.kept:
        text.append(_("이미 지급 명단에 있거나 입금된 신청 %(n)s건은 그대로입니다.") % {"n": outcome.kept})
    messages.success(request, " ".join(text))
