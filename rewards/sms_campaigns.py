"""SMS campaigns about perks: insurance by age or application (D-55), begin and end of the time to choose (D-53).

Each person gets one message. The guardian in the billing data gets the message for a child.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from eligibility.models import Customer
from kt_remedy.core import clock, programme
from kt_remedy.core.persons import ADULT_AGE, born_on_or_before
from kt_remedy.core.programme import Perk
from kt_remedy.core.tasks import schedule
from kt_remedy.notices import preparing
from kt_remedy.notices import service as notices
from kt_remedy.notices.models import Message
from rewards.enrolment import base
from rewards.models import BaseLine
from rewards.perks import holders
from rewards.service import contact_numbers, message_number
from rewards.templatetags.perks import perk_name

SEND_TIME = dt.time(10)  # KST
DAYS_BEFORE = 7

INSURED, INSURANCE_OPEN = "rewards.insured", "rewards.insurance_open"
CHOICE_OPEN, CHOOSE_SOON = "rewards.choice_open", "rewards.choose_soon"
CAMPAIGNS = (INSURED, INSURANCE_OPEN, CHOICE_OPEN, CHOOSE_SOON)

# A line counts for its holder on the base date. After a transfer of name its termination does not matter (D-57).
_NOT_ENDED = """(l.terminated_on IS NULL
               OR l.customer_no <> b.customer_no AND b.person_index <> (SELECT n.person_index
                  FROM eligibility_customer n WHERE n.customer_no = l.customer_no))"""
_LANGUAGE = "CASE WHEN bool_and(c.holder_kind = 'FOREIGNER') THEN 'en' ELSE 'ko' END AS language"
_FROM = """
    FROM rewards_baseline b JOIN eligibility_line l USING (contract_no)
    JOIN eligibility_customer c ON c.customer_no = b.customer_no
"""
# A child's message goes to the guardian in the billing data.
_PERSON_OR_GUARDIAN = "coalesce(CASE WHEN c.birth_date > %(adult)s THEN c.guardian_ci_index END, b.person_index)"
# Constants of this module; values are parameters.
_UNDECIDED_PERSON = """NOT EXISTS (SELECT FROM rewards_entitlement e WHERE e.perk = %(perk)s AND e.contract_no IS NULL
                          AND e.person_index = b.person_index)"""
# A choice stands, also while its code is awaited (D-79).
_UNDECIDED_LINE = """NOT EXISTS (SELECT FROM rewards_entitlement e WHERE e.perk = %(perk)s
                          AND e.contract_no = b.contract_no)"""
_CHOOSERS = f"""
        SELECT {_PERSON_OR_GUARDIAN} AS person_index, min(b.contract_no) AS recipient, {_LANGUAGE} {_FROM}
        WHERE %(perk)s = ANY(b.perks) AND {_NOT_ENDED} AND (c.birth_date IS NULL OR c.birth_date <= %(born)s)
          AND {_UNDECIDED_LINE} {{only}}
        GROUP BY 1
