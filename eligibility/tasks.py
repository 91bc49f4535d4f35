"""Dated tasks of the register: load each delivery on its day, say that the window is open, delete the wishes."""

import datetime as dt

from celery import shared_task
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from eligibility import opening, register_clock
from eligibility.feed import deliveries
from kt_remedy.core import clock
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule


def register() -> None:
    """Put the tasks on the calendar."""
    schedule.register(
        register_clock.DELIVERY,
        title=_("청구 데이터 받기"),
        task=load_delivery,
        due=lambda rules: deliveries.due_times(),
    )
    schedule.register(
        "eligibility.opening",
        title=_("신청이 시작되었다고 알리기"),
        task=announce_opening,
        due=lambda p: [clock.kst(p.applications.opens, p.notices.send_from)],
        latest=dt.timedelta(days=7),  # later the reminders say more
    )
    schedule.register(
        "eligibility.forget_openings",
        title=_("신청 시작 알림 번호 지우기"),
        task=delete_wishes,
        due=lambda p: [clock.kst(p.applications.closes + dt.timedelta(days=1))],
    )


@shared_task(soft_time_limit=7200, time_limit=7500)
def load_delivery(act_id: int) -> None:
    """Load the delivery of a KST date. At-least-once: a delivery that is loaded already changes nothing."""
    schedule.run_dated_task(act_id, load)


@shared_task(soft_time_limit=900, time_limit=960)
def announce_opening(act_id: int) -> None:
    """Queue the message for everybody who asked to be told. At-least-once: nobody is queued twice."""
    schedule.run_dated_task(act_id, opening.queue_messages)


@shared_task(soft_time_limit=300, time_limit=330)
def delete_wishes(act_id: int) -> None:
    """Delete the wishes to be told, with their numbers, after the window has closed. At-least-once."""
    schedule.run_dated_task(act_id, opening.delete_wishes)


def load(task: DatedTask) -> list[schedule.ResultMessage]:
    """Load the delivery of the task's KST date; returns the counts for the calendar."""
    day = clock.kst_date(task.due_at)
    feed = deliveries.load_day(day)
    if feed is None:
        return [schedule.result_message(gettext_noop("이날이나 그 뒤의 데이터를 이미 받았음"))]
    return [
        schedule.result_message(
            gettext_noop("회선 새로 %(new)s, 바뀜 %(changed)s"), new=feed.lines_new, changed=feed.lines_changed
        ),
        schedule.result_message(
            gettext_noop("청구 새로 %(new)s, 바뀜 %(changed)s"), new=feed.bills_new, changed=feed.bills_changed
        ),
        schedule.result_message(
            gettext_noop("받지 않은 줄 %(rejected)s, 바뀐 판정 %(verdicts)s"),
            rejected=feed.lines_rejected + feed.bills_rejected,
            verdicts=feed.verdicts_changed,
        ),
    ]
