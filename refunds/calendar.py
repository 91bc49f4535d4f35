"""Rounds: the pay day of an application and its cut-off (D-37 to D-41).

Pure: dates in, dates out; the programme is an argument and no clock is read. The rows of the programme come first;
after the last of them a supplementary round follows every week. A pay day on which banks are closed moves to the next
business day, never to an earlier one.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import holidays

from kt_remedy.core.programme import Payout, Programme, Supplementary

_WEEK = dt.timedelta(days=7)
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PayoutRound:
    """One pay day. `number` counts from 1 over fixed and supplementary rounds; `cut_off` is an aware datetime."""

    number: int
    pay_on: dt.date
    cut_off: dt.datetime
    supplementary: bool


@cache
def _closed(year: int) -> frozenset[dt.date]:
    # "bank" adds the days on which only banks are closed, such as Labour Day before it became a public holiday.
    return frozenset(holidays.country_holidays("KR", years=year, categories=("public", "bank")))


def is_business_day(day: dt.date) -> bool:
    """True if Korean banks settle on `day`: no weekend, no public or bank holiday, no substitute holiday."""
    return day.weekday() < 5 and day not in _closed(day.year)


def next_business_day(day: dt.date) -> dt.date:
    """`day` itself if it is a business day, else the next business day (D-41)."""
    while not is_business_day(day):
        day += _DAY
    return day


def business_days_after(day: dt.date, count: int) -> dt.date:
    """The day `count` business days after `day`; weekends and holidays do not count."""
    while count:
        day += _DAY
        count -= is_business_day(day)
    return day


def business_days_before(day: dt.date, count: int) -> dt.date:
    """The day `count` business days before `day`."""
    while count:
        day -= _DAY
        count -= is_business_day(day)
    return day


def first_bank_day(at: dt.datetime, *, zone: ZoneInfo, cut_off_hour: int, lead_days: int) -> dt.date:
    """The first day on which the bank can execute a file that it gets at `at`.

    From `cut_off_hour` (in `zone`) on, the file counts as one of the next business day; `lead_days` business days
    follow.
    """
    here = at.astimezone(zone)
    day = next_business_day(here.date() + (_DAY if here.hour >= cut_off_hour else dt.timedelta()))
    for _lead in range(lead_days):
        day = next_business_day(day + _DAY)
    return day


@lru_cache(maxsize=8)
def _calendar(payouts: tuple[Payout, ...], supplementary: Supplementary, zone: ZoneInfo) -> tuple[PayoutRound, ...]:
    # Two rows may share a pay day; their round closes with the later of them.
    cut_offs: dict[dt.date, dt.datetime] = {}
    for row in payouts:
        pay_on = next_business_day(row.pay_on)
        cut_offs[pay_on] = max(row.cut_off, cut_offs.get(pay_on, row.cut_off))
    fixed = [PayoutRound(number, day, cut_offs[day], False) for number, day in enumerate(sorted(cut_offs), 1)]
    return (*fixed, *_weekly(payouts, supplementary, zone, len(fixed)))


def _weekly(
    payouts: tuple[Payout, ...], supplementary: Supplementary, zone: ZoneInfo, number: int
) -> Iterator[PayoutRound]:
    if not payouts:
        return
    last = max(next_business_day(row.pay_on) for row in payouts)
    day = last + _DAY
    day += dt.timedelta(days=(supplementary.weekday - day.weekday()) % 7)
    while day <= supplementary.until:
        pay_on = next_business_day(day)
        closing = business_days_before(pay_on, supplementary.cut_off_days_before)
        number += 1
        yield PayoutRound(number, pay_on, dt.datetime.combine(closing, supplementary.cut_off_time, zone), True)
        day += _WEEK


def payout_rounds(programme: Programme) -> tuple[PayoutRound, ...]:
    """Every round of the programme, earliest first."""
    return _calendar(programme.payouts, programme.supplementary, programme.zone)


def next_round(at: dt.datetime, programme: Programme) -> PayoutRound | None:
    """The first round still open at `at`: its cut-off is later. None after the last cut-off."""
    return next((r for r in payout_rounds(programme) if at < r.cut_off), None)


def is_last(at: dt.datetime, programme: Programme) -> bool:
    """True if the round that is open at `at` is the last one (D-24)."""
    open_round = next_round(at, programme)
    return open_round is not None and open_round == payout_rounds(programme)[-1]


def round_on(pay_on: dt.date, programme: Programme) -> PayoutRound | None:
    """The round paid on `pay_on`, or None where the programme pays nothing that day."""
    return next((r for r in payout_rounds(programme) if r.pay_on == pay_on), None)


def table_pay_day(terminated_on: dt.date, applied_on: dt.date, programme: Programme) -> dt.date | None:
    """The pay day the programme's table names for the two dates (KST); None where no row fits (D-37).

    A line terminated after the waiver's last day, accepted on review, counts as terminated on that day.
    """
    terminated_on = min(terminated_on, programme.waiver.terminated_to)
    for row in programme.payouts:
        if (
            row.terminated_from <= terminated_on <= row.terminated_to
            and row.applied_from <= applied_on <= row.applied_to
        ):
            return next_business_day(row.pay_on)
    return None


def earliest_pay_day(terminated_on: dt.date, programme: Programme) -> dt.date:
    """The first pay day of the table for lines terminated on this day, whenever they were applied for (D-37).

    A January leaver is billed in February: not even a late application is paid before their day.
    """
    terminated_on = min(terminated_on, programme.waiver.terminated_to)
    fitting = [r.pay_on for r in programme.payouts if r.terminated_from <= terminated_on <= r.terminated_to]
    return next_business_day(min(fitting)) if fitting else dt.date.min


def planned_pay_day(terminated_on: dt.date, applied_on: dt.date, programme: Programme) -> dt.date | None:
    """The pay day of a line terminated on one day and applied for on another, both dates in Seoul (D-37, D-38).

    Where no row of the table fits, as for a late application, the first round whose cut-off has not passed when
    `applied_on` begins. None when the last round is over: the call centre takes such a case.
    """
    fitting = table_pay_day(terminated_on, applied_on, programme)
    if fitting is not None:
        return fitting
    following = next_round(dt.datetime.combine(applied_on, dt.time.min, programme.zone), programme)
    return following.pay_on if following else None


def reachable_pay_day(
    terminated_on: dt.date, applied_on: dt.date, at: dt.datetime, programme: Programme
) -> dt.date | None:
    """The pay day that can still be kept at `at`: `planned_pay_day`, or the next open round if that one has closed."""
    regular = planned_pay_day(terminated_on, applied_on, programme)
    following = next_round(at, programme)
    if following is None:
        return None
    return max(regular, following.pay_on) if regular else following.pay_on


def pay_by(payout_round: PayoutRound, programme: Programme) -> dt.date:
    """The last day on which a payment of the bill still counts for a round: the day before the last delivery that is
    expected by its cut-off (D-84)."""
    deliveries, cut_off = programme.deliveries, payout_round.cut_off.astimezone(programme.zone)
    day = cut_off.date() if cut_off.time() >= deliveries.at else cut_off.date() - _DAY
    while day.weekday() not in deliveries.weekdays:
        day -= _DAY
    return day - _DAY


def changeable_until(payout_round: PayoutRound, programme: Programme) -> dt.datetime:
    """The moment until which another account still keeps the pay day: the cut-off less the hold (D-84)."""
    return payout_round.cut_off - dt.timedelta(hours=programme.applications.change_hold_hours)
