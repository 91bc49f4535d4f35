"""Lists of exceptions: shared accounts, returned payments for the call centre, refunds that no round paid."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from kt_remedy.core import clock, masking
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate, krw
from kt_remedy.staff.models import User
from refunds.bankfiles.returns import return_reason
from refunds.payouts import after_rounds, exceptions, overview, sheets, stops
from refunds.payouts import shared_accounts as sharing
from refunds.payouts.admin.application_detail import application_url
from refunds.payouts.admin.pages import (
    download_with_reason,
    file_response,
    page,
    record_look,
)

# Payments that a list of exceptions names.
SHOWN = 200


@permission_required("payouts.view_case")
def shared_accounts(request: HttpRequest) -> HttpResponse:
    """Accounts of several people, people with several accounts or many lines, staff who are paid."""
    record_look(request, "admin.listed", "hold", report="sharing")
    tables = []
    for report in sharing.reports():
        title = f"{report.title} · " + _("%(count)s건") % {"count": f"{report.count:,}"}
        if report.count > len(report.groups):
            title += " " + _("(큰 것부터 %(count)s건)") % {"count": len(report.groups)}
        tables.append(
            {
                "title": title,
                "head": [_("한 신청"), _("신청한 분"), _("계좌"), _("사람"), _("계좌 수"), _("신청"), _("금액")],
                "rows": [
                    [
                        (group.application.filing.reference, application_url(group.application)),
                        (masking.name(group.application.line.customer.holder_name or ""), ""),
                        (str(group.application.account), ""),
                        (f"{group.people:,}", ""),
                        (f"{group.accounts:,}", ""),
                        (f"{group.applications:,}", ""),
                        (krw(group.won), ""),
                    ]
                    for group in report.groups
                ],
                "empty": _("없습니다."),
            }
        )
    context = {
        "heading": _("같은 계좌, 같은 사람"),
        "lead": _("철회와 거절을 뺀 모든 신청에서 찾았습니다. 번호를 지운 뒤에도 찾을 수 있습니다."),
        "tables": tables,
    }
    return page(request, "listing", context["heading"], context)


@permission_required("payouts.view_batch")
def stopped_at_bank(request: HttpRequest) -> HttpResponse:
    """Payments that were held, or whose verdict changed, after they went to the bank: finance asks for them back."""
    record_look(request, "admin.listed", "hold", report="stopped")
    rows = []
    for item in stops.at_bank().select_related("batch", "account", "application__filing").order_by("id")[:SHOWN]:
        held = item.application.holds.filter(released_at=None).first()
        rows.append(
            [
                (item.reference, reverse("admin:payouts:item", args=[item.pk])),
                (item.application.filing.reference, application_url(item.application_id)),
                (masking.name(item.account.holder_name or ""), ""),
                (overview.round_name(item.batch.number, item.batch.pay_on), ""),
                (str(stops.REASONS["HELD"] if held else stops.REASONS["VERDICT_CHANGED"]), ""),
                (held.reason if held else "", ""),
                (krw(item.amount_krw), ""),
            ]
        )
    heads = [_("관리번호"), _("접수번호"), _("받는 사람"), _("지급 회차"), _("이유"), _("보류한 이유"), _("금액")]
    context = {
        "heading": _("은행에 간 뒤 멈춰야 할 돈"),
        "lead": _(
            "은행에 전달한 뒤 보류되었거나 판정이 바뀐 건입니다. 재무와 은행에 바로 알려 주세요. 여기서는 돈을 멈출 수"
            " 없습니다."
        ),
        "tables": [{"title": _("모두"), "head": heads, "rows": rows, "empty": _("없습니다.")}],
    }
    return page(request, "listing", context["heading"], context)


@permission_required("payouts.view_returned")
def unpaid_returns(request: HttpRequest) -> HttpResponse:
    """Returned payments that wait for another account."""
    record_look(request, "admin.listed", "hold", report="returned")
    returns, over = exceptions.unpaid_returns()
    lead = (
        _("마지막 회차가 지났습니다. 이분들의 돈은 고객센터가 맡습니다.")
        if over
        else _("문자로 계좌를 여쭈었고 아직 고치지 않으신 분들입니다. 고치시면 다음 지급일에 나갑니다.")
    )
    rows = [
        [
            (row.reference, application_url(row.application_id) if request.user.has_perm("payouts.view_case") else ""),
            (row.name, ""),
            (row.contact, ""),
            (return_reason(row.code), ""),
            (_("%(attempt)s번째") % {"attempt": row.attempts}, ""),
            (kdate(row.returned_on), ""),
            (krw(row.won), ""),
        ]
        for row in returns
    ]
    heads = [_("접수번호"), _("신청한 분"), _("연락처"), _("이유"), _("시도"), _("되돌아온 날"), _("금액")]
    callers = request.user.has_perm("payouts.download_call_list")
    context = {
        "heading": _("되돌아온 돈"),
        "lead": lead,
        "tables": [
            {
                "title": _("계좌를 기다리는 %(count)s건") % {"count": f"{len(returns):,}"},
                "head": heads,
                "rows": rows,
                "empty": _("되돌아와 기다리는 돈이 없습니다."),
            },
            _after_paid(request),
        ],
        "links": [(_("고객센터 명단 내려받기"), reverse("admin:payouts:call_list"), "doc")]
        if returns and callers
        else [],
    }
    return page(request, "listing", context["heading"], context)


def _after_paid(request: HttpRequest) -> dict[str, Any]:
    """The table of payments that came back after the bank had called them paid."""
    found = exceptions.returned_after_paid()
    cases = request.user.has_perm("payouts.view_case")
    return {
        "title": _("입금 뒤에 되돌아온 %(count)s건") % {"count": f"{found.count():,}"},
        "head": [_("접수번호"), _("지급일"), _("이유"), _("되돌아온 날"), _("금액")],
        "rows": [
            [
                (item.application.filing.reference, application_url(item.application_id) if cases else ""),
                (kdate(item.batch.pay_on), ""),
                (return_reason(item.code), ""),
                (kdate(item.status_at), ""),
                (krw(item.amount_krw), ""),
            ]
            for item in found[:SHOWN]
        ],
        "empty": _("입금되었다가 되돌아온 돈이 없습니다."),
    }


@permission_required("payouts.download_call_list")
def call_list(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The returned payments as a file with full telephone numbers."""

    def make(user: User, reason: str) -> HttpResponse | StreamingHttpResponse:
        content = exceptions.call_list(user=user, reason=reason)
        return file_response(content, f"call-list-{clock.today():%Y%m%d}.csv", "text/csv; charset=utf-8")

    return download_with_reason(
        request,
        title=_("고객센터 명단 내려받기"),
        about=_("되돌아온 돈"),
        text=_("전화를 드려야 하므로 연락처가 그대로 들어 있습니다. 이름은 가려져 있고 계좌는 없습니다."),
        rows=[],
        back_url=reverse("admin:payouts:unpaid_returns"),
        make=make,
    )


