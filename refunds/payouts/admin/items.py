"""The page of one payment, and taking one or a selection of them out of a batch."""

from django.contrib import messages
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import masking
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import krw
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import batches, overview
from refunds.payouts.admin.application_detail import application_url
from refunds.payouts.admin.forms import ReasonForm, SelectionForm
from refunds.payouts.admin.pages import ConfirmedAction, confirm, page, record_look, refuse_changes, staff_user
from refunds.payouts.guards import Refused

TAKE_OUT = ConfirmedAction(
    "payouts.remove_item",
    gettext_lazy("한 건 빼기"),
    gettext_lazy("이 건은 다음 회차로 넘어갑니다. 승인은 무효가 되고, 회차를 다시 확정해야 합니다."),
    gettext_lazy("이 건 빼기"),
    batches.take_out,
    gettext_lazy("뺐습니다. 회차를 다시 확정해야 합니다."),
    form=ReasonForm,
)


TAKE_OUT_SELECTION = ConfirmedAction(
    TAKE_OUT.permission,
    gettext_lazy("고른 건 빼기"),
    gettext_lazy(
        "고른 건은 다음 회차로 넘어갑니다. 승인은 무효가 되고 만든 파일은 버립니다. 회차는 한 번만 다시 확정하고"
        " 승인하면 됩니다."
    ),
    gettext_lazy("고른 건 빼기"),
    batches.take_out,
    "",
    form=ReasonForm,
)
# Payments that the page before the act names.
SHOWN = 100


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
        "can_take_out": request.user.has_perm("payouts.remove_item") and _removable(row),
        "case_url": application_url(row.application_id),
    }
    return page(request, "item", row.reference, context)


@permission_required(TAKE_OUT.permission)
def take_out(request: HttpRequest, item_id: int) -> HttpResponse:
    """Take one item out of a batch no part of which is at the bank."""
    row = get_object_or_404(Item.objects.select_related("account"), pk=item_id)
    rows = [(_("금액"), krw(row.amount_krw)), (_("계좌"), str(row.account))]
    back_url = reverse("admin:payouts:batch", args=[row.batch_id])
    return confirm(request, TAKE_OUT, back_url=back_url, title=row.reference, rows=rows, item_ids=[row.pk])


def _removable(row: Item) -> bool:
    return row.status == Item.Status.QUEUED or (
        row.status == Item.Status.FILED and row.file is not None and row.file.status in BankFile.BEFORE_BANK
    )


@permission_required(TAKE_OUT.permission)
def take_out_selection(request: HttpRequest) -> HttpResponse:
    """Take the selected items out: a page that says how many and how much, then the act."""
    numbers = [text for text in request.POST.get("items", "").split(",") if text.isascii() and text.isdigit()]
    if not numbers:
        return redirect("admin:refunds_item_changelist")
    return take_out_page(request, [int(number) for number in numbers], confirmed="confirmed" in request.POST)


def take_out_page(request: HttpRequest, item_ids: list[int], *, confirmed: bool = False) -> HttpResponse:
    """The page before the selected items are taken out, and the act once it is confirmed with a reason."""
    items = Item.objects.filter(pk__in=item_ids)
    sums = items.aggregate(count=Count("pk"), won=Sum("amount_krw"))
    batch = Batch.objects.filter(items__pk__in=item_ids[:1]).first()
    if batch is None:
        return redirect("admin:refunds_item_changelist")
    form = SelectionForm(request.POST if confirmed else None, initial={"items": ",".join(map(str, item_ids))})
    back_url = reverse("admin:payouts:batch", args=[batch.pk])
    if confirmed and form.is_valid():
        try:
            batches.take_out(item_ids=item_ids, user=staff_user(request), reason=form.cleaned_data["reason"])
        except Refused as refused:
            messages.error(request, refused.message)
        else:
            messages.success(
                request, _("%(count)s건을 뺐습니다. 회차를 다시 확정해야 합니다.") % {"count": f"{sums['count']:,}"}
            )
        return redirect(back_url)
    context = {
        "form": form,
        "form_url": reverse("admin:payouts:take_out_selection"),
        "action": TAKE_OUT_SELECTION,
        "heading": TAKE_OUT_SELECTION.title,
        "about": overview.round_name(batch.number, batch.pay_on),
        "rows": [(_("건수"), f"{sums['count']:,}"), (_("합계"), krw(sums["won"] or 0))],
        "references": list(items.order_by("id").values_list("reference", "amount_krw")[:SHOWN]),
        "back_url": back_url,
    }
    return page(request, "confirm", context["heading"], context, status=400 if form.errors else 200)
