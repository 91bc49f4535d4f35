"""The money finance holds ready for each frozen batch: a list to print, and the record of who was told."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate, kdatetime, krw
from refunds.models.batches import FundsNotice
from refunds.payouts import funds, overview
from refunds.payouts.admin.forms import ToldForm
from refunds.payouts.admin.pages import ConfirmedAction, confirm, count_and_sum, page

TELL = ConfirmedAction(
    "payouts.tell_finance",
    gettext_lazy("재무에 지급 자금 알림"),
    gettext_lazy("합계와 이체일을 재무에 알린 뒤 누구에게 알렸는지 남깁니다."),
    gettext_lazy("알린 것으로 남기기"),
    funds.tell,
    gettext_lazy("재무에 알린 것으로 남겼습니다."),
    form=ToldForm,
)
SHOWN = 100


@permission_required("payouts.view_batch")
def notices(request: HttpRequest) -> HttpResponse:
    """Sum and value date of every frozen batch, the newest first."""
    may = request.user.has_perm(TELL.permission)
    rows = []
    for row in FundsNotice.objects.select_related("batch", "told_by")[:SHOWN]:
        url, state = "", _("무효")
        if row.told_at:
            state = _("%(at)s %(to)s에게 알림") % {"at": kdatetime(row.told_at), "to": row.told_to}
        elif not row.void_at:
            state = _("아직 알리지 않음")
            url = reverse("admin:payouts:funds_tell", args=[row.pk]) if may else ""
        rows.append(
            [
                (overview.round_name(row.batch.number, row.batch.pay_on), ""),
                (kdate(row.value_on), ""),
                (krw(row.won), ""),
                (f"{row.count:,}", ""),
                (kdatetime(row.written_at), ""),
                (state, url),
            ]
        )
    heads = [_("지급 회차"), _("이체일"), _("합계"), _("건수"), _("확정"), _("재무")]
    context = {
        "heading": _("지급 자금"),
        "lead": _(
            "확정한 회차마다 이체일까지 지급 계좌에 있어야 할 돈입니다. 재무에 알리고 누구에게 알렸는지 남겨 주세요."
        ),
        "tables": [{"title": _("회차별 자금"), "head": heads, "rows": rows, "empty": _("없습니다.")}],
    }
    return page(request, "listing", context["heading"], context)


@permission_required(TELL.permission)
def tell(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Record that finance was told."""
    row = get_object_or_404(FundsNotice.objects.select_related("batch"), pk=notice_id)
    return confirm(
        request,
        TELL,
        back_url=reverse("admin:payouts:funds"),
        title=overview.round_name(row.batch.number, row.batch.pay_on),
        rows=[*count_and_sum(row), (_("이체일"), kdate(row.value_on))],
        notice_id=row.pk,
    )
