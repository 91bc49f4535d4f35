"""Audit entries, their customers, seals and heads. Rows are only added, never changed or deleted."""

import uuid
from typing import Any

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto

APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
# Only the owner of the table may truncate it. This trigger stops the owner too, and a flush of the wrong database.
NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'the record of acts is never emptied';",
)

# Entries and their customers are partitioned by month (`parts`), so the key of an entry is its number and its time, and
# no constraint can refer to the number alone. The chain names an entry that is not there.
_OF_A_PART: dict[str, Any] = {"db_constraint": False}


class AuditEntry(models.Model):
    """One act: its actor, subject, action, time, network address and reason.

    Its `seal` is added after commit (see `chain.seal_entries`). A look names the role and the store in which the
    member of staff looked; its customers are `customers`.
    """

    at = models.DateTimeField(_("언제"))
    actor = models.CharField(_("누가"), max_length=40)  # "customer", "staff:<id>", "system"
    action = models.CharField(_("무엇을"), max_length=60)
    object = models.CharField(_("대상"), max_length=80)
    subject = models.CharField(_("누구의 정보"), max_length=40, blank=True)  # a customer number
    reason = crypto.EncryptedTextField(_("이유"), blank=True)
    ip = models.GenericIPAddressField(_("접속 주소"), null=True)
    detail = models.JSONField(_("내용"), default=dict)
    role = models.CharField(_("역할"), max_length=20, blank=True, default="", db_default="")
    store = models.CharField(_("매장 번호"), max_length=10, blank=True, default="", db_default="")

    class Meta:
        db_table = "audit_entry"
        verbose_name = _("접속 기록")
        verbose_name_plural = _("접속 기록")
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["actor", "at"], name="audit_actor"),
            models.Index(fields=["subject", "at"], name="audit_entry_subject", condition=~models.Q(subject="")),
            models.Index(fields=["object"], name="audit_object"),
            models.Index(fields=["action", "at"], name="audit_action"),
        ]
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.action} {self.object}"


class AuditSubject(models.Model):
    """A customer whose data a look showed. The seal of the entry covers its customers too."""

    entry = models.ForeignKey(AuditEntry, models.PROTECT, related_name="customers", db_index=False, **_OF_A_PART)
    customer = models.CharField(_("고객번호"), max_length=40)
    at = models.DateTimeField(_("언제"))  # of the entry, so that the looks at one customer are one index

    class Meta:
        db_table = "audit_subject"
        verbose_name = _("조회된 고객")
        verbose_name_plural = _("조회된 고객")
        indexes = [models.Index(fields=["customer", "-at"], name="audit_subject_customer")]
        constraints = [models.UniqueConstraint(fields=["entry", "customer", "at"], name="audit_subject_once")]
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.customer}"


class AuditSeal(models.Model):
    """The place of an entry in the chain and its digest: an HMAC of the entry, its customers and the digest before."""

    entry = models.OneToOneField(AuditEntry, models.PROTECT, primary_key=True, related_name="seal", **_OF_A_PART)
    position = models.BigIntegerField(_("사슬 번호"), unique=True)
    digest = models.BinaryField()
    key_number = models.SmallIntegerField(default=1)  # of AUDIT_KEYS

    class Meta:
        db_table = "audit_seal"
        verbose_name = _("접속 기록의 사슬")
        verbose_name_plural = _("접속 기록의 사슬")
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.position}"


class AuditHead(models.Model):
    """The end of the chain as it was given out on a day: to the auditor, as a file and on the public page."""

    day = models.DateField(_("날짜"), unique=True)
    at = models.DateTimeField(_("언제"))
    position = models.BigIntegerField(_("사슬 번호"))
    digest = models.CharField(_("사슬 값"), max_length=64)

    class Meta:
        db_table = "audit_head"
        verbose_name = _("사슬의 머리")
        verbose_name_plural = _("사슬의 머리")
        ordering = ["-day"]
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.day} {self.position}"


