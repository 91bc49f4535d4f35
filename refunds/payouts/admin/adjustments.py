"""The page of one correction, and its decision."""

from dataclasses import replace
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdatetime, krw
from refunds import balance
from refunds.models.cases import Adjustment
from refunds.payouts import cases, overview
from refunds.payouts.admin.application_detail import application_url, get_case_or_403
from refunds.payouts.admin.forms import ReasonForm, TypedAmountForm
from refunds.payouts.admin.pages import (
    ConfirmedAction,
    confirm,
    page,
    record_look,
    refuse_changes,
    require_permission,
    staff_user,
)
from refunds.payouts.guards import is_maker

ACTIONS = {
    "approve": ConfirmedAction(
        "payouts.decide_adjustment",
        gettext_lazy("정정 승인"),
        gettext_lazy("덜 드린 돈은 다음 회차에 나갑니다. 더 드린 돈은 고객에게 돌려받습니다."),
        gettext_lazy("승인하기"),
        partial(cases.decide_adjustment, approve=True),
        gettext_lazy("승인했습니다."),
        fresh=True,
    ),
    "decline": ConfirmedAction(
        "payouts.decide_adjustment",
        gettext_lazy("정정 받아들이지 않기"),
        gettext_lazy("이 정정은 나가지 않습니다. 낸 사람은 이유를 보고 다시 낼 수 있습니다."),
        gettext_lazy("받아들이지 않기"),
        partial(cases.decide_adjustment, approve=False),
        gettext_lazy("받아들이지 않았습니다."),
        form=ReasonForm,
    ),
    "recovered": ConfirmedAction(
        "payouts.record_recovery",
        gettext_lazy("돌려받음"),
        gettext_lazy("더 드린 돈이 들어왔음을 본인 이름으로 남깁니다. 언제 어떻게 들어왔는지 적어 주세요."),
        gettext_lazy("돌려받음으로 남기기"),
        cases.recovered,
        gettext_lazy("돌려받은 것으로 남겼습니다."),
        form=ReasonForm,
        fresh=True,
    ),
}


@permission_required("payouts.view_batch")
def adjustment(request: HttpRequest, adjustment_id: int) -> HttpResponse:
    """One correction: the refund it corrects, its proposer, and the decision that is due."""
    refuse_changes(request)
    row = get_object_or_404(Adjustment, pk=adjustment_id)
    user, application = staff_user(request), get_case_or_403(request, row.application_id)
    record_look(request, "admin.viewed", f"adjustment:{row.pk}", application.line.customer_id)
    mine = is_maker(user, row.proposed_by_id, row.proposed_person)
    deciding = request.user.has_perm("payouts.decide_adjustment") and cases.is_open(row, approve=False)
    names = ["approve", "decline"] if cases.is_open(row, approve=True) else ["decline"]
    names = names if deciding and not mine else []
    if row.status == Adjustment.Status.CLAIMED and request.user.has_perm("payouts.record_recovery"):
        names = ["recovered"]
    context = {
        "row": row,
        "heading": _("정정 %(number)s") % {"number": row.pk},
        "rows": _rows(row),
        "items": row.items.select_related("batch").order_by("pk"),
        "acts": [
            (ACTIONS[name].button, reverse("admin:payouts:adjustment_action", args=[row.pk, name])) for name in names
        ],
        "mine": mine and deciding,
        "case_url": application_url(row.application_id),
    }
    return page(request, "adjustment", context["heading"], context)


@permission_required(*{action.permission for action in ACTIONS.values()})
def action(request: HttpRequest, adjustment_id: int, name: str) -> HttpResponse:
    """Approve or decline a correction, or record that claimed money was returned."""
    if name not in ACTIONS:
        raise Http404
    require_permission(request, ACTIONS[name].permission)
    rows = Adjustment.objects.select_related("application__filing", "application__account")
    row = get_object_or_404(rows, pk=adjustment_id)
    act = ACTIONS[name]
    if row.by_exception and name == "approve":
        act = replace(act, form=TypedAmountForm)
    return confirm(
        request,
        act,
        back_url=reverse("admin:payouts:adjustment", args=[row.pk]),
        title=_("정정 %(number)s") % {"number": row.pk},
        rows=[(_("금액"), krw(row.amount_krw)), *_rows(row), (_("이유"), row.reason)],
        adjustment_id=row.pk,
    )


def _rows(row: Adjustment) -> list[tuple[str, Any]]:
    left = balance.of(row.application_id)
    rows = [
        (_("종류"), str(row.get_cause_display())),
        (_("잔액과의 관계"), _("예외: 잔액을 넘을 수 있음") if row.by_exception else _("잔액 안")),
        (_("접수번호"), row.application.filing.reference),
        (_("지금 청구 자료가 말하는 금액"), krw(left.owed)),
        (_("보낸 금액"), krw(left.kept)),
        (_("지금 남은 금액"), krw(cases.amount_left(row.application, left, row.cause))),
        (_("계좌"), str(row.application.account)),
        (_("낸 사람"), f"{overview.name_of(row.proposed_by)} {kdatetime(row.proposed_at)}"),
    ]
    if row.allowed_krw is not None:
        rows.append((_("승인할 때 남은 금액"), krw(row.allowed_krw)))
    if row.decided_at:
        rows.append((_("정한 사람"), f"{overview.name_of(row.decided_by)} {kdatetime(row.decided_at)}"))
    return rows
