"""The coming rounds: the forecast, the applications a round would leave out, the freeze, the settlement sheet."""

import datetime as dt
import tempfile
from urllib.parse import urlencode

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from eligibility import register_clock
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate, kdatetime, krw
from kt_remedy.staff.models import User
from refunds.calendar import round_on
from refunds.models.batches import Batch
from refunds.payouts import batches, exceptions, forecasts, freeze_needs, inquiry, overview, sheets
from refunds.payouts import settlement as settlement_sheet
from refunds.payouts.admin.application_detail import application_url
from refunds.payouts.admin.forms import ReasonForm
from refunds.payouts.admin.pages import (
    ConfirmedAction,
    confirm,
    count_and_sum,
    download_with_reason,
    page,
    parse_day,
    record_look,
)
from refunds.payouts.guards import Refused
from refunds.payouts.selection import REASONS

PAGE = 100
ASK = ConfirmedAction(
    "payouts.ask_freeze_exception",
    gettext_lazy("청구 데이터 없이 확정"),
    gettext_lazy("마감일 기준 청구 데이터가 없습니다. 그 뒤의 납부와 정정을 모른 채 지급하게 되니 이유를 적어 주세요."),
    gettext_lazy("예외 청하기"),
    freeze_needs.ask,
    gettext_lazy("청했습니다. 다른 사람이 허락하면 확정할 수 있습니다."),
    form=ReasonForm,
)
ALLOW = ConfirmedAction(
    "payouts.allow_freeze_exception",
    gettext_lazy("청구 데이터 없이 확정"),
    gettext_lazy("허락하면 담당자가 지금 있는 회선 정보로 회차를 확정할 수 있습니다."),
    gettext_lazy("허락하기"),
    freeze_needs.allow,
    gettext_lazy("허락했습니다. 이제 확정할 수 있습니다."),
    fresh=True,
)
FREEZE = ConfirmedAction(
    "payouts.freeze_batch",
    gettext_lazy("회차 확정"),
    gettext_lazy(
        "지금 나갈 수 있는 신청의 금액과 계좌를 회차에 담습니다. 그 뒤로 고객은 계좌를 바꾸거나 철회할 수 없습니다."
    ),
    gettext_lazy("확정하기"),
    batches.freeze,
    gettext_lazy("확정했습니다. 다른 사람의 승인을 기다립니다."),
)


@permission_required("payouts.view_batch")
def rounds(request: HttpRequest) -> HttpResponse:
    """Each open round as if it closed now, and the money that went out so far."""
    now = clock.now()
    coming, counted_at = forecasts.current()
    projections = [
        {
            "name": overview.round_name(row.round.number, row.round.pay_on),
            "round": row.round,
            "count": row.count,
            "won": row.won,
            "excluded": [(code, str(REASONS.get(code, code)), count, won) for code, count, won in row.excluded],
            "excluded_count": row.excluded_count,
            "excluded_won": sum(won for _code, _count, won in row.excluded),
            "closed": row.round.cut_off <= now,
            "over": row.is_over(now),
            "no_delivery": row.round.cut_off <= now and freeze_needs.is_missing(row.round),
        }
        for row in coming
    ]
    context = {
        "coming": projections,
        "now": counted_at,
        "register_age": register_clock.age_text(),
        "unknown": inquiry.unanswered().count(),
        "charts": [
            (_("회차별로 나간 돈"), _("지급일"), overview.by_round()),
            (_("상태별 돈"), _("상태"), overview.by_state()),
            (_("되돌아온 돈"), _("은행이 되돌린 이유"), overview.returns()),
        ],
    }
    return page(request, "rounds", _("지급 예정"), context)


@permission_required("payouts.view_batch")
def excluded(request: HttpRequest, pay_on: str) -> HttpResponse:
    """The applications that an open round would leave out, by reason."""
    day = parse_day(pay_on)
    payout_round = next((row for row in batches.open_rounds() if row.pay_on == day), None)
    if payout_round is None:
        raise Http404
    reason = request.GET.get("reason", "")
    number = request.GET.get("page", "")
    at = max(1, int(number)) if number.isascii() and number.isdigit() and len(number) < 7 else 1
    exclusions, count = exceptions.excluded(
        payout_round=payout_round, reason=reason, limit=PAGE, offset=(at - 1) * PAGE
    )
    record_look(request, "admin.listed", f"batch:{day}", reason=reason[:20])
    rows = [
        [
            (row.application.filing.reference, application_url(row.application)),
            (masking.name(row.application.line.customer.holder_name or ""), ""),
            (str(row.application.account), ""),
            (kdate(row.application.applied_on), ""),
            (str(REASONS.get(row.reason, row.reason)), ""),
            (krw(row.won), ""),
        ]
        for row in exclusions
    ]
    here = reverse("admin:payouts:excluded", args=[day])
    query = {"reason": reason} if reason else {}
    context = {
        "heading": _("이번에 나가지 않는 것"),
        "lead": _("%(round)s에 지금 마감하면 나가지 않는 %(count)s건입니다.")
        % {"round": overview.round_name(payout_round.number, day), "count": f"{count:,}"},
        "tables": [
            {
                "title": str(REASONS.get(reason, _("모든 이유"))),
                "head": [_("접수번호"), _("신청한 분"), _("계좌"), _("신청일"), _("이유"), _("금액")],
                "rows": rows,
                "empty": _("없습니다."),
            }
        ],
        "links": [(_("모든 이유"), here, "")] if reason else [],
        "before": f"{here}?{urlencode({**query, 'page': at - 1})}" if at > 1 else "",
        "after": f"{here}?{urlencode({**query, 'page': at + 1})}" if at * PAGE < count else "",
    }
    return page(request, "listing", context["heading"], context)


