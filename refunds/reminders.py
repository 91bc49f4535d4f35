"""Mailings: the news of 31 December, and three reminders to customers who could apply and have not.

One statement selects the recipients when a mailing begins: one message per person, not per line. Just before a message
is sent, its person is checked again (D-43) and its number is chosen (D-44).
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from eligibility import service as eligibility
from eligibility.models import Customer, HolderKind, Line
from kt_remedy.core import clock, persons, programme
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from kt_remedy.notices import mailings, preparing, texts
from kt_remedy.notices import service as notices
from kt_remedy.notices.models import Message
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Filing

HOUR = dt.time(10)
# The last round has a kind of its own, because it says that it is the last (D-68).
REMINDER, LAST = "reminder", "reminder.last"
REMINDERS = (REMINDER, LAST)
LEFT, MAY_LEAVE = "campaign.left", "campaign.may_leave"

# The recipient: the guardian of a minor, else the holder.
_PERSON = "coalesce(CASE WHEN c.birth_date > %(adult_since)s THEN c.guardian_ci_index END, c.person_index)"
# A line that could be applied for and was not. In review the sum may be unknown, but not 0.
_COULD_APPLY = """
    l.terminated_on IS NOT NULL
    AND (coalesce(nullif(l.decided_outcome, ''), l.outcome) = 'ELIGIBLE'
         OR coalesce(nullif(l.decided_outcome, ''), l.outcome) = 'REVIEW'
            AND greatest(l.refundable_krw, l.expected_penalty_krw) > 0)
    AND NOT EXISTS (SELECT FROM refunds_application a WHERE a.contract_no = l.contract_no AND a.status <> 'WITHDRAWN')
"""
_LEFT_BEFORE = f"{_COULD_APPLY} AND l.terminated_on < %(forward_from)s"
# A line in service that is not eligible only because it is not terminated, and whose termination would cost a penalty.
_MAY_LEAVE = """
    l.status <> 'TERMINATED' AND l.reasons = 'NOT_TERMINATED' AND l.expected_penalty_krw > 0
    AND coalesce(nullif(l.decided_outcome, ''), l.outcome) <> 'NOTHING_DUE'
