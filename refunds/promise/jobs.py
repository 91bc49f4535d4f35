"""Periodic jobs of the promises: find those whose day has passed, tell of those that changed."""

from django.utils.translation import gettext_noop

from kt_remedy.core.tasks import schedule
from refunds.promise import calls, notices, service


def find_passed(_job: object) -> schedule.TaskResult:
    """Have the promises refreshed whose day passed without a payment or an answer. Safe to run twice."""
    count = service.refresh_passed()
    return schedule.result_message(gettext_noop("날이 지난 약속 %(n)s"), n=count) if count else None


def tell(_job: object) -> schedule.TaskResult:
    """Queue one text for each person whose promise changed, and a call where none arrived. Exactly once."""
    count, asked = notices.tell_due(), calls.call_unreached()
    result = schedule.result_message(gettext_noop("알린 분 %(n)s명, 걸 전화 %(calls)s"), n=count, calls=asked)
    return result if count or asked else None
