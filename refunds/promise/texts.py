"""The texts of promises that changed. A Korean text has at most 90 bytes; none holds an amount or a name."""

import datetime as dt

from django.utils.translation import gettext_lazy as _

from kt_remedy.notices import service as messages

_EXAMPLES = {
    "was": dt.date(2026, 1, 22),
    "pay_on": dt.date(2026, 2, 5),
    "pay_by": dt.date(2026, 2, 2),
    "until": dt.date(2026, 2, 2),
    "answer_by": dt.date(2026, 1, 29),
}

KINDS = (
    (
        "promise.moved",
        _("받는 날이 바뀜"),
        "{prefix} 환급일이 {was}에서 {pay_on}로 바뀌었습니다. 죄송합니다. 문의 {hotline}",
        "{prefix} Your refund moved from {was} to {pay_on}. We are sorry. Call {hotline}",
    ),
    (
        "promise.new_day",
        _("받는 날이 정해짐"),
        "{prefix} 환급금을 {pay_on}에 보내 드립니다. 하실 일은 없습니다. 문의 {hotline}(무료)",
        "{prefix} Your refund arrives on {pay_on}. You need not do anything. Call {hotline} (free)",
    ),
    (
        "promise.stopped",
        _("보내지 못함, 새 날 미정"),
        "{prefix} 환급금을 {was}에 보내지 못합니다. {answer_by}까지 알려 드립니다. 문의 {hotline}",
        "{prefix} No refund on {was} as planned. We tell you more by {answer_by}. Call {hotline}",
    ),
    (
        "promise.checking",
        _("다시 확인함"),
        "{prefix} {was} 환급금을 다시 확인합니다. {answer_by}까지 알려 드립니다. 문의 {hotline}",
        "{prefix} We check your refund of {was} again and write by {answer_by}. Call {hotline}",
    ),
    (
        "promise.answer_passed",
        _("답할 날이 지남"),
        "{prefix} 환급 답변이 늦어 죄송합니다. {answer_by}까지 알려 드립니다. 문의 {hotline}(무료)",
        "{prefix} Sorry that our answer is late. We tell you by {answer_by}. Call {hotline} (free)",
    ),
    (
        "promise.pay_bill",
        _("낼 청구서가 있음"),
        "{prefix} 위약금을 {pay_by}까지 내시면 {pay_on}에 환급받습니다. 문의 {hotline}(무료)",
        "{prefix} Pay the bill by {pay_by} and it is refunded on {pay_on}. Call {hotline}",
    ),
    (
        "promise.no_bill",
        _("청구서가 아직 없음"),
        "{prefix} 청구서가 아직 없어 {was}에 환급하지 못합니다. 나오면 알립니다. 문의 {hotline}",
        "{prefix} No bill yet, so no refund on {was}. We write when it comes. Call {hotline}",
    ),
    (
        "promise.several",
        _("여러 건이 바뀜"),
        "{prefix} 환급 여러 건의 날이 바뀌었습니다. 신청 현황을 봐 주세요. 문의 {hotline}(무료)",
        "{prefix} The days of several refunds changed. Please see your claims. Call {hotline} (free)",
    ),
    (
        "promise.billing",
        _("마지막 지급이 끝남"),
        "{prefix} 남은 환급은 요금 부서가 맡습니다. {answer_by}까지 전화드립니다. 문의 {hotline}",
        "{prefix} Our billing office takes over your refund and calls you by {answer_by}: {hotline}",
    ),
    (
        "payout.called",
        _("전화로 알림"),
        "{prefix} 환급금 받으실 방법을 {answer_by}까지 전화로 여쭙겠습니다. 문의 {hotline}(무료)",
        "{prefix} We call you by {answer_by} to settle how you get your refund. Call {hotline} (free)",
    ),
    (
        "payout.again",
        _("다시 보냄"),
        "{prefix} 은행이 환급금을 받지 못해 {pay_on}에 다시 보냅니다. 하실 일은 없습니다. {hotline}",
        "{prefix} Your bank could not take the refund. We pay it on {pay_on}. Call {hotline}",
    ),
    (
        "payout.returned",
        _("입금되지 않음"),
        "{prefix} 환급금이 되돌아왔습니다. {until}까지 계좌를 고치면 {pay_on} 입금. {hotline}",
        "{prefix} Refund came back. Correct the account by {until}: paid {pay_on}. {hotline}",
    ),
    (
        "application.need_account",
        _("계좌 확인 필요"),
        "{prefix} 환급 계좌를 {until}까지 고치시면 {pay_on}에 받습니다. 문의 {hotline}(무료)",
        "{prefix} Correct the account by {until} and you are paid on {pay_on}. Call {hotline}",
    ),
)


def register() -> None:
    """Register the texts with the notices."""
    for kind, label, korean, english in KINDS:
        example = {name: day for name, day in _EXAMPLES.items() if f"{{{name}}}" in korean}
        text = {"ko": korean, "en": english}
        messages.register(kind, label=label, text=text, example=example, confirmed=True, sms=True)
