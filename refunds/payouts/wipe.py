"""The wipe of account numbers that no payment needs any more (docs/domain.md#d1)."""

import datetime as dt

import pgtrigger
from django.conf import settings
from django.db import connection, transaction

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from refunds.accounts import wipe as account_wipe
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import Chunk, Inquiry
from refunds.models.batches import Batch
from refunds.models.consents import ConsentWithdrawal


def wipe() -> tuple[int, int]:
    """Empty accounts whose every application was over ACCOUNT_WIPE_DAYS ago and delete bank files settled before then.

    Accounts of persons who withdrew a consent are emptied as soon as no payment needs them (D-91).

    Returns the number of accounts and of stored pieces. The keyed index of a number stays for the fraud report, the
    digest of a file for the auditor. Safe to run twice.
    """
    now = clock.now()
    before = now - dt.timedelta(days=settings.ACCOUNT_WIPE_DAYS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        accounts = account_wipe.empty(before=before)
        withdrawn = ConsentWithdrawal.objects.filter(given_at=None).values_list("person_index", flat=True)
        accounts += account_wipe.empty_withdrawn({bytes(person) for person in withdrawn})
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
