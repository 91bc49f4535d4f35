"""Ages and spans of perks: pure date arithmetic by the Korean rules (D-49, D-55)."""

import calendar
import datetime as dt

from kt_remedy.core.programme import Perk


def age_on(birth_date: dt.date, day: dt.date) -> int:
    """Full years (만 나이) of somebody born on `birth_date`, on `day` (D-55; Civil Act art. 158)."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def turns_on(birth_date: dt.date, years: int) -> dt.date:
    """The day somebody becomes `years` old; born on 29 February, on 1 March of a common year, as `age_on` counts."""
    year = birth_date.year + years
    if (birth_date.month, birth_date.day) == (2, 29) and not calendar.isleap(year):
        return dt.date(year, 3, 1)
    return birth_date.replace(year=year)


def born_on_or_before(day: dt.date, years: int) -> dt.date:
    """The last birth date of those who are `years` old on `day`: 65 on 2026-01-13 gives 1961-01-13."""
    year = day.year - years
    return dt.date(year, day.month, min(day.day, calendar.monthrange(year, day.month)[1]))


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day of the month `months` later, clamped to that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def last_day(starts: dt.date, months: int) -> dt.date:
    """The inclusive end of a span of `months` that begins on `starts`."""
    return add_months(starts, months) - dt.timedelta(days=1)


def ends_on(perk: Perk) -> dt.date | None:
    """The inclusive last day of a perk that runs for everybody at once."""
    return perk.ends or (last_day(perk.starts, perk.months) if perk.months else None)


def grant_months(perk: Perk) -> list[dt.date]:
    """The first days of the months in which a monthly perk is granted (D-49)."""
    return [add_months(perk.starts.replace(day=1), n) for n in range(perk.months or 0)]