class LookMark(models.Model):
    """A look that the auditor checked and found unusual; only from then on the customer reads that it was (D-92)."""

    entry = models.OneToOneField(AuditEntry, models.PROTECT, primary_key=True, related_name="mark", **_OF_A_PART)
    kind = models.CharField(_("무엇이 다른가"), max_length=20)
    at = models.DateTimeField(_("언제"))
    by = models.CharField(_("누가"), max_length=40)

    class Meta:
        db_table = "audit_mark"
        verbose_name = _("평소와 다른 조회")
        verbose_name_plural = _("평소와 다른 조회")
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.kind}"


class LookQuestion(models.Model):
    """A customer's question about one look, and the auditor's answer, due on `answer_by` (KST)."""

    class Kind(models.TextChoices):
        NEVER_THERE = "NEVER_THERE", _("이 매장에 간 적이 없습니다")
        NOT_THEN = "NOT_THEN", _("이 시간에 상담한 적이 없습니다")
        WHY = "WHY", _("무엇을 왜 보았는지 알고 싶습니다")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    entry = models.ForeignKey(AuditEntry, models.PROTECT, related_name="questions", **_OF_A_PART)
    customer = models.CharField(_("고객번호"), max_length=40)
    kind = models.CharField(_("무엇이 궁금한가"), max_length=12, choices=Kind.choices)
    words_enc = models.BinaryField(null=True)
    person_index = crypto.BlindIndexField()
    contact_enc = models.BinaryField(null=True)  # the number that gets the word that an answer is there
    language = models.CharField(_("언어"), max_length=2, default="ko")
    asked_at = models.DateTimeField(_("물은 때"))
    answer_by = models.DateField(_("답할 날"))
    answer_enc = models.BinaryField(null=True)
    answered_at = models.DateTimeField(_("답한 때"), null=True)
    answered_by = models.CharField(_("답한 사람"), max_length=40, blank=True, default="")

    words = crypto.Encrypted("words_enc", key="id")
    contact = crypto.Encrypted("contact_enc", key="id")
    answer = crypto.Encrypted("answer_enc", key="id")

    class Meta:
        db_table = "audit_question"
        verbose_name = _("조회에 대한 질문")
        verbose_name_plural = _("조회에 대한 질문")
        ordering = ["answer_by", "asked_at"]
        indexes = [models.Index(fields=["answer_by"], name="question_open", condition=models.Q(answered_at=None))]
        constraints = [
            models.UniqueConstraint(fields=["entry", "customer"], name="question_once"),
            models.CheckConstraint(
                name="question_answered",
                condition=models.Q(answered_at=None, answered_by="", answer_enc=None)
                | models.Q(answered_at__isnull=False, answer_enc__isnull=False) & ~models.Q(answered_by=""),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="asked", fields=["entry", "customer", "kind", "asked_at"]),
            pgtrigger.Protect(
                name="answer_stays",
                operation=pgtrigger.Update,
                # The rotation of keys writes the same answer anew.
                condition=pgtrigger.Condition(
                    "OLD.answered_at IS NOT NULL AND (OLD.answered_at, OLD.answered_by, OLD.answer_by)"
                    " IS DISTINCT FROM (NEW.answered_at, NEW.answered_by, NEW.answer_by)"
                ),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class MonthlyReview(models.Model):
    """The report on the looks of one month as the auditor signed it; its digest stands in the chain."""

    month = models.DateField(_("달"), unique=True)  # its first day
    figures = models.JSONField(_("집계"))
    words_enc = models.BinaryField()
    digest = models.CharField(_("확인값"), max_length=64)
    signed_by = models.CharField(_("서명"), max_length=40)
    signed_at = models.DateTimeField(_("서명한 때"))

    words = crypto.Encrypted("words_enc", key="month")  # the auditor's opinion

    class Meta:
        db_table = "audit_review"
        verbose_name = _("월간 점검")
        verbose_name_plural = _("월간 점검")
        ordering = ["-month"]
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
