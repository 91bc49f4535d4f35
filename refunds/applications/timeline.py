"""Dates we promise: by when a reviewer decides and an objection is answered, in business days (docs/promise.md)."""

import datetime as dt

from kt_remedy.core import clock
from refunds.calendar import is_business_day

REVIEW_DAYS = 6
OBJECTION_DAYS = 10
DOCUMENT_DAYS = 7


def business_days_after(day: dt.date, count: int) -> dt.date:
    """The day `count` business days after `day`; weekends and holidays do not count."""
    while count:
        day += dt.timedelta(days=1)
        count -= is_business_day(day)
    return day


def review_by(since: dt.datetime) -> dt.date:
    """By when a case that came to the reviewers at `since` is decided."""
    return business_days_after(clock.kst_date(since), REVIEW_DAYS)


def overdue_before(today: dt.date) -> dt.datetime:
    """Cases that came to the reviewers before this moment should have been decided by yesterday at the latest."""
    day = today - dt.timedelta(days=1)
    while business_days_after(day, REVIEW_DAYS) >= today:
        day -= dt.timedelta(days=1)
    return clock.kst(day + dt.timedelta(days=1))


def objection_by(on: dt.date) -> dt.date:
    """By when an objection made `on` a day is answered."""
    return business_days_after(on, OBJECTION_DAYS)


def documents_by(on: dt.date) -> dt.date:
    """Until when documents asked for `on` a day may be handed in."""
    return business_days_after(on, DOCUMENT_DAYS)
