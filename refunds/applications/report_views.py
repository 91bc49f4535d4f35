"""The page of figures over all applications."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kt_remedy.access import staff
from kt_remedy.templatetags.remedy import kdate
from refunds import reports
from refunds.applications.models import Channel
from refunds.applications.states import Status


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart, as `partials/bars.html` takes it."""

    label: str
    share: int
    text: str


def _bars(rows: Iterable[tuple[object, int]]) -> list[Bar]:
    rows = list(rows)
    longest = max((count for _label, count in rows), default=0) or 1
    return [Bar(str(label), 1000 * count // longest, f"{count:,}") for label, count in rows]


@staff("reviewer", "supervisor", "maker", "checker", "auditor", "administrator")
@never_cache
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """Applications by channel, day, state, reason and age, each a chart that is its own table."""
    found = reports.figures()
    charts = [
        (_("상태"), _bars((Status(status).label, n) for status, n in found.by_status.items())),
        (_("접수처"), _bars((Channel(channel).label, n) for channel, n in found.by_channel.items())),
        (_("신청한 날"), _bars((kdate(day), n) for day, n in found.by_day.items())),
        (_("사람을 기다리는 까닭"), _bars((reason(code), n) for code, n in found.by_reason.items())),
        (_("기다린 날"), _bars(found.by_age)),
    ]
    return render(request, "refunds/report.html", {"figures": found, "charts": charts})


def reason(code: str) -> str:
    """The fixed word of a decision in words staff read."""
    words = {
        "OUTSIDE_WINDOW": _("기간 뒤 접수"),
        "VERDICT_REVIEW": _("판정이 사람의 확인을 요구함"),
        "VERDICT_CHANGED": _("신청 뒤에 판정이 바뀜"),
        "BY_GUARDIAN": _("법정대리인 신청"),
        "BY_PROXY": _("대리인 신청"),
        "BY_HEIR": _("상속인 신청"),
        "BY_COMPANY": _("법인 신청"),
        "SHARED_ACCOUNT": _("한 계좌를 세 사람 넘게 씀"),
        "QA_SAMPLE": _("표본 심사"),
        "HOLDER_MISMATCH": _("예금주 불일치"),
        "HOLDER_NOT_FOUND": _("없는 계좌"),
        "HOLDER_CLOSED": _("해지된 계좌"),
        "NEED_DOCS": _("서류 요청"),
        "UNDONE": _("결정을 되돌림"),
        "OBJECTION_UPHELD": _("이의를 받아들임"),
        "DOCUMENTS_SHOWN": _("서류 확인됨"),
        "DOCUMENTS_SENT": _("서류를 올림"),
        "DOCUMENTS_OVERDUE": _("서류 기한 지남"),
    }
    if code.startswith("RETURNED"):
        return _("입금이 되돌아옴")
    return words.get(code.removeprefix("REVIEWED_"), code)
