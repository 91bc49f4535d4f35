"""The promise by its table, every row of docs/promise.md with its day and both sentences, and what always holds."""

import csv
import datetime as dt
from dataclasses import replace

import pytest
from django.utils import translation
from hypothesis import example, given
from hypothesis import strategies as st

from kt_remedy.core import clock, programme
from refunds import calendar
from refunds.promise import rules, sentences
from refunds.promise.facts import DayKind, Facts, Last, Payment, Reason, Situation
from tests.conftest import ROOT
from tests.refunds.promise.reading import facts, moment, plain

with (ROOT / "tests/cases/promise.csv").open(newline="") as table:
    CASES = list(csv.DictReader(table))


@pytest.mark.parametrize("case", CASES, ids=[case["row"] for case in CASES])
def test_day_and_sentence_of_each_row(case: dict[str, str]) -> None:
    now = moment(case["now"])
    made = rules.promise(facts(case["facts"], now), now=now, programme=programme.current())
    day = str(made.day) if made.day else ""
    assert (made.situation, day) == (case["situation"], case["day"])
    for language in ("ko", "en"):
        with translation.override(language):
            assert plain(made.sentence) == case[language]
    # What is recorded today stands tomorrow: the same facts after the record give the same promise.
    last = Last(made.situation, made.kind, made.day, made.previous_day, made.reason, made.since)
    again = rules.promise(replace(facts(case["facts"], now), last=last), now=now, programme=programme.current())
    with translation.override("ko"):
        assert again.sentence == made.sentence


with (ROOT / "tests/cases/promise_answers.csv").open(newline="") as table:
    ANSWERS = list(csv.DictReader(table))


@pytest.mark.parametrize("case", ANSWERS, ids=[case["row"] for case in ANSWERS])
def test_an_answer_that_is_no_payment(case: dict[str, str]) -> None:
    made = rules.answer(
        Situation(case["situation"]),
        since=moment(case["since"]),
        now=moment(case["now"]),
        programme=programme.current(),
        day=dt.date.fromisoformat(case["day"]) if case["day"] else None,
        until=dt.time.fromisoformat(case["until"]) if case["until"] else None,
    )
    assert (made.situation, made.kind, str(made.day)) == (case["becomes"], DayKind.ANSWER, case["promised"])
    for language in ("ko", "en"):
        with translation.override(language):
            assert plain(made.sentence) == case[language]


def test_the_tables_name_every_situation() -> None:
    assert {case["situation"] for case in [*CASES, *ANSWERS]} == set(Situation)


def test_lines_with_different_days_are_said_to_differ() -> None:
    made = [rules.promise(facts(case["facts"], moment(case["now"])), now=moment(case["now"]),
                          programme=programme.current()) for case in CASES[1:3]]  # fmt: skip
    with translation.override("ko"):
        assert sentences.of_lines(made) == "회선마다 받는 날이 다릅니다. 아래에서 보세요."
        assert sentences.of_lines(made[:1] * 2) == ""


