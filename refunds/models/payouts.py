"""Batches, their items, the files made of them and what the bank answered.

What must never happen with money is refused here, by the database itself, whoever types the statement: an edge that
does not exist, a second live or paid refund of one application, a change of a frozen item or a stored file, one person
who both prepared and approved. Nothing but `refunds.payouts.service` writes these tables.
"""

from typing import Any

import pghistory
import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from refunds.models.accounts import Account
from refunds.models.applications import Application

STAY = pgtrigger.Protect(name="stays", operation=pgtrigger.Delete)
APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
# One statement may move half a million items: their history is written by one statement too.
HISTORY: dict[str, Any] = {
    "level": pgtrigger.Statement,
    "append_only": True,
    "context_field": None,
    "obj_field": pghistory.ObjForeignKey(related_name="events"),
}
STAFF = settings.AUTH_USER_MODEL

# Every move there is (docs/architecture.md#states); the triggers below hold the same pairs.
BATCH_EDGES = (
    ("OPEN", "FROZEN"),
    ("FROZEN", "APPROVED"),
    ("FROZEN", "OPEN"),
    ("APPROVED", "OPEN"),
    ("APPROVED", "FILED"),
    ("FILED", "HANDED_OVER"),
    ("HANDED_OVER", "REFUSED"),
    ("REFUSED", "FILED"),
    ("HANDED_OVER", "SETTLED"),
)
FILE_EDGES = (("MADE", "HANDED_OVER"), ("HANDED_OVER", "REFUSED"))
ITEM_EDGES = (
    ("QUEUED", "VOID"),
    ("QUEUED", "FILED"),
    ("FILED", "PAID"),
    ("FILED", "RETURNED"),
    ("FILED", "UNKNOWN"),
    ("UNKNOWN", "PAID"),
    ("UNKNOWN", "RETURNED"),
    ("PAID", "RETURNED"),
)
FIGURES = ("count", "won", "hash_total", "digest", "frame", "prepared_by_id", "prepared_person", "prepared_at")
APPROVAL = ("approved_by_id", "approved_person", "approved_at", "approved_digest")


def changed(columns: tuple[str, ...]) -> str:
    """SQL of a trigger: one of the columns changes."""
    old, new = (", ".join(f'{row}."{name}"' for name in columns) for row in ("OLD", "NEW"))
    return f"({old}) IS DISTINCT FROM ({new})"


def starts_as(status: str) -> pgtrigger.Protect:
    """Refuses a new row in any other state."""
    return pgtrigger.Protect(name="starts", operation=pgtrigger.Insert, condition=pgtrigger.Q(new__status__df=status))


