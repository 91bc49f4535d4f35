"""Text messages about applications: their texts and when each is queued.

A Korean text has at most 90 bytes where the sense allows (docs/domain.md#c7).
"""

import datetime as dt
from typing import Any

from django.utils.translation import gettext_lazy as _

from eligibility import service as eligibility
from kt_remedy.notices import service as notices
from refunds.models.applications import Application, Filing
from refunds.models.states import Status
from refunds.promise import service as promise

_DAY = {"pay_on": dt.date(2026, 1, 22)}

KINDS: tuple[tuple[str, Any, str, str, dict[str, Any]], ...] = (
    (
        "filing.received",
        _("신청 접수"),
        "{prefix} 위약금 환급 신청이 접수되었습니다. 지급 예정일 {pay_on}. 문의 {hotline}(무료)",
        "{prefix} We received your refund claim. Expected on {pay_on}. Questions: {hotline} (free)",
        _DAY,
    ),
    (
        "filing.received_open",
        _("신청 접수, 확인 뒤 안내"),
        "{prefix} 위약금 환급 신청이 접수되었습니다. 확인한 뒤 알려 드립니다. 문의 {hotline}(무료)",
        "{prefix} We received your refund claim and will write once it is checked. Call: {hotline}",
        {},
    ),
    (
        "filing.need_account",
        _("신청 접수, 계좌 확인 필요"),
        "{prefix} 환급 신청을 받았으나 계좌가 확인되지 않습니다. 고쳐 주세요. 문의 {hotline}(무료)",
        "{prefix} Claim received, but we could not confirm the account. Please correct it: {hotline}",
        {},
    ),
    (
        "filing.contact_changed",
        _("안내 번호 변경"),
        "{prefix} 환급 안내를 받는 번호가 바뀌었습니다. 모르는 일이면 바로 {hotline}에 전화하세요",
        "{prefix} Notices of your refund go to another number now. Not you? Call {hotline} (free)",
        {},
    ),
    (
        "desk.acted_for",
        _("다른 분이 창구에서 한 일"),
        "{prefix} 다른 분이 고객님의 환급을 신청하거나 바꾸었습니다. 모르는 일이면 {hotline}(무료)",
        "{prefix} Somebody else acted on your refund for you. Not agreed? Call {hotline} (free)",
        {},
    ),
    (
        "application.account_changed",
        _("환급 계좌 변경"),
        "{prefix} 환급 계좌가 변경되었습니다. 모르는 일이면 바로 {hotline}(무료)로 전화하세요",
        "{prefix} Your refund account was changed. If this was not you, call {hotline} (free) now",
        {},
    ),
    (
        "application.approved",
        _("승인"),
        "{prefix} 위약금 환급 신청이 승인되었습니다. 지급 예정일 {pay_on}. 문의 {hotline}(무료)",
        "{prefix} Your refund claim is approved. Expected on {pay_on}. Questions: {hotline} (free)",
        _DAY,
    ),
    (
        "application.approved_open",
        _("승인, 지급일 따로 안내"),
        "{prefix} 위약금 환급 신청이 승인되었습니다. 지급일은 따로 알립니다. 문의 {hotline}(무료)",
        "{prefix} Your refund claim is approved. We will tell you the day. Call: {hotline} (free)",
        {},
    ),
    (
        "application.rejected",
        _("심사 결과"),
        "{prefix} 위약금 환급 심사 결과가 나왔습니다. 신청 현황을 봐 주세요. 문의 {hotline}(무료)",
        "{prefix} The review of your refund claim is done. See your claim. Call: {hotline} (free)",
        {},
    ),
    (
        "application.need_docs",
        _("서류 요청"),
        "{prefix} 환급 심사에 서류가 필요합니다. {due_on}까지 내 주세요. 문의 {hotline}(무료)",
        "{prefix} We need documents for your refund claim by {due_on}. Questions: {hotline} (free)",
        {"due_on": dt.date(2026, 1, 28)},
    ),
    (
        "application.docs_reminder",
        _("서류 기한 알림"),
        "{prefix} 환급 심사 서류를 {due_on}까지 내 주세요. 문의 {hotline}(무료)",
        "{prefix} Please hand in the documents for your claim by {due_on}. Questions: {hotline}",
        {"due_on": dt.date(2026, 1, 28)},
    ),
    (
        "application.withdrawn",
        _("철회"),
        "{prefix} 위약금 환급 신청이 철회되었습니다. 모르는 일이면 {hotline}(무료)로 전화하세요",
        "{prefix} Your refund claim was withdrawn. If this was not you, call {hotline} (free)",
        {},
    ),
    (
        "desk.continued",
        _("전화로 이어 하기"),
        "{prefix} 상담원이 고객님 신청서를 이어 씁니다. 모르는 일이면 {hotline}(무료)로 전화하세요",
        "{prefix} An agent opened your draft claim. If you did not ask for it, call {hotline} (free)",
        {},
    ),
    (
        "objection.received",
        _("이의 접수"),
        "{prefix} 이의를 받았습니다. {answer_by}까지 답해 드립니다. 문의 {hotline}(무료)",
        "{prefix} We received your objection and will answer by {answer_by}. Questions: {hotline}",
        {"answer_by": dt.date(2026, 1, 28)},
    ),
    (
        "objection.answered",
        _("이의 답변"),
        "{prefix} 이의에 대한 답변이 나왔습니다. 내 회선에서 확인해 주세요. 문의 {hotline}(무료)",
        "{prefix} Your objection has been answered. See your lines. Questions: {hotline} (free)",
        {},
    ),
)