@permission_required("payouts.view_returned")
def left_unpaid(request: HttpRequest) -> HttpResponse:
    """Refunds that no round paid, for billing (D-94)."""
    record_look(request, "admin.listed", "hold", report="unpaid")
    rows = after_rounds.unpaid()
    lead = (
        _("마지막 지급일까지 보내지 못한 돈입니다. 청구 부서가 이어서 처리하고, 고객에게 전화로 알립니다.")
        if after_rounds.is_over()
        else _("마지막 지급일이 지나면 그때까지 보내지 못한 환급이 여기에 모입니다.")
    )
    linked = request.user.has_perm("payouts.view_case")
    cells = [
        [
            (row.reference, application_url(row.application_id) if linked else ""),
            (row.contract_no, ""),
            (row.why, ""),
            (krw(row.won), ""),
        ]
        for row in rows
    ]
    may_export = rows and request.user.has_perm("payouts.hand_to_billing")
    context = {
        "heading": _("청구 부서에 넘길 환급"),
        "lead": lead,
        "tables": [
            {
                "title": _("%(count)s건, %(won)s")
                % {"count": f"{len(rows):,}", "won": krw(sum(row.won for row in rows))},
                "head": [_("접수번호"), _("계약번호"), _("이유"), _("금액")],
                "rows": cells,
                "empty": _("없습니다."),
            }
        ],
        "links": [
            (_("%(kind)s로 내려받기") % {"kind": kind}, reverse("admin:payouts:left_unpaid_file", args=[kind]), "doc")
            for kind in sheets.MEDIA_TYPES
        ]
        if may_export
        else [],
    }
    return page(request, "listing", context["heading"], context)


@permission_required("payouts.hand_to_billing")
def left_unpaid_file(request: HttpRequest, kind: str) -> HttpResponse | StreamingHttpResponse:
    """The refunds that no round paid as a file for billing."""
    if kind not in sheets.MEDIA_TYPES:
        raise Http404

    def make(user: User, reason: str) -> HttpResponse | StreamingHttpResponse:
        content = after_rounds.export(kind=kind, user=user, reason=reason)
        return file_response(content, f"unpaid-{clock.today():%Y%m%d}.{kind}", sheets.MEDIA_TYPES[kind])

    return download_with_reason(
        request,
        title=_("청구 부서에 넘길 환급"),
        about=_("마지막 지급일까지 보내지 못한 돈"),
        text=_("접수번호, 계약번호, 금액이 들어 있습니다. 이름, 연락처, 계좌는 없습니다."),
        rows=[],
        back_url=reverse("admin:payouts:left_unpaid"),
        make=make,
    )
