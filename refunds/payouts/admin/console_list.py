"""The lists of the console: Django's change list in our own rows, with search, ranges, saved filters and exports.

Django chooses, sorts and pages the rows and carries the selection; this module adds what its lists cannot do. A search
is posted and kept in the session as blind indexes, so that no address holds a name or a number.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import clock
from kt_remedy.core.fields import DayField, NumberField, TextField
from kt_remedy.staff.admin import RoleAdmin
from refunds.payouts import list_exports, saved_filters, search
from refunds.payouts.admin import kept

FIND, SORT = "find", "o"
# Saved filters show how many rows they give, up to this number.
MOST_COUNTED = 9_999


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a row. `share` is (paid, returned) in hundredths of a per cent, drawn as a bar in two parts."""

    label: str
    text: str
    small: str = ""
    number: bool = False
    tag: str = ""
    share: tuple[int, int] | None = None


@dataclass(slots=True)
class Row:
    """One row of a list: its title, which leads to its page, and its values."""

    pk: Any
    title: str
    url: str
    note: str = ""
    cells: list[Cell] = field(default_factory=list)


class FindForm(forms.Form):
    """The search of a list."""

    find = TextField(max_length=60, required=False)


class FindFilter(admin.ListFilter):
    """Rows of the applications that the search of the session found; `path` leads from a row to its application."""

    title = gettext_lazy("찾은 것")
    path: ClassVar[str] = "application"

    def __init__(self, request: HttpRequest, params: dict, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        token = params.pop(FIND, [""])[-1]
        self.path_to = model_admin.application_path
        self.search = kept.read(request, FIND, token) if token else None
        self.token = token

    def has_output(self) -> bool:
        return True  # a filter without output is not applied

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        return iter(())

    def expected_parameters(self) -> list[str | None]:
        return [FIND]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.token:
            return queryset
        ids = search.applications(search.Search(**self.search)) if self.search else []
        found = queryset.model.objects.filter(**{f"{self.path_to}__in": ids[: search.MOST]})
        return queryset.filter(pk__in=found.values("pk"))


class PickFilter(admin.SimpleListFilter):
    """One of several values of a column; a value that is none of them is ignored."""

    column: ClassVar[str] = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() not in {str(value) for value, _label in self.lookup_choices}:
            return queryset
        return self.picked(queryset, self.value() or "")

    def picked(self, queryset: QuerySet, value: str) -> QuerySet:
        """The rows that the value gives."""
        return queryset.filter(**{self.column: value})


def pick(parameter: str, title: Any, column: str, choices: Callable[[], Iterable[tuple[Any, Any]]]) -> type[PickFilter]:
    """A filter of `column` by one of `choices`, in the address as `parameter`."""
    return type(
        "Pick",
        (PickFilter,),
        {
            "parameter_name": parameter,
            "title": title,
            "column": column,
            "lookups": lambda self, request, model_admin: list(choices()),
        },
    )


class RangeFilter(admin.ListFilter):
    """Rows whose `column` lies between two values of the address, both included; a value that is none is ignored."""

    column: ClassVar[str]
    name: ClassVar[str]
    form_field: ClassVar[forms.Field]
    input_type: ClassVar[str] = "text"

    def __init__(self, request: HttpRequest, params: dict, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.typed = {end: params.pop(f"{self.name}_{end}", [""])[-1] for end in ("from", "to")}

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        return iter(())

    def expected_parameters(self) -> list[str | None]:
        return [f"{self.name}_from", f"{self.name}_to"]

    def ends(self) -> list[dict[str, str]]:
        """Name, label and value of both inputs."""
        labels = {"from": _("처음"), "to": _("끝")}
        return [
            {"name": f"{self.name}_{end}", "label": f"{self.title} {labels[end]}", "value": typed}
            for end, typed in self.typed.items()
        ]

    def bound(self, end: str) -> Any:
        """The value of one end, or None."""
        try:
            return self.form_field.clean(self.typed[end])
        except ValidationError:
            return None

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        for end, lookup in (("from", "gte"), ("to", "lte")):
            if (value := self.bound(end)) is not None:
                queryset = queryset.filter(**{f"{self.column}__{lookup}": self.edge(value, end)})
        return queryset

    def edge(self, value: Any, end: str) -> Any:
        """The value as the column is compared with it."""
        return value


def won_range(column: str, title: Any) -> type[RangeFilter]:
    """A range of won."""
    return type(
        "WonRange",
        (RangeFilter,),
        {"column": column, "name": "won", "title": title, "form_field": NumberField(required=False, min_value=0)},
    )


def day_range(column: str, title: Any, *, instants: bool = False) -> type[RangeFilter]:
    """A range of KST days; `instants` says that the column holds moments."""

    def edge(self: RangeFilter, value: dt.date, end: str) -> Any:
        if not instants:
            return value
        whole_day = dt.timedelta(days=1) - dt.timedelta(microseconds=1)
        return clock.kst(value) if end == "from" else clock.kst(value) + whole_day

    return type(
        "DayRange",
        (RangeFilter,),
        {
            "column": column,
            "name": "day",
            "title": title,
            "form_field": DayField(required=False),
            "input_type": "date",
            "edge": edge,
        },
    )


class ConsoleAdmin(RoleAdmin):
    """A list of the console. A subclass gives `row`, `export_head` and `export_row`, its filters and its sums."""

    change_list_template = "admin/refunds/console_list.html"
    list_per_page = 50
    application_path = "application"
    lead: ClassVar[Any] = ""
    find_hint: ClassVar[Any] = gettext_lazy("이름, 계좌, 접수번호 일부, 계약번호")
    # (name, query) that everybody has; (order of Django's list, words).
    shipped_filters: ClassVar[tuple[tuple[Any, str], ...]] = ()
    sorts: ClassVar[tuple[tuple[str, Any], ...]] = ()
    export_head: ClassVar[tuple[Any, ...]] = ()
    # Of an item the column with its won, for the sum of the list; "" for a list without sums.
    total_column = ""
    # The rows are batches, not single payments.
    of_batches: ClassVar[bool] = False
    actions: Any = ("export_xlsx", "export_csv")
    tools: ClassVar[tuple[tuple[str, str, Any], ...]] = ()

    def row(self, request: HttpRequest, obj: Any) -> Row:
        """One row as the list shows it."""
        raise NotImplementedError

    def export_row(self, obj: Any) -> list[Any]:
        """The values of one row of an export, masked."""
        raise NotImplementedError

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(list_exports.PERMISSION)

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The list; a posted search is kept and leads back to it, as does a filter to be saved."""
        if request.method == "POST" and "find_in_list" in request.POST:
            return self._find(request)
        response = super().changelist_view(request, extra_context)
        change_list = getattr(response, "context_data", {}).get("cl")
        if change_list is not None:
            response.context_data |= self._context(request, change_list)  # type: ignore[attr-defined]
        return response

    def _find(self, request: HttpRequest) -> HttpResponse:
        here = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        form = FindForm({"find": request.POST.get("find_in_list", "")})
        typed = form.cleaned_data["find"] if form.is_valid() else ""
        if not typed:
            return redirect(here)
        token = kept.keep(request, FIND, search.read(typed).kept())
        return redirect(f"{here}?{urlencode({FIND: token})}")

    def _context(self, request: HttpRequest, change_list: ChangeList) -> dict[str, Any]:
        sums: dict[str, models.Aggregate] = {"count": models.Count("pk")}
        if self.total_column:
            sums["won"] = models.Sum(self.total_column)
        totals = change_list.queryset.order_by().aggregate(**sums)
        if self.total_column:
            totals["won"] = totals["won"] or 0
        current = saved_filters.clean_query(request.GET.urlencode())
        return {
            "rows": [self.row(request, obj) for obj in change_list.result_list],
            "totals": totals,
            "lead": self.lead,
            "find_hint": self.find_hint,
            "found": bool(request.GET.get(FIND)),
            "saved": self._saved(request, current),
            "sorts": [(code, words, code == request.GET.get(SORT, "")) for code, words in self.sorts],
            "filtered": bool(current),
            "query": current,
            "list_name": self.opts.model_name,
            "of_batches": self.of_batches,
            "tools": [(words, reverse(route)) for permission, route, words in self.tools if _may(request, permission)],
            "pages": change_list.paginator.num_pages,
            "before": _page_url(change_list, change_list.page_num - 1),
            "after": _page_url(change_list, change_list.page_num + 1),
        }

    def _saved(self, request: HttpRequest, current: str) -> list[dict[str, Any]]:
        """The filters of the list as links: the shipped ones, the reader's own and the shared ones."""
        here = request.path
        shipped = [("", _("모두"), None), *((query, words, None) for words, query in self.shipped_filters)]
        own = [(row.query, row.name, row) for row in saved_filters.visible(request.user, str(self.opts.model_name))]  # type: ignore[arg-type]
        return [
            {
                "name": name,
                "url": f"{here}?{query}" if query else here,
                "here": query == current,
                "count": self._count(request, query),
                "row": row if row is not None and row.owner_id == request.user.pk else None,
            }
            for query, name, row in [*shipped, *own]
        ]

    def _count(self, request: HttpRequest, query: str) -> str:
        """The number of rows that a filter gives, by Django's own list; "" for a filter that fits no more."""
        try:
            rows = self._of_query(request, query)
        except IncorrectLookupParameters:
            return ""
        count = rows.order_by()[: MOST_COUNTED + 1].count()
        return f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}"

    @admin.action(description=gettext_lazy("엑셀로 내보내기(xlsx)"), permissions=["export"])
    def export_xlsx(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Lead to the page that says how much an export holds."""
        return self._export(request, queryset, "xlsx")

    @admin.action(description=gettext_lazy("글자 파일로 내보내기(csv)"), permissions=["export"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Lead to the page that says how much an export holds."""
        return self._export(request, queryset, "csv")

    def _export(self, request: HttpRequest, queryset: QuerySet, kind: str) -> HttpResponse | None:
        everything = request.POST.get("select_across") == "1"
        picked = [int(pk) for pk in request.POST.getlist("_selected_action") if pk.isascii() and pk.isdigit()]
        if not everything and not queryset.exists():
            messages.error(request, _("고른 것이 없습니다. 내보낼 것을 고르거나 거른 것 모두를 골라 주세요."))
            return None
        token = kept.keep(
            request,
            "export",
            {
                "list": self.opts.model_name,
                "kind": kind,
                "query": request.GET.urlencode(),
                "ids": None if everything else picked,
            },
        )
        return redirect("admin:payouts:export", token)

    def _of_query(self, request: HttpRequest, query: str) -> QuerySet:
        """The rows that the filters of an address give, in its order."""
        probe = HttpRequest()
        probe.user, probe.session, probe.GET, probe.method = request.user, request.session, QueryDict(query), "GET"
        return self.get_changelist_instance(probe).queryset

    def chosen(self, request: HttpRequest, *, query: str, ids: list[int] | None) -> QuerySet:
        """The rows of a kept selection: those of the ids, or all that the filter gives."""
        rows = self._of_query(request, query)
        return rows if ids is None else rows.filter(pk__in=ids)


def _may(request: HttpRequest, permission: str) -> bool:
    return request.user.has_perm(permission)


def _page_url(change_list: ChangeList, number: int) -> str:
    if not 1 <= number <= change_list.paginator.num_pages:
        return ""
    return change_list.get_query_string({"p": number})
