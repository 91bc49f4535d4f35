"""The wipe of account numbers that no payment needs any more (docs/domain.md#d1)."""

import datetime as dt

import pgtrigger
from django.conf import settings
from django.db import connection, transaction

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import Chunk, Inquiry
from refunds.models.batches import Batch
from refunds.models.items import Item


def wipe() -> tuple[int, int]:
    """Empty accounts whose every application was over ACCOUNT_WIPE_DAYS ago and delete bank files settled before then.

    Returns the number of accounts and of stored pieces. The keyed index of a number stays for the fraud report, the
    digest of a file for the auditor. Safe to run twice.
    """
    now = clock.now()
    before = now - dt.timedelta(days=settings.ACCOUNT_WIPE_DAYS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        cursor.execute(
            """
            UPDATE refunds_account c
            SET number_enc = NULL, holder_name_enc = NULL, holder_birth_enc = NULL, wiped_at = %(now)s
            WHERE c.wiped_at IS NULL AND c.created_at < %(before)s
              AND NOT EXISTS (
                  SELECT FROM refunds_application a
                  WHERE a.account_id = c.id AND NOT (
                      a.status IN ('REJECTED', 'WITHDRAWN') AND a.status_since < %(before)s
                      OR EXISTS (SELECT FROM refunds_item i WHERE i.application_id = a.id AND i.kind = 'REFUND'
                                 AND i.status = 'PAID' AND i.status_at < %(before)s)
                      OR EXISTS (SELECT FROM refunds_manual_payment m WHERE m.application_id = a.id
                                 AND m.status = 'CONFIRMED' AND m.decided_at < %(before)s)))
              AND NOT EXISTS (
                  SELECT FROM refunds_item i WHERE i.account_id = c.id AND i.status = ANY(%(live)s))
              -- A correction that is still to be decided or paid goes to the same account.
              AND NOT EXISTS (
                  SELECT FROM refunds_adjustment j JOIN refunds_application a ON a.id = j.application_id
                  WHERE a.account_id = c.id AND (j.status = 'PROPOSED' OR j.status = 'APPROVED' AND NOT EXISTS (
                      SELECT FROM refunds_item i WHERE i.adjustment_id = j.id AND i.status = 'PAID'
                      AND i.status_at < %(before)s)))
            """,
            {"now": now, "before": before, "live": [status.value for status in Item.LIVE]},
        )
        accounts = cursor.rowcount
        cursor.execute(
            "UPDATE refunds_holder_check h SET bank_spelling_enc = NULL FROM refunds_account c"
            " WHERE c.id = h.account_id AND c.wiped_at = %s AND h.bank_spelling_enc IS NOT NULL",
            [now],
        )
        keys = list(
            Batch.objects.filter(status=Batch.Status.SETTLED, settled_at__lt=before).values_list(
                "files__message_id", flat=True
            )
        )
        keys += Inquiry.objects.filter(
            file__batch__status=Batch.Status.SETTLED, file__batch__settled_at__lt=before
        ).values_list("name", flat=True)
        results = list(
            Batch.objects.filter(status=Batch.Status.SETTLED, settled_at__lt=before).values_list(
                "files__answers__sha256", flat=True
            )
        )
        # An answer that was not taken in belongs to no batch.
        results += BankAnswer.objects.filter(status=BankAnswer.Status.DISCARDED, discarded_at__lt=before).values_list(
            "sha256", flat=True
        )
        with pgtrigger.ignore("refunds.Chunk:append_only"):
            pieces, _each = Chunk.objects.filter(key__in=[key for key in {*keys, *results} if key]).delete()
        if accounts or pieces:
            audit.record(
                actor="system",
                action="accounts.wiped",
                object=f"before:{clock.kst_date(before)}",
                detail={"accounts": accounts, "pieces": pieces},
            )
    return accounts, pieces
