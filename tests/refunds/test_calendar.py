"""Pay day of an application: the table of D-37, late cases, supplementary Thursdays, holidays."""

import csv
import dataclasses
import datetime as dt
import itertools
from pathlib import Path

import pytest

from kt_remedy.core import programme
from refunds import calendar

KT = programme.load(programme.DEFAULT_FILE)
CASES = list(csv.DictReader((Path(__file__).parents[1] / "cases" / "rounds.csv").open(encoding="utf-8")))


def day(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['terminated_on']}_{c['applied_on']}")
def test_planned_pay_day(case):
    assert calendar.planned_pay_day(day(case["terminated_on"]), day(case["applied_on"]), KT) == day(case["pay_on"])


def test_the_whole_calendar():
    every = calendar.payout_rounds(KT)
    assert [r.number for r in every] == list(range(1, len(every) + 1))
    assert [str(r.pay_on) for r in every[:5]] == [
        "2026-01-22", "2026-02-05", "2026-02-19", "2026-02-26", "2026-03-05",
    ]  # fmt: skip
    assert [r.supplementary for r in every[:4]] == [False, False, False, True]
    assert str(every[-1].pay_on) == "2026-06-25"
    assert all(r.pay_on.weekday() == 3 and calendar.is_business_day(r.pay_on) for r in every)
    assert all(a.cut_off < b.cut_off for a, b in itertools.pairwise(every))


@pytest.mark.parametrize(
    ("pay_on", "cut_off"),
    [
        ("2026-02-19", "2026-02-12T18:00+09:00"),
        ("2026-02-26", "2026-02-24T18:00+09:00"),
        ("2026-03-05", "2026-03-03T18:00+09:00"),
        ("2026-05-07", "2026-05-04T18:00+09:00"),
        ("2026-05-28", "2026-05-26T18:00+09:00"),
        ("2026-06-04", "2026-06-01T18:00+09:00"),
    ],
)
def test_cut_offs_are_counted_in_business_days(pay_on, cut_off):
    assert calendar.round_on(day(pay_on), KT).cut_off == instant(cut_off)


@pytest.mark.parametrize(
    ("at", "pay_on"),
    [
        ("2026-01-20T17:59:59.999+09:00", "2026-01-22"),
        ("2026-01-20T18:00+09:00", "2026-02-05"),
        ("2026-01-20T08:59:59Z", "2026-01-22"),
        ("2026-02-12T18:00+09:00", "2026-02-26"),
        ("2026-06-23T17:59+09:00", "2026-06-25"),
        ("2026-06-23T18:00+09:00", None),
    ],
)
def test_next_round_at_an_instant(at, pay_on):
    following = calendar.next_round(instant(at), KT)
    assert (str(following.pay_on) if following else None) == pay_on


def test_a_pay_day_that_missed_its_cut_off_moves_to_the_next_round():
    leaver, applied = day("2025-11-01"), day("2026-01-15")
    assert calendar.reachable_pay_day(leaver, applied, instant("2026-01-20T17:00+09:00"), KT) == day("2026-01-22")
    assert calendar.reachable_pay_day(leaver, applied, instant("2026-01-20T18:00+09:00"), KT) == day("2026-02-05")
    assert calendar.reachable_pay_day(leaver, applied, instant("2026-06-24T00:00+09:00"), KT) is None


def test_a_january_leaver_never_rides_early():
    at = instant("2026-01-15T10:00+09:00")
    assert calendar.reachable_pay_day(day("2026-01-05"), day("2026-01-15"), at, KT) == day("2026-02-19")


@pytest.mark.parametrize(
    ("date", "opens"),
    [
        ("2026-02-14", "2026-02-19"),  # Saturday before Seollal
        ("2026-02-16", "2026-02-19"),
        ("2026-03-01", "2026-03-03"),  # Sunday, its substitute on Monday
        ("2026-05-01", "2026-05-04"),  # Labour Day, a Friday
        ("2026-05-24", "2026-05-26"),  # Buddha's Birthday on a Sunday
        ("2026-09-24", "2026-09-28"),  # Chuseok
        ("2026-10-05", "2026-10-06"),  # substitute of National Foundation Day
        ("2027-02-06", "2027-02-10"),  # Seollal on a Sunday with its substitute
    ],
)
def test_a_closed_day_moves_later(date, opens):
    assert calendar.next_business_day(day(date)) == day(opens)


def test_a_pay_day_on_a_holiday_moves_and_takes_its_applications_with_it():
    first = dataclasses.replace(KT.payouts[0], pay_on=day("2026-02-17"))
    moved = dataclasses.replace(KT, payouts=(first, *KT.payouts[1:]))
    assert calendar.planned_pay_day(day("2025-09-01"), day("2026-01-14"), moved) == day("2026-02-19")
    longer = dataclasses.replace(KT, supplementary=dataclasses.replace(KT.supplementary, until=day("2026-09-24")))
    last = calendar.payout_rounds(longer)[-1]
    assert (last.pay_on, last.cut_off) == (day("2026-09-28"), instant("2026-09-22T18:00+09:00"))


def test_rows_that_share_a_pay_day_are_one_round():
    shared = dataclasses.replace(KT.payouts[0], pay_on=KT.payouts[1].pay_on)
    every = calendar.payout_rounds(dataclasses.replace(KT, payouts=(shared, *KT.payouts[1:])))
    assert [str(r.pay_on) for r in every[:2]] == ["2026-02-05", "2026-02-19"]
    assert every[0].cut_off == KT.payouts[1].cut_off


def test_a_programme_without_rows_has_no_rounds():
    empty = dataclasses.replace(KT, payouts=())
    assert calendar.payout_rounds(empty) == ()
    assert calendar.planned_pay_day(day("2025-09-01"), day("2026-01-14"), empty) is None
