"""The page of one offline payment, and its confirmation."""

from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate, kdatetime, krw
from refunds import balance
from refunds.models.cases import OfflinePayment
from refunds.payouts import offline, overview
from refunds.payouts.admin.application_detail import application_url, get_case_or_403
from refunds.payouts.admin.forms import ReasonForm
from refunds.payouts.admin.pages import (
    ConfirmedAction,
    confirm,
    page,
    record_look,
    refuse_changes,
    staff_user,
)
from refunds.payouts.guards import is_maker

ACTIONS = {
    "confirm": ConfirmedAction(
        "payouts.decide_offline_payment",
        gettext_lazy("따로 보낸 지급 확인"),
        gettext_lazy("영수증과 견주어 보셨나요? 확인하면 지급된 것이 되고 고객에게 문자가 갑니다. 되돌릴 수 없습니다."),
        gettext_lazy("확인하기"),
        partial(offline.decide, confirm=True),
        gettext_lazy("확인했습니다."),
        fresh=True,
    ),
    "decline": ConfirmedAction(
        "payouts.decide_offline_payment",
        gettext_lazy("따로 보낸 지급 받아들이지 않기"),
        gettext_lazy("돈이 나가지 않은 것으로 남습니다. 정말 나가지 않았는지 먼저 확인해 주세요."),
        gettext_lazy("받아들이지 않기"),
        partial(offline.decide, confirm=False),
        gettext_lazy("받아들이지 않았습니다."),
        form=ReasonForm,
        fresh=True,
    ),
}


@permission_required("payouts.view_batch")
def offline_payment(request: HttpRequest, payment_id: int) -> HttpResponse:
    """One offline payment, and the decision that is due."""
    refuse_changes(request)
    row = get_object_or_404(OfflinePayment, pk=payment_id)
    user, application = staff_user(request), get_case_or_403(request, row.application_id)
    record_look(request, "admin.viewed", f"offlinepayment:{row.pk}", application.line.customer_id)
    mine = is_maker(user, row.recorded_by_id, row.recorded_person)
    deciding = row.status == OfflinePayment.Status.RECORDED and request.user.has_perm("payouts.decide_offline_payment")
    context = {
        "row": row,
        "heading": _("따로 보낸 지급 %(number)s") % {"number": row.pk},
        "rows": _rows(row),
        "acts": [
            (action.button, reverse("admin:payouts:offline_payment_action", args=[row.pk, name]))
            for name, action in ACTIONS.items()
            if deciding and not mine
        ],
        "mine": mine and deciding,
        "case_url": application_url(row.application_id),
    }
    return page(request, "offline_payment", context["heading"], context)


@permission_required("payouts.decide_offline_payment")
def action(request: HttpRequest, payment_id: int, name: str) -> HttpResponse:
    """Confirm or decline an offline payment."""
    if name not in ACTIONS:
        raise Http404
    row = get_object_or_404(OfflinePayment.objects.select_related("application__filing"), pk=payment_id)
    get_case_or_403(request, row.application_id)
    return confirm(
        request,
        ACTIONS[name],
        back_url=reverse("admin:payouts:offline_payment", args=[row.pk]),
        title=_("따로 보낸 지급 %(number)s") % {"number": row.pk},
        rows=[(_("금액"), krw(row.amount_krw)), *_rows(row)],
        payment_id=row.pk,
    )


def _rows(row: OfflinePayment) -> list[tuple[str, Any]]:
    rows = [
        (_("접수번호"), row.application.filing.reference),
        (_("보낸 방법"), str(row.get_way_display())),
        (_("보낸 날"), kdate(row.paid_on)),
        (_("영수증 번호"), row.reference),
        (_("지금 청구 자료가 말하는 금액"), krw(balance.of(row.application_id).owed)),
        (_("적은 사람"), f"{overview.name_of(row.recorded_by)} {kdatetime(row.recorded_at)}"),
    ]
    if row.decided_at:
        rows.append((_("확인한 사람"), f"{overview.name_of(row.decided_by)} {kdatetime(row.decided_at)}"))
    return rows
