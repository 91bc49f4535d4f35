"""The perks' part of the calendar."""

import datetime as dt

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from kt_remedy import clock, programme, schedule
from rewards.enrolment import base, grants
from rewards.providers import files
from rewards.service import BASE_AT, GRANT_AT


def register() -> None:
    """Put the base, the monthly grants and the hand-over on the calendar."""
    schedule.register(
        "rewards.base",
        title=_("혜택 대상 회선 확정"),
        task=base.run_all,
        due=lambda rules: [clock.kst(rules.rewards.base_date + dt.timedelta(days=1), BASE_AT)],
        queue="perks",
    )
    schedule.register("rewards.grants", title=_("월 혜택 지급"), task=run_grants, due=_grant_moments, queue="perks")
    schedule.register(
        "rewards.hand-over", title=_("제공처 전달"), task=hand_over, due=dt.timedelta(seconds=20), queue="perks"
    )


def run_grants(act) -> schedule.Told:
    """Grant every monthly perk for the month of the act."""
    month = clock.kst_date(act.due_at).replace(day=1)
    return [grants.run_month(perk, first) for perk, first in grants.due(programme.current()) if first == month]


def hand_over(act) -> schedule.Told:
    """Write open hand-off files and read acknowledgements."""
    return schedule.said(
        gettext_noop("파일 %(written)s개 전달, 확인 %(acknowledged)s개"),
        written=files.deliver_open(),
        acknowledged=files.collect_acknowledgements(),
    )


def _grant_moments(rules: programme.Programme) -> list[dt.datetime]:
    return sorted({clock.kst(month, GRANT_AT) for _perk, month in grants.due(rules)})
