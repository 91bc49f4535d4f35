"""Properties of the rules that hold for the facts and bills of every line."""

import datetime as dt
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eligibility import rules
from eligibility.rules.penalty import commitment_days
from kt_remedy.core import programme

KT = programme.load(programme.DEFAULT_FILE)
DAYS = st.dates(dt.date(2023, 1, 1), dt.date(2026, 3, 1))
AMOUNTS = st.integers(0, 1_000_000)
NETWORKS, PRODUCTS = ("KT", "MVNO"), ("HANDSET", "WATCH", "TABLET", "IOT", "PREPAID")
EVENTS = ("NEW", "DEVICE_CHANGE", "RECONTRACT", "AUTO_RENEWAL", "TRANSFER")
ENDINGS = ("PORT_OUT", "CANCEL", "FORCED")


@st.composite
def lines(draw: st.DrawFn) -> rules.Facts:
    kind = draw(st.sampled_from(("SUBSIDY", "DISCOUNT", "NONE")))
    ended = draw(st.none() | DAYS)
    started = draw(DAYS)
    return rules.Facts(
        network=draw(st.sampled_from(NETWORKS)),
        product=draw(st.sampled_from(PRODUCTS)),
        contract_type=kind,
        contract_event=draw(st.sampled_from(EVENTS)),
        contract_started_on=started,
        commitment_started_on=draw(st.just(started) | DAYS),
        contract_months=0 if kind == "NONE" else draw(st.sampled_from((12, 24))),
        subsidy=draw(AMOUNTS),
        extra_subsidy=draw(AMOUNTS),
        discount=draw(AMOUNTS),
        suspended_days=draw(st.integers(0, 900)),
        terminated_on=ended,
        termination_reason="" if ended is None else draw(st.sampled_from(ENDINGS)),
        port_requested_on=draw(st.none() | DAYS),
        rejoined_on=draw(st.none() | DAYS),
    )


BILLS = st.lists(
    st.builds(
        rules.Bill,
        item=st.sampled_from((*KT.waiver.refundable_items, *KT.waiver.non_refundable_items, "MYSTERY")),
        billed=AMOUNTS,
        paid=AMOUNTS,
        waived=AMOUNTS,
        refunded=AMOUNTS,
    ),
    max_size=5,
)


@given(
    lines(),
    BILLS,
    st.sets(st.sampled_from(EVENTS)),
    st.sets(st.sampled_from(NETWORKS)),
    st.sets(st.sampled_from(PRODUCTS)),
    st.sets(st.sampled_from(ENDINGS)),
    st.booleans(),
)
def test_adding_an_exclusion_never_makes_a_line_eligible(
    facts: rules.Facts,
    bills: list[rules.Bill],
    events: set[str],
    networks: set[str],
    products: set[str],
    endings: set[str],
    rejoined: bool,
) -> None:
    waiver = KT.waiver
    stricter = replace(
        waiver,
        excluded_events=tuple({*waiver.excluded_events, *events}),
        review_events=tuple(set(waiver.review_events) - events),
        excluded_networks=tuple({*waiver.excluded_networks, *networks}),
        excluded_products=tuple({*waiver.excluded_products, *products}),
        excluded_termination_reasons=tuple({*waiver.excluded_termination_reasons, *endings}),
        exclude_rejoined=rejoined,
    )
    before, after = rules.judge(facts, bills, KT), rules.judge(facts, bills, replace(KT, waiver=stricter))
    if before.outcome != "ELIGIBLE":
        assert after.outcome != "ELIGIBLE"
    if before.outcome == "NOT_ELIGIBLE":
        assert after.outcome == "NOT_ELIGIBLE"
    assert after.refundable == before.refundable


@given(lines(), BILLS, st.randoms(use_true_random=False))
def test_the_order_of_the_bills_does_not_matter(facts: rules.Facts, bills: list[rules.Bill], random: object) -> None:
    shuffled = list(bills)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert rules.judge(facts, shuffled, KT) == rules.judge(facts, bills, KT)


@given(lines(), BILLS)
def test_refundable_is_never_negative_nor_above_what_was_paid(facts: rules.Facts, bills: list[rules.Bill]) -> None:
    paid = sum(bill.paid for bill in bills if bill.item in KT.waiver.refundable_items)
    assert 0 <= rules.judge(facts, bills, KT).refundable <= paid


@given(lines())
def test_the_penalty_never_rises_and_ends_at_nothing(facts: rules.Facts) -> None:
    """With a constant base, the amount never rises from the first to the last day of the commitment."""
    first = facts.commitment_started_on
    days = [first + dt.timedelta(days=number) for number in range(740 + facts.suspended_days)]
    amounts = [rules.estimate(facts, day, KT).amount for day in days]
    assert all(earlier >= later for earlier, later in pairwise(amounts))
    assert amounts[-1] == 0


@given(st.sampled_from((12, 24)), st.integers(1, 50_000), DAYS)
def test_discounts_that_grow_by_the_month_peak_once(months: int, monthly: int, start: dt.date) -> None:
    """The amount rises to one peak and never rises after it (docs/domain.md#a2)."""
    line = rules.Facts(
        "KT", "HANDSET", "DISCOUNT", "NEW", start, start, months, 0, 0, 0, 0, start, "CANCEL", None, None
    )  # fmt: skip
    ends = [
        rules.estimate(line._replace(discount=monthly * n), _after(start, n), KT).amount for n in range(1, months + 1)
    ]
    peak = ends.index(max(ends))
    assert all(earlier >= later for earlier, later in pairwise(ends[peak:]))
    assert ends[-1] == 0


def _after(start: dt.date, months: int) -> dt.date:
    """The last day of a commitment of `months` from `start`."""
    return start + dt.timedelta(days=commitment_days(start, months) - 1)


@given(lines(), BILLS)
def test_both_halves_make_the_whole(facts: rules.Facts, bills: list[rules.Bill]) -> None:
    halves = rules.conclude(rules.assess(facts, KT), rules.tally(bills, KT))
    verdict = rules.judge(facts, bills, KT)
    assert verdict == halves
    assert (verdict.outcome == "NOT_ELIGIBLE") == bool(rules.assess(facts, KT).exclusions)
    assert len(set(verdict.reasons)) == len(verdict.reasons)
