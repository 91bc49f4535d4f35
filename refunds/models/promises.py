"""Promises with their history, the changes that a text still has to tell, and the shards of a large refresh.

`refunds.promise` alone writes these tables.
"""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from kt_remedy.core.tasks.rows import TaskRow
from refunds.models.applications import Application
from refunds.models.protection import APPEND_ONLY


class PromiseRecord(models.Model):
    """One promise to a customer, as it was given (D-69). The last one of an application stands; none is changed."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="promises", verbose_name=_("신청"))
    number = models.IntegerField(_("순번"))
    at = models.DateTimeField(_("언제"))
    # What changed: the code of a decision or the name of an act.
    cause = models.CharField(_("바뀐 이유"), max_length=40)
    situation = models.CharField(_("상황"), max_length=16)
    kind = models.CharField(_("날의 뜻"), max_length=6)
    day = models.DateField(_("날"), null=True)
    previous_day = models.DateField(_("앞서 약속한 날"), null=True)
    reason = models.CharField(_("이유"), max_length=20, blank=True, default="")
    won = models.BigIntegerField(_("금액(원)"), null=True)
    since = models.DateTimeField()
    changeable_until = models.DateTimeField(null=True)
    pay_by = models.DateField(null=True)
    # When the calendar alone makes it another promise.
    check_at = models.DateTimeField(null=True)
    # The first sentence as the customer read it.
    language = models.CharField(_("언어"), max_length=2)
    sentence = models.TextField(_("첫 문장"))
    version = models.CharField(max_length=8)

    class Meta:
        db_table = "refunds_promise"
        verbose_name = _("약속")
        verbose_name_plural = _("약속")
        constraints = [models.UniqueConstraint(fields=["application", "number"], name="promise_number")]
        indexes = [models.Index(fields=["check_at"], name="promise_check", condition=Q(check_at__isnull=False))]
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.application_id}: {self.situation}"


class PromiseNotice(models.Model):
    """A change of a promise that a text has to tell: open until it is told, one open row for each application.

    Rows of one person are told by one text. A later change replaces what an open row says.
    """

    application = models.ForeignKey(Application, models.PROTECT, related_name="promise_notices")
    person_index = crypto.BlindIndexField()
    kind = models.CharField(max_length=40)
    context = models.JSONField(default=dict)  # dates by the name of the field of the text
    opened_at = models.DateTimeField()
    # Business time from which it leaves.
    due_at = models.DateTimeField()
    # The pay day or answer day it is about: the nearest one leaves first.
    day = models.DateField(null=True)
    told_at = models.DateTimeField(null=True)
    # The subject of the text that told it.
    subject = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        db_table = "refunds_promise_notice"
        constraints = [
            models.UniqueConstraint(fields=["application"], condition=Q(told_at=None), name="promise_notice_open_once")
        ]
        indexes = [
            models.Index(fields=["person_index", "due_at"], name="promise_notice_open", condition=Q(told_at=None))
        ]
        triggers = [
            pgtrigger.Protect(
                name="told_once", operation=pgtrigger.Update, condition=pgtrigger.Condition("OLD.told_at IS NOT NULL")
            )
        ]

    def __str__(self) -> str:
        return f"{self.application_id}: {self.kind}"


class PromiseShard(TaskRow):
    """Applications whose promises a worker refreshes, of a change that concerns many; deleted when it is done."""

    application_ids = ArrayField(models.BigIntegerField())
    cause = models.CharField(max_length=40)

    class Meta:
        db_table = "refunds_promise_shard"

    def __str__(self) -> str:
        return str(self.pk)