# Warnings of a change that somebody else may have made: they leave at any hour (D-75).
_WARNINGS = {"desk.acted_for", "desk.continued", "application.account_changed", "filing.contact_changed"}


def register() -> None:
    """Register the kinds of messages with notices."""
    for kind, label, korean, english, example in KINDS:
        notices.register(
            kind,
            text={"ko": korean, "en": english},
            label=label,
            example=example,
            confirmed=True,
            sms=True,
            urgent=kind in _WARNINGS,
        )


def confirmed_number_or_blank(filing: Filing) -> str:
    """The mobile number that was confirmed with a filing; "" if its contract ended since (D-44)."""
    return eligibility.confirmed_number_or_blank(filing.contact, confirmed_at=filing.received_at)


def notify(row: Application, kind: str, *, subject: str, context: dict | None = None) -> None:
    """Queue a message about one application to the number its filing confirmed; once per `kind` and `subject`."""
    filing = row.filing
    notices.queue(
        kind=kind,
        subject=subject,
        person=filing.person_index,
        to=confirmed_number_or_blank(filing),
        language=filing.language,
        context=context,
    )


def announce_approval(row: Application) -> None:
    """Queue the message of an approval, with the pay day where one is promised."""
    made = promise.of(row)
    day = made.day if made.pays else None
    notify(
        row,
        "application.approved" if day else "application.approved_open",
        subject=f"application:{row.pk}:{row.status_since:%Y%m%d%H%M%S}",
        context={"pay_on": day} if day else None,
    )


def announce_receipt(filing: Filing, rows: list[Application], now: dt.datetime) -> None:
    """Queue the receipt of a new filing; it names the pay day if all its lines have the same one."""
    made = promise.of_many(rows, at=now).values()
    days = {each.day if each.pays else None for each in made}
    dated = len(days) == 1 and None not in days
    if {row.status for row in rows} == {Status.NEED_ACCOUNT}:
        kind = "filing.need_account"
    else:
        kind = "filing.received" if dated else "filing.received_open"
    notices.queue(
        kind=kind,
        subject=f"filing:{filing.id}",
        person=filing.person_index,
        to=filing.contact or "",
        language=filing.language,
        context={"pay_on": days.pop()} if dated and kind == "filing.received" else None,
    )