def only_moves(*edges: tuple[str, str]) -> pgtrigger.Trigger:
    """Refuses every other change of `status`. The edges stand in the condition: a function called for each of half a
    million rows costs a third of the statement that moves them."""
    pairs = ", ".join(f"('{before}', '{after}')" for before, after in edges)
    return pgtrigger.Trigger(
        name="edges",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            f"OLD.status IS DISTINCT FROM NEW.status AND (OLD.status, NEW.status) NOT IN ({pairs})"
        ),
        func="RAISE EXCEPTION 'no way leads from % to % in %', OLD.status, NEW.status, TG_TABLE_NAME;",
    )


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    fields=["status", "count", "won", "hash_total", "digest", "prepared_by", "approved_by"],
    model_name="BatchEvent",
    **HISTORY,
)
class Batch(models.Model):
    """All that is paid on one pay day. Open until the maker freezes it; empty of live items while it is open."""

    class Status(models.TextChoices):
        OPEN = "OPEN", _("모음")
        FROZEN = "FROZEN", _("승인 기다림")
        APPROVED = "APPROVED", _("승인됨")
        FILED = "FILED", _("파일 만듦")
        HANDED_OVER = "HANDED_OVER", _("은행에 전달")
        REFUSED = "REFUSED", _("은행이 파일을 거절")
        SETTLED = "SETTLED", _("정산 끝")

    BEFORE_FILE = (Status.FROZEN, Status.APPROVED)
    NOT_APPROVED = (Status.OPEN, Status.FROZEN)

    pay_on = models.DateField(_("지급일"), unique=True)
    number = models.SmallIntegerField(_("회차"))
    cut_off = models.DateTimeField(_("마감"))
    status = models.CharField(_("상태"), max_length=12, choices=Status.choices, default=Status.OPEN)
    count = models.IntegerField(_("건수"), null=True, blank=True)
    won = models.BigIntegerField(_("합계(원)"), null=True, blank=True)
    # Sum of numbers drawn from the keyed index of each account, so that an exchanged account shows without its number.
    hash_total = models.BigIntegerField(_("계좌 합"), null=True, blank=True)
    digest = models.CharField(_("확인값"), max_length=64, blank=True, default="")
    # Reasons and counts of what stayed behind, as it was when the batch was frozen.
    excluded = models.JSONField(_("나가지 않는 것"), default=dict, blank=True)
    # What the programme said when the batch was frozen (`service.frame_of`): the invariants are asked by it.
    frame = models.JSONField(default=dict, blank=True, editable=False)
    prepared_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("준비한 사람")
    )
    prepared_person = crypto.BlindIndexField(null=True)
    prepared_at = models.DateTimeField(_("확정"), null=True, blank=True)
    approved_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("승인한 사람")
    )
    approved_person = crypto.BlindIndexField(null=True)
    approved_at = models.DateTimeField(_("승인"), null=True, blank=True)
    approved_digest = models.CharField(max_length=64, blank=True, default="")
    opened_again = models.TextField(_("돌려보낸 이유"), blank=True, default="")
    handed_over_at = models.DateTimeField(_("은행에 전달"), null=True, blank=True)
    settled_at = models.DateTimeField(_("정산"), null=True, blank=True)

    class Meta:
        db_table = "refunds_batch"
        verbose_name = _("지급 회차")
        verbose_name_plural = _("지급 회차")
        ordering = ["pay_on"]
        constraints = [
            models.CheckConstraint(
                name="batch_prepared",
                condition=Q(
                    status="OPEN",
                    count=None,
                    won=None,
                    hash_total=None,
                    digest="",
                    prepared_by=None,
                    prepared_person=None,
                )
                | Q(
                    ~Q(status="OPEN"),
                    count__gt=0,
                    won__gt=0,
                    hash_total__isnull=False,
                    digest__regex="^[0-9a-f]{64}$",
                    prepared_by__isnull=False,
                    prepared_person__isnull=False,
                    prepared_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="batch_approved",
                condition=Q(status__in=["OPEN", "FROZEN"], approved_by=None, approved_person=None, approved_digest="")
                | Q(
                    ~Q(status__in=["OPEN", "FROZEN"]),
                    approved_by__isnull=False,
                    approved_person__isnull=False,
                    approved_at__isnull=False,
                    approved_digest=F("digest"),
                ),
            ),
            models.CheckConstraint(
                name="batch_two_people",
                condition=Q(approved_by=None)
                | ~Q(approved_by=F("prepared_by")) & ~Q(approved_person=F("prepared_person")),
            ),
        ]
        triggers = [
            starts_as("OPEN"),
            only_moves(*BATCH_EDGES),
            pgtrigger.Protect(
                name="figures_stay",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(f"'OPEN' NOT IN (OLD.status, NEW.status) AND {changed(FIGURES)}"),
            ),
            pgtrigger.Protect(
                name="approval_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.status NOT IN ('OPEN', 'FROZEN') AND NEW.status <> 'OPEN' AND " + changed(APPROVAL)
                ),
            ),
            pgtrigger.ReadOnly(name="round_stays", fields=["pay_on"]),
            STAY,
        ]

    def __str__(self) -> str:
        return str(self.pay_on)


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    fields=["status", "handed_over_by", "refused_because"],
    model_name="BankFileEvent",
    **HISTORY,
)
class BankFile(models.Model):
    """One file made for the bank, kept as it was made. A file the bank refused whole is followed by a new part."""

    class Status(models.TextChoices):
        MADE = "MADE", _("만듦")
        HANDED_OVER = "HANDED_OVER", _("은행에 전달")
        REFUSED = "REFUSED", _("은행이 거절")

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="files", verbose_name=_("지급 회차"))
    part = models.SmallIntegerField(_("순번"))
    status = models.CharField(_("상태"), max_length=12, choices=Status.choices, default=Status.MADE)
    layout = models.CharField(_("양식"), max_length=10)
    name = models.CharField(_("파일 이름"), max_length=80)
    message_id = models.CharField(_("메시지 번호"), max_length=35, unique=True, db_collation="C")
    execution_on = models.DateField(_("이체일"))
    count = models.IntegerField(_("건수"))
    won = models.BigIntegerField(_("합계(원)"))
    size = models.BigIntegerField(_("크기(바이트)"))
    sha256 = models.CharField("SHA-256", max_length=64)
    made_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("만든 사람"))
    made_at = models.DateTimeField(_("만든 때"))
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("대신하는 파일")
    )
    handed_over_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("전달한 사람")
    )
    handed_over_at = models.DateTimeField(_("전달"), null=True, blank=True)
    refused_because = models.CharField(_("거절 이유"), max_length=140, blank=True, default="")

    class Meta:
        db_table = "refunds_bank_file"
        verbose_name = _("은행 파일")
        verbose_name_plural = _("은행 파일")
        ordering = ["batch", "part"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "part"], name="bank_file_part"),
            models.CheckConstraint(name="bank_file_not_empty", condition=Q(count__gt=0, won__gt=0, size__gt=0)),
            models.CheckConstraint(
                name="bank_file_handed_over",
                condition=Q(status="MADE", handed_over_by=None)
                | ~Q(status="MADE") & Q(handed_over_by__isnull=False, handed_over_at__isnull=False),
            ),
        ]
        triggers = [
            starts_as("MADE"),
            only_moves(*FILE_EDGES),
            pgtrigger.ReadOnly(
                name="stored", exclude=["status", "handed_over_by", "handed_over_at", "refused_because"]
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return self.name


class Chunk(models.Model):
    """A piece of a stored file, encrypted. `key` is the file's message id, or the SHA-256 of a result file."""

    key = models.CharField(max_length=64, db_collation="C")
    number = models.IntegerField()
    data_enc = models.BinaryField()

    class Meta:
        db_table = "refunds_chunk"
        constraints = [models.UniqueConstraint(fields=["key", "number"], name="chunk_once")]
        triggers = [APPEND_ONLY]

    @staticmethod
    def aad(key: str, number: int) -> str:
        """What the ciphertext of a piece is bound to."""
        return f"refunds_chunk:data_enc:{key}:{number}"

    @property
    def data(self) -> bytes:
        """The bytes as they were stored."""
        return crypto.decrypt_bytes(bytes(self.data_enc), self.aad(self.key, self.number))


class ResultFile(models.Model):
    """An answer of the bank that was taken in whole. The same bytes are never taken in twice."""

    sha256 = models.CharField("SHA-256", max_length=64, unique=True)
    name = models.CharField(_("파일 이름"), max_length=120)
    layout = models.CharField(_("양식"), max_length=10)
    size = models.BigIntegerField(_("크기(바이트)"))
    rows = models.IntegerField(_("행"))
    paid = models.IntegerField(_("입금"), default=0)
    paid_won = models.BigIntegerField(_("입금(원)"), default=0)
    returned = models.IntegerField(_("되돌아옴"), default=0)
    returned_won = models.BigIntegerField(_("되돌아옴(원)"), default=0)
    unknown = models.IntegerField(_("모름"), default=0)
    absent = models.IntegerField(_("답 없음"), default=0)
    notes = models.JSONField(_("알아 둘 것"), default=list, blank=True)
    loaded_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("올린 사람"))
    loaded_at = models.DateTimeField(_("올린 때"))
    files = models.ManyToManyField(BankFile, related_name="results", verbose_name=_("은행 파일"))

    class Meta:
        db_table = "refunds_result_file"
        verbose_name = _("은행 결과")
        verbose_name_plural = _("은행 결과")
        ordering = ["-loaded_at"]
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return self.name


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    fields=["status", "decided_by"],
    model_name="AdjustmentEvent",
    **HISTORY,
)
class Adjustment(models.Model):
    """A correction of a refund that went out wrong: proposed by one person, decided by another.

    What was paid too little is paid as an item of its own; what was paid too much is claimed back and never an item.
    """

    class Cause(models.TextChoices):
        UNDERPAID = "UNDERPAID", _("덜 드림")
        CORRECTED_BILL = "CORRECTED_BILL", _("청구서가 정정됨")
        OVERPAID = "OVERPAID", _("더 드림(돌려받기)")

    class Status(models.TextChoices):
        PROPOSED = "PROPOSED", _("승인 기다림")
        APPROVED = "APPROVED", _("승인됨")
        DECLINED = "DECLINED", _("받아들이지 않음")
        CLAIMED = "CLAIMED", _("돌려받는 중")
        RECOVERED = "RECOVERED", _("돌려받음")

    application = models.ForeignKey(Application, models.PROTECT, related_name="adjustments", verbose_name=_("신청"))
    cause = models.CharField(_("까닭"), max_length=14, choices=Cause.choices, default=Cause.UNDERPAID)
    amount_krw = models.BigIntegerField(_("금액(원)"))
    reason = models.TextField(_("이유"))
    status = models.CharField(_("상태"), max_length=9, choices=Status.choices, default=Status.PROPOSED)
    proposed_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("낸 사람"))
    proposed_person = crypto.BlindIndexField()
    proposed_at = models.DateTimeField(_("낸 때"))
    decided_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("정한 사람")
    )
    decided_person = crypto.BlindIndexField(null=True)
    decided_at = models.DateTimeField(_("정한 때"), null=True, blank=True)

    class Meta:
        db_table = "refunds_adjustment"
        verbose_name = _("정정 지급")
        verbose_name_plural = _("정정 지급")
        constraints = [
            models.CheckConstraint(name="adjustment_amount", condition=Q(amount_krw__gt=0) & ~Q(reason="")),
            # The freeze pays what is APPROVED: money to be claimed back can never be that.
            models.CheckConstraint(
                name="adjustment_way",
                condition=Q(cause="OVERPAID", status__in=["PROPOSED", "DECLINED", "CLAIMED", "RECOVERED"])
                | ~Q(cause="OVERPAID") & Q(status__in=["PROPOSED", "DECLINED", "APPROVED"]),
            ),
            models.UniqueConstraint(
                fields=["application"], condition=Q(status="PROPOSED"), name="adjustment_one_proposed"
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
                ("PROPOSED", "APPROVED"), ("PROPOSED", "DECLINED"), ("PROPOSED", "CLAIMED"), ("CLAIMED", "RECOVERED")
            ),
            pgtrigger.ReadOnly(name="stored", exclude=["status", "decided_by", "decided_person", "decided_at"]),
            STAY,
        ]

    def __str__(self) -> str:
        return f"{self.application_id}: {self.amount_krw}"


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    fields=["status", "decided_by"],
    model_name="ManualPaymentEvent",
    **HISTORY,
)
class ManualPayment(models.Model):
    """A refund that was sent by hand, to somebody without an account in Korea: recorded by one person, confirmed by
    another. From the moment it is recorded no round may carry the same refund, and the other way round."""

    class Way(models.TextChoices):
        OVERSEAS = "OVERSEAS", _("해외 송금")
        CHEQUE = "CHEQUE", _("수표")
        POST = "POST", _("우체국 현금 배달")

    class Status(models.TextChoices):
        RECORDED = "RECORDED", _("확인 기다림")
        CONFIRMED = "CONFIRMED", _("지급됨")
        DECLINED = "DECLINED", _("받아들이지 않음")

    HOLDING = (Status.RECORDED, Status.CONFIRMED)

    application = models.ForeignKey(Application, models.PROTECT, related_name="manual_payments", verbose_name=_("신청"))
    account = models.ForeignKey(Account, models.PROTECT, related_name="+", verbose_name=_("계좌"))
    way = models.CharField(_("보낸 방법"), max_length=8, choices=Way.choices)
    paid_on = models.DateField(_("보낸 날"))
    reference = models.CharField(_("영수증 번호"), max_length=60)
    amount_krw = models.BigIntegerField(_("금액(원)"))
    # The bill rows the amount was added up from, and which kinds of them counted.
    bills_digest = models.BinaryField(editable=False)
    refundable_items = models.JSONField(editable=False)
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
            # One transfer pays one refund: the same receipt cannot stand for two.
            models.UniqueConstraint(
                fields=["way", "reference"],
                condition=Q(status__in=["RECORDED", "CONFIRMED"]),
                name="manual_payment_receipt",
            ),
            models.CheckConstraint(name="manual_payment_filled", condition=Q(amount_krw__gt=0) & ~Q(reference="")),
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
                func="""
                PERFORM FROM refunds_application WHERE id = NEW.application_id FOR UPDATE;
                IF EXISTS (SELECT FROM refunds_item WHERE application_id = NEW.application_id
                           AND kind = 'REFUND' AND status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID')) THEN
                    RAISE EXCEPTION 'the refund of application % is in a round', NEW.application_id;
                END IF;
                RETURN NEW;
                """,
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return self.reference


