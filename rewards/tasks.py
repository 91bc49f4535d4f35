"""Dated and periodic tasks of the perks."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from kt_remedy.core import clock, programme
from kt_remedy.core.tasks import schedule
from rewards import providers
from rewards.enrolment import base, grants, working
from rewards.providers import files
from rewards.service import BASE_AT, GRANT_AT

# Workers that may share the shards with the worker of the dated task. Each is a periodic task with its own lock.
HELPERS = 3
HELP_SECONDS = 20  # a helper ends after this time and starts again, so that its task is never overdue


def register() -> None:
    """Register the base, the grants, the sweep, the helpers and the hand-over of each provider with the calendar."""
    schedule.register(
        "rewards.base",
        title=_("혜택 대상 회선 확정"),
        task=base.run_all,
        due=lambda rules: [clock.kst(rules.rewards.base_date + dt.timedelta(days=1), BASE_AT)],
        queue="perks",
    )
    schedule.register("rewards.grants", title=_("월 혜택 지급"), task=run_grants, due=_grant_times, queue="perks")
    schedule.register(
        "rewards.sweep",
        title=_("혜택 작업 점검"),
        task=lambda task: working.sweep(),
        due=dt.timedelta(seconds=30),
        queue="perks",
    )
    for number in range(1, HELPERS + 1):
        schedule.register(
            f"rewards.help-{number}",
            title=format_lazy("{} {}", _("혜택 작업 나누어 하기"), number),
            task=help_out,
            due=dt.timedelta(seconds=5),
            queue="perks",
        )
    for provider in providers.PROVIDERS:
        schedule.register(
            f"rewards.hand-over-{provider.code.lower()}",
            title=format_lazy("{} {}", _("제공처 전달"), provider.code),
            task=_hand_over(provider.code),
            due=dt.timedelta(seconds=20),
            queue="perks",
        )


def run_grants(task: Any) -> schedule.TaskResult:
    """Grant every monthly perk for the month of the task."""
    month = clock.kst_date(task.due_at).replace(day=1)
    return [
        grants.run_month(perk, first) for perk, first in grants.planned_grants(programme.current()) if first == month
    ]


def help_out(task: Any) -> schedule.TaskResult:
    """Run open shards for HELP_SECONDS. At-least-once: a second run of a shard writes nothing."""
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=HELP_SECONDS)
    done = 0
    while dt.datetime.now(dt.UTC) < until and working.run_next_shard():
        done += 1
    return schedule.result_message(gettext_noop("%(shards)s묶음"), shards=done) if done else None


def _hand_over(provider: str) -> Callable[[Any], schedule.TaskResult]:
    def hand_over(task: Any) -> schedule.TaskResult:
        """Write the waiting files of the provider and read its answers. At-least-once (`rewards.providers.files`)."""
        files.remove_stale_drafts(provider)
        resent = files.resend_lost(provider)
        written, answered = files.deliver_open(provider), files.collect_acknowledgements(provider)
        result = schedule.result_message(
            gettext_noop("파일 %(written)s개 전달, 확인 %(acknowledged)s개"), written=written, acknowledged=answered
        )
        if not resent:
            return result
        return [result, schedule.result_message(gettext_noop("다시 보냄 %(again)s개"), again=resent)]

    return hand_over


def _grant_times(rules: programme.Programme) -> list[dt.datetime]:
    return sorted({clock.kst(month, GRANT_AT) for _perk, month in grants.planned_grants(rules)})
