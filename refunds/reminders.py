"""Mailings: the news of 31 December, and three reminders to customers who could apply and have not.

One statement selects the recipients when a mailing begins: one message per person, not per line. Just before a message
is sent, its person is checked again (D-43) and its number is chosen (D-44).
"""

import datetime as dt
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from eligibility import service as eligibility
from eligibility.models import Customer, HolderKind, Line
from kt_remedy.core import clock, persons, programme
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from kt_remedy.notices import service as notices
from kt_remedy.notices import texts
from kt_remedy.notices.models import Message
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Filing

HOUR = dt.time(10)

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
_GROUPS = {"reminder": _COULD_APPLY, "campaign.left": _LEFT_BEFORE, "campaign.may_leave": _MAY_LEAVE}


def recipients_select(group: str, *, only_customers: bool = False) -> str:
    """The SELECT of all persons in a group: person_index, recipient (a contract number), language."""
    only = "AND c.customer_no = ANY(%(customers)s)" if only_customers else ""
    return f"""
        SELECT {_PERSON} AS person_index, min(l.contract_no) AS recipient,
               CASE WHEN bool_and(c.holder_kind = 'FOREIGNER') THEN 'en' ELSE 'ko' END AS language
        FROM eligibility_line l JOIN eligibility_customer c ON c.customer_no = l.customer_no
        WHERE {_GROUPS[group]} {only}
        GROUP BY 1
    """  # noqa: S608  (constants of this module; values are parameters)


def start_reminder(task: DatedTask) -> schedule.ResultMessage:
    """Queue the reminder of the day of `task`. A second run queues the people missed by the first. At-least-once."""
    day = clock.kst_date(task.due_at)
    current = programme.current()
    number = next((item.round for item in current.reminders if item.send_on == day), None)
    if number is None or clock.today() > current.applications.closes:
        return schedule.result_message(gettext_noop("신청 기간이 지나 보내지 않음"))
    return schedule.result_message(gettext_noop("새로 올린 안내 %(n)s명"), n=_queue("reminder", f"round-{number}"))


def start_campaign(task: DatedTask) -> list[schedule.ResultMessage]:
    """Queue the news of the day the look-up opens: to holders of terminated lines, then of those still in service."""
    return [
        schedule.result_message(gettext_noop("이미 해지하신 분 %(n)s명"), n=_queue("campaign.left", "opening")),
        schedule.result_message(gettext_noop("이용 중이신 분 %(n)s명"), n=_queue("campaign.may_leave", "opening")),
    ]


def still_due(message: Message) -> bool:
    """True if the person of a queued message still belongs to its group. Called just before sending."""
    current = programme.current()
    if clock.today() > current.applications.closes:
        return False
    if message.kind == "campaign.may_leave" and (
        clock.today() > current.waiver.terminated_to or _has_other_text(message)
    ):
        return False
    person = message.person_index
    group = recipients_select(message.kind, only_customers=True)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM ({group}) AS t WHERE person_index = %(person)s)",  # noqa: S608
            _params() | {"customers": [c.customer_no for c in _customers_of(message)], "person": person},
        )
        return cursor.fetchone()[0]


