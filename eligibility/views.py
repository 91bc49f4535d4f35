"""The quick check: an answer without saying who asks."""

import datetime as dt
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from eligibility import presenters, rules
from eligibility.forms import QuickCheckForm
from kt_remedy.core import clock, programme
from kt_remedy.core.access import public
from kt_remedy.core.programme import Programme


@public
@require_safe
def check(request: HttpRequest) -> HttpResponse:
    """The form, and above it the answer once it was filled in. Stores nothing, asks the database nothing."""
    asked = tuple(request.GET.get(name, "")[:40] for name in QuickCheckForm.base_fields)
    main, wrong = _render_main(asked, clock.today(), get_language() or "ko", programme.current())
    return render(request, "eligibility/check.html", {"main": main, "wrong": wrong})


@lru_cache(maxsize=512)
def _render_main(asked: tuple[str, ...], today: dt.date, language: str, current: Programme) -> tuple[SafeString, bool]:
    """The main part of the page, and whether something in the form is wrong.

    The same question has the same answer for everybody on the same day, so links that are passed around cost nothing.
    """
    filled = any(asked)
    answers = dict(zip(QuickCheckForm.base_fields, asked, strict=True))
    form = QuickCheckForm(answers if filled else None, today=today)
    answer = _answer(form, today, current) if filled and form.is_valid() else None
    context = {"form": form, "answer": answer, "today": today, "programme": current, "hotline": current.hotline}
    return render_to_string("eligibility/check_main.html", context), bool(form.errors)


def _answer(form: QuickCheckForm, today: dt.date, current: Programme) -> dict[str, object]:
    facts = form.facts()
    standing = rules.assess(facts, current)
    in_service = facts.terminated_on is None
    estimate = None
    if form.can_estimate:
        estimate = rules.estimate(facts, facts.terminated_on or current.waiver.terminated_to, current)
    no_penalty = form.cleaned_data["kind"] == "NONE" or (estimate is not None and estimate.amount == 0)
    codes = [code for code in standing.exclusions if code != "NOT_TERMINATED"]
    codes += standing.reviews
    can_still_leave = in_service and today <= current.waiver.terminated_to
    if in_service and not can_still_leave:
        # The waiver is over for this line; what counts now is whether it gets the rewards.
        kind = "no" if facts.network in current.rewards.excluded_networks else "stays"
        codes = [facts.network] if kind == "no" else []
    elif standing.reviews and len(codes) == len(standing.reviews):
        kind = "review"
    elif codes:
        kind = "no"
    elif no_penalty:
        kind, codes = "none", ["NO_PENALTY"]
    else:
        kind = "leave" if in_service else "yes"
    checks = [check for check in rules.trace(facts, (), current) if check.code not in _NOT_ASKED]
    return {
        "kind": kind,
        "facts": facts,
        "line": presenters.product_name(facts.product),
        "reasons": presenters.reasons(codes, facts, current),
        "conditions": presenters.conditions(checks, facts, current) if kind != "stays" else [],
        "estimate": estimate,
        "steps": presenters.explain(estimate) if estimate else [],
        "chart": presenters.chart(rules.curve(facts, current), today) if kind == "leave" and estimate else [],
        # The check does not ask when a move was asked for, which is all that counts here (D-05).
        "maybe_delayed": codes == ["TERMINATED_AFTER_PERIOD"] and facts.termination_reason == "PORT_OUT",
        "pay_on": _pay_day(facts.terminated_on, max(today, current.applications.opens), current),
    }


def _pay_day(ended: dt.date | None, applied: dt.date, current: Programme) -> dt.date | None:
    """The row of the announcement's table that fits; None for what it does not cover."""
    for payout in current.payouts:
        if (
            ended
            and payout.terminated_from <= ended <= payout.terminated_to
            and payout.applied_from <= applied <= payout.applied_to
        ):
            return payout.pay_on
    return None


# The check asks neither for bills nor whether the customer came back.
_NOT_ASKED = {"ITEMS", "BILLED", "PAID", "LEFT_TO_REFUND", "REJOINED"}
