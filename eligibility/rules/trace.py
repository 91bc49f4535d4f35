"""The trace of a verdict: each condition of the waiver for one line, with its result, value and source.

The trace holds codes only; `eligibility.presenters` writes the sentences.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from eligibility.rules import verdict
from eligibility.rules.facts import Bill, Facts
from kt_remedy.core.programme import Programme


class Result(StrEnum):
    """The result of a condition."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    REVIEW = "REVIEW"
    WAITING = "WAITING"  # a bill or a payment is missing; this does not speak against the customer
    NOT_APPLIED = "NOT_APPLIED"


class Check(NamedTuple):
    """One condition: `value` was compared with `bound`; `reason` is the code in the verdict, "" if passed.

    `source` names the announcement ("A") and the decisions (D-nn) of the rule.
    """

    code: str
    result: str
    reason: str
    value: date | int | str | None
    bound: tuple[date | str, ...]
    source: tuple[str, ...]


def trace(facts: Facts, bills: Iterable[Bill], programme: Programme) -> tuple[Check, ...]:
    """The conditions of the waiver in the order of the reasons in the verdict."""
    waiver, rows = programme.waiver, tuple(bills)
    checks = [_period(facts, programme)]

    def add_exclusion(code: str, value: str, excluded: tuple[str, ...], reason: str, source: tuple[str, ...]) -> None:
        is_excluded = value in excluded
        checks.append(Check(code, _failed_if(is_excluded), reason if is_excluded else "", value, excluded, source))

    add_exclusion("NETWORK", facts.network, waiver.excluded_networks, facts.network, ("A", "D-21"))
    add_exclusion("PRODUCT", facts.product, waiver.excluded_products, facts.product, ("A", "D-21"))
    if facts.terminated_on is not None:
        add_exclusion(
            "TERMINATION_REASON",
            facts.termination_reason,
            waiver.excluded_termination_reasons,
            f"{facts.termination_reason}_TERMINATION",
            ("A", "D-20"),
        )
    rejoined = verdict.is_rejoined(facts, waiver)
    if not waiver.exclude_rejoined:
        result, reason = Result.NOT_APPLIED, ""
    else:
        result, reason = _failed_if(rejoined), "REJOINED" if rejoined else ""
    checks.append(Check("REJOINED", result, reason, facts.rejoined_on, (waiver.terminated_to,), ("D-13",)))
    checks.append(_contract(facts, programme))
    checks.append(_items(rows, programme))
    checks.extend(_money(facts, rows, programme))
    return tuple(checks)


def _failed_if(excluded: bool) -> Result:
    return Result.FAILED if excluded else Result.PASSED


def _period(facts: Facts, programme: Programme) -> Check:
    waiver = programme.waiver
    reason = verdict.period_reason(facts, waiver)
    bound: tuple[date | str, ...] = (waiver.terminated_from, waiver.terminated_to)
    if reason == "REVIEW_PORT_DELAY":
        return Check("PERIOD", Result.REVIEW, reason, facts.port_requested_on, bound, ("D-05",))
    sources = ("A", "D-04") if reason == "NOT_TERMINATED" else ("A", "D-01", "D-02")
    return Check("PERIOD", _failed_if(bool(reason)), reason, facts.terminated_on, bound, sources)


def _contract(facts: Facts, programme: Programme) -> Check:
    waiver = programme.waiver
    reason = verdict.contract_reason(facts, waiver)
    if not reason:
        result = Result.PASSED
    else:
        result = Result.REVIEW if reason.startswith("REVIEW_") else Result.FAILED
    source = {
        "NEW": ("A", "D-06"),
        "DEVICE_CHANGE": ("A", "D-07"),
        "RECONTRACT": ("A", "D-08", "D-10"),
        "AUTO_RENEWAL": ("D-08",),
        "TRANSFER": ("D-14",),
    }.get(facts.contract_event, ("A",))
    bound = (waiver.contract_before, facts.contract_event)
    return Check("CONTRACT", result, reason, facts.contract_started_on, bound, source)


def _items(bills: tuple[Bill, ...], programme: Programme) -> Check:
    known = programme.waiver.refundable_items + programme.waiver.non_refundable_items
    unknown = sorted({bill.item for bill in bills if bill.item not in known})
    if unknown:
        return Check("ITEMS", Result.REVIEW, "REVIEW_UNKNOWN_ITEM", ", ".join(unknown), known, ("A1",))
    return Check("ITEMS", Result.PASSED, "", None, known, ("A1",))


def _money(facts: Facts, bills: tuple[Bill, ...], programme: Programme) -> list[Check]:
    """Conditions of the money: billed, paid, left to refund. A condition is checked only if the one before passed."""
    assessment, sums = verdict.assess(facts, programme), verdict.tally(bills, programme)
    reason = verdict.money_reason(assessment, sums)
    if not assessment.terminated:
        return []
    if reason == "NO_PENALTY":
        return [Check("BILLED", Result.FAILED, reason, 0, (), ("D-19", "D-21"))]
    if reason == "NOT_BILLED_YET":
        return [Check("BILLED", Result.WAITING, reason, 0, (), ("D-25", "D-61"))]
    checks = [Check("BILLED", Result.PASSED, "", sums.billed, (), ("D-26",))]
    if reason == "UNPAID":
        return [*checks, Check("PAID", Result.WAITING, reason, sums.refundable, (), ("D-24",))]
    checks.append(Check("PAID", Result.PASSED, "", sums.refundable, (), ("D-24",)))
    left = Result.FAILED if reason == "ALREADY_SETTLED" else Result.PASSED
    return [*checks, Check("LEFT_TO_REFUND", left, reason, sums.refundable, (), ("D-23",))]
