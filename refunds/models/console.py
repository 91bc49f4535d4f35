"""What people keep in the console: filters of its lists, and comments on a batch."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import crypto
from refunds.models.batches import Batch
from refunds.models.protection import APPEND_ONLY, STAFF


class SavedFilter(models.Model):
    """A filter of a list under a name, for its owner or for everybody who may open the list. It holds no search."""

    owner = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("누가"))
    # Name of the model whose list it filters.
    list = models.CharField(_("목록"), max_length=20)
    name = models.CharField(_("이름"), max_length=30)
    query = models.CharField(_("거르기"), max_length=400)
    shared = models.BooleanField(_("모두에게"), default=False)
    saved_at = models.DateTimeField(_("저장"))

    class Meta:
        db_table = "refunds_saved_filter"
        verbose_name = _("저장한 거르기")
        verbose_name_plural = _("저장한 거르기")
        constraints = [
            models.UniqueConstraint(fields=["owner", "list", "name"], name="saved_filter_name"),
            models.CheckConstraint(name="saved_filter_filled", condition=~Q(name="") & ~Q(query="")),
        ]

    def __str__(self) -> str:
        return self.name


class BatchComment(models.Model):
    """A remark of a person on a batch; it is only added."""

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="comments", verbose_name=_("지급 회차"))
    author = models.ForeignKey(STAFF, models.PROTECT, related_name="+", verbose_name=_("누가"))
    text = crypto.EncryptedTextField(_("내용"))
    at = models.DateTimeField(_("언제"))

    class Meta:
        db_table = "refunds_batch_comment"
        verbose_name = _("회차 메모")
        verbose_name_plural = _("회차 메모")
        ordering = ["pk"]
        constraints = [models.CheckConstraint(name="batch_comment_filled", condition=~Q(text=""))]
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.batch_id}: {self.at:%Y-%m-%d %H:%M}"
