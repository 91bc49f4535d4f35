"""The page of one application and its money: payments, holds, corrections, related applications, the audit bundle."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import masking, text
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate, kdate_long, kdatetime, krw
from kt_remedy.staff import household
from kt_remedy.staff.models import User
from refunds import balance
from refunds.models.applications import Application
from refunds.models.cases import Adjustment, OfflinePayment
from refunds.models.items import Item
from refunds.models.states import Status
from refunds.payouts import audit_bundle as bundle
from refunds.payouts import case_timeline, cases, ledger, offline, overview, shared_accounts
from refunds.payouts.admin.forms import AdjustmentForm, ExceptionForm, FindForm, OfflinePaymentForm, ReasonForm
from refunds.payouts.admin.pages import (
    ConfirmedAction,
    confirm,
    download_with_reason,
    file_response,
    page,
    record_look,
    require_permission,
    staff_user,
)
from refunds.payouts.guards import Refused

ACTIONS = {
    "hold": ConfirmedAction(
        "payouts.hold_application",
        gettext_lazy("지급 보류"),
        gettext_lazy("푸실 때까지 이 신청은 어느 회차에도 담기지 않습니다. 이미 확정된 회차의 건은 그대로입니다."),
        gettext_lazy("보류하기"),
        cases.hold,
        gettext_lazy("보류했습니다."),
        form=ReasonForm,
    ),
    "release": ConfirmedAction(
        "payouts.hold_application",
        gettext_lazy("보류 풀기"),
        gettext_lazy("다음 회차부터 다시 지급 대상이 됩니다."),
        gettext_lazy("보류 풀기"),
        cases.release,
        gettext_lazy("보류를 풀었습니다."),
        form=ReasonForm,
        fresh=True,
    ),
    "adjust": ConfirmedAction(
        "payouts.propose_adjustment",
        gettext_lazy("정정 내기"),
        gettext_lazy(
            "다른 사람이 승인하면, 덜 드린 돈은 다음 회차에 따로 나가고 더 드린 돈은 돌려받을 목록에 오릅니다."
        ),
        gettext_lazy("정정 내기"),
        cases.propose_adjustment,
        gettext_lazy("정정을 냈습니다. 다른 사람의 승인을 기다립니다."),
        form=AdjustmentForm,
    ),
    "exception": ConfirmedAction(
        "payouts.propose_exception",
        gettext_lazy("예외로 정정 내기"),
        gettext_lazy(
            "잔액을 넘는 정정입니다. 이유를 적어 내면 지급 승인 담당이 금액을 직접 적고 승인해야 다음 회차에 나가거나 "
            "돌려받을 목록에 오릅니다."
        ),
        gettext_lazy("예외로 내기"),
        cases.propose_exception,
        gettext_lazy("예외로 정정을 냈습니다. 다른 사람의 승인을 기다립니다."),
        form=ExceptionForm,
        fresh=True,
    ),
    "offline": ConfirmedAction(
        "payouts.record_offline_payment",
        gettext_lazy("따로 보낸 지급 적기"),
        gettext_lazy(
            "이 신청의 환급금을 모두 보낸 뒤에 적습니다. 적으면 어느 회차에도 담기지 않고 계좌를 바꿀 수 없습니다. "
            "다른 사람이 영수증을 보고 확인해야 지급된 것이 됩니다."
        ),
        gettext_lazy("보냈다고 적기"),
        offline.record,
        gettext_lazy("적었습니다. 다른 사람의 확인을 기다립니다."),
        form=OfflinePaymentForm,
        fresh=True,
    ),
}


def application_url(row: Application | int) -> str:
    """The address of the page of one application."""
    return reverse("admin:payouts:application", args=[row if isinstance(row, int) else row.pk])


def get_case_or_403(request: HttpRequest, application_id: int) -> Application:
    """An application with its filing, holder and account.

    Raises Http404 for an unknown one, CaseClosed for one of the user's own or the household's.
    """
    rows = Application.objects.select_related("filing", "line__customer", "account")
    row = get_object_or_404(rows, pk=application_id)
    user = staff_user(request)
    if household.is_closed(user, row.filing.person_index):
        raise household.CaseClosed(household.closed_sentence(user, row.filing.person_index))
    return row


def summary_rows(row: Application) -> list[tuple[str, Any]]:
    """The main facts of an application as table rows, masked."""
    return [
        (_("접수번호"), row.filing.reference),
        (_("계약번호"), row.line_id),
        (_("신청한 분"), masking.name(row.line.customer.holder_name or "")),
        (_("계좌"), str(row.account)),
        (_("신청일"), kdate(row.applied_on)),
    ]


@permission_required("payouts.view_case")
def find(request: HttpRequest) -> HttpResponse:
    """Find one application by a number; the number is posted, so that no address contains it."""
    form = FindForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        number = text.code(form.cleaned_data["number"])
        items = Item.objects.filter(reference=number).values("application")
        rows = Application.objects.filter(Q(filing__reference=number) | Q(line=number) | Q(pk__in=items))
        if row := rows.order_by("-pk").first():
            return redirect(application_url(row))
        form.add_error("number", _("이 번호의 신청이 없습니다. 번호 전체를 그대로 적어 주세요."))
    context = {"form": form, "heading": _("신청 한 건 찾기"), "back_url": reverse("admin:index")}
    return page(request, "find", context["heading"], context, status=400 if form.errors else 200)


@permission_required("payouts.view_case")
def application_detail(request: HttpRequest, application_id: int) -> HttpResponse:
    """One application: its payments, holds and corrections, related applications, and the possible actions."""
    row = get_case_or_403(request, application_id)
    record_look(request, "admin.viewed", f"application:{row.pk}", row.line.customer_id)
    holds = list(row.holds.select_related("placed_by", "released_by").order_by("-pk"))
    active_hold = next((hold for hold in holds if hold.released_at is None), None)
    items = list(row.items.select_related("batch").order_by("-pk"))
    corrections = list(row.adjustments.order_by("-pk"))
    offline_payments = list(row.offline_payments.order_by("-pk"))
    actions = _possible_actions(
        request,
        row,
        is_held=active_hold is not None,
        paid=cases.is_paid(row),
        corrections=corrections,
        offline_payments=offline_payments,
    )
    tables = [_payments(request, items), _corrections(request, corrections), _holds(holds)]
    if offline_payments or row.account.is_offline:
        tables.append(_offline_payments(request, offline_payments))
    tables.append(_applications(_("같은 계좌로 가는 다른 신청"), shared_accounts.applications_to_same_account(row)))
    tables.append(_applications(_("같은 분의 다른 신청"), shared_accounts.applications_of_same_person(row)))
    book = ledger.entries(row)
    may_bundle = request.user.has_perm("payouts.download_evidence")
    bundle_url = reverse("admin:payouts:audit_bundle", args=[row.pk]) if may_bundle else ""
    acts = [(label, reverse("admin:payouts:application_action", args=[row.pk, name])) for label, name in actions]
    if request.user.has_perm("payouts.reveal_account") and not row.account.is_offline:
        acts.append((_("계좌번호 전체 보기"), reverse("admin:payouts:account_show", args=[row.pk])))
    context = {
        "row": row,
        "heading": row.filing.reference,
        "rows": summary_rows(row),
        "active_hold": active_hold,
        "balance": balance.of(row.pk),
        "acts": acts,
        "evidence_url": bundle_url,
        "about": [
            masking.name(row.line.customer.holder_name or ""),
            row.filing.reference,
            _("%(day)s 해지") % {"day": kdate_long(row.line.terminated_on)} if row.line.terminated_on else "",
        ],
        "book": [(entry, _if_money(request, entry.page, entry.key) if entry.page else "") for entry in book],
        "events": case_timeline.events(row),
        "tables": tables,
    }
    return page(request, "application_detail", context["heading"], context)


@permission_required(*{action.permission for action in ACTIONS.values()})
def action(request: HttpRequest, application_id: int, name: str) -> HttpResponse:
    """Hold or release an application, propose a correction, record an offline payment."""
    if name not in ACTIONS:
        raise Http404
    require_permission(request, ACTIONS[name].permission)
    row = get_case_or_403(request, application_id)
    rows, initial = summary_rows(row), None
    if name in {"adjust", "exception"}:
        left = balance.of(row.pk)
        rows += [
            (_("지금 청구 자료가 말하는 금액"), krw(left.owed)),
            (_("보낸 금액"), krw(left.kept)),
            (_("더 드릴 수 있는 금액"), krw(cases.amount_left(row, left, Adjustment.Cause.UNDERPAID))),
            (_("돌려받을 수 있는 금액"), krw(left.claimable)),
        ]
        initial = _prefilled(row, left, by_exception=name == "exception")
    if name == "offline":
        try:
            rows.append((_("지금 보낼 금액"), krw(offline.payable_offline(row).payable)))
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect(application_url(row))
    return confirm(
        request,
        ACTIONS[name],
        back_url=application_url(row),
        title=row.filing.reference,
        rows=rows,
        initial=initial,
        application_id=row.pk,
    )


def _prefilled(row: Application, left: balance.Balance, *, by_exception: bool) -> dict[str, Any]:
    """What the form of a correction starts with: an upheld objection's difference, else what the balance leaves."""
    if by_exception and (objection := cases.settles(row).first()):
        cause: Adjustment.Cause = Adjustment.Cause.OBJECTION
        won = objection.difference_krw
        return {"cause": cause, "amount_krw": won, "objection_id": objection.pk, "reason": objection.answer}
    cause = Adjustment.Cause.OVERPAID if left.claimable else Adjustment.Cause.CORRECTED_BILL
    return {"cause": cause, "amount_krw": cases.amount_left(row, left, cause) or None}


