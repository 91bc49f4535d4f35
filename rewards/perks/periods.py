"""Spans of perks: pure date arithmetic by the Korean rules (D-49)."""

import calendar
import datetime as dt

from kt_remedy.core.programme import Perk


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
