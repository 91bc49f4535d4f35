"""Files made for the bank, their encrypted bytes, and the questions asked about them."""

import pghistory
import pgtrigger
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from kt_remedy.core.tasks.rows import TaskRow
from refunds.models.batches import Batch
from refunds.models.protection import APPEND_ONLY, HISTORY, STAFF, STAY, changed, only_moves

# All transitions; the triggers below contain the same pairs.
FILE_EDGES = (
    ("MADE", "APPROVED"),
    ("MADE", "DISCARDED"),
    ("APPROVED", "DISCARDED"),
    ("APPROVED", "HANDED_OVER"),
    ("HANDED_OVER", "ACCEPTED"),
    ("HANDED_OVER", "REFUSED"),
    ("ACCEPTED", "REFUSED"),
)
_DONE_CHANGES = f"OLD.done_at IS NOT NULL AND {changed(('done_at', 'refusal_code', 'refusal_values'))}"


class BankFileQuerySet(models.QuerySet):
    def in_force(self) -> "BankFileQuerySet":
        """Parts that carry the payments of their batch: neither discarded nor replaced by a later part."""
        later = BankFile.objects.filter(replaces=OuterRef("pk"))
        return self.exclude(status=BankFile.Status.DISCARDED).exclude(Exists(later))


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(),
    fields=["status", "handed_over_by", "refused_because"],
    model_name="BankFileEvent",
    **HISTORY,
)
class BankFile(models.Model):
    """One file made for the bank, kept as it was made.

    The first parts of a batch carry the approval of the batch. A file the bank refused whole is followed by a new part,
    which another person approves.
    """

    class Status(models.TextChoices):
        MADE = "MADE", _("승인 기다림")
        APPROVED = "APPROVED", _("승인됨")
        DISCARDED = "DISCARDED", _("버림")
        HANDED_OVER = "HANDED_OVER", _("은행에 전달")
        ACCEPTED = "ACCEPTED", _("은행이 받음")
        REFUSED = "REFUSED", _("은행이 거절")

    AT_BANK = (Status.HANDED_OVER, Status.ACCEPTED)
    BEFORE_BANK = (Status.MADE, Status.APPROVED)

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
    made_person = crypto.BlindIndexField(null=True)
    made_at = models.DateTimeField(_("만든 때"))
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("대신하는 파일")
    )
    approved_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("승인한 사람")
    )
    approved_person = crypto.BlindIndexField(null=True)
    approved_at = models.DateTimeField(_("승인"), null=True, blank=True)
    handed_over_by = models.ForeignKey(
        STAFF, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("전달한 사람")
    )
    handed_over_at = models.DateTimeField(_("전달"), null=True, blank=True)
    refused_because = models.CharField(_("거절 이유"), max_length=140, blank=True, default="")

    objects = BankFileQuerySet.as_manager()

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
                condition=Q(status__in=["MADE", "APPROVED", "DISCARDED"], handed_over_by=None, handed_over_at=None)
                | ~Q(status__in=["MADE", "APPROVED", "DISCARDED"])
                & Q(handed_over_by__isnull=False, handed_over_at__isnull=False),
            ),
            models.CheckConstraint(
                name="bank_file_approved",
                condition=Q(status="MADE", replaces__isnull=False, approved_by=None)
                | Q(status="DISCARDED")
                | ~Q(status="MADE") & Q(replaces=None, approved_by=None)
                | ~Q(status="MADE")
                & Q(approved_by__isnull=False, approved_person__isnull=False, approved_at__isnull=False),
            ),
            models.CheckConstraint(
                name="bank_file_two_people",
                condition=Q(approved_by=None)
                | ~Q(approved_by=F("made_by")) & Q(made_person__isnull=False) & ~Q(approved_person=F("made_person")),
            ),
        ]
        triggers = [
            # The first parts of a batch have its approval; a part that replaces another waits for its own.
            pgtrigger.Protect(
                name="starts",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition(
                    "NEW.status <> CASE WHEN NEW.replaces_id IS NULL THEN 'APPROVED' ELSE 'MADE' END"
                ),
            ),
            only_moves(*FILE_EDGES),
            pgtrigger.ReadOnly(
                name="stored",
                exclude=[
                    "status",
                    "approved_by",
                    "approved_person",
                    "approved_at",
                    "handed_over_by",
                    "handed_over_at",
                    "refused_because",
                ],
            ),
            pgtrigger.Protect(
                name="approval_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"OLD.status <> 'MADE' AND {changed(('approved_by_id', 'approved_person', 'approved_at'))}"
                ),
            ),
            STAY,
        ]

    def __str__(self) -> str:
        return self.name


class FileOrder(TaskRow):
    """An order to make the file of an approved batch, or to make a refused file again; a worker carries it out.

    It is open until `done_at`. An order that was refused keeps the code and the values of its sentence
    (`file_orders.refusal`).
    """

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="file_orders", verbose_name=_("지급 회차"))
    replaces = models.ForeignKey(BankFile, models.PROTECT, null=True, related_name="+", verbose_name=_("대신하는 파일"))
    ordered_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("만들게 한 사람"))
    ordered_at = models.DateTimeField(_("만들게 한 때"))
    done_at = models.DateTimeField(_("끝"), null=True)
    refusal_code = models.CharField(_("거절 이유"), max_length=12, blank=True, default="")
    refusal_values = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "refunds_file_order"
        verbose_name = _("은행 파일 만들기")
        verbose_name_plural = _("은행 파일 만들기")
        constraints = [
            models.UniqueConstraint(fields=["batch"], condition=Q(done_at=None), name="file_order_open_once"),
            models.CheckConstraint(name="file_order_refused", condition=Q(refusal_code="") | Q(done_at__isnull=False)),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="stored", fields=["batch", "replaces", "ordered_by", "ordered_at"]),
            pgtrigger.Protect(
                name="done_once", operation=pgtrigger.Update, condition=pgtrigger.Condition(_DONE_CHANGES)
            ),
            STAY,
        ]


class Chunk(models.Model):
    """A piece of a stored file, encrypted. `key` is the file's message id, or the SHA-256 of an answer."""

    key = models.CharField(max_length=64, db_collation="C")
    number = models.IntegerField()
    data_enc = models.BinaryField()

    class Meta:
        db_table = "refunds_chunk"
        constraints = [models.UniqueConstraint(fields=["key", "number"], name="chunk_once")]
        triggers = [APPEND_ONLY]

    @staticmethod
    def aad(key: str, number: int) -> str:
        """Associated data of the ciphertext of a piece."""
        return f"refunds_chunk:data_enc:{key}:{number}"

    @property
    def data(self) -> bytes:
        """The bytes as they were stored."""
        return crypto.decrypt_bytes(bytes(self.data_enc), self.aad(self.key, self.number))


class Download(models.Model):
    """A download of a bank file, with its reason."""

    file = models.ForeignKey(BankFile, models.PROTECT, related_name="downloads", verbose_name=_("은행 파일"))
    user = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("누가"))
    at = models.DateTimeField(_("언제"))
    reason = crypto.EncryptedTextField(_("왜"))

    class Meta:
        db_table = "refunds_download"
        verbose_name = _("내려받은 기록")
        verbose_name_plural = _("내려받은 기록")
        constraints = [models.CheckConstraint(name="download_reason", condition=~Q(reason=""))]
        triggers = [APPEND_ONLY]


class Inquiry(models.Model):
    """A list of unanswered payments as it was given to the bank: a question, never an order to pay."""

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
