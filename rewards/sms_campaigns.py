"""SMS campaigns about perks: insurance by age (D-55), and the end of the time to choose a service (D-53).

Each person gets one message. The guardian in the billing data gets the message for a child.
"""

import datetime as dt
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from eligibility.models import Customer
from kt_remedy.core import clock, programme
from kt_remedy.core.persons import ADULT_AGE, born_on_or_before
from kt_remedy.core.programme import Perk
from kt_remedy.core.tasks import schedule
from kt_remedy.notices import service as notices
from kt_remedy.notices.models import Message
from rewards.enrolment import base
from rewards.models import BaseLine
from rewards.perks import holders
from rewards.service import contact_numbers, message_number

SEND_TIME = dt.time(10)  # KST
DAYS_BEFORE = 7

INSURED, CHOOSE_SOON = "rewards.insured", "rewards.choose_soon"

# A line counts for its holder on the base date. After a transfer of name its termination does not matter (D-57).
_NOT_ENDED = """(l.terminated_on IS NULL
               OR l.customer_no <> b.customer_no AND b.person_index <> (SELECT n.person_index
                  FROM eligibility_customer n WHERE n.customer_no = l.customer_no))"""
_LANGUAGE = "CASE WHEN bool_and(c.holder_kind = 'FOREIGNER') THEN 'en' ELSE 'ko' END AS language"
_FROM = """
    FROM rewards_baseline b JOIN eligibility_line l USING (contract_no)
    JOIN eligibility_customer c ON c.customer_no = b.customer_no
"""
_GROUPS = {
    INSURED: f"""
        SELECT b.person_index, min(b.contract_no) AS recipient, {_LANGUAGE} {_FROM}
        WHERE %(perk)s = ANY(b.perks) AND c.birth_date <= %(born)s AND {_NOT_ENDED}
          AND NOT EXISTS (SELECT FROM rewards_entitlement e WHERE e.perk = %(perk)s AND e.contract_no IS NULL
                          AND e.person_index = b.person_index) {{only}}
        GROUP BY b.person_index
    """,  # noqa: S608  (constants of this module; values are parameters)
    CHOOSE_SOON: f"""
        SELECT coalesce(CASE WHEN c.birth_date > %(adult)s THEN c.guardian_ci_index END, b.person_index)
                   AS person_index, min(b.contract_no) AS recipient, {_LANGUAGE} {_FROM}
        WHERE %(perk)s = ANY(b.perks) AND {_NOT_ENDED} AND (c.birth_date IS NULL OR c.birth_date <= %(born)s)
          AND NOT EXISTS (SELECT FROM rewards_entitlement e WHERE e.perk = %(perk)s AND e.contract_no = b.contract_no
                          AND (e.voucher_id IS NOT NULL OR e.kind <> 'CHOICE')) {{only}}
        GROUP BY 1
    """,  # noqa: S608
}


def register() -> None:
    """Register the message texts with the notices and the dated tasks with the calendar."""
    if (age := _age_of_insured()) is not None:
        notices.register(
            INSURED,
            label=_("안심 보험에 자동으로 가입되기 전에"),
            text={
                "ko": f"[KT] 만 {age}세 이상 고객님은 안심 보험에 자동으로 가입됩니다. 보험료는 없습니다."
                " 원하지 않으시면 전화하시거나 홈페이지의 고객 보답에서 거절하실 수 있습니다. 문의 {hotline}(무료)",
                "en": f"[KT] At {age} or over you are insured against fraud automatically, free of charge."
                " To decline, call us or open Rewards on our website. Call {hotline} (free)",
            },
            recheck=still_applies,
            address=number_for,
        )
    notices.register(
        CHOOSE_SOON,
        label=_("영상 서비스를 고르는 기간이 끝나기 전에"),
        text={
            "ko": "[KT] 영상 서비스를 고르시는 기간이 곧 끝납니다. 홈페이지의 고객 보답에서 고르시거나 전화해 주세요."
            " 문의 {hotline}(무료)",
            "en": "[KT] The time to choose your video service ends soon. Choose under Rewards on our website, or call."
            " Call {hotline} (free)",
        },
        recheck=still_applies,
        address=number_for,
        optional=True,
        funnel=choices_after_reminder,
    )


def queue_insured_notices(task: Any) -> schedule.TaskResult:
    """Queue the notice for persons insured by age. At-least-once: a second run queues only missing messages."""
    return _queue(
        INSURED, [perk for perk in _perks(INSURED) if _notice_day(perk.starts) == clock.kst_date(task.due_at)]
    )