@permission_required("payouts.download_evidence")
def audit_bundle(request: HttpRequest, application_id: int) -> HttpResponse | StreamingHttpResponse:
    """Every record of one application as one file."""
    row = get_case_or_403(request, application_id)

    def make(user: User, reason: str) -> HttpResponse | StreamingHttpResponse:
        content = bundle.download_bundle(application_id=row.pk, user=user, reason=reason)
        return file_response(content, f"evidence-{row.filing.reference}.zip", "application/zip")

    return download_with_reason(
        request,
        title=_("증빙 묶음 내려받기"),
        about=row.filing.reference,
        text=_("이 신청의 모든 기록을 한 파일로 묶습니다. 감사 담당에게는 이름, 번호, 계좌가 그대로 들어갑니다.")
        if request.user.has_perm("payouts.download_clear_evidence")
        else _("이 신청의 모든 기록을 한 파일로 묶습니다. 이름, 번호, 계좌는 가려집니다."),
        rows=summary_rows(row),
        back_url=application_url(row),
        make=make,
    )


def _possible_actions(
    request: HttpRequest,
    row: Application,
    *,
    is_held: bool,
    paid: bool,
    corrections: list[Adjustment],
    offline_payments: list[OfflinePayment],
) -> list[tuple[str, str]]:
    """(label, name) of the actions that the user's role and the state of the application allow."""
    actions = []
    may = request.user.has_perm
    if may("payouts.hold_application"):
        actions.append((_("보류 풀기"), "release") if is_held else (_("지급 보류"), "hold"))
    proposed = any(correction.status == Adjustment.Status.PROPOSED for correction in corrections)
    if may("payouts.propose_adjustment") and paid and not proposed:
        actions.append((_("정정 내기"), "adjust"))
    if may("payouts.propose_exception") and row.status == Status.APPROVED and not proposed:
        actions.append((_("예외로 정정 내기"), "exception"))
    payable = row.account.is_offline and row.status == Status.APPROVED
    holding = any(payment.status in OfflinePayment.HOLDING for payment in offline_payments)
    if may("payouts.record_offline_payment") and payable and not holding:
        actions.append((_("따로 보낸 지급 적기"), "offline"))
    return actions