@permission_required(FREEZE.permission)
def freeze(request: HttpRequest, pay_on: str) -> HttpResponse:
    """Freeze a round whose cut-off has passed; leads to its batch once it is frozen."""
    day = parse_day(pay_on)
    if frozen := _frozen(day):
        return redirect("admin:payouts:batch", frozen.pk)
    payout_round = round_on(day, programme.current())
    if payout_round is None:
        raise Http404
    title = overview.round_name(payout_round.number, day)
    later = [row for row in batches.open_rounds() if row.pay_on > day]
    if day < clock.today() and later:
        over = _("지급일이 지났습니다. 남은 신청은 다음 회차(%(round)s)에 담깁니다.")
        following = overview.round_name(later[0].number, later[0].pay_on)
        return _round_is_over(request, title, over % {"round": following})
    forecast = batches.project(payout_round)
    if forecast.is_over(clock.now()):
        return _round_is_over(request, title, _("이 회차는 끝났습니다. 나갈 것이 없어 확정할 것도 없습니다."))
    rows = [
        (_("나갈 건수"), _("%(count)s건") % {"count": f"{forecast.count:,}"}),
        (_("나갈 합계"), krw(forecast.won)),
        (_("이번에 나가지 않는 것"), _("%(count)s건") % {"count": f"{forecast.excluded_count:,}"}),
        (_("회선 정보"), register_clock.age_text()),
    ]
    response = confirm(request, FREEZE, back_url=reverse("admin:payouts:rounds"), title=title, rows=rows, pay_on=day)
    if request.method == "POST" and (frozen := _frozen(day)):
        return redirect("admin:payouts:batch", frozen.pk)
    return response


@permission_required(ASK.permission, ALLOW.permission)
def without_delivery(request: HttpRequest, pay_on: str) -> HttpResponse:
    """Ask to freeze a round without the delivery of its cut-off day (maker), or allow it (checker)."""
    day = parse_day(pay_on)
    payout_round = round_on(day, programme.current())
    if payout_round is None:
        raise Http404
    asked = freeze_needs.exception_of(day)
    rows = [
        (_("필요한 청구 데이터"), kdate(freeze_needs.day_of(payout_round))),
        (_("회선 정보"), register_clock.age_text()),
    ]
    if asked is not None:
        rows += [
            (_("이유"), asked.reason),
            (_("청한 사람"), f"{overview.name_of(asked.asked_by)} {kdatetime(asked.asked_at)}"),
        ]
    title = overview.round_name(payout_round.number, day)
    back_url = reverse("admin:payouts:rounds")
    action = ALLOW if request.user.has_perm(ALLOW.permission) else ASK
    if action is ALLOW and asked is None:
        messages.info(request, _("아직 청한 사람이 없습니다."))
        return redirect(back_url)
    if asked is not None and (action is ASK or asked.allowed_at):
        messages.info(request, _("이미 허락했습니다.") if asked.allowed_at else _("다른 사람의 허락을 기다립니다."))
        return redirect(back_url)
    return confirm(request, action, back_url=back_url, title=title, rows=rows, pay_on=day)


def _round_is_over(request: HttpRequest, title: str, lead: str) -> HttpResponse:
    context = {"heading": title, "lead": lead, "tables": []}
    return page(request, "listing", title, context, status=409 if request.method == "POST" else 200)


def _frozen(day: dt.date) -> Batch | None:
    return Batch.objects.filter(pay_on=day).exclude(status=Batch.Status.OPEN).first()


@permission_required("payouts.download_settlement")
def settlement(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The sheet for finance: of the round in `?batch=`, or of all."""
    number = request.GET.get("batch", "")
    batch = get_object_or_404(Batch, pk=int(number)) if number.isascii() and number.isdigit() else None
    back_url = reverse("admin:payouts:batch", args=[batch.pk]) if batch else reverse("admin:payouts:rounds")

    def make(user: User, reason: str) -> FileResponse:
        content = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
        try:
            name = settlement_sheet.write_sheet(
                to=content, user=user, reason=reason, batch_id=batch.pk if batch else None
            )
        except Refused:
            content.close()
            raise
        content.seek(0)
        return FileResponse(content, as_attachment=True, filename=name, content_type=sheets.MEDIA_TYPES["xlsx"])

    return download_with_reason(
        request,
        title=_("정산서 내려받기"),
        about=overview.round_name(batch.number, batch.pay_on) if batch else _("모든 회차"),
        text=_("회차별 합계, 건별 결과, 정정을 담은 엑셀 파일입니다. 이름과 계좌번호는 들어 있지 않습니다."),
        rows=count_and_sum(batch) if batch and batch.count else [],
        back_url=back_url,
        make=make,
    )
