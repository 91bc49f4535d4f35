"""Messages to customers about their payment."""

import datetime as dt
from typing import Any

from django.db import connection
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import clock
from kt_remedy.notices import service as notices
from refunds.applications.sms import confirmed_number_or_blank
from refunds.models.applications import Filing
from refunds.models.batches import Batch


def announce_hand_over(batch: Batch) -> None:
    """Queue one message per customer of a batch at the bank, with the pay day; nothing if the pay day has passed.

    Call it in the transaction of the hand-over.
    """
    if batch.pay_on < clock.today():
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")  # half a million people by one statement
    notices.queue_all(
        kind="payout.at_bank",
        subject=f"batch:{batch.pk}",
        select=(
            "SELECT DISTINCT ON (f.person_index) f.person_index, f.id::text AS recipient, f.language"
            " FROM refunds_item i JOIN refunds_application a ON a.id = i.application_id"
            " JOIN refunds_filing f ON f.id = a.filing_id"
            " WHERE i.batch_id = %(batch)s AND i.status = 'FILED' ORDER BY f.person_index, f.received_at DESC"
        ),
        params={"batch": batch.pk},
        context={"pay_on": batch.pay_on},
    )


def contact_of(message: Any) -> str | None:
    """The number of a message about money: the one confirmed with its filing. `recipient` is the filing's id."""
    filing = Filing.objects.filter(pk=message.recipient).first()
    return confirmed_number_or_blank(filing) if filing else None


def _subject_name(subject: str) -> str:
    """The round of a message to everybody who was paid with it; other subjects are no mailing."""
    number = subject.removeprefix("batch:")
    batch = Batch.objects.filter(pk=int(number)).first() if number.isdigit() else None
    return gettext("%(n)d차 지급") % {"n": batch.number} if batch else subject


def register() -> None:
    """Register the texts of these messages with the notices."""
    day = {"pay_on": dt.date(2026, 1, 22)}
    for kind, label, ko, en, more in (
        (
            "payout.at_bank",
            _("은행에 보냄"),
            "{prefix} 위약금 환급금을 은행에 보냈습니다. {pay_on}에 입금됩니다. 문의 {hotline}(무료)",
            "{prefix} Your refund is with the bank and arrives on {pay_on}. Questions: {hotline}",
            {"address": contact_of, "example": day},
        ),
        (
            "payout.paid",
            _("입금"),
            "{prefix} 위약금 환급금이 입금되었습니다. 통장에서 확인하세요. 문의 {hotline}(무료)",
            "{prefix} Your refund was paid into your account. Questions: {hotline} (free)",
            {"address": contact_of},
        ),
        (
            "payout.offline",
            _("따로 보냄"),
            "{prefix} 위약금 환급금을 {paid_on}에 따로 보내 드렸습니다. 문의 {hotline}(무료)",
            "{prefix} Your refund was sent to you on {paid_on}. Questions: {hotline} (free)",
            {"example": {"paid_on": dt.date(2026, 1, 22)}},
        ),
    ):
        notices.register(
            kind, label=label, text={"ko": ko, "en": en}, confirmed=True, sms=True, subject_name=_subject_name, **more
        )
