"""Who looked at or changed whose data, when, from where and why. Rows are only ever added."""

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """One act. `position` and `digest` are set once, after commit, by the chain (see `service.chain`)."""

    at = models.DateTimeField(_("언제"))
    actor = models.CharField(_("누가"), max_length=40)  # "customer", "staff:<id>", "system"
    action = models.CharField(_("무엇을"), max_length=60)
    object = models.CharField(_("대상"), max_length=80)
    subject = models.CharField(_("누구의 정보"), max_length=40, blank=True)  # a customer number
    reason = models.TextField(_("이유"), blank=True)
    ip = models.GenericIPAddressField(_("접속 주소"), null=True)
    detail = models.JSONField(_("내용"), default=dict)
    position = models.BigIntegerField(_("사슬 번호"), null=True, unique=True)
    digest = models.BinaryField(null=True)

    class Meta:
        db_table = "audit_entry"
        verbose_name = _("접속 기록")
        verbose_name_plural = _("접속 기록")
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["actor", "at"], name="audit_actor"),
            models.Index(fields=["subject", "at"], name="audit_subject", condition=~models.Q(subject="")),
            models.Index(fields=["object"], name="audit_object"),
            # The chain asks for what it has not seen yet: a handful among millions.
            models.Index(fields=["id"], name="audit_unchained", condition=models.Q(position__isnull=True)),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="no_update_once_chained",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__position__isnull=False),
            ),
            pgtrigger.ReadOnly(name="no_change", exclude=["position", "digest"]),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object}"
