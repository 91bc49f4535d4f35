"""Task of the accounts of staff: forget the browsers whose session is over."""

import datetime as dt

from celery import shared_task
from django.utils.translation import gettext_lazy as _

from kt_remedy.core.tasks import schedule
from kt_remedy.staff import sessions


def register() -> None:
    """Put the task on the calendar."""
    schedule.register(
        "staff.sessions", title=_("끝난 직원 접속 지우기"), task=forget_sessions, due=dt.timedelta(hours=1)
    )


@shared_task(soft_time_limit=300, time_limit=330)
def forget_sessions(code: str) -> None:
    """Delete the rows of sessions that are over. Safe to run twice."""
    schedule.run_periodic_task(code, lambda row: sessions.forget_ended())