def queue_choice_reminders(task: Any) -> schedule.TaskResult:
    """Queue the reminder for persons without a code. At-least-once: a second run queues only missing messages."""
    day = clock.kst_date(task.due_at)
    perks = [perk for perk in _perks(CHOOSE_SOON) if perk.choose_until and _notice_day(perk.choose_until) == day]
    if any(perk.choose_until and clock.today() > perk.choose_until for perk in perks):
        return schedule.result_message(gettext_noop("고르는 기간이 끝나 보내지 않음"))
    return _queue(CHOOSE_SOON, perks)


def still_applies(message: Message) -> bool:
    """True if the person of a queued message still belongs to its group. Checked just before it is sent."""
    perk = next((perk for perk in _perks(message.kind) if perk.code == message.subject), None)
    if perk is None or (message.kind == CHOOSE_SOON and perk.choose_until and clock.today() > perk.choose_until):
        return False
    person = message.person_index
    # The person's own lines and, if the person is a guardian, those of the child.
    lines = list(BaseLine.objects.filter(person_index=person).values_list("pk", flat=True))
    child = BaseLine.objects.filter(pk=message.recipient).first()
    if child is not None and child.person_index is not None:
        lines += BaseLine.objects.filter(person_index=child.person_index).values_list("pk", flat=True)
    sql = _GROUPS[message.kind].format(only="AND b.contract_no = ANY(%(lines)s)")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM ({sql}) AS t WHERE person_index = %(person)s)",  # noqa: S608
            _params(message.kind, perk) | {"lines": lines, "person": person},
        )
        return cursor.fetchone()[0]


def number_for(message: Message) -> str | None:
    """The number of the holder; for a child the contact, the guardian's number, then the child's. None if unknown."""
    row = BaseLine.objects.filter(pk=message.recipient).first()
    if row is None or row.person_index is None:
        return None
    child = holders.load_holder(row.person_index)
    person = message.person_index
    if person == child.person_index:
        return message_number(child) or None
    contacts = contact_numbers(held_line.line for held_line in child.held_lines if held_line.held_now)
    guardian = (
        message_number(holders.load_holder(person)) if Customer.objects.filter(person_index=person).exists() else ""
    )
    return next((number for number in [*contacts, guardian, message_number(child)] if number), None)


def choices_after_reminder(subject: str) -> list[tuple[object, int]]:
    """Number of persons who chose a service after a sent reminder."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(DISTINCT m.person_index) FROM notices_message m
            JOIN rewards_entitlement e ON e.person_index = m.person_index AND e.perk = m.subject
                                      AND e.made_at >= m.sent_at
            WHERE m.kind = %s AND m.subject = %s AND m.state IN ('ACCEPTED', 'DELIVERED')
            """,
            [CHOOSE_SOON, subject],
        )
        return [(_("그 뒤 고름"), cursor.fetchone()[0])]


def _perks(kind: str, rules: programme.Programme | None = None) -> list[Perk]:
    perks = (rules or programme.current()).perks
    if kind == INSURED:
        return [perk for perk in perks if perk.mode == "APPLICATION" and perk.automatic_from_age is not None]
    return [perk for perk in perks if perk.mode == "CHOICE" and perk.choose_until]


def _age_of_insured() -> int | None:
    """The age from which insurance is automatic, or None without such a perk."""
    return min(
        (perk.automatic_from_age for perk in _perks(INSURED) if perk.automatic_from_age is not None), default=None
    )


def _notice_day(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=DAYS_BEFORE)


def insured_days(rules: programme.Programme) -> list[dt.datetime]:
    return sorted({clock.kst(_notice_day(perk.starts), SEND_TIME) for perk in _perks(INSURED, rules)})


def closing_days(rules: programme.Programme) -> list[dt.datetime]:
    days = [_notice_day(perk.choose_until) for perk in _perks(CHOOSE_SOON, rules) if perk.choose_until]
    return sorted({clock.kst(day, SEND_TIME) for day in days})


def _params(kind: str, perk: Perk) -> dict:
    today = clock.today()
    if kind == INSURED:
        age, day = perk.automatic_from_age or 0, programme.current().rewards.base_date
    else:
        age, day = min((choice.minimum_age or 0 for choice in perk.choices), default=0), today
    return {
        "perk": perk.code,
        "born": born_on_or_before(day, age),
        "adult": born_on_or_before(today, ADULT_AGE),
    }


def _queue(kind: str, perks: list[Perk]) -> schedule.TaskResult:
    if not base.is_complete():
        raise base.BaseNotReady(
            "The base has not been taken yet.", schedule.result_message(gettext_noop("대상 회선이 확정되기를 기다림"))
        )
    results = []
    for perk in perks:
        new = notices.queue_all(
            kind=kind, subject=perk.code, select=_GROUPS[kind].format(only=""), params=_params(kind, perk)
        )
        results.append(schedule.result_message(gettext_noop("새로 올린 안내 %(n)s명"), n=new))
    return results