PROGRAMME = programme.current()
DAYS = st.dates(dt.date(2026, 1, 14), dt.date(2026, 7, 20))
MOMENTS = st.builds(lambda day, minute: clock.kst(day) + dt.timedelta(minutes=minute), DAYS, st.integers(0, 1439))
BUSINESS_DAYS = DAYS.filter(calendar.is_business_day)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Facts, dt.datetime]:
    """Facts that can come about, and a moment after them."""
    since, now = sorted((draw(MOMENTS), draw(MOMENTS)))
    past = st.none() | st.just(since)
    payment = None
    status = draw(st.sampled_from(["", "SUBMITTED", "WAITING_FOR_BILL", "ON_HOLD_UNPAID", "NEED_ACCOUNT", "REVIEW",
                                   "LATE", "APPROVED", "APPROVED", "APPROVED"]))  # fmt: skip
    if status == "APPROVED" and draw(st.booleans()):
        day = draw(BUSINESS_DAYS)
        payment = Payment(
            draw(st.sampled_from(["QUEUED", "FILED", "UNKNOWN", "RETURNED"])), day, day, 10_000, since,
            handed_over=draw(st.booleans()), refused=draw(st.booleans()),
            fault=draw(st.sampled_from(["ACCOUNT", "BANK", "PAYER"])),
        )  # fmt: skip
    rounds = [r.pay_on for r in calendar.payout_rounds(PROGRAMME)]
    return Facts(
        status=status,
        since=since if status else now,
        applied_on=clock.kst_date(since),
        lateness=draw(st.sampled_from(["IN_TIME", "CURED", "LATE"])),
        terminated_on=draw(st.dates(dt.date(2025, 9, 1), dt.date(2026, 1, 20))),
        outcome=draw(st.sampled_from(["ELIGIBLE", "REVIEW", "NOT_ELIGIBLE"])),
        reasons=draw(st.sampled_from([(), ("UNPAID",), ("NOT_BILLED_YET",)])),
        offline=draw(st.booleans()),
        hold_until=draw(past),
        refundable_krw=draw(st.sampled_from([0, 84_500])),
        full_krw=84_500,
        open_krw=draw(st.sampled_from([0, 44_500])),
        held_at=draw(past),
        flagged=draw(st.booleans()),
        payment=payment,
        taken_out=frozenset(draw(st.sets(st.sampled_from(rounds), max_size=1))),
        unfrozen=frozenset(day for day in rounds if day >= clock.kst_date(now) and draw(st.booleans())),
        last=draw(st.none() | st.builds(
            Last, st.sampled_from([Situation.APPROVED, Situation.FROZEN, Situation.RECHECK, Situation.REVIEW]),
            st.sampled_from([DayKind.PAY, DayKind.ANSWER]), BUSINESS_DAYS, st.none() | BUSINESS_DAYS,
            st.sampled_from(Reason), st.just(since))),
    ), now  # fmt: skip


@given(situations())
def test_a_promised_day_can_be_kept(case: tuple[Facts, dt.datetime]) -> None:
    known, now = case
    made = rules.promise(known, now=now, programme=PROGRAMME)
    today = clock.kst_date(now)
    assert made.sentence
    if made.kind in {DayKind.PAY, DayKind.IF, DayKind.ANSWER}:
        assert made.day is not None
        assert made.day >= today
        assert calendar.is_business_day(made.day)
    if made.kind in {DayKind.PAY, DayKind.IF} and known.payment is None:
        paying = calendar.round_on(made.day, PROGRAMME)
        assert paying is not None
        assert now < paying.cut_off or made.day in known.unfrozen
    if made.pay_by is not None:
        assert today <= made.pay_by < made.day
    if made.changeable_until is not None:
        assert now < made.changeable_until
    if made.check_at is not None:
        assert now < made.check_at
    if made.previous_day is not None and made.kind == DayKind.PAY:
        assert made.previous_day < made.day


# A payment of a day that only its batch moved: it was promised for another day and is frozen when that is said.
MOVED_BY_ITS_BATCH = Facts(
    status="APPROVED",
    since=clock.kst(dt.date(2026, 1, 14)),
    applied_on=dt.date(2026, 1, 14),
    terminated_on=dt.date(2025, 9, 1),
    full_krw=84_500,
    payment=Payment("QUEUED", dt.date(2026, 4, 1), dt.date(2026, 4, 1), 10_000, clock.kst(dt.date(2026, 1, 14))),
    last=Last(
        Situation.APPROVED, DayKind.PAY, dt.date(2026, 1, 14), None, Reason.NONE, clock.kst(dt.date(2026, 1, 14))
    ),
)


@given(situations())
@example((MOVED_BY_ITS_BATCH, clock.kst(dt.date(2026, 1, 23))))
def test_a_promise_is_its_own_successor(case: tuple[Facts, dt.datetime]) -> None:
    """Recording a promise changes nothing that the next reading says."""
    known, now = case
    made = rules.promise(known, now=now, programme=PROGRAMME)
    last = Last(made.situation, made.kind, made.day, made.previous_day, made.reason, made.since)
    again = rules.promise(replace(known, last=last), now=now, programme=PROGRAMME)
    assert (again.situation, again.day, again.previous_day) == (made.situation, made.day, made.previous_day)
