"""Dates announced to customers: pay day, end of a review, answer to an objection, documents.

Rules: docs/architecture.md#rules.
"""

import datetime as dt

from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from refunds import calendar
from refunds.models.applications import Application

REVIEW_DAYS = 6
OBJECTION_DAYS = 10
# Calendar days within which an upheld difference is sent (D-72).
CORRECTION_DAYS = 14
DOCUMENT_DAYS = 7


def business_days_after(day: dt.date, count: int) -> dt.date:
    """The day `count` business days after `day`; weekends and holidays do not count."""
    while count:
        day += dt.timedelta(days=1)
        count -= calendar.is_business_day(day)
    return day


def pay_day(application: Application, *, at: dt.datetime | None = None) -> dt.date | None:
    """The earliest pay day open to an application that is in no batch; None after the last round and for an account
    abroad, which no round pays. `at` is the time from which cut-offs count, now unless given."""
    if application.account.is_offline:
        return None
    ended = application.line.terminated_on or programme.current().waiver.terminated_to
    return calendar.reachable_pay_day(ended, application.applied_on, at or clock.now(), programme.current())


def review_by(since: dt.datetime) -> dt.date:
    """Deadline of the review of a case that came to the reviewers at `since`."""
    return business_days_after(clock.kst_date(since), REVIEW_DAYS)


def overdue_before(today: dt.date) -> dt.datetime:
    """Time bound of overdue reviews: a case that came before it should have been decided by yesterday."""
    day = today - dt.timedelta(days=1)
    while business_days_after(day, REVIEW_DAYS) >= today:
        day -= dt.timedelta(days=1)
    return clock.kst(day + dt.timedelta(days=1))


def objection_by(on: dt.date) -> dt.date:
    """Date of the answer to an objection made `on` a day."""
    return business_days_after(on, OBJECTION_DAYS)


def correction_by(answered_on: dt.date) -> dt.date:
    """Date by which the difference of an upheld objection is sent (D-72)."""
    return answered_on + dt.timedelta(days=CORRECTION_DAYS)


def documents_by(on: dt.date) -> dt.date:
    """Last day for documents that were requested `on` a day."""
    return business_days_after(on, DOCUMENT_DAYS)


def hold_note() -> str:
    """Sentence on the hold after a change of account (D-34); empty where the programme has none."""
    hours = programme.current().applications.change_hold_hours
    return _("안전을 위해 %(hours)s시간이 지난 뒤부터 지급합니다.") % {"hours": hours} if hours else ""
