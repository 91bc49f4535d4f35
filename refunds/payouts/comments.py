"""Comments of people on a batch. They are only added."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.core import clock, text
from kt_remedy.staff.models import User
from refunds.models.batches import Batch
from refunds.models.console import BatchComment
from refunds.payouts.guards import Refused, record_act, require_permission

MOST_SIGNS = 1_000


def of(batch: Batch) -> QuerySet[BatchComment]:
    """The comments on a batch, oldest first."""
    return batch.comments.select_related("author").order_by("pk")


def add(*, batch_id: int, user: User, words: str) -> BatchComment:
    """Add a comment to a batch. Raises Refused: ROLE, EMPTY, LONG."""
    require_permission(user, "payouts.comment_batch")
    words = text.clean_lines(words).strip()
    if not words:
        raise Refused("EMPTY", _("적은 것이 없습니다."))
    if len(words) > MOST_SIGNS:
        raise Refused("LONG", _("%(most)s자까지 적을 수 있습니다.") % {"most": f"{MOST_SIGNS:,}"})
    with transaction.atomic():
        batch = Batch.objects.get(pk=batch_id)
        comment = BatchComment.objects.create(batch=batch, author=user, text=words, at=clock.now())
        # The words stay in their own table, which nothing changes.
        record_act(user, "batch.commented", batch, comment=comment.pk)
    return comment
