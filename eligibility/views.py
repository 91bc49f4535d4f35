"""The quick check (개인정보 없이 알아보기): a verdict without personal data or sign-in."""

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
from kt_remedy.core.kept_pages import kept
from kt_remedy.core.programme import Programme


@public
@kept
@require_safe
def check(request: HttpRequest) -> HttpResponse:
    """Show the form, and above it the result of a filled-in form. Uses no database and stores nothing."""
    parameters = tuple(request.GET.get(name, "")[:40] for name in QuickCheckForm.base_fields)
    main, has_errors = _render_main(parameters, clock.today(), get_language() or "ko", programme.current())
    return render(request, "eligibility/check.html", {"main": main, "has_errors": has_errors})


@lru_cache(maxsize=512)
def _render_main(
    parameters: tuple[str, ...], today: dt.date, language: str, current: Programme
) -> tuple[SafeString, bool]:
    """The main part of the page, and True if the form has errors.

    Cached, because the same parameters give the same page for everybody on one day and results are shared as links.
    """
    filled = any(parameters)
    answers = dict(zip(QuickCheckForm.base_fields, parameters, strict=True))
    form = QuickCheckForm(answers if filled else None, today=today)
    answer = _answer(form, today, current) if filled and form.is_valid() else None
    context = {"form": form, "answer": answer, "today": today, "programme": current, "hotline": current.hotline}
    context["carrier"] = current.carrier.short_name
    return render_to_string("eligibility/check_main.html", context), bool(form.errors)


def _answer(form: QuickCheckForm, today: dt.date, current: Programme) -> dict[str, object]:
    facts = form.facts()
    assessment = rules.assess(facts, current)
    in_service = facts.terminated_on is None
    estimate = None
    if form.can_estimate:
        estimate = rules.estimate(facts, facts.terminated_on or current.waiver.terminated_to, current)
    no_penalty = form.cleaned_data["kind"] == "NONE" or (estimate is not None and estimate.amount == 0)
    codes = [code for code in assessment.exclusions if code != "NOT_TERMINATED"]
    codes += assessment.reviews
    can_still_leave = in_service and today <= current.waiver.terminated_to
    if in_service and not can_still_leave:
        # The waiver is over for lines in service. The page tells whether the line gets perks instead.
        kind = "no" if facts.network in current.rewards.excluded_networks else "stays"
        codes = [facts.network] if kind == "no" else []
    elif assessment.reviews and len(codes) == len(assessment.reviews):
        kind = "review"
    elif codes:
        kind = "no"
    elif no_penalty:
        kind, codes = "none", ["NO_PENALTY"]
    else:
        kind = "leave" if in_service else "yes"
    checks = [check for check in rules.trace(facts, (), current) if check.code not in _OMITTED_CONDITIONS]
    return {
        "kind": kind,
        "facts": facts,
        "line": presenters.product_name(facts.product),
        "reasons": presenters.reasons(codes, facts, current),
        "conditions": presenters.conditions(checks, facts, current) if kind != "stays" else [],
        "estimate": estimate,
        "steps": presenters.explain(estimate) if estimate else [],
        "chart": presenters.chart(rules.curve(facts, current), today) if kind == "leave" and estimate else [],
        "chart_note": presenters.chart_note(rules.curve(facts, current)) if kind == "leave" and estimate else "",
        # The form does not ask for the day of the port-out request, which decides this case (D-05).
        "maybe_delayed": codes == ["TERMINATED_AFTER_PERIOD"] and facts.termination_reason == "PORT_OUT",
        "pay_on": _pay_day(facts.terminated_on, max(today, current.applications.opens), current),
    }


def _pay_day(ended: dt.date | None, applied: dt.date, current: Programme) -> dt.date | None:
    """The pay day in the announcement's table for these KST dates, or None if no row matches."""
    for payout in current.payouts:
        if (
            ended
            and payout.terminated_from <= ended <= payout.terminated_to
            and payout.applied_from <= applied <= payout.applied_to
        ):
            return payout.pay_on
    return None


# The form asks neither for bills nor for rejoining.
_OMITTED_CONDITIONS = {"ITEMS", "BILLED", "PAID", "LEFT_TO_REFUND", "REJOINED"}
