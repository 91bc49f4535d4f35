"""The rules of the waiver: outcome, reasons and refundable amount of one line."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from eligibility.rules.facts import Bill, Facts
from eligibility.rules.penalty import expected_penalty
from kt_remedy.core.programme import Programme, Waiver


class Outcome(StrEnum):
    """Outcome of a verdict. If the facts cannot settle a case, the outcome is REVIEW and a person decides."""

    ELIGIBLE = "ELIGIBLE"
    REVIEW = "REVIEW"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    NOTHING_DUE = "NOTHING_DUE"


class Verdict(NamedTuple):
    """The verdict (판정) on one line: `reasons` in their fixed order, amounts in whole won."""

    outcome: str
    reasons: tuple[str, ...]
    expected_penalty: int
    refundable: int


class Assessment(NamedTuple):
    """The first half of a verdict: the result of the facts of the line, without its bills. Penalty in won."""

    terminated: bool
    exclusions: tuple[str, ...]
    reviews: tuple[str, ...]
    expected_penalty: int


class Tally(NamedTuple):
    """Sums in won over the bill rows of refundable items; `unknown_item` if an item is in no list of the programme."""

    billed: int
    refundable: int
    unpaid: bool
    unknown_item: bool


NO_BILLS = Tally(0, 0, False, False)


def period_reason(facts: Facts, waiver: Waiver) -> str:
    """The reason if the termination is outside the period of the waiver, else "" (D-01 to D-05)."""
    ended = facts.terminated_on
    if ended is None:
        return "NOT_TERMINATED"
    if ended < waiver.terminated_from:
        return "TERMINATED_BEFORE_PERIOD"
    if ended <= waiver.terminated_to:
        return ""
    if facts.port_requested_on is not None and facts.port_requested_on <= waiver.terminated_to:
        return "REVIEW_PORT_DELAY"  # requested in time but completed late, because carriers' systems failed (D-05)
    return "TERMINATED_AFTER_PERIOD"


def contract_reason(facts: Facts, waiver: Waiver) -> str:
    """The reason if the contract excludes the line or needs a review, else "" (D-06 to D-10, D-14)."""
    if facts.contract_started_on < waiver.contract_before:
        return ""
    if facts.contract_event in waiver.excluded_events:
        return f"{facts.contract_event}_AFTER_BASE"
    if facts.contract_event in waiver.review_events:
        return "REVIEW_NAME_TRANSFER" if facts.contract_event == "TRANSFER" else f"REVIEW_{facts.contract_event}"
    return ""


def is_rejoined(facts: Facts, waiver: Waiver) -> bool:
    """True if the holder rejoined by the end of the period. It excludes only if the programme says so (D-13)."""
    return facts.rejoined_on is not None and facts.rejoined_on <= waiver.terminated_to


def assess(facts: Facts, programme: Programme) -> Assessment:
    """Assess the facts of a line without its bills."""
    waiver, ended = programme.waiver, facts.terminated_on
    exclusions: tuple[str, ...] = ()
    reviews: tuple[str, ...] = ()
    if period := period_reason(facts, waiver):
        if period == "REVIEW_PORT_DELAY":
            reviews = (period,)
        else:
            exclusions = (period,)
    if facts.network in waiver.excluded_networks:
        exclusions += (facts.network,)
    if facts.product in waiver.excluded_products:
        exclusions += (facts.product,)
    if facts.termination_reason in waiver.excluded_termination_reasons:
        exclusions += (f"{facts.termination_reason}_TERMINATION",)
    if waiver.exclude_rejoined and is_rejoined(facts, waiver):
        exclusions += ("REJOINED",)
    if contract := contract_reason(facts, waiver):
        if contract.startswith("REVIEW_"):
            reviews += (contract,)
        else:
            exclusions += (contract,)
    penalty = expected_penalty(facts, ended or waiver.terminated_to, programme)
    return Assessment(ended is not None, exclusions, reviews, penalty)


def refundable_of(bill: Bill) -> int:
    """The refundable amount of one bill row of a refundable item, in won (D-23)."""
    left = (bill.billed if bill.billed < bill.paid else bill.paid) - bill.refunded  # min() takes four times as long
    return left if left > 0 else 0


def tally(bills: Iterable[Bill], programme: Programme) -> Tally:
    """Add up the bill rows of one line, in any order."""
    refundable_items, others = programme.waiver.refundable_items, programme.waiver.non_refundable_items
    billed = refundable = 0
    unpaid = unknown_item = False
    for bill in bills:
        if bill.item in refundable_items:
            billed += bill.billed
            refundable += refundable_of(bill)
            unpaid = unpaid or bill.paid < bill.billed - bill.waived
        elif bill.item not in others:
            unknown_item = True
    return Tally(billed, refundable, unpaid, unknown_item)


def money_reason(assessment: Assessment, sums: Tally) -> str:
    """The reason about the money of a terminated line, else "" (D-19, D-23 to D-25)."""
    if not assessment.terminated:
        return ""
    if sums.billed == 0:
        return "NO_PENALTY" if assessment.expected_penalty == 0 else "NOT_BILLED_YET"
    if sums.unpaid:
        return "UNPAID"
    return "ALREADY_SETTLED" if sums.refundable == 0 else ""


def conclude(assessment: Assessment, sums: Tally) -> Verdict:
    """The verdict from both halves. An exclusion outweighs a review; a review outweighs the money."""
    reasons = assessment.exclusions + assessment.reviews
    if sums.unknown_item:
        reasons += ("REVIEW_UNKNOWN_ITEM",)
    money = money_reason(assessment, sums)
    if assessment.exclusions:
        outcome = "NOT_ELIGIBLE"
    elif reasons:
        outcome = "REVIEW"
    elif money in ("NO_PENALTY", "ALREADY_SETTLED"):
        outcome = "NOTHING_DUE"
    else:
        outcome = "ELIGIBLE"
    if money:
        reasons += (money,)
    return Verdict(outcome, reasons, assessment.expected_penalty, sums.refundable)


def judge(facts: Facts, bills: Iterable[Bill], programme: Programme) -> Verdict:
    """Judge one line: outcome, all reasons that apply, expected penalty and refundable amount in won."""
    return conclude(assess(facts, programme), tally(bills, programme))
