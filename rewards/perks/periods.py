"""Periods of perks: calculations with KST dates (D-49)."""

import calendar
import datetime as dt

from kt_remedy.core.programme import Perk


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day `months` later, or the last day of that month if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def last_day(starts: dt.date, months: int) -> dt.date:
    """The inclusive last day of a period of `months` from `starts`."""
    return add_months(starts, months) - dt.timedelta(days=1)


def ends_on(perk: Perk) -> dt.date | None:
    """The inclusive last day of a perk with the same dates for all, or None."""
    return perk.ends or (last_day(perk.starts, perk.months) if perk.months else None)


def grant_months(perk: Perk) -> list[dt.date]:
    """The first day of each month in which a monthly perk is granted (D-49)."""
    return [add_months(perk.starts.replace(day=1), n) for n in range(perk.months or 0)]
