"""Deadlines of staff and customers: end of a review, answer to an objection, documents.

Rules: docs/architecture.md#rules.
"""

import datetime as dt

from django.utils.translation import gettext as _

from kt_remedy.core import clock, programme
from refunds import calendar
from refunds.models.applications import Application
from refunds.promise.rules import OBJECT_FOR, OBJECTION_DAYS, REVIEW_DAYS

# Calendar days within which an upheld difference is sent (D-72).
CORRECTION_DAYS = 14
DOCUMENT_DAYS = 7


def overdue_before(today: dt.date) -> dt.datetime:
    """Time bound of overdue reviews: a case that came before it should have been decided by yesterday."""
    day = today - dt.timedelta(days=1)
    while calendar.business_days_after(day, REVIEW_DAYS) >= today:
        day -= dt.timedelta(days=1)
    return clock.kst(day + dt.timedelta(days=1))


def objection_by(on: dt.date) -> dt.date:
    """Date of the answer to an objection made `on` a day."""
    return calendar.business_days_after(on, OBJECTION_DAYS)


def objection_until(told_on: dt.date) -> dt.date:
    """Last day of an objection to a decision that was told on a day (D-81)."""
    return max(told_on + OBJECT_FOR, programme.current().applications.late_accepted_until)


def correction_by(answered_on: dt.date) -> dt.date:
    """Date by which the difference of an upheld objection is sent (D-72)."""
    return answered_on + dt.timedelta(days=CORRECTION_DAYS)


def documents_by(on: dt.date) -> dt.date:
    """Last day for documents that were requested `on` a day."""
    return calendar.business_days_after(on, DOCUMENT_DAYS)


def hold_note(row: Application) -> str:
    """Sentence on the hold after a change of account (D-34); empty where the programme or this change has none."""
    hours = programme.current().applications.change_hold_hours if row.hold_until else 0
    return _("안전을 위해 %(hours)s시간이 지난 뒤부터 지급합니다.") % {"hours": hours} if hours else ""
