"""Tasks of identity: delete expired sessions, watch for many wrong codes."""

import datetime as dt

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore
from django.utils.translation import gettext_lazy as _

from kt_remedy.core.tasks import schedule
from kt_remedy.identity import alarm


def register() -> None:
    """Put both tasks on the calendar."""
    schedule.register("identity.sessions", title=_("끝난 접속 지우기"), task=delete_sessions, due=dt.timedelta(hours=1))
    schedule.register(
        "identity.wrong_codes",
        title=_("틀린 인증번호가 갑자기 늘었는지 보기"),
        task=report_wrong_codes,
        due=dt.timedelta(minutes=1),
    )


@shared_task(soft_time_limit=300, time_limit=330)
def delete_sessions(code: str) -> None:
    """Delete expired sessions. Safe to run twice."""
    schedule.run_periodic_task(code, lambda row: SessionStore.clear_expired())


@shared_task(soft_time_limit=30, time_limit=40)
def report_wrong_codes(code: str) -> None:
    """Warn where wrong codes grew suddenly. Safe to run twice."""
    schedule.run_periodic_task(code, alarm.report_wrong_codes)
