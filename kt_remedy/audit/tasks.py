"""Task of the audit: seal new entries into the chain."""

import datetime as dt

from celery import shared_task
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from kt_remedy.audit import service
from kt_remedy.core.tasks import schedule


def register() -> None:
    """Put the task on the calendar."""
    schedule.register("audit.chain", title=_("접속 기록을 사슬로 잇기"), task=seal_entries, due=dt.timedelta(minutes=1))


@shared_task(soft_time_limit=120, time_limit=150)
def seal_entries(code: str) -> None:
    """Seal the entries that are not in the chain yet. Safe to run twice: an entry is sealed once."""
    schedule.run_periodic_task(
        code, lambda row: schedule.result_message(gettext_noop("이음 %(n)s"), n=service.seal_entries())
    )