def _if_money(request: HttpRequest, route: str, key: int) -> str:
    """The address of a money page, for those who may open it."""
    return reverse(f"admin:payouts:{route}", args=[key]) if request.user.has_perm("payouts.view_batch") else ""


def _payments(request: HttpRequest, items: list[Item]) -> dict[str, Any]:
    return {
        "title": _("지급"),
        "head": [_("관리번호"), _("지급 회차"), _("상태"), _("금액")],
        "rows": [
            [
                (item.reference, _if_money(request, "item", item.pk)),
                (overview.round_name(item.batch.number, item.batch.pay_on), ""),
                (str(item.get_status_display()), ""),
                (krw(item.amount_krw), ""),
            ]
            for item in items
        ],
        "empty": _("아직 어느 회차에도 담기지 않았습니다."),
    }


def _corrections(request: HttpRequest, corrections: list[Adjustment]) -> dict[str, Any]:
    return {
        "title": _("정정"),
        "head": [_("종류"), _("상태"), _("낸 때"), _("금액")],
        "rows": [
            [
                (str(correction.get_cause_display()), _if_money(request, "adjustment", correction.pk)),
                (str(correction.get_status_display()), ""),
                (kdatetime(correction.proposed_at), ""),
                (krw(correction.amount_krw), ""),
            ]
            for correction in corrections
        ],
        "empty": _("정정이 없습니다."),
    }


def _holds(holds: list) -> dict[str, Any]:
    return {
        "title": _("보류한 기록"),
        "head": [_("이유"), _("보류"), _("해제")],
        "rows": [
            [
                (hold.reason, ""),
                (f"{kdatetime(hold.placed_at)} {overview.name_of(hold.placed_by)}", ""),
                (f"{kdatetime(hold.released_at)} {overview.name_of(hold.released_by)}", "")
                if hold.released_at
                else (_("보류 중"), ""),
            ]
            for hold in holds
        ],
        "empty": _("보류한 적이 없습니다."),
    }


def _offline_payments(request: HttpRequest, payments: list[OfflinePayment]) -> dict[str, Any]:
    return {
        "title": _("따로 보낸 지급"),
        "head": [_("보낸 방법"), _("영수증 번호"), _("보낸 날"), _("상태"), _("금액")],
        "rows": [
            [
                (str(payment.get_way_display()), _if_money(request, "offline_payment", payment.pk)),
                (payment.reference, ""),
                (kdate(payment.paid_on), ""),
                (str(payment.get_status_display()), ""),
                (krw(payment.amount_krw), ""),
            ]
            for payment in payments
        ],
        "empty": _("아직 보내지 않았습니다."),
    }


def _applications(title: str, rows: list[Application]) -> dict[str, Any]:
    return {
        "title": title,
        "head": [_("접수번호"), _("신청한 분"), _("계좌"), _("상태")],
        "rows": [
            [
                (row.filing.reference, application_url(row)),
                (masking.name(row.line.customer.holder_name or ""), ""),
                (str(row.account), ""),
                (str(row.get_status_display()), ""),
            ]
            for row in rows
        ],
        "empty": _("없습니다."),
    }