"""
_GROUPS = {REMINDER: _COULD_APPLY, LAST: _COULD_APPLY, LEFT: _LEFT_BEFORE, MAY_LEAVE: _MAY_LEAVE}


def recipients_select(group: str, *, only_asked: bool = False) -> str:
    """The SELECT of all persons in a group: person_index, recipient (a contract number), language.

    `only_asked` reads the customers of the parameter `persons` and of their wards only.
    """
    only = "AND (c.person_index = ANY(%(persons)s) OR c.guardian_ci_index = ANY(%(persons)s))" if only_asked else ""
    return f"""
        SELECT {_PERSON} AS person_index, min(l.contract_no) AS recipient,
               CASE WHEN bool_and(c.holder_kind = 'FOREIGNER') THEN 'en' ELSE 'ko' END AS language
        FROM eligibility_line l JOIN eligibility_customer c ON c.customer_no = l.customer_no
        WHERE {_GROUPS[group]} {only}
        GROUP BY 1
    """  # noqa: S608  (constants of this module; values are parameters)


def start_reminder(task: DatedTask) -> schedule.ResultMessage:
    """Queue the reminder of the day of `task`. A second run queues the people missed by the first. At-least-once.

    It supersedes the earlier rounds, and is superseded itself once the hour of a later one has come (D-68).
    """
    day = clock.kst_date(task.due_at)
    current = programme.current()
    item = next((item for item in current.reminders if item.send_on == day), None)
    if item is None or clock.today() > current.applications.closes:
        return schedule.result_message(gettext_noop("신청 기간이 지나 보내지 않음"))
    later = [other for other in current.reminders if other.send_on > day and _hour(other) <= clock.now()]
    newest = max([item, *later], key=lambda other: other.send_on)
    mailings.supersede(kinds=REMINDERS, by_subject=_subject(newest))
    if later:
        return schedule.result_message(gettext_noop("다음 회차가 대신함"))
    return schedule.result_message(gettext_noop("새로 올린 안내 %(n)s명"), n=_queue(_kind(item), _subject(item)))


def start_campaign(task: DatedTask) -> list[schedule.ResultMessage]:
    """Queue the news of the day the look-up opens: to holders of terminated lines, then of those still in service."""
    return [
        schedule.result_message(gettext_noop("이미 해지하신 분 %(n)s명"), n=_queue(LEFT, "opening")),
        schedule.result_message(gettext_noop("이용 중이신 분 %(n)s명"), n=_queue(MAY_LEAVE, "opening")),
    ]


def plans() -> list[preparing.Plan]:
    """The mailings of the programme, so that two persons can approve each before its hour."""
    current, params = programme.current(), _params()
    hour = clock.kst(current.lookup_opens, HOUR)
    found = [preparing.Plan(kind, "opening", hour, recipients_select(kind), params) for kind in (LEFT, MAY_LEAVE)]
    return found + [
        preparing.Plan(_kind(item), _subject(item), _hour(item), recipients_select(_kind(item)), params)
        for item in current.reminders
    ]


def still_due(message: Message) -> bool:
    """True if the person of a queued message still belongs to its group."""
    return message.pk in due([message])


def due(messages: Sequence[Message]) -> set[int]:
    """The ids of the messages of one kind whose persons still belong to its group; called just before sending.

    A person who got a reminder less than `reminder_gap_days` ago gets no other one (D-68). Few queries for any number.
    """
    current, kind = programme.current(), messages[0].kind
    if clock.today() > current.applications.closes:
        return set()
    if kind == MAY_LEAVE and clock.today() > current.waiver.terminated_to:
        return set()
    asked = [message.person_index for message in messages]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT person_index FROM ({recipients_select(kind, only_asked=True)}) AS t"  # noqa: S608
            " WHERE person_index = ANY(%(persons)s)",
            _params() | {"persons": asked},
        )
        in_group = {bytes(row[0]) for row in cursor.fetchall()}
    told = _told_already(messages, asked)
    return {
        message.pk
        for message in messages
        if bytes(message.person_index) in in_group and (bytes(message.person_index), message.subject) not in told
    }


def _told_already(messages: Sequence[Message], asked: list[bytes]) -> set[tuple[bytes, str]]:
    """(person, subject) of the messages whose person got another text that makes this one wrong."""
    kind, subjects = messages[0].kind, {message.subject for message in messages}
    if kind == MAY_LEAVE:  # one message per person (D-43)
        left = Message.objects.filter(kind=LEFT, subject__in=subjects, person_index__in=asked)
        return {(bytes(person), subject) for person, subject in left.values_list("person_index", "subject")}
    if kind not in REMINDERS:
        return set()
    # Both ends are days in Seoul: two days after the 20th is the 22nd, whatever the hours.
    first_day = clock.today() - dt.timedelta(days=max(programme.current().notices.reminder_gap_days - 1, 0))
    recent = Message.objects.filter(
        kind__in=REMINDERS,
        subject__in=[_subject(item) for item in programme.current().reminders],
        person_index__in=asked,
        sent_at__gte=clock.kst(first_day),
    ).exclude(state__in=(Message.State.FAILED, Message.State.CANCELLED))
    return {
        (bytes(person), subject)
        for person, other in recent.values_list("person_index", "subject")
        for subject in subjects
        if subject != other
    }


def number_for(message: Message) -> str | None:
    """The number of one message (`numbers`)."""
    return numbers([message])[message.pk]


def numbers(messages: Sequence[Message]) -> dict[int, str | None]:
    """The number of each message by id (D-44), in few queries; None if staff must reach the person another way.

    A child is reached through the guardian, a company through its contact. The order is: the number that the person
    confirmed with an application for another line, a number of their own in service, the contact number, a number that
    was ported out. A ported number still belongs to its customer unless another line has it now. A number that was
    given up is not used, even if billing still has it as a contact: after 29 days it may belong to anybody.
    """
    customers = _customers_of(messages)
    lines: dict[str, list[Line]] = {}
    every = {customer.pk: customer for group in customers.values() for customer in group}
    for line in Line.objects.filter(customer__in=list(every)).order_by("-opened_on", "contract_no"):
        line.customer = every[line.customer_id]
        lines.setdefault(line.customer_id, []).append(line)
    filings = Filing.objects.filter(
        person_index__in=[message.person_index for message in messages], representation=OwnerKind.SELF
    ).order_by("person_index", "-received_at")
    confirmed = {bytes(filing.person_index): filing for filing in filings.distinct("person_index")}
    contacts = {line.contact_msisdn for group in lines.values() for line in group if line.contact_msisdn}
    contacts |= {filing.contact for filing in confirmed.values() if filing.contact}
    newest = eligibility.newest_lines(contacts)
    ported = [line.msisdn_index for group in lines.values() for line in group if line.termination_reason == "PORT_OUT"]
    holders: dict[bytes, list[Line]] = {}
    for line in Line.objects.filter(msisdn_index__in=ported):
        holders.setdefault(bytes(line.msisdn_index), []).append(line)
    return {
        message.pk: _number(
            message,
            sorted(
                (line for customer in customers[message.pk] for line in lines.get(customer.pk, ())),
                key=lambda line: (-line.opened_on.toordinal(), line.contract_no),
            ),
            confirmed.get(bytes(message.person_index)),
            newest,
            holders,
        )
        for message in messages
    }


def _number(
    message: Message,
    lines: list[Line],
    filing: Filing | None,
    newest: dict[str, Line],
    holders: dict[bytes, list[Line]],
) -> str | None:
    if filing is not None and filing.contact:
        confirmed_on = clock.kst_date(filing.received_at)
        if not eligibility.is_released(newest.get(filing.contact), since=confirmed_on):
            return filing.contact
    own = [line for line in lines if _reads_own_messages(line.customer, message.person_index)]
    for line in own:
        if line.status == "ACTIVE" and line.product == "HANDSET":
            return line.msisdn
    for line in sorted(lines, key=lambda line: line.contract_no != message.recipient):
        if line.contact_msisdn and not eligibility.is_released(newest.get(line.contact_msisdn)):
            return line.contact_msisdn
    customers = {line.customer_id for line in lines}
    for line in own:
        if line.termination_reason == "PORT_OUT" and not _is_reissued(line, customers, holders):
            return line.msisdn
    return None


def reminder_funnel(subject: str) -> list[tuple[object, int]]:
    """Numbers of reminded people who have looked up since, applied since, and were paid.

    Looked up means verified, or applied through any channel; the quick check identifies nobody.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH reached AS MATERIALIZED (
                SELECT person_index, recipient, sent_at FROM notices_message
                WHERE kind = ANY(%s) AND subject = %s AND state IN ('ACCEPTED', 'DELIVERED')
            ), claims AS MATERIALIZED (
                SELECT a.id, a.contract_no, f.person_index, f.received_at
                FROM refunds_filing f JOIN refunds_application a ON a.filing_id = f.id AND a.status <> 'WITHDRAWN'
                WHERE f.received_at >= (SELECT min(sent_at) FROM reached)
            ), matched AS (
                SELECT m.person_index, c.id FROM reached m
                JOIN claims c ON c.person_index = m.person_index AND c.received_at >= m.sent_at
                UNION  -- a company, or a holder without CI, is known there by another key: by the line then
                SELECT m.person_index, c.id FROM reached m
                JOIN claims c ON c.contract_no = m.recipient AND c.received_at >= m.sent_at
            ), applied AS MATERIALIZED (
                SELECT t.person_index, bool_or(i.id IS NOT NULL OR m.id IS NOT NULL) AS paid
                FROM matched t LEFT JOIN refunds_item i ON i.application_id = t.id AND i.status = 'PAID'
                LEFT JOIN refunds_manual_payment m ON m.application_id = t.id AND m.status = 'CONFIRMED'
                GROUP BY 1
            ), entries AS MATERIALIZED (
                SELECT object, at FROM audit_entry
                WHERE action = 'identity.verified' AND at >= (SELECT min(sent_at) FROM reached)
            ), verified AS (
                SELECT m.person_index FROM reached m
                JOIN entries e ON decode(substr(e.object, 8), 'hex') = m.person_index AND e.at >= m.sent_at
            )
            SELECT (SELECT count(*) FROM (SELECT person_index FROM verified UNION SELECT person_index FROM applied) u),
                   (SELECT count(*) FROM applied), (SELECT count(*) FROM applied WHERE paid)
            """,
            [list(REMINDERS), subject],
        )
        looked_up, applied, paid = cursor.fetchone()
    return [(_("본인확인하고 조회"), looked_up), (_("그 뒤 신청"), applied), (_("입금"), paid)]


def register() -> None:
    """Register the texts with the messages and the mailings with the calendar."""
    current = programme.current()
    closes, left_by = current.applications.closes, current.waiver.terminated_to
    notices.register(
        "reminder",
        label=_("신청 안내 (아직 신청하지 않은 분)"),
        text={
            "ko": "{prefix} 해지 위약금 환급을 아직 신청하지 않으셨습니다. 신청은"
            f" {texts.day(closes, 'ko')}까지입니다."
            " {carrier} 홈페이지 주소를 직접 입력하거나 매장, 전용 상담센터에서 신청하세요."
            " 이 문자에는 링크가 없습니다. 문의 {hotline}(무료)",
            "en": "{prefix} You may be owed a refund of an early termination charge and have not applied yet. Apply by"
            f" {texts.day(closes, 'en')}: type the address of the {{carrier}} website yourself, visit a"
            " {carrier} store or call us. This message holds no link. Questions: {hotline} (free)",
        },
        recheck_all=due,
        address_all=numbers,
        subject_name=_subject_name,
        optional=True,
        funnel=reminder_funnel,
    )
    notices.register(
        LAST,
        label=_("마지막 신청 안내 (아직 신청하지 않은 분)"),
        text={
            "ko": "{prefix} 마지막 안내입니다. 해지 위약금 환급을 아직 신청하지 않으셨습니다."
            f" 신청은 {texts.day(closes, 'ko')}까지입니다."
            " {carrier} 홈페이지 주소를 직접 입력하거나 매장, 전용 상담센터에서 신청하세요."
            " 이 문자에는 링크가 없습니다. 문의 {hotline}(무료)",
            "en": "{prefix} This is our last reminder. You may be owed a refund of an early termination charge and have"
            f" not applied yet. Apply by {texts.day(closes, 'en')}: type the address of the {{carrier}} website"
            " yourself, visit a {carrier} store or call us. This message holds no link. Questions: {hotline} (free)",
        },
        recheck_all=due,
        address_all=numbers,
        subject_name=_subject_name,
        optional=True,
        funnel=reminder_funnel,
    )
    preparing.register(plans)
    notices.register(
        "campaign.left",
        label=_("환급 대상일 수 있는 분께 (이미 해지)"),
        text={
            "ko": "{prefix} 해지하신 회선의 위약금을 돌려받으실 수 있습니다. 대상 조회는 {carrier} 홈페이지에서,"
            f" 신청은 {texts.day(current.applications.opens, 'ko')}부터 {texts.day(closes, 'ko')}까지입니다."
            " 이 문자에는 링크가 없습니다. 문의 {hotline}(무료)",
            "en": "{prefix} You may get back the early termination charge of a line you left. Check on the {carrier}"
            f" website; apply from {texts.day(current.applications.opens, 'en')} to {texts.day(closes, 'en')}."
            " This message holds no link. Questions: {hotline} (free)",
        },
        recheck_all=due,
        address_all=numbers,
        subject_name=_subject_name,
        optional=True,
    )
    notices.register(
        "campaign.may_leave",
        label=_("위약금 면제 안내 (이용 중)"),
        text={
            "ko": f"{{prefix}} {texts.day(left_by, 'ko')}까지 해지하시면 위약금이 면제될 수 있습니다. 대상과 예상"
            " 위약금은 {carrier} 홈페이지에서 조회하세요. 이 문자에는 링크가 없습니다. 문의 {hotline}(무료)",
            "en": f"{{prefix}} If you leave by {texts.day(left_by, 'en')}, the early termination charge may be waived."
            " Check your line on the {carrier} website. This message holds no link. Questions: {hotline} (free)",
        },
        recheck_all=due,
        address_all=numbers,
        subject_name=_subject_name,
        optional=True,
    )


def _hour(item: programme.Reminder) -> dt.datetime:
    return clock.kst(item.send_on, HOUR)


def _kind(item: programme.Reminder) -> str:
    last = max(programme.current().reminders, key=lambda other: other.send_on)
    return LAST if item == last else REMINDER


def _subject(item: programme.Reminder) -> str:
    return f"round-{item.round}"


def _queue(group: str, subject: str) -> int:
    return notices.queue_all(kind=group, subject=subject, select=recipients_select(group), params=_params())


def _params() -> dict[str, Any]:
    return {
        "adult_since": persons.born_on_or_before(clock.today(), persons.ADULT_AGE),
        "forward_from": programme.current().waiver.forward_from,
    }


def _customers_of(messages: Sequence[Message]) -> dict[int, list[Customer]]:
    """The customer numbers behind each message, by its id: the person's own, those of their wards, that of the line.

    Three queries for any number of messages.
    """
    persons_asked = [message.person_index for message in messages]
    found: dict[bytes, dict[str, Customer]] = {}
    own = Customer.objects.filter(Q(person_index__in=persons_asked) | Q(guardian_ci_index__in=persons_asked))
    for customer in own:
        for index in (customer.person_index, customer.guardian_ci_index):
            if index is not None:
                found.setdefault(bytes(index), {})[customer.pk] = customer
    named = dict(
        Line.objects.filter(pk__in=[message.recipient for message in messages]).values_list("pk", "customer_id")
    )
    by_number = {number: customer for group in found.values() for number, customer in group.items()}
    by_number |= Customer.objects.in_bulk(set(named.values()) - set(by_number))
    result = {}
    for message in messages:
        group = dict(found.get(bytes(message.person_index), {}))
        if (number := named.get(message.recipient)) is not None:
            group[number] = by_number[number]
        result[message.pk] = list(group.values())
    return result


def _reads_own_messages(customer: Customer, person: bytes) -> bool:
    if customer.holder_kind == HolderKind.CORPORATE:
        return False
    return customer.person_index == person and not persons.is_minor(customer.birth_date, clock.today())


def _is_reissued(line: Line, customers: set[str], holders: dict[bytes, list[Line]]) -> bool:
    """True if somebody else has the number of a terminated line by now."""
    ended = line.terminated_on
    return any(
        ended is not None and other.opened_on >= ended and other.customer_id not in customers
        for other in holders.get(bytes(line.msisdn_index), ())
    )


def _subject_name(subject: str) -> str:
    if subject == "opening":
        return gettext("조회를 연 날")
    return gettext("%(n)s차") % {"n": subject.removeprefix("round-")}
