"""The part of the reviews and the reports in the staff console."""

import datetime as dt

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import clock, console
from kt_remedy.core.console import Act, Door
from kt_remedy.core.templatetags.remedy import won
from kt_remedy.staff.models import User
from refunds.applications import reviews
from refunds.promise import service as promise
from refunds.promise.facts import Situation

SEE = "refunds.view_review"
# Reviews are due in the course of their day.
DAY_END = dt.time(18)


def waiting(user: User) -> int:
    """Cases that wait for a reviewer; nothing for those who only look."""
    return reviews.waiting().count() if user.has_perm("refunds.review_application") else 0


def acts(user: User) -> list[Act]:
    """The cases that wait for a reviewer, with the day by which the oldest is due."""
    rows = reviews.waiting()
    oldest = rows.first()
    if oldest is None:
        return []
    made = promise.of(oldest)
    return [
        Act(
            text=_("심사 %(count)s건") % {"count": won(rows.count())},
            url=reverse("refunds:review"),
            until=clock.kst(made.day, DAY_END) if made.day else None,
            late=made.situation == Situation.ANSWER_PASSED,
            mine=user.has_perm("refunds.review_application"),
            button=_("심사하러 가기"),
        )
    ]


def register() -> None:
    """Register everything above with the console."""
    console.register_area("review", [Door(SEE, "refunds:review", count=waiting)], pages=["refunds:review"])
    console.register_area("reports", [Door("refunds.view_report", "refunds:report")], pages=["refunds:report"])
    console.register_acts(SEE, acts)
    console.register_index(
        [
            Door(SEE, "refunds:review", gettext_lazy("심사"), "review", waiting),
            Door("refunds.view_report", "refunds:report", gettext_lazy("신청 통계"), "watch"),
        ]
    )