def number_for(message: Message) -> str | None:
    """The number for messages to a person (D-44); None if staff must reach them another way.

    A child is reached through the guardian, a company through its contact. The order is: the number that the person
    confirmed with an application for another line, a number of their own in service, the contact number, a number that
    was ported out. A ported number still belongs to its customer unless another line has it now. A number that was
    given up is not used, even if billing still has it as a contact: after 29 days it may belong to anybody.
    """
    confirmed = (
        Filing.objects.filter(person_index=message.person_index, representation=OwnerKind.SELF)
        .order_by("-received_at")
        .first()
    )
    if confirmed is not None and (
        number := eligibility.confirmed_number_or_blank(confirmed.contact, confirmed_at=confirmed.received_at)
    ):
        return number
    customers = _customers_of(message)
    lines = list(
        Line.objects.filter(customer__in=customers).select_related("customer").order_by("-opened_on", "contract_no")
    )
    person = message.person_index
    own = [line for line in lines if _reads_own_messages(line.customer, person)]
    for line in own:
        if line.status == "ACTIVE" and line.product == "HANDSET":
            return line.msisdn
    for line in sorted(lines, key=lambda line: line.contract_no != message.recipient):
        if line.contact_msisdn and not eligibility.number_is_released(line.contact_msisdn):
            return line.contact_msisdn
    for line in own:
        if line.termination_reason == "PORT_OUT" and not _reissued(line, customers):
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
                WHERE kind = 'reminder' AND subject = %s AND state IN ('ACCEPTED', 'DELIVERED')
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
            [subject],
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
            "ko": f"[KT] 해지 위약금 환급을 아직 신청하지 않으셨습니다. 신청은 {texts.day(closes, 'ko')}까지입니다."
            " KT 홈페이지 주소를 직접 입력하거나 매장, 전용 상담센터에서 신청하세요."
            " 이 문자에는 링크가 없습니다. 문의 {hotline}(무료)",
            "en": "[KT] You may be owed a refund of an early termination charge and have not applied yet. Apply by"
            f" {texts.day(closes, 'en')}: type the address of the KT website yourself, visit a KT store or call us."
            " This message holds no link. Questions: {hotline} (free)",
        },
        recheck=still_due,
        address=number_for,
        optional=True,
        funnel=reminder_funnel,
    )
    notices.register(
        "campaign.left",
        label=_("환급 대상일 수 있는 분께 (이미 해지)"),
        text={
            "ko": "[KT] 해지하신 회선의 위약금을 돌려받으실 수 있습니다. 대상 조회는 KT 홈페이지에서,"
            f" 신청은 {texts.day(current.applications.opens, 'ko')}부터 {texts.day(closes, 'ko')}까지입니다."
            " 이 문자에는 링크가 없습니다. 문의 {hotline}(무료)",
            "en": "[KT] You may get back the early termination charge of a line you left. Check on the KT website;"
            f" apply from {texts.day(current.applications.opens, 'en')} to {texts.day(closes, 'en')}."
            " This message holds no link. Questions: {hotline} (free)",
        },
        recheck=still_due,
        address=number_for,
        optional=True,
    )
    notices.register(
        "campaign.may_leave",
        label=_("위약금 면제 안내 (이용 중)"),
        text={
            "ko": f"[KT] {texts.day(left_by, 'ko')}까지 해지하시면 위약금이 면제될 수 있습니다. 대상과 예상 위약금은"
            " KT 홈페이지에서 조회하세요. 이 문자에는 링크가 없습니다. 문의 {hotline}(무료)",
            "en": f"[KT] If you leave by {texts.day(left_by, 'en')}, the early termination charge may be waived. Check"
            " your line on the KT website. This message holds no link. Questions: {hotline} (free)",
        },
        recheck=still_due,
        address=number_for,
        optional=True,
    )


def _queue(group: str, subject: str) -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Half a million people are sorted in memory rather than on disk.
            cursor.execute("SET LOCAL statement_timeout = '10min'; SET LOCAL work_mem = '256MB'")
        return notices.queue_all(kind=group, subject=subject, select=recipients_select(group), params=_params())


def _params() -> dict[str, Any]:
    return {
        "adult_since": persons.born_on_or_before(clock.today(), persons.ADULT_AGE),
        "forward_from": programme.current().waiver.forward_from,
    }


def _customers_of(message: Message) -> list[Customer]:
    """The customer numbers behind a message: the person's own, those of their wards, that of the line it names.

    Used for the second check of a message and for its number, read once.
    """
    cached = message.__dict__.get("_customers")
    if cached is not None:
        return cached
    person = message.person_index
    customers = message.__dict__["_customers"] = list(
        Customer.objects.filter(
            Q(person_index=person)
            | Q(guardian_ci_index=person)
            # Passed as a value: a third subquery would read the whole register for each message.
            | Q(pk=Line.objects.filter(pk=message.recipient).values_list("customer_id", flat=True).first() or "")
        )
    )
    return customers


def _reads_own_messages(customer: Customer, person: bytes) -> bool:
    if customer.holder_kind == HolderKind.CORPORATE:
        return False
    return customer.person_index == person and not persons.is_minor(customer.birth_date, clock.today())


def _reissued(line: Line, customers: list[Customer]) -> bool:
    return (
        Line.objects.filter(msisdn_index=line.msisdn_index, opened_on__gte=line.terminated_on)
        .exclude(customer__in=customers)
        .exists()
    )


def _has_other_text(message: Message) -> bool:
    """True if the person gets the message for terminated lines: one message per person (D-43)."""
    return Message.objects.filter(
        kind="campaign.left", subject=message.subject, person_index=message.person_index
    ).exists()
