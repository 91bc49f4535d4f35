"""Task of the portal: erase personal data whose period is over."""

import datetime as dt

from celery import shared_task
from django.utils.translation import gettext_lazy as _

from kt_remedy.core.tasks import schedule
from kt_remedy.portal import retention


def register() -> None:
    """Put the task on the calendar."""
    schedule.register(
        "portal.retention", title=_("기간이 지난 정보 지우기"), task=erase_old_data, due=dt.timedelta(days=1)
    )


@shared_task(soft_time_limit=900, time_limit=960)
def erase_old_data(code: str) -> None:
    """Erase what the table of retention says. Safe to run twice."""
    schedule.run_periodic_task(code, retention.carry_out)
