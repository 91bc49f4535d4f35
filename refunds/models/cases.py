"""Single applications beside the rounds: corrections, refunds sent outside the bank files, and holds."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from refunds.models.accounts import Account
from refunds.models.applications import Application, Objection
from refunds.models.item_states import HOLDING_SQL
from refunds.models.protection import HISTORY, STAFF, STAY, only_moves, starts_as


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    fields=["status", "decided_by"],
    model_name="AdjustmentEvent",
    **HISTORY,
)
class Adjustment(models.Model):
    """A correction of a paid refund: proposed by one person, decided by another.

    A missing amount is paid as an item of its own; an overpayment is claimed back and never an item. Neither passes the
    balance (D-63), except by exception: proposed by a supervisor, its amount typed again by the checker.
    """

    class Cause(models.TextChoices):
        UNDERPAID = "UNDERPAID", _("덜 드림")
        CORRECTED_BILL = "CORRECTED_BILL", _("청구서가 정정됨")
        OVERPAID = "OVERPAID", _("더 드림(돌려받기)")
        OBJECTION = "OBJECTION", _("금액에 대한 이의를 받아들임")

    class Status(models.TextChoices):
        PROPOSED = "PROPOSED", _("승인 기다림")
        APPROVED = "APPROVED", _("승인됨")
        DECLINED = "DECLINED", _("받아들이지 않음")
        CLAIMED = "CLAIMED", _("돌려받는 중")
        RECOVERED = "RECOVERED", _("돌려받음")

    application = models.ForeignKey(Application, models.PROTECT, related_name="adjustments", verbose_name=_("신청"))
    cause = models.CharField(_("종류"), max_length=14, choices=Cause.choices, default=Cause.UNDERPAID)
    amount_krw = models.BigIntegerField(_("금액(원)"))
    reason = crypto.EncryptedTextField(_("이유"))
    by_exception = models.BooleanField(_("예외"), default=False, db_default=False)
    # The upheld objection that it settles (D-72).
    objection = models.ForeignKey(
        Objection, models.PROTECT, null=True, blank=True, related_name="adjustments", verbose_name=_("이의")
    )
    # Won that the balance allowed when it was approved.
    allowed_krw = models.BigIntegerField(_("그때 남은 금액(원)"), null=True, blank=True)
    status = models.CharField(_("상태"), max_length=9, choices=Status.choices, default=Status.PROPOSED)
    proposed_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("낸 사람"))
    proposed_person = crypto.BlindIndexField()
    proposed_at = models.DateTimeField(_("낸 때"))
    decided_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("정한 사람")
    )
    decided_person = crypto.BlindIndexField(null=True)
    decided_at = models.DateTimeField(_("정한 때"), null=True, blank=True)
    recovered_at = models.DateTimeField(_("돌려받은 때"), null=True, blank=True)

    class Meta:
        db_table = "refunds_adjustment"
        verbose_name = _("정정 지급")
        verbose_name_plural = _("정정 지급")
        constraints = [
            models.CheckConstraint(name="adjustment_amount", condition=Q(amount_krw__gt=0) & ~Q(reason="")),
            # The freeze pays APPROVED corrections, so money to be claimed back is never APPROVED.
            models.CheckConstraint(
                name="adjustment_way",
                condition=Q(cause="OVERPAID", status__in=["PROPOSED", "DECLINED", "CLAIMED", "RECOVERED"])
                | ~Q(cause="OVERPAID") & Q(status__in=["PROPOSED", "DECLINED", "APPROVED"]),
            ),
            models.UniqueConstraint(
                fields=["application"], condition=Q(status="PROPOSED"), name="adjustment_one_proposed"
            ),
            models.CheckConstraint(
                name="adjustment_within_balance",
                condition=Q(allowed_krw=None) | Q(by_exception=True) | Q(amount_krw__lte=F("allowed_krw")),
            ),
            models.UniqueConstraint(
                fields=["objection"], condition=~Q(status="DECLINED"), name="adjustment_one_for_objection"
            ),
            models.CheckConstraint(
                name="adjustment_two_people",
                condition=Q(status="PROPOSED", decided_by=None)
                | ~Q(status="PROPOSED")
                & Q(decided_by__isnull=False, decided_person__isnull=False)
                & ~Q(decided_by=F("proposed_by"))
                & ~Q(decided_person=F("proposed_person")),
            ),
        ]
        triggers = [
            starts_as("PROPOSED"),
            only_moves(
                ("PROPOSED", "APPROVED"),
                ("PROPOSED", "DECLINED"),
                ("PROPOSED", "CLAIMED"),
                ("CLAIMED", "RECOVERED"),
                # No item carries it yet, and later bills leave no money for it (`cases.decide_adjustment`).
                ("APPROVED", "DECLINED"),
            ),
            pgtrigger.ReadOnly(
                name="stored",
                exclude=["status", "allowed_krw", "decided_by", "decided_person", "decided_at", "recovered_at"],
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return f"{self.application_id}: {self.amount_krw}"


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    fields=["status", "decided_by"],
    model_name="OfflinePaymentEvent",
    meta={"db_table": "refunds_manualpaymentevent"},
    **HISTORY,
)
class OfflinePayment(models.Model):
    """A refund to a person without an account in Korea, sent outside the rounds.

    One person records it, another confirms it. After it is recorded, no round may pay the same refund; a refund in a
    round cannot be recorded here.
    """

    class Way(models.TextChoices):
        OVERSEAS = "OVERSEAS", _("해외 송금")
        CHEQUE = "CHEQUE", _("수표")
        POST = "POST", _("우체국 현금 배달")

    class Status(models.TextChoices):
        RECORDED = "RECORDED", _("확인 기다림")
        CONFIRMED = "CONFIRMED", _("지급됨")
        DECLINED = "DECLINED", _("받아들이지 않음")

    HOLDING = (Status.RECORDED, Status.CONFIRMED)

    application = models.ForeignKey(
        Application, models.PROTECT, related_name="offline_payments", verbose_name=_("신청")
    )
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", verbose_name=_("계좌"))
    way = models.CharField(_("보낸 방법"), max_length=8, choices=Way.choices)
    paid_on = models.DateField(_("보낸 날"))
    reference = models.CharField(_("영수증 번호"), max_length=60)
    amount_krw = models.BigIntegerField(_("금액(원)"))
    # The bill rows of the amount, and the kinds of rows that counted.
    bills_digest = models.BinaryField(editable=False)
    refundable_items = models.JSONField(editable=False)
    # As of an item of a round.
    allowed_krw = models.BigIntegerField(_("그때 보낼 수 있던 금액(원)"), null=True, blank=True)
    movements = models.TextField(blank=True, default="", db_default="", editable=False)
    status = models.CharField(_("상태"), max_length=9, choices=Status.choices, default=Status.RECORDED)
    recorded_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("적은 사람"))
    recorded_person = crypto.BlindIndexField()
    recorded_at = models.DateTimeField(_("적은 때"))
    decided_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("확인한 사람")
    )
    decided_person = crypto.BlindIndexField(null=True)
    decided_at = models.DateTimeField(_("확인한 때"), null=True, blank=True)

    class Meta:
        db_table = "refunds_manual_payment"
        verbose_name = _("따로 보낸 지급")
        verbose_name_plural = _("따로 보낸 지급")
        constraints = [
            models.UniqueConstraint(
                fields=["application"], condition=Q(status__in=["RECORDED", "CONFIRMED"]), name="manual_payment_one"
            ),
            # One transfer pays one refund: a receipt cannot prove two.
            models.UniqueConstraint(
                fields=["way", "reference"],
                condition=Q(status__in=["RECORDED", "CONFIRMED"]),
                name="manual_payment_receipt",
            ),
            models.CheckConstraint(name="manual_payment_filled", condition=Q(amount_krw__gt=0) & ~Q(reference="")),
            models.CheckConstraint(
                name="manual_payment_within_balance",
                condition=Q(allowed_krw=None) | Q(amount_krw__lte=F("allowed_krw")),
            ),
            models.CheckConstraint(
                name="manual_payment_two_people",
                condition=Q(status="RECORDED", decided_by=None)
                | ~Q(status="RECORDED")
                & Q(decided_by__isnull=False, decided_person__isnull=False, decided_at__isnull=False)
                & ~Q(decided_by=F("recorded_by"))
                & ~Q(decided_person=F("recorded_person")),
            ),
        ]
        triggers = [
            starts_as("RECORDED"),
            only_moves(("RECORDED", "CONFIRMED"), ("RECORDED", "DECLINED")),
            pgtrigger.ReadOnly(name="stored", exclude=["status", "decided_by", "decided_person", "decided_at"]),
            # The lock waits for a freeze that holds the application, and then sees its item.
            pgtrigger.Trigger(
                name="not_in_a_round",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func=f"""
                PERFORM FROM refunds_application WHERE id = NEW.application_id FOR UPDATE;
                IF EXISTS (SELECT FROM refunds_item WHERE application_id = NEW.application_id
                           AND kind = 'REFUND' AND status IN {HOLDING_SQL}) THEN
                    RAISE EXCEPTION 'the refund of application % is in a round', NEW.application_id;
                END IF;
                RETURN NEW;
                """,
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return self.reference


class BalanceFinding(models.Model):
    """A balance that a person looks at, as the last check of the money found it (`payouts.findings`)."""

    class Kind(models.TextChoices):
        OVERPAID = "OVERPAID", _("더 드림, 아직 돌려받기로 하지 않음")
        UNDERPAID = "UNDERPAID", _("덜 드림, 아직 정정하지 않음")
        BEYOND = "BEYOND", _("승인한 정정이 남은 금액보다 많음")
        ABOVE_BILL = "ABOVE_BILL", _("청구서보다 더 내심, 요금 부서가 정리")

    application = models.ForeignKey(Application, models.CASCADE, related_name="+", verbose_name=_("신청"))
    kind = models.CharField(_("무엇"), max_length=10, choices=Kind.choices)
    won = models.BigIntegerField(_("금액(원)"))
    found_at = models.DateTimeField(_("찾은 때"))

    class Meta:
        db_table = "refunds_balance_finding"
        verbose_name = _("살펴볼 잔액")
        verbose_name_plural = _("살펴볼 잔액")
        constraints = [
            models.UniqueConstraint(fields=["application", "kind"], name="balance_finding_once"),
            models.CheckConstraint(name="balance_finding_won", condition=Q(won__gt=0)),
        ]
        indexes = [models.Index(fields=["kind", "-won"], name="balance_finding_kind")]


class Hold(models.Model):
    """An application that a person keeps out of the rounds until it is released."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="holds", verbose_name=_("신청"))
    reason = crypto.EncryptedTextField(_("이유"))
    placed_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("보류한 사람"))
    placed_at = models.DateTimeField(_("보류"))
    released_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("푼 사람")
    )
    released_at = models.DateTimeField(_("해제"), null=True, blank=True)

    class Meta:
        db_table = "refunds_hold"
        verbose_name = _("지급 보류")
        verbose_name_plural = _("지급 보류")
        constraints = [
            models.UniqueConstraint(fields=["application"], condition=Q(released_at=None), name="hold_one_open"),
            models.CheckConstraint(name="hold_reason", condition=~Q(reason="")),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="stored", exclude=["released_by", "released_at"]),
            STAY,
        ]

    def __str__(self) -> str:
        return str(self.application_id)
