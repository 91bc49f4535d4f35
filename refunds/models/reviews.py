"""The queue of the reviewers, the letters that customers read, and additions and answer days of objections."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from refunds.models.applications import Application, Decision, Objection
from refunds.models.protection import APPEND_ONLY


class ReviewCase(models.Model):
    """One thing that waits for a reviewer or supervisor: an application, a changed approval or an objection.

    Triggers make the row when its application or objection begins to wait, and delete it when that ends, so that the
    queue agrees with the states, no matter who changed them. `refunds.applications.queue` fills in kind and day.
    """

    class Kind(models.TextChoices):
        TRANSFER = "TRANSFER", _("명의가 바뀐 회선")
        RENEWAL = "RENEWAL", _("저절로 이어진 약정")
        PORT = "PORT", _("늦게 처리된 번호 이동")
        ITEM = "ITEM", _("모르는 청구 항목")
        VERDICT = "VERDICT", _("신청 뒤에 판정이 바뀐 것")
        REPRESENTED = "REPRESENTED", _("대리·상속·법인")
        LATE = "LATE", _("늦은 신청")
        EXTENDED = "EXTENDED", _("휴일 뒤 신청")
        HOLDER = "HOLDER", _("예금주가 다름")
        OFFLINE = "OFFLINE", _("한국 계좌 없음")
        SHARED = "SHARED", _("같은 계좌를 여럿이 씀")
        SAMPLE = "SAMPLE", _("표본 심사")
        AGAIN = "AGAIN", _("다시 심사")
        CHANGED = "CHANGED", _("판정이 바뀐 승인")
        OBJECTION = "OBJECTION", _("이의")

    class Level(models.TextChoices):
        REVIEWER = "REVIEWER", _("심사자")
        SUPERVISOR = "SUPERVISOR", _("심사 책임자")

    application = models.OneToOneField(Application, models.CASCADE, null=True, related_name="review_case")
    objection = models.OneToOneField(Objection, models.CASCADE, null=True, related_name="review_case")
    opened_at = models.DateTimeField()
    # Empty until the queue has looked at the new row.
    kind = models.CharField(max_length=11, choices=Kind.choices, blank=True, default="")
    # The day of the answer as it was first promised (D-89): what is late comes first.
    due_on = models.DateField(null=True)
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.REVIEWER)
    # The reviewer who looks at it now, and the end of the lease (wall clock).
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    held_until = models.DateTimeField(null=True)
    # Reviewers who gave it back: they get it last.
    given_back_by = models.JSONField(default=list)
    # Until this day it is handed out to nobody; `kept_for` opens it from their home.
    parked_until = models.DateField(null=True)
    # Until `kept_until` it is handed out to this reviewer alone.
    kept_for = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    kept_until = models.DateField(null=True)
    note = crypto.EncryptedTextField(blank=True, default="")
    # A question to the supervisors and what they answered.
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(null=True)
    question = crypto.EncryptedTextField(blank=True, default="")
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    answer = crypto.EncryptedTextField(blank=True, default="")
    # A first decision that another person looks at before it counts (D-82): act, codes, values.
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    proposal = models.JSONField(null=True)

    class Meta:
        db_table = "refunds_case"
        constraints = [
            models.CheckConstraint(
                condition=Q(application__isnull=False) ^ Q(objection__isnull=False), name="case_of_one_thing"
            ),
        ]
        indexes = [
            models.Index(fields=["level", "due_on", "id"], name="case_next"),
            models.Index(fields=["level", "kind", "due_on", "id"], name="case_next_of_kind"),
            models.Index(fields=["id"], name="case_new", condition=Q(kind="")),
            models.Index(fields=["kept_for"], name="case_kept", condition=Q(kept_for__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.application_id or self.objection_id}"


class Letter(models.Model):
    """What a customer reads of a decision, in both languages, as it was previewed and sent."""

    application = models.ForeignKey(Application, models.PROTECT, null=True, related_name="letters")
    objection = models.ForeignKey(Objection, models.PROTECT, null=True, related_name="letters")
    decision = models.OneToOneField(Decision, models.PROTECT, null=True, related_name="letter")
    act = models.CharField(max_length=14)
    # Codes of `letters.toml` and the figures of their texts.
    codes = models.JSONField(default=list)
    values = models.JSONField(default=dict)
    version = models.CharField(max_length=8)
    # The language that the customer chose.
    language = models.CharField(max_length=2)
    title_ko = models.TextField()
    body_ko = crypto.EncryptedTextField()
    title_en = models.TextField()
    body_en = crypto.EncryptedTextField()
    sent_by = models.CharField(max_length=40)
    sent_at = models.DateTimeField()

    class Meta:
        db_table = "refunds_letter"
        indexes = [models.Index(fields=["sent_at"], name="letter_sent")]
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.act}: {self.application_id or self.objection_id}"

    def title(self, language: str) -> str:
        """The heading in a language, ko or en."""
        return self.title_ko if language == "ko" else self.title_en

    def body(self, language: str) -> str:
        """The text in a language, paragraphs parted by empty lines."""
        return self.body_ko if language == "ko" else self.body_en


class ObjectionAddition(models.Model):
    """Words that a customer added to an open objection."""

    objection = models.ForeignKey(Objection, models.PROTECT, related_name="additions")
    words_enc = models.BinaryField()
    key = models.UUIDField(editable=False)
    added_by = models.CharField(max_length=40)
    added_at = models.DateTimeField()

    words = crypto.Encrypted("words_enc", key="key")

    class Meta:
        db_table = "refunds_objection_addition"
        triggers = [pgtrigger.Protect(name="addition_stays", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return str(self.pk)


class ObjectionDay(models.Model):
    """A day by which the answer to an objection was promised; the last one stands (D-89)."""

    objection = models.ForeignKey(Objection, models.PROTECT, related_name="days")
    day = models.DateField()
    promised_at = models.DateTimeField()

    class Meta:
        db_table = "refunds_objection_day"
        constraints = [models.UniqueConstraint(fields=["objection", "day"], name="objection_day_once")]
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.objection_id}: {self.day}"
