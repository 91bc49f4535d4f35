"""The page of figures over all applications."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate
from refunds import reports
from refunds.applications import staff_presenters
from refunds.models.applications import Channel
from refunds.models.states import Status


@dataclass(frozen=True, slots=True)
class ReportBar:
    """One row of a chart, as `partials/bars.html` takes it."""

    label: str
    share: int
    text: str


def _bars(rows: Iterable[tuple[object, int]]) -> list[ReportBar]:
    rows = list(rows)
    longest = max((count for _label, count in rows), default=0) or 1
    return [ReportBar(str(label), 1000 * count // longest, f"{count:,}") for label, count in rows]


@permission_required("refunds.view_report")
@never_cache
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """Applications by channel, day, state, reason and age, each a chart that is its own table."""
    figures = reports.figures()
    charts = [
        (_("상태"), _bars((Status(status).label, n) for status, n in figures.by_status.items())),
        (_("접수처"), _bars((Channel(channel).label, n) for channel, n in figures.by_channel.items())),
        (_("신청한 날"), _bars((kdate(day), n) for day, n in figures.by_day.items())),
        (
            _("사람을 기다리는 까닭"),
            _bars((staff_presenters.decision_reason(code), n) for code, n in figures.by_reason.items()),
        ),
        (_("기다린 날"), _bars(figures.by_age)),
    ]
    return render(request, "refunds/report.html", {"figures": figures, "charts": charts})