"""
_GROUPS = {
    INSURED: f"""
        SELECT b.person_index, min(b.contract_no) AS recipient, {_LANGUAGE} {_FROM}
        WHERE %(perk)s = ANY(b.perks) AND c.birth_date <= %(born)s AND {_NOT_ENDED} AND {_UNDECIDED_PERSON} {{only}}
        GROUP BY b.person_index
    """,
    INSURANCE_OPEN: f"""
        SELECT {_PERSON_OR_GUARDIAN} AS person_index, min(b.contract_no) AS recipient, {_LANGUAGE} {_FROM}
        WHERE %(perk)s = ANY(b.perks) AND c.birth_date > %(born)s AND {_NOT_ENDED} AND {_UNDECIDED_PERSON} {{only}}
        GROUP BY 1
    """,
    CHOICE_OPEN: _CHOOSERS,
    CHOOSE_SOON: _CHOOSERS,
}


def register() -> None:
    """Register the message texts with the notices and the dated tasks with the calendar."""
    if (age := _age_of_insured()) is not None:
        notices.register(
            INSURED,
            label=_("안심 보험에 자동으로 가입되기 전에"),
            text={
                "ko": f"{{prefix}} 만 {age}세 이상 고객님은 안심 보험에 자동으로 가입됩니다. 보험료는 없습니다."
                " 원하지 않으시면 전화하시거나 홈페이지의 고객 보답에서 거절하실 수 있습니다. 문의 {hotline}(무료)",
                "en": f"{{prefix}} At {age} or over you are insured against fraud automatically, free of charge."
                " To decline, call us or open Rewards on our website. Call {hotline} (free)",
            },
            recheck_all=still_due,
            subject_name=perk_name,
            address=number_for,
        )
        notices.register(
            INSURANCE_OPEN,
            label=_("안심 보험은 신청해야 시작된다는 안내"),
            text={
                "ko": "{prefix} 안심 보험은 신청하셔야 시작됩니다. 고객 보답에서 신청하세요. 무료. 문의 {hotline}",
                "en": "{prefix} Fraud insurance is free but starts only if you apply under Rewards. Call {hotline}",
            },
            recheck_all=still_due,
            subject_name=perk_name,
            address=number_for,
            optional=True,
            sms=True,
        )
    last_day = {"until": dt.date(2026, 7, 31)}
    notices.register(
        CHOICE_OPEN,
        label=_("영상 서비스를 고르실 수 있게 되었을 때"),
        text={
            "ko": "{prefix} 고객 보답에서 무료 영상 서비스를 {until}까지 골라 주세요. 문의 {hotline}(무료)",
            "en": "{prefix} Choose your free video service under Rewards by {until}. Call {hotline} (free)",
        },
        example=last_day,
        recheck_all=still_due,
        address=number_for,
        optional=True,
        sms=True,
        subject_name=perk_name,
        funnel=choices_after_opening,
        mailing_fields=last_day_of,
    )
    notices.register(
        CHOOSE_SOON,
        label=_("영상 서비스를 고르는 기간이 끝나기 전에"),
        text={
            "ko": "{prefix} 영상 서비스는 {until}까지 고객 보답에서 고르실 수 있습니다. 문의 {hotline}",
            "en": "{prefix} Choose your video service under Rewards by {until}, last day. Call {hotline}",
        },
        example=last_day,
        recheck_all=still_due,
        address=number_for,
        optional=True,
        sms=True,
        subject_name=perk_name,
        funnel=choices_after_reminder,
        mailing_fields=last_day_of,
    )
    preparing.register(plans)


def plans() -> list[preparing.Plan]:
    """The mailings about perks, so that two persons can approve each before its hour; none before the base is taken."""
    if not base.is_complete():
        return []
    return [
        preparing.Plan(
            kind,
            perk.code,
            clock.kst(day, SEND_TIME),
            _GROUPS[kind].format(only=""),
            _params(kind, perk, max(day, clock.today())),
        )
        for kind in CAMPAIGNS
        for perk in _perks(kind)
        for day in [_send_on(kind, perk)]
    ]


def last_day_of(subject: str) -> dict[str, dt.date | None]:
    """The last day to choose a service of a perk, by its code, for the text of a mailing."""
    return {"until": next(perk.choose_until for perk in programme.current().perks if perk.code == subject)}


def queue_insured_notices(task: Any) -> schedule.TaskResult:
    """Queue the notice for persons insured by age. At-least-once: a second run queues only missing messages."""
    return _queue(INSURED, _due_perks(INSURED, task))


def queue_insurance_notices(task: Any) -> schedule.TaskResult:
    """Queue the notice for persons who may apply for insurance. A second run queues only missing messages."""
    return _queue(INSURANCE_OPEN, _due_perks(INSURANCE_OPEN, task))


def queue_choice_notices(task: Any) -> schedule.TaskResult:
    """Queue the notice that the choice has opened, with its last day. A second run queues only missing messages."""
    return _queue_for_choosers(CHOICE_OPEN, task)


def queue_choice_reminders(task: Any) -> schedule.TaskResult:
    """Queue the reminder for persons without a choice. At-least-once: a second run queues only missing messages."""
    return _queue_for_choosers(CHOOSE_SOON, task)


def _queue_for_choosers(kind: str, task: Any) -> schedule.TaskResult:
    perks = _due_perks(kind, task)
    if any(perk.choose_until and clock.today() > perk.choose_until for perk in perks):
        return schedule.result_message(gettext_noop("고르는 기간이 끝나 보내지 않음"))
    return _queue(kind, perks)


def still_applies(message: Message) -> bool:
    """True if the person of a queued message still belongs to its group."""
    return message.pk in still_due([message])


def still_due(messages: Sequence[Message]) -> set[int]:
    """The ids of the messages of one kind whose persons still belong to its group, checked just before sending.

    Two queries for each perk.
    """
    due: set[int] = set()
    for perk in _perks(messages[0].kind):
        if messages[0].kind in _BY_CHOICE and perk.choose_until and clock.today() > perk.choose_until:
            continue
        own = [message for message in messages if message.subject == perk.code]
        persons = _persons_in_group(own, perk) if own else set()
        due |= {message.pk for message in own if bytes(message.person_index) in persons}
    return due


def _persons_in_group(messages: Sequence[Message], perk: Perk) -> set[bytes]:
    """The persons of these messages who belong to the group: by their own lines or, as guardians, by a child's."""
    persons = [message.person_index for message in messages]
    recipients = BaseLine.objects.filter(pk__in=[message.recipient for message in messages])
    children = [row.person_index for row in recipients if row.person_index is not None]
    lines = list(BaseLine.objects.filter(person_index__in=[*persons, *children]).values_list("pk", flat=True))
    sql = _GROUPS[messages[0].kind].format(only="AND b.contract_no = ANY(%(lines)s)")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT person_index FROM ({sql}) AS t WHERE person_index = ANY(%(persons)s)",  # noqa: S608
            _params(messages[0].kind, perk, clock.today()) | {"lines": lines, "persons": persons},
        )
        return {bytes(row[0]) for row in cursor.fetchall()}


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


