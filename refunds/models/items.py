"""The payment items of batches. The database refuses a second live or paid refund of one application and any change of
a frozen item.
"""

import datetime as dt
from typing import Any

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from refunds.models.accounts import Account
from refunds.models.applications import Application
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch
from refunds.models.cases import Adjustment
from refunds.models.item_states import HOLDING, LIVE, OPEN_AT_BANK, ItemStatus
from refunds.models.protection import HISTORY, STAY, only_moves, starts_as

# Plain values, as migrations store them.
_HOLDING = [status.value for status in HOLDING]
ITEM_EDGES = (
    ("QUEUED", "VOID"),
    ("QUEUED", "FILED"),
    ("FILED", "VOID"),
    ("FILED", "PAID"),
    ("FILED", "RETURNED"),
    ("FILED", "UNKNOWN"),
    ("UNKNOWN", "PAID"),
    ("UNKNOWN", "RETURNED"),
    ("PAID", "RETURNED"),
)


class ItemQuerySet(models.QuerySet):
    def live(self) -> "ItemQuerySet":
        """Items whose money is on its way, or possibly on its way."""
        return self.filter(status__in=Item.LIVE)

    def standing(self) -> "ItemQuerySet":
        """Items that were not taken out of their batch."""
        return self.exclude(status=Item.Status.VOID)


