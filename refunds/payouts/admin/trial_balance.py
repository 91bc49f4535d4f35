"""The trial balance by day and round, its workbook for finance, and the balances that a person looks at."""

import datetime as dt
import tempfile
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from kt_remedy.core import clock, masking
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate, krw
from kt_remedy.staff.models import User
from refunds.applications import deadlines
from refunds.models.cases import BalanceFinding
from refunds.payouts import cases, findings, overview, sheets
from refunds.payouts import trial_balance as balances
from refunds.payouts.admin.application_detail import application_url
from refunds.payouts.admin.pages import download_with_reason, page, record_look
from refunds.payouts.guards import Refused


@permission_required("payouts.view_batch")
def trial_balance(request: HttpRequest) -> HttpResponse:
    """Where the money of all applications stands, at the end of each day and by round, with a chart of each."""
    record_look(request, "admin.listed", "batches", report="trial_balance")
    days, rounds = balances.by_day(), balances.by_round()
    total = days[-1][1] if days else balances.Accounts()
    context = {
        "heading": _("시산표"),
        "total": [*zip(balances.titles(), (getattr(total, name) for name in balances.ACCOUNTS), strict=True)],
        "out": total.out,
        "charts": [
            (_("날마다 나가 있는 돈"), _("날"), overview.won_bars((kdate(day), 0, row.out) for day, row in days)),
            (
                _("회차마다 나가 있는 돈"),
                _("지급일"),
                overview.won_bars((_round(pay_on), 0, row.out) for pay_on, row in rounds),
            ),
        ],
        "tables": [
            _table(_("날마다"), _("날"), [(kdate(day), row) for day, row in days]),
            _table(_("회차마다"), _("지급일"), [(_round(pay_on), row) for pay_on, row in rounds]),
        ],
    }
    return page(request, "trial_balance", context["heading"], context)


def _round(pay_on: dt.date | None) -> str:
    return kdate(pay_on) if pay_on else _("회차 밖")


def _table(title: str, first: str, rows: list[tuple[str, balances.Accounts]]) -> dict[str, Any]:
    return {
        "title": title,
        "head": [first, *balances.titles(), _("나가 있는 돈")],
        "rows": [
            [(label, ""), *((krw(getattr(row, name)), "") for name in balances.ACCOUNTS), (krw(row.out), "")]
            for label, row in rows
        ],
        "empty": _("아직 움직인 돈이 없습니다."),
        "sums": True,
    }


@permission_required("payouts.download_settlement")
def trial_balance_sheet(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The trial balance as a workbook for finance, for a reason."""

    def make(user: User, reason: str) -> FileResponse:
        content = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
        try:
            name = balances.write_sheet(to=content, user=user, reason=reason)
        except Refused:
            content.close()
            raise
        content.seek(0)
        return FileResponse(content, as_attachment=True, filename=name, content_type=sheets.MEDIA_TYPES["xlsx"])

    return download_with_reason(
        request,
        title=_("시산표 내려받기"),
        about=_("모든 회차"),
        text=_(
            "날마다, 회차마다의 금액과 청구서보다 더 낸 돈을 담은 엑셀 파일입니다. "
            "이름과 계좌번호는 들어 있지 않습니다."
        ),
        rows=[],
        back_url=reverse("admin:payouts:trial_balance"),
        make=make,
    )


@permission_required("payouts.view_case")
def balance_findings(request: HttpRequest) -> HttpResponse:
    """Upheld objections without a correction, and balances that later bills or payments left for a person."""
    record_look(request, "admin.listed", "applications", report="balances")
    sums = findings.sums()
    tables = [_objections()]
    for kind in BalanceFinding.Kind:
        count, won = sums.get(kind, (0, 0))
        tables.append(
            {
                "title": f"{kind.label} · " + _("%(count)s건, 모두 %(won)s") % {"count": f"{count:,}", "won": krw(won)},
                "head": [_("접수번호"), _("신청한 분"), _("찾은 날"), _("금액")],
                "rows": [
                    [
                        (row.application.filing.reference, application_url(row.application)),
                        (masking.name(row.application.line.customer.holder_name or ""), ""),
                        (kdate(clock.kst_date(row.found_at)), ""),
                        (krw(row.won), ""),
                    ]
                    for row in findings.largest(kind)
                ],
                "empty": _("없습니다."),
            }
        )
    context = {
        "heading": _("살펴볼 잔액"),
        "lead": _("돈의 합을 확인할 때마다 다시 찾습니다. 종류마다 큰 것부터 100건입니다."),
        "tables": tables,
    }
    return page(request, "listing", context["heading"], context)


def _objections() -> dict[str, Any]:
    return {
        "title": _("금액에 대한 이의를 받아들임, 아직 정정하지 않음"),
        "head": [_("접수번호"), _("신청한 분"), _("보낼 기한"), _("금액")],
        "rows": [
            [
                (row.application.filing.reference, application_url(row.application)),
                (masking.name(row.line.customer.holder_name or ""), ""),
                (kdate(deadlines.correction_by(clock.kst_date(row.answered_at))), ""),
                (krw(row.difference_krw or 0), ""),
            ]
            for row in cases.objections_to_settle()
            if row.application and row.answered_at
        ],
        "empty": _("없습니다."),
    }