class ItemQuerySet(models.QuerySet):
    def live(self) -> "ItemQuerySet":
        """Items whose money is on its way or may be."""
        return self.filter(status__in=Item.LIVE)

    def standing(self) -> "ItemQuerySet":
        """Items that were not taken out before they left."""
        return self.exclude(status=Item.Status.VOID)


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(condition=pghistory.AnyChange("status", "file", "code")),
    fields=["status", "status_at", "amount_krw", "file", "code", "result"],
    model_name="ItemEvent",
    **HISTORY,
)
class Item(models.Model):
    """One payment: so much, to this account, for this application, because of these bill rows."""

    class Kind(models.TextChoices):
        REFUND = "REFUND", _("환급")
        ADJUSTMENT = "ADJUSTMENT", _("정정")

    class Status(models.TextChoices):
        QUEUED = "QUEUED", _("지급 준비")
        VOID = "VOID", _("뺌")
        FILED = "FILED", _("은행에 보냄")
        PAID = "PAID", _("입금됨")
        RETURNED = "RETURNED", _("되돌아옴")
        UNKNOWN = "UNKNOWN", _("은행 답 없음")

    LIVE = (Status.QUEUED, Status.FILED, Status.UNKNOWN)
    OPEN_AT_BANK = (Status.FILED, Status.UNKNOWN)
    HOLDING = (*LIVE, Status.PAID)

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="items", verbose_name=_("지급 회차"))
    kind = models.CharField(_("종류"), max_length=10, choices=Kind.choices, default=Kind.REFUND)
    application = models.ForeignKey(Application, models.PROTECT, related_name="items", verbose_name=_("신청"))
    adjustment = models.ForeignKey(
        Adjustment, models.PROTECT, null=True, blank=True, related_name="items", verbose_name=_("정정")
    )
    account = models.ForeignKey(Account, models.PROTECT, related_name="items", verbose_name=_("계좌"))
    contract_no = models.CharField(_("계약번호"), max_length=20, db_collation="C")
    amount_krw = models.BigIntegerField(_("금액(원)"))
    attempt = models.SmallIntegerField(_("번째 시도"))
    # What the bank carries through and answers with. The same whenever the same batch is frozen again.
    reference = models.CharField(_("관리번호"), max_length=35, db_collation="C")
    bills_digest = models.BinaryField()
    digest = models.BinaryField()
    status = models.CharField(_("상태"), max_length=8, choices=Status.choices, default=Status.QUEUED)
    status_at = models.DateTimeField(_("상태 변경"))
    taken_out_because = models.TextField(_("뺀 이유"), blank=True, default="")
    file = models.ForeignKey(
        BankFile, models.PROTECT, null=True, blank=True, related_name="items", verbose_name=_("은행 파일")
    )
    code = models.CharField(_("은행 코드"), max_length=35, blank=True, default="")
    words = models.CharField(_("은행 설명"), max_length=140, blank=True, default="")
    result = models.ForeignKey(
        ResultFile, models.PROTECT, null=True, blank=True, related_name="items", verbose_name=_("은행 결과")
    )

    objects = ItemQuerySet.as_manager()

    class Meta:
        db_table = "refunds_item"
        verbose_name = _("지급 건")
        verbose_name_plural = _("지급 건")
        constraints = [
            models.UniqueConstraint(
                fields=["application"],
                condition=Q(kind="REFUND", status__in=["QUEUED", "FILED", "UNKNOWN", "PAID"]),
                name="item_one_refund",
            ),
            models.UniqueConstraint(
                fields=["adjustment"],
                condition=Q(status__in=["QUEUED", "FILED", "UNKNOWN", "PAID"]),
                name="item_one_adjustment",
            ),
            models.UniqueConstraint(fields=["reference"], condition=~Q(status="VOID"), name="item_reference"),
            models.CheckConstraint(name="item_amount", condition=Q(amount_krw__gt=0)),
            models.CheckConstraint(
                name="item_kind",
                condition=Q(kind="REFUND", adjustment=None) | Q(kind="ADJUSTMENT", adjustment__isnull=False),
            ),
            models.CheckConstraint(
                name="item_in_file",
                condition=Q(status__in=["QUEUED", "VOID"], file=None)
                | ~Q(status__in=["QUEUED", "VOID"]) & Q(file__isnull=False),
            ),
            models.CheckConstraint(
                name="item_answered", condition=~Q(status__in=["PAID", "RETURNED"]) | Q(result__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["batch", "status"], name="item_batch_state"),
            # Made of few rows: what is open at a bank, and what came back.
            models.Index(fields=["status"], name="item_open", condition=Q(status__in=["UNKNOWN", "RETURNED"])),
        ]
        triggers = [
            starts_as("QUEUED"),
            only_moves(*ITEM_EDGES),
            pgtrigger.ReadOnly(
                name="frozen",
                exclude=["status", "status_at", "taken_out_because", "file", "code", "words", "result"],
            ),
            # Once for a whole statement: there are few payments by hand, and half a million items. Named as in the
            # history triggers, for the same plan (`refunds.apps`).
            pgtrigger.Trigger(
                name="not_by_hand",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="new_values"),
                func="""
                IF EXISTS (SELECT FROM refunds_manual_payment m
                           JOIN new_values i ON i.application_id = m.application_id AND i.kind = 'REFUND'
                           WHERE m.status IN ('RECORDED', 'CONFIRMED')) THEN
                    RAISE EXCEPTION 'a refund of this round was sent by hand';
                END IF;
                RETURN NULL;
                """,
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return self.reference


class LeftBehind(models.Model):
    """An approved application that a freeze left out, and why: nobody is forgotten without a reason."""

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="left_behind", verbose_name=_("지급 회차"))
    application = models.ForeignKey(Application, models.PROTECT, related_name="+", verbose_name=_("신청"))
    reason = models.CharField(_("이유"), max_length=20)

    class Meta:
        db_table = "refunds_left_behind"
        verbose_name = _("이번에 나가지 않는 것")
        verbose_name_plural = _("이번에 나가지 않는 것")
        constraints = [models.UniqueConstraint(fields=["batch", "application"], name="left_behind_once")]


class Counted(models.Model):
    """The figures of a batch as the worker counted them for its page (`counting`); no act relies on them."""

    batch = models.OneToOneField(Batch, models.PROTECT, primary_key=True, related_name="counted")
    # What it was counted from (`counting.stamps`); empty while it is being counted.
    stamp = models.CharField(max_length=200, blank=True, default="")
    asked = models.BooleanField(default=False)
    began_at = models.DateTimeField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    # The independent count (`recount.Recount`) of a batch before its file, and what `overview.raw` gives.
    again = models.JSONField(default=dict, blank=True)
    figures = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "refunds_counted"

    def __str__(self) -> str:
        return str(self.batch_id)


class Download(models.Model):
    """Who took the bytes of a bank file, when and why."""

    file = models.ForeignKey(BankFile, models.PROTECT, related_name="downloads", verbose_name=_("은행 파일"))
    user = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("누가"))
    at = models.DateTimeField(_("언제"))
    reason = models.TextField(_("왜"))

    class Meta:
        db_table = "refunds_download"
        verbose_name = _("내려받은 기록")
        verbose_name_plural = _("내려받은 기록")
        constraints = [models.CheckConstraint(name="download_reason", condition=~Q(reason=""))]
        triggers = [APPEND_ONLY]


