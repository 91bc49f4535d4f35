"""Parts of the page of a batch: the last round beside it, a sample to verify, proofs, comments."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kt_remedy.audit import service as audit
from kt_remedy.core.access import permission_required
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import comments, comparison, overview, sample
from refunds.payouts.admin.pages import staff_user
from refunds.payouts.guards import Refused


def context(batch: Batch) -> dict[str, Any]:
    """Comments and proofs, which need no figures."""
    return {
        "comments": [(comment, overview.name_of(comment.author)) for comment in comments.of(batch)],
        "audit_head": audit.head(),
    }


def comparison_and_sample(batch: Batch, chosen: list[tuple[int, list[str]]], items: dict[int, Item]) -> dict[str, Any]:
    """The last round beside the stored figures of this one, and the sample with its bills."""
    last = comparison.before(batch)
    labels = overview.hint_labels()
    return {
        "last": overview.round_name(last.number, last.pay_on) if last else "",
        "compared": comparison.compare(Batch.objects.select_related("figures").get(pk=batch.pk), last),
        "sample": [(row, [str(labels[code]) for code in row.hints]) for row in sample.shown(chosen, items)],
    }


@permission_required("payouts.comment_batch")
@require_POST
def comment(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Add a comment to a batch."""
    row = get_object_or_404(Batch, pk=batch_id)
    try:
        comments.add(batch_id=row.pk, user=staff_user(request), words=request.POST.get("words", ""))
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("메모를 남겼습니다."))
    return redirect(reverse("admin:payouts:batch", args=[row.pk]) + "#comments")
