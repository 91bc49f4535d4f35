"""The page of reports: filters, tables that are their own charts, and the export."""

import datetime as dt
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from kt_remedy.core import clock, programme
from kt_remedy.core.access import permission_required
from kt_remedy.core.fields import DayField, TextField
from kt_remedy.core.templatetags.remedy import kdate, krw
from kt_remedy.staff.models import User
from kt_remedy.staff.store_field import StoreField
from refunds import calendar
from refunds.models.applications import Channel
from refunds.models.batches import Batch
from refunds.payouts import sheets
from refunds.payouts.guards import Refused
from refunds.reports import export, tables
from refunds.reports.selection import Selection
from refunds.views.forms import PlainForm


class FilterForm(PlainForm):
    """The filters of the report; every one may be empty."""

    first = DayField(label=gettext_lazy("부터"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    last = DayField(label=gettext_lazy("까지"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    channel = forms.ChoiceField(label=gettext_lazy("접수처"), required=False)
    round = forms.ChoiceField(label=gettext_lazy("회차"), required=False)
    store = StoreField(label=gettext_lazy("매장"), required=False, help_text=gettext_lazy("이름이나 번호 일부"))

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        everything = ("", _("모두"))
        self._field("channel").choices = [everything, *Channel.choices]
        days = Batch.objects.order_by("pay_on").values_list("pay_on", flat=True).distinct()
        self.fields["store"].widget.attrs["class"] = "form-control"
        self._field("round").choices = [everything, *((str(day), _round_name(day)) for day in days)]

    def _field(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        values = super().clean() or self.cleaned_data
        if values.get("first") and values.get("last") and values["last"] < values["first"]:
            self.add_error("last", _("끝나는 날이 처음 날보다 앞섭니다."))
        return values

    def selection(self) -> Selection:
        """The chosen filters; everything where one of them is wrong, and the page says so."""
        if self.errors:
            return Selection()
        values = self.cleaned_data
        store = values.get("store")
        return Selection(
            first=values.get("first"),
            last=values.get("last"),
            channel=values.get("channel") or "",
            store_id=store.pk if store else None,
            pay_on=dt.date.fromisoformat(values["round"]) if values.get("round") else None,
        )

    def said(self) -> str:
        """The chosen filters in words, "" for none and where one of them is wrong."""
        if self.errors:
            return ""
        values, parts = self.cleaned_data, []
        if values.get("first"):
            parts.append(_("%(day)s부터") % {"day": kdate(values["first"])})
        if values.get("last"):
            parts.append(_("%(day)s까지") % {"day": kdate(values["last"])})
        if values.get("channel"):
            parts.append(str(Channel(values["channel"]).label))
        if values.get("round"):
            parts.append(_round_name(dt.date.fromisoformat(values["round"])))
        if values.get("store"):
            parts.append(values["store"].name)
        return ", ".join(parts)


class ExportForm(PlainForm):
    """Kind of the file, and the reason that is recorded."""

    kind = forms.ChoiceField(
        label=gettext_lazy("파일 형식"),
        choices=[("xlsx", gettext_lazy("엑셀(xlsx)")), ("csv", gettext_lazy("글자 파일(csv)"))],
    )
    reason = TextField(
        label=gettext_lazy("이유"),
        max_length=500,
        help_text=gettext_lazy("기록에 남습니다."),
        error_messages={"required": gettext_lazy("이유를 적어 주세요.")},
    )


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A row as the page shows it: label and note, cells with the title of their column, and the bar of the chart."""

    label: str
    note: str
    cells: list[tuple[str, str]]
    share: int
    text: str
    small: str
    sums: bool


def _round_name(day: Any) -> str:
    planned = calendar.round_on(day, programme.current())
    return f"{_('%(number)s차') % {'number': planned.number} if planned else ''} {kdate(day)}".strip()


def _said(value: Any, unit: str) -> str:
    if value is None:
        return "–"
    if unit == tables.WON:
        return krw(value)
    if unit == tables.DAYS:
        return _("%(days)s일") % {"days": f"{value:,}"}
    return f"{value // 10}.{value % 10}%" if unit == tables.SHARE else f"{value:,}"


def _rows(table: tables.Table, rows: Iterable[tables.Row]) -> list[ReportRow]:
    rows, at = list(rows), table.chart
    drawn = [row.values[at] or 0 for row in table.all_rows if not row.sums] if at is not None else []
    longest = max(drawn, default=0) or 1
    if at is not None and table.columns[at][1] == tables.SHARE:
        longest = 1000
    shown = []
    for row in rows:
        said = [_said(value, unit) for value, (_title, unit) in zip(row.values, table.columns, strict=True)]
        cells = [(title, words) for (title, _unit), words in zip(table.columns, said, strict=True)]
        others = [words for place, words in enumerate(said) if place != at]
        shown.append(
            ReportRow(
                label=row.label,
                note=row.note,
                cells=cells,
                share=1000 * (row.values[at] or 0) // longest if at is not None else 0,
                text=said[at] if at is not None else "",
                small=" / ".join(others) if table.code in _WITH_PARTS else "",
                sums=row.sums,
            )
        )
    return shown


# Charts whose bars have their parts beside them: "378,395 / 381,497".
_WITH_PARTS = {"approval", "take_up", "rejections", "channels"}


def _page_table(table: tables.Table) -> dict[str, Any]:
    """A table with its rows worded, for `refunds/_report_table.html`."""
    rows = table.rows[: table.shown] if table.shown else table.rows
    worded = _rows(table, rows)
    title, late = table.folded
    return {
        "code": table.code,
        "title": table.title,
        "first": table.first,
        "columns": [title for title, _unit in table.columns],
        "rows": worded,
        "bars": [row for row in worded if not row.sums] if table.chart is not None else [],
        "bar_parts": " / ".join(title for place, (title, _unit) in enumerate(table.columns) if place != table.chart)
        if table.code in _WITH_PARTS
        else "",
        "bar_title": table.columns[table.chart][0] if table.chart is not None else "",
        "plain": table.plain,
        "by_column": table.code == "days",
        "folded_title": title,
        "folded": _rows(table, late),
        "note": table.note,
        "more": len(table.rows) - len(rows),
    }


@permission_required("refunds.view_report")
@never_cache
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """Figures over the chosen applications, each a table that is its own chart."""
    form = FilterForm(request.GET)
    wrong = not form.is_valid()
    with_people = request.user.has_perm("refunds.view_productivity")
    made = tables.build(form.selection(), with_people=with_people, anew="anew" in request.GET)
    query = request.GET.copy()
    query.pop("anew", None)
    approved = made.tables["approval"]
    whole = sum(row.values[2] for row in approved.rows)
    context = {
        "form": form,
        "said": form.said(),
        "figures": made,
        "take_up": f"{_said(tables.share(*made.take_up), tables.SHARE)}\u2060",  # its particle stays on the line
        "approval": _said(tables.share(sum(row.values[1] for row in approved.rows), whole), tables.SHARE),
        "lines": made.take_up[1],
        "at": made.counted_at,
        "tables": {code: _page_table(table) for code, table in made.tables.items()},
        "export": ExportForm(),
        "query": query.urlencode(),
    }
    return render(request, "refunds/report.html", context, status=422 if wrong else 200)


@permission_required("refunds.export_report")
@never_cache
@require_POST
def report_export(request: HttpRequest) -> HttpResponse | FileResponse:
    """The same tables as a file, for a reason that is recorded."""
    filters, form = FilterForm(request.GET), ExportForm(request.POST)
    back = f"{reverse('refunds:report')}?{request.GET.urlencode()}"
    if not filters.is_valid() or not form.is_valid():
        messages.error(request, _("이유를 적어 주세요.") if form.errors else _("거른 것을 다시 보아 주세요."))
        return redirect(back)
    user = request.user
    assert isinstance(user, User)
    made = tables.build(filters.selection(), with_people=user.has_perm("refunds.view_productivity"))
    content = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
    kind = form.cleaned_data["kind"]
    try:
        export.write(to=content, user=user, reason=form.cleaned_data["reason"], kind=kind, report=made)
    except Refused as refused:
        content.close()
        messages.error(request, refused.message)
        return redirect(back)
    content.seek(0)
    name = f"report-{clock.today():%Y%m%d}.{kind}"
    answer = FileResponse(content, as_attachment=True, filename=name, content_type=sheets.MEDIA_TYPES[kind])
    answer["Cache-Control"] = "no-store"
    return answer
