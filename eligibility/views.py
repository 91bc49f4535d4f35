"""The quick check: an answer without saying who asks."""

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eligibility import rules, wording
from eligibility.forms import QuickCheckForm
from kt_remedy import clock, programme
from kt_remedy.access import public
from kt_remedy.programme import Programme


@public
@require_safe
def check(request: HttpRequest) -> HttpResponse:
    """The form, and above it the answer once it was filled in. Stores nothing, asks the database nothing."""
    today = clock.today()
    form = QuickCheckForm(request.GET or None, today=today)
    answer = _answer(form, today) if request.GET and form.is_valid() else None
    return render(request, "eligibility/check.html", {"form": form, "answer": answer, "today": today})


def _answer(form: QuickCheckForm, today: dt.date) -> dict[str, object]:
    facts, current = form.facts(), programme.current()
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
        "line": wording.product_name(facts.product),
        "reasons": wording.reasons(codes, facts, current),
        "conditions": wording.conditions(checks, facts, current) if kind != "stays" else [],
        "estimate": estimate,
        "steps": wording.explain(estimate) if estimate else [],
        "chart": wording.chart(rules.curve(facts, current), today) if kind == "leave" and estimate else [],
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
