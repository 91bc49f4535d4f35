"""The expected penalty (예상 위약금) in won: the amount the customer will be billed (docs/domain.md#a).

    T = days of the commitment     U = days used, suspended days excluded     R = T - U     G = days of grace

    penalty = 0 if U >= T;  the whole base if U <= G;  base x R / (T - G) in between, floored to the won.

The base is the received amount: subsidy and extra subsidy, or the discounts so far. Each part is floored by itself.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from eligibility.rules.facts import Facts
from kt_remedy.core.programme import Programme

_FOUR_CENTURIES = 400  # years after which the calendar repeats itself to the day


class Component(NamedTuple):
    """One part of the penalty: the item on the bill, the base and the amount, both in won."""

    item: str
    base: int
    amount: int


class Estimate(NamedTuple):
    """The penalty on one day with its calculation. Without a commitment only `on` and `amount` are set.

    `total_days` T, `used_days` U, `left_days` R, `grace_days` G; `rate` is the share of the base still owed.
    """

    on: date
    amount: int
    components: tuple[Component, ...]
    total_days: int = 0
    used_days: int = 0
    left_days: int = 0
    grace_days: int = 0
    rate: Fraction = Fraction(0)
    ends_on: date | None = None


@lru_cache(maxsize=20_000)
def commitment_days(start: date, months: int) -> int:
    """T: days from the start to the day before the same day `months` later, that day clamped to its month's last."""
    if start.year > 9000:  # the end may lie after the year 9999; the length is the same 400 years earlier
        start = start.replace(year=start.year - _FOUR_CENTURIES)
    month = start.month - 1 + months
    year, month = start.year + month // 12, month % 12 + 1
    anniversary = date(year, month, min(start.day, monthrange(year, month)[1]))
    return anniversary.toordinal() - start.toordinal()


def expected_penalty(facts: Facts, on: date, programme: Programme) -> int:
    """The penalty in won for a termination on `on`; 0 without a commitment or if it began after that day."""
    if facts.contract_type == "NONE" or facts.commitment_started_on > on:
        return 0
    total = commitment_days(facts.commitment_started_on, facts.contract_months)
    used = on.toordinal() - facts.commitment_started_on.toordinal() + 1 - facts.suspended_days
    if used >= total:
        return 0
    grace = programme.penalty.grace_days[facts.contract_months]
    if facts.contract_type == "DISCOUNT":
        if used <= grace:
            return facts.discount
        return facts.discount * (total - used) // (total - grace)
    if used <= grace:
        return facts.subsidy + facts.extra_subsidy
    left, span = total - used, total - grace
    return facts.subsidy * left // span + facts.extra_subsidy * left // span


def estimate(facts: Facts, on: date, programme: Programme) -> Estimate:
    """The penalty for a termination on `on`, with the parts and numbers of days that pages explain."""
    amount = expected_penalty(facts, on, programme)
    if facts.contract_type == "NONE" or facts.commitment_started_on > on:
        return Estimate(on, amount, ())
    total = commitment_days(facts.commitment_started_on, facts.contract_months)
    used = on.toordinal() - facts.commitment_started_on.toordinal() + 1 - facts.suspended_days
    grace = programme.penalty.grace_days[facts.contract_months]
    if used >= total:
        rate = Fraction(0)
    elif used <= grace:
        rate = Fraction(1)
    else:
        rate = Fraction(total - used, total - grace)
    if facts.contract_type == "DISCOUNT":
        bases = [("DISCOUNT_CLAWBACK", facts.discount)]
    else:
        bases = [("SUBSIDY_CLAWBACK", facts.subsidy), ("EXTRA_SUBSIDY_CLAWBACK", facts.extra_subsidy)]
    return Estimate(
        on=on,
        amount=amount,
        components=tuple(Component(item, base, base * rate.numerator // rate.denominator) for item, base in bases),
        total_days=total,
        used_days=used,
        left_days=max(total - used, 0),
        grace_days=grace,
        rate=rate,
        ends_on=_last_day(facts.commitment_started_on, total),
    )


def _last_day(start: date, days: int) -> date:
    return date.fromordinal(min(start.toordinal() + days - 1, date.max.toordinal()))


def curve(facts: Facts, programme: Programme) -> Iterator[Estimate]:
    """Yield the estimate for each day of the forward part of the waiver, for lines in service (D-22)."""
    day = programme.waiver.forward_from
    while day <= programme.waiver.terminated_to:
        yield estimate(facts, day, programme)
        day += timedelta(days=1)