class Hold(models.Model):
    """One application kept out of the payouts by a person until a person lets it go."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="holds", verbose_name=_("신청"))
    reason = models.TextField(_("이유"))
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


class Inquiry(models.Model):
    """A list of payments the bank never answered, as it was given to the bank: a question, never an order to pay."""

    file = models.ForeignKey(BankFile, models.PROTECT, related_name="inquiries", verbose_name=_("은행 파일"))
    number = models.SmallIntegerField(_("순번"))
    name = models.CharField(_("파일 이름"), max_length=80, unique=True, db_collation="C")
    count = models.IntegerField(_("건수"))
    won = models.BigIntegerField(_("합계(원)"))
    size = models.BigIntegerField(_("크기(바이트)"))
    sha256 = models.CharField("SHA-256", max_length=64)
    made_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("만든 사람"))
    made_at = models.DateTimeField(_("만든 때"))

    class Meta:
        db_table = "refunds_inquiry"
        verbose_name = _("은행 조회 목록")
        verbose_name_plural = _("은행 조회 목록")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="inquiry_number"),
            models.CheckConstraint(name="inquiry_not_empty", condition=Q(count__gt=0, won__gt=0, size__gt=0)),
        ]
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return self.name


class Roster(models.Model):
    """Who does each duty of a cut-off, and the one who stands in for them."""

    class Duty(models.TextChoices):
        FREEZE = "FREEZE", _("회차 확정")
        APPROVE = "APPROVE", _("승인")
        FILE = "FILE", _("은행 파일과 전달")
        RESULTS = "RESULTS", _("은행 결과와 조회")

    ROLES = {Duty.FREEZE: "maker", Duty.APPROVE: "checker", Duty.FILE: "maker", Duty.RESULTS: "maker"}

    duty = models.CharField(_("업무"), max_length=8, choices=Duty.choices, unique=True)
    holder = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("담당"))
    deputy = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("대리"))
    named_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("정한 사람"))
    named_at = models.DateTimeField(_("정한 때"))

    class Meta:
        db_table = "refunds_roster"
        verbose_name = _("담당과 대리")
        verbose_name_plural = _("담당과 대리")
        ordering = ["id"]
        constraints = [models.CheckConstraint(name="roster_two_people", condition=~Q(holder=F("deputy")))]
        triggers = [STAY]

    def __str__(self) -> str:
        return str(self.get_duty_display())
