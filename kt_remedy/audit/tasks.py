"""Tasks of the audit: seal new entries into the chain, and give out its head each day."""

import datetime as dt

from celery import shared_task
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from kt_remedy.audit import chain, heads
from kt_remedy.core.tasks import schedule


def register() -> None:
    """Put the tasks on the calendar."""
    schedule.register("audit.chain", title=_("접속 기록을 사슬로 잇기"), task=seal_entries, due=dt.timedelta(minutes=1))
    schedule.register("audit.head", title=_("사슬의 머리 내보내기"), task=give_head, due=dt.timedelta(hours=1))


@shared_task(soft_time_limit=120, time_limit=150)
def seal_entries(code: str) -> None:
    """Seal the entries that are not in the chain yet. Safe to run twice: an entry is sealed once."""
    schedule.run_periodic_task(
        code, lambda row: schedule.result_message(gettext_noop("이음 %(n)s"), n=chain.seal_entries())
    )


@shared_task(soft_time_limit=300, time_limit=330)
def give_head(code: str) -> None:
    """Give out the head of the chain once a day, in the first run of the day. Safe to run twice."""
    schedule.run_periodic_task(code, _give_head)


def _give_head(row: object) -> schedule.TaskResult:
    head = heads.give()
    if head is None:
        return schedule.result_message(gettext_noop("이을 기록이 없음"))
    return schedule.result_message(gettext_noop("사슬 %(n)s번째까지"), n=head.position)