def choices_after_opening(subject: str) -> list[tuple[object, int]]:
    """Number of persons who chose a service after the message that the choice has opened."""
    return _choices_after(CHOICE_OPEN, subject)


def choices_after_reminder(subject: str) -> list[tuple[object, int]]:
    """Number of persons who chose a service after a sent reminder."""
    return _choices_after(CHOOSE_SOON, subject)


def _choices_after(kind: str, subject: str) -> list[tuple[object, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(DISTINCT m.person_index) FROM notices_message m
            JOIN rewards_entitlement e ON e.person_index = m.person_index AND e.perk = m.subject
                                      AND e.made_at >= m.sent_at
            WHERE m.kind = %s AND m.subject = %s AND m.state IN ('ACCEPTED', 'DELIVERED')
            """,
            [kind, subject],
        )
        return [(_("그 뒤 고름"), cursor.fetchone()[0])]


_BY_CHOICE = (CHOICE_OPEN, CHOOSE_SOON)


def _perks(kind: str, rules: programme.Programme | None = None) -> list[Perk]:
    perks = (rules or programme.current()).perks
    if kind in _BY_CHOICE:
        return [perk for perk in perks if perk.mode == "CHOICE" and perk.choose_until]
    return [perk for perk in perks if perk.mode == "APPLICATION" and perk.automatic_from_age is not None]


def _age_of_insured() -> int | None:
    """The age from which insurance is automatic, or None without such a perk."""
    return min(
        (perk.automatic_from_age for perk in _perks(INSURED) if perk.automatic_from_age is not None), default=None
    )


def _send_on(kind: str, perk: Perk) -> dt.date:
    """The KST date of a campaign about a perk."""
    if kind == CHOICE_OPEN:
        return perk.starts
    last = perk.choose_until if kind == CHOOSE_SOON else perk.starts
    assert last is not None, "the perks of this campaign have a last day"
    return last - dt.timedelta(days=DAYS_BEFORE)


def _due_perks(kind: str, task: Any) -> list[Perk]:
    day = clock.kst_date(task.due_at)
    return [perk for perk in _perks(kind) if _send_on(kind, perk) == day]


def _days(kind: str, rules: programme.Programme) -> list[dt.datetime]:
    return sorted({clock.kst(_send_on(kind, perk), SEND_TIME) for perk in _perks(kind, rules)})


def insured_days(rules: programme.Programme) -> list[dt.datetime]:
    """When the notices about the insurance are sent: both, to those insured by age and to the others."""
    return _days(INSURED, rules)


def opening_days(rules: programme.Programme) -> list[dt.datetime]:
    """When the notices that a choice has opened are sent."""
    return _days(CHOICE_OPEN, rules)


def closing_days(rules: programme.Programme) -> list[dt.datetime]:
    """When the reminders before the end of a choice are sent."""
    return _days(CHOOSE_SOON, rules)


def _params(kind: str, perk: Perk, today: dt.date) -> dict:
    if kind not in _BY_CHOICE:
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
            kind=kind,
            subject=perk.code,
            select=_GROUPS[kind].format(only=""),
            params=_params(kind, perk, clock.today()),
        )
        results.append(schedule.result_message(gettext_noop("새로 올린 안내 %(n)s명"), n=new))
    return results
