"""What customers are told when the money is on its way."""

import datetime as dt
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from kt_remedy import clock
from kt_remedy.notices import service as notices
from refunds.applications import service as applications
from refunds.applications.models import Filing
from refunds.payouts.models import Batch


def announce_hand_over(batch: Batch) -> None:
    """Tell the customers of a batch that went to the bank, once each, on which day the money comes.

    Call it in the transaction of the hand-over. Nothing is promised for a day that has passed.
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
    """The number a message about money goes to: the one its filing confirmed. `recipient` is the filing's id."""
    filing = Filing.objects.filter(pk=message.recipient).first()
    return applications.number_of(filing) if filing else None


def register() -> None:
    """Register this message with the notices; those of the bank's answer are registered beside it (`results`)."""
    notices.register(
        "payout.at_bank",
        label=_("은행에 보냄"),
        text={
            "ko": "[KT] 위약금 환급금을 은행에 보냈습니다. {pay_on}에 입금됩니다. 문의 {hotline}(무료)",
            "en": "[KT] Your refund is with the bank and arrives on {pay_on}. Questions: {hotline}",
        },
        address=contact_of,
        confirmed=True,
        example={"pay_on": dt.date(2026, 1, 22)},
    )
