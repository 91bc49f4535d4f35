"""Dated task of the register: load each delivery of the folder on its day."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from eligibility.feed import deliveries
from kt_remedy.core import clock
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule


def register() -> None:
    """Register the load of deliveries with the calendar."""
    schedule.register(
        "eligibility.delivery",
        title=_("청구 데이터 받기"),
        task=load_delivery,
        due=lambda rules: deliveries.due_times(),
    )


def load_delivery(task: DatedTask) -> list[schedule.ResultMessage]:
    """Load the delivery of the task's KST date. At-least-once: a delivery that is loaded already changes nothing."""
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
