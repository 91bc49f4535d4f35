"""Audit entries and their seals. Rows are only added, never changed or deleted."""

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
# Only the owner of the table may truncate it. This trigger stops the owner too, and a flush of the wrong database.
NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func="RAISE EXCEPTION 'the record of acts is never emptied';",
)


class AuditEntry(models.Model):
    """One act: its actor, subject, action, time, network address and reason.

    Its `seal` is added after commit (see `service.seal_entries`).

    """

    at = models.DateTimeField(_("언제"))
    actor = models.CharField(_("누가"), max_length=40)  # "customer", "staff:<id>", "system"
    action = models.CharField(_("무엇을"), max_length=60)
    object = models.CharField(_("대상"), max_length=80)
    subject = models.CharField(_("누구의 정보"), max_length=40, blank=True)  # a customer number
    reason = models.TextField(_("이유"), blank=True)
    ip = models.GenericIPAddressField(_("접속 주소"), null=True)
    detail = models.JSONField(_("내용"), default=dict)

    class Meta:
        db_table = "audit_entry"
        verbose_name = _("접속 기록")
        verbose_name_plural = _("접속 기록")
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["actor", "at"], name="audit_actor"),
            models.Index(fields=["subject", "at"], name="audit_subject", condition=~models.Q(subject="")),
            models.Index(fields=["object"], name="audit_object"),
        ]
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.action} {self.object}"


class AuditSeal(models.Model):
    """The place of an entry in the chain and its digest, which covers the entry and the digest before it."""

    entry = models.OneToOneField(AuditEntry, models.PROTECT, primary_key=True, related_name="seal")
    position = models.BigIntegerField(_("사슬 번호"), unique=True)
    digest = models.BinaryField()

    class Meta:
        db_table = "audit_seal"
        verbose_name = _("접속 기록의 사슬")
        verbose_name_plural = _("접속 기록의 사슬")
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.position}"