def _unindexed(to: type[models.Model], name: Any) -> models.ForeignKey:
    """A key of the history without an index: no query asks by it, and an answer would write half a million entries."""
    return models.ForeignKey(
        to,
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        related_query_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=name,
    )


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(condition=pghistory.AnyChange("status", "file", "code")),
    fields=["status", "status_at", "amount_krw", "file", "code", "result"],
    model_name="ItemEvent",
    attrs={"file": _unindexed(BankFile, _("은행 파일")), "result": _unindexed(BankAnswer, _("은행 답"))},
    **HISTORY,
)
class Item(models.Model):
    """One payment: its amount, account and application, and a digest of the bill rows behind the amount."""

    class Kind(models.TextChoices):
        REFUND = "REFUND", _("환급")
        ADJUSTMENT = "ADJUSTMENT", _("정정")

    Status = ItemStatus

    LIVE = LIVE
    OPEN_AT_BANK = OPEN_AT_BANK
    HOLDING = HOLDING

    # `item_batch_state` serves every query by batch, so the key needs no index of its own.
    batch = models.ForeignKey(Batch, models.PROTECT, db_index=False, related_name="items", verbose_name=_("지급 회차"))
    kind = models.CharField(_("종류"), max_length=10, choices=Kind.choices, default=Kind.REFUND)
    application = models.ForeignKey(Application, models.PROTECT, related_name="items", verbose_name=_("신청"))
    adjustment = models.ForeignKey(
        Adjustment, models.PROTECT, null=True, blank=True, related_name="items", verbose_name=_("정정")
    )
    account = models.ForeignKey(Account, models.PROTECT, related_name="items", verbose_name=_("계좌"))
    contract_no = models.CharField(_("계약번호"), max_length=20, db_collation="C")
    amount_krw = models.BigIntegerField(_("금액(원)"))
    attempt = models.SmallIntegerField(_("번째 시도"))
    # The reference that the bank returns with its answer. A batch that is frozen again has the same references.
    reference = models.CharField(_("관리번호"), max_length=35, db_collation="C")
    bills_digest = models.BinaryField()
    # Won that the balance allowed at the freeze, and the movements it counted (`refunds.balance`); empty for an item of
    # a release before the balance.
    allowed_krw = models.BigIntegerField(_("그때 보낼 수 있던 금액(원)"), null=True, blank=True)
    movements = models.TextField(blank=True, default="", db_default="", editable=False)
    digest = models.BinaryField()
    status = models.CharField(_("상태"), max_length=8, choices=Status.choices, default=Status.QUEUED)
    status_at = models.DateTimeField(_("상태 변경"))
    taken_out_because = crypto.EncryptedTextField(_("뺀 이유"), blank=True, default="")
    file = models.ForeignKey(
        BankFile, models.PROTECT, null=True, blank=True, related_name="items", verbose_name=_("은행 파일")
    )
    code = models.CharField(_("은행 코드"), max_length=35, blank=True, default="")
    bank_code = models.CharField(_("은행이 준 코드"), max_length=35, blank=True, default="", db_default="")
    # The bank may name the holder here; statements copy it from the answer as it is stored.
    words = crypto.EncryptedTextField(_("은행 설명"), blank=True, default="", kind="bank words")
    result = models.ForeignKey(
        BankAnswer, models.PROTECT, null=True, blank=True, related_name="items", verbose_name=_("은행 답")
    )

    # The statement of the bank that moved it last.
    statement = models.ForeignKey(
        "refunds.BankStatement",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="items",
        verbose_name=_("거래내역"),
    )

    objects = ItemQuerySet.as_manager()

    class Meta:
        db_table = "refunds_item"
        verbose_name = _("지급 건")
        verbose_name_plural = _("지급 건")
        constraints = [
            models.UniqueConstraint(
                fields=["application"],
                condition=Q(kind="REFUND", status__in=_HOLDING),
                name="item_one_refund",
            ),
            models.UniqueConstraint(
                fields=["adjustment"],
                condition=Q(status__in=_HOLDING),
                name="item_one_adjustment",
            ),
            models.UniqueConstraint(fields=["reference"], condition=~Q(status="VOID"), name="item_reference"),
            models.CheckConstraint(name="item_amount", condition=Q(amount_krw__gt=0)),
            models.CheckConstraint(
                name="item_within_balance", condition=Q(allowed_krw=None) | Q(amount_krw__lte=F("allowed_krw"))
            ),
            models.CheckConstraint(
                name="item_kind",
                condition=Q(kind="REFUND", adjustment=None) | Q(kind="ADJUSTMENT", adjustment__isnull=False),
            ),
            models.CheckConstraint(
                name="item_in_file",
                # An item that was taken out of a discarded part keeps the part.
                condition=Q(status="QUEUED", file=None)
                | Q(status="VOID")
                | ~Q(status__in=["QUEUED", "VOID"]) & Q(file__isnull=False),
            ),
            models.CheckConstraint(
                name="item_answered",
                condition=~Q(status__in=["PAID", "RETURNED"]) | Q(result__isnull=False) | Q(statement__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["batch", "status"], name="item_batch_state"),
            # Few rows: unanswered and returned payments.
            models.Index(fields=["status"], name="item_open", condition=Q(status__in=["UNKNOWN", "RETURNED"])),
        ]
        triggers = [
            starts_as("QUEUED"),
            only_moves(*ITEM_EDGES),
            pgtrigger.ReadOnly(
                name="frozen",
                exclude=[
                    *("status", "status_at", "taken_out_because", "file"),
                    *("code", "bank_code", "words", "result", "statement"),
                ],
            ),
            # Fires on this edge only: a filed payment is taken back while its part has not left the house.
            pgtrigger.Trigger(
                name="void_before_the_bank",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("OLD.status = 'FILED' AND NEW.status = 'VOID'"),
                func="""
                IF NOT EXISTS (SELECT FROM refunds_bank_file f WHERE f.id = OLD.file_id AND f.status = 'DISCARDED') THEN
                    RAISE EXCEPTION 'the part of this item was not discarded';
                END IF;
                RETURN NEW;
                """,
            ),
            # Checked once per statement, because there are few offline payments and half a million items. The names are
            # those of the history triggers, so that the same setting of plans applies (`refunds.apps`).
            pgtrigger.Trigger(
                name="not_offline",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="new_values"),
                func="""
                IF EXISTS (SELECT FROM refunds_manual_payment m
                           JOIN new_values i ON i.application_id = m.application_id AND i.kind = 'REFUND'
                           WHERE m.status IN ('RECORDED', 'CONFIRMED')) THEN
                    RAISE EXCEPTION 'a refund of this round was sent outside the rounds';
                END IF;
                RETURN NULL;
                """,
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def value_on(self) -> dt.date:
        """Day (KST) on which the bank pays it: that of its file, else the pay day of its batch."""
        return self.file.execution_on if self.file is not None else self.batch.pay_on
