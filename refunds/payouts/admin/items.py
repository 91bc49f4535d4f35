"""The page of one payment, and taking it out of its batch."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import masking
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import krw
from refunds.models.items import Item
from refunds.payouts import batches, overview
from refunds.payouts.admin.application_detail import application_url
from refunds.payouts.admin.forms import ReasonForm
from refunds.payouts.admin.pages import ConfirmedAction, confirm, page, record_look, refuse_changes

TAKE_OUT = ConfirmedAction(
    "payouts.remove_item",
    gettext_lazy("한 건 빼기"),
    gettext_lazy("이 건은 다음 회차로 넘어갑니다. 승인은 무효가 되고, 회차를 다시 확정해야 합니다."),
    gettext_lazy("이 건 빼기"),
    batches.take_out,
    gettext_lazy("뺐습니다. 회차를 다시 확정해야 합니다."),
    form=ReasonForm,
)


@permission_required("payouts.view_batch")
def item(request: HttpRequest, item_id: int) -> HttpResponse:
    """One payment and its events in the order they happened."""
    refuse_changes(request)
    rows = Item.objects.select_related("batch", "account", "file", "result", "application__filing", "application__line")
    row = get_object_or_404(rows, pk=item_id)
    record_look(request, "admin.viewed", f"item:{row.pk}", row.application.line.customer_id)
    labels = dict(Item.Status.choices)
    history = row.events  # type: ignore[attr-defined]  # the history adds it
    events = history.order_by("pgh_id").values("pgh_label", "status", "status_at", "code")
    context = {
        "item": row,
        "rows": [
            (_("지급 회차"), overview.round_name(row.batch.number, row.batch.pay_on)),
            (_("종류"), row.get_kind_display()),
            (_("계약번호"), row.contract_no),
            (_("접수번호"), row.application.filing.reference),
            (_("받는 사람"), masking.name(row.account.holder_name or "")),
            (_("계좌"), str(row.account)),
            (_("번째 시도"), str(row.attempt)),
            (_("은행 파일"), str(row.file or "")),
            (_("은행 결과"), str(row.result or "")),
        ],
        "events": [{**event, "label": labels[event["status"]]} for event in events],
        "can_take_out": request.user.has_perm("payouts.remove_item") and row.status == Item.Status.QUEUED,
        "case_url": application_url(row.application_id),
    }
    return page(request, "item", row.reference, context)


@permission_required(TAKE_OUT.permission)
def take_out(request: HttpRequest, item_id: int) -> HttpResponse:
    """Take one item out of a batch that is not filed."""
    row = get_object_or_404(Item.objects.select_related("account"), pk=item_id)
    rows = [(_("금액"), krw(row.amount_krw)), (_("계좌"), str(row.account))]
    back_url = reverse("admin:payouts:batch", args=[row.batch_id])
    return confirm(request, TAKE_OUT, back_url=back_url, title=row.reference, rows=rows, item_id=row.pk)
