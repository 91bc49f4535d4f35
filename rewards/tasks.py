"""Tasks of the perks: the dated tasks and their shards, files for the providers, messages on their days."""

import datetime as dt

from celery import shared_task
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from eligibility import register_clock
from kt_remedy.core import clock, programme
from kt_remedy.core.tasks import dispatch, schedule
from rewards import codes, providers, sms_campaigns
from rewards.enrolment import additions, grants, shards, working
from rewards.providers import files
from rewards.service import BASE_AT, GRANT_AT

_ANSWERS = "rewards.answers."  # followed by the code of the provider


def register() -> None:
    """Put the tasks on the calendar, and let beat publish the shards and the files."""
    schedule.register(
        working.BASE,
        title=_("혜택 대상 회선 확정"),
        task=record_base,
        due=lambda rules: [clock.kst(rules.rewards.base_date + dt.timedelta(days=1), BASE_AT)],
    )
    schedule.register(working.GRANTS, title=_("월 혜택 지급"), task=grant_month, due=_grant_times)
    schedule.register("rewards.sweep", title=_("혜택 작업 점검"), task=restore_shards, due=dt.timedelta(minutes=1))
    for provider in providers.PROVIDERS:  # each has its own, so that a folder that hangs holds up no other provider
        schedule.register(
            f"{_ANSWERS}{provider.code}",
            title=format_lazy("{} {}", _("제공처 확인 읽기"), provider.code),
            task=read_answers,
            due=dt.timedelta(minutes=2),
        )
    schedule.register(
        sms_campaigns.INSURED,
        title=_("안심 보험 자동 가입 알림"),
        task=queue_insured_notices,
        due=sms_campaigns.insured_days,
    )
    schedule.register(
        sms_campaigns.INSURANCE_OPEN,
        title=_("안심 보험 신청 안내"),
        task=queue_insurance_notices,
        due=sms_campaigns.insured_days,
    )
    schedule.register(
        sms_campaigns.CHOICE_OPEN,
        title=_("영상 서비스 고르기 시작 안내"),
        task=queue_choice_notices,
        due=sms_campaigns.opening_days,
    )
    schedule.register(
        sms_campaigns.CHOOSE_SOON,
        title=_("영상 서비스 고르기 알림"),
        task=queue_choice_reminders,
        due=sms_campaigns.closing_days,
    )
    schedule.register(
        "rewards.late_lines", title=_("늦게 전해진 회선 찾기"), task=find_late_lines, due=dt.timedelta(hours=1)
    )
    schedule.register(
        "rewards.codes", title=_("기다리는 분께 이용권 번호"), task=issue_codes, due=dt.timedelta(minutes=1)
    )
    schedule.register("rewards.stock", title=_("남은 이용권 번호 점검"), task=watch_codes, due=dt.timedelta(hours=1))
    dispatch.register_rows(run_shard, shards.open_shards)
    dispatch.register_rows(write_hand_off, files.next_of_each_provider)


@shared_task(soft_time_limit=900, time_limit=960)
def record_base(act_id: int) -> None:
    """Plan the base; `run_shard` records it. Safe to run twice: shards are planned once."""
    schedule.run_shared_task(act_id, working.plan_again, working.result_of)


@shared_task(soft_time_limit=900, time_limit=960)
def grant_month(act_id: int) -> None:
    """Plan every grant of the month of the task; `run_shard` grants. Safe to run twice: shards are planned once."""
    schedule.run_shared_task(act_id, working.plan_again, working.result_of)


@shared_task(soft_time_limit=1000, time_limit=1080)  # longer than the longest statement of a shard
def run_shard(shard_id: int) -> None:
    """Run one shard and close its dated task after the last one. Safe to run twice: a shard is written once."""
    dispatch.run(shards.open_shards(), shard_id, working.carry_out)


@shared_task(soft_time_limit=600, time_limit=660)
def write_hand_off(hand_off_id: int) -> None:
    """Write one file for a provider. At-least-once: the file gets the same name and the same bytes."""
    dispatch.run(files.waiting(), hand_off_id, files.write)


@shared_task(soft_time_limit=300, time_limit=330)
def restore_shards(code: str) -> None:
    """Create missing shards and report stuck ones. Safe to run twice: a shard is created once."""
    schedule.run_periodic_task(code, lambda row: working.sweep())


@shared_task(soft_time_limit=300, time_limit=330)
def read_answers(code: str) -> None:
    """Read the answers of one provider and have lost files written again. Safe to run twice: an answer counts once."""
    schedule.run_periodic_task(code, lambda row: _read_answers(row.code.removeprefix(_ANSWERS)))


@shared_task(soft_time_limit=900, time_limit=960)
def queue_insured_notices(act_id: int) -> None:
    """Queue the notice for persons insured by age. At-least-once: nobody is queued twice."""
    schedule.run_dated_task(act_id, register_clock.after_delivery(sms_campaigns.queue_insured_notices))


@shared_task(soft_time_limit=900, time_limit=960)
def queue_insurance_notices(act_id: int) -> None:
    """Queue the notice for persons who may apply for insurance. At-least-once: nobody is queued twice."""
    schedule.run_dated_task(act_id, register_clock.after_delivery(sms_campaigns.queue_insurance_notices))


@shared_task(soft_time_limit=900, time_limit=960)
def queue_choice_notices(act_id: int) -> None:
    """Queue the notice that the choice has opened. At-least-once: nobody is queued twice."""
    schedule.run_dated_task(act_id, register_clock.after_delivery(sms_campaigns.queue_choice_notices))


@shared_task(soft_time_limit=900, time_limit=960)
def queue_choice_reminders(act_id: int) -> None:
    """Queue the reminder for persons without a choice. At-least-once: nobody is queued twice."""
    schedule.run_dated_task(act_id, register_clock.after_delivery(sms_campaigns.queue_choice_reminders))


@shared_task(soft_time_limit=900, time_limit=960)
def find_late_lines(code: str) -> None:
    """Find the lines that were told after the base. Safe to run twice: a line is found once."""
    schedule.run_periodic_task(code, additions.find_results)


@shared_task(soft_time_limit=300, time_limit=330)
def issue_codes(code: str) -> None:
    """Issue codes to those who wait for one. Safe to run twice: an entitlement gets one code."""
    schedule.run_periodic_task(code, codes.queue_results)


@shared_task(soft_time_limit=60, time_limit=90)
def watch_codes(code: str) -> None:
    """Warn where few codes are left. Safe to run twice: it only reads and warns."""
    schedule.run_periodic_task(code, codes.watch_stock)


def _read_answers(provider: str) -> list[schedule.ResultMessage]:
    files.remove_stale_drafts(provider)
    resent, acknowledged = files.resend_lost(provider), files.collect_acknowledgements(provider)
    results = [schedule.result_message(gettext_noop("확인 %(acknowledged)s개"), acknowledged=acknowledged)]
    if resent:
        results.append(schedule.result_message(gettext_noop("다시 보냄 %(again)s개"), again=resent))
    return results


def _grant_times(rules: programme.Programme) -> list[dt.datetime]:
    return sorted({clock.kst(month, GRANT_AT) for _perk, month in grants.planned_grants(rules)})
