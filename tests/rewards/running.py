"""Base, grants and files in this process: the tasks that beat and workers carry out, without either of them."""

import datetime as dt

from kt_remedy.core.tasks import rows
from kt_remedy.core.tasks.schedule import ResultMessage
from rewards import tasks
from rewards.enrolment import base, grants, shards
from rewards.models import HandOff
from rewards.providers import files


def run_shards() -> int:
    """Run the tasks of the open shards that are due; returns their number. Raises TaskFailed."""
    keys = list(rows.due(shards.open_shards()).order_by("pk").values_list("pk", flat=True))
    for pk in keys:
        tasks.run_shard(pk)
    return len(keys)


def record_base() -> ResultMessage:
    """Record the base; returns the sentence for the calendar."""
    base.plan()
    run_shards()
    return base.record_result()


def grant_month(month: dt.date) -> ResultMessage:
    """Grant the monthly data of `month`; returns its sentence for the calendar."""
    grants.plan_month(month)
    run_shards()
    (result,) = grants.month_results(month)
    return result


def write_files(provider: str) -> int:
    """Write the waiting files of a provider that are due; returns how many were written. Raises TaskFailed."""
    due = rows.due(files.waiting().filter(provider=provider)).order_by("pk")
    keys = list(due.values_list("pk", flat=True))
    for pk in keys:
        tasks.write_hand_off(pk)
    return HandOff.objects.filter(pk__in=keys, state=HandOff.State.SENT).count()
