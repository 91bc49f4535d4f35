"""Tasks of the frame itself: report overdue tasks, delete expired counters of rate limits."""

import datetime as dt
import logging

from celery import shared_task
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from kt_remedy.core import ratelimit
from kt_remedy.core.tasks import dispatch, schedule

log = logging.getLogger(__name__)


def register() -> None:
    """Put both tasks on the calendar."""
    schedule.register("schedule.watch", title=_("멈춘 업무 찾기"), task=watch, due=dt.timedelta(minutes=1))
    schedule.register("limits.sweep", title=_("지난 시도 횟수 지우기"), task=delete_counters, due=dt.timedelta(hours=1))


@shared_task(soft_time_limit=30, time_limit=40)
def watch(code: str) -> None:
    """Log a warning for each overdue task. Safe to run twice."""
    schedule.run_periodic_task(code, lambda row: warn_of_overdue(row.code))


def warn_of_overdue(own_code: str) -> schedule.ResultMessage | None:
    """Log a warning for each overdue task but `own_code`; returns the sentence for the calendar."""
    late = [row.code for row in schedule.overdue_periodic_tasks() if row.code != own_code] + dispatch.overdue()
    for code in late:
        log.warning("task overdue: %s", code)
    return schedule.result_message(gettext_noop("멈춘 업무: %(codes)s"), codes=", ".join(late)) if late else None


@shared_task(soft_time_limit=120, time_limit=150)
def delete_counters(code: str) -> None:
    """Delete the counters of windows that have ended. Safe to run twice."""
    schedule.run_periodic_task(
        code, lambda row: schedule.result_message(gettext_noop("지움 %(n)s"), n=ratelimit.sweep())
    )
