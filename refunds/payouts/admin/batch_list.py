"""The list of batches in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.templatetags.remedy import krw
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import console, overview
from refunds.payouts.admin.console_list import (
    Cell,
    ConsoleAdmin,
    FindFilter,
    PickFilter,
    Row,
    day_range,
    pick,
    won_range,
)
from refunds.payouts.admin.page_list import PageAdmin


class TurnFilter(PickFilter):
    """Batches whose next act is the reader's, by their role."""

    title = gettext_lazy("차례")
    parameter_name = "turn"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [("me", _("내 차례"))]

    def picked(self, queryset: QuerySet, value: str) -> QuerySet:
        return console.waiting_for(queryset, self.request.user)


class RunningFilter(PickFilter):
    """Batches that are not settled."""

    title = gettext_lazy("끝났나")
    parameter_name = "running"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [("yes", _("안 끝난 것")), ("no", _("끝난 것"))]

    def picked(self, queryset: QuerySet, value: str) -> QuerySet:
        settled = {"status": Batch.Status.SETTLED}
        return queryset.exclude(**settled) if value == "yes" else queryset.filter(**settled)


class ReturnedShareFilter(PickFilter):
    """Batches of which more than one per cent came back."""

    title = gettext_lazy("되돌아옴")
    parameter_name = "returned"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [("over", _("1% 넘음"))]

    def picked(self, queryset: QuerySet, value: str) -> QuerySet:
        over = [
            batch.pk
            for batch in console.batches_with_figures()
            if (done := console.progress(batch)).count(Item.Status.RETURNED) * 100 > done.sent
        ]
        return queryset.filter(pk__in=over)


@admin.register(Batch)
class BatchAdmin(ConsoleAdmin, PageAdmin):
    """Batches."""

    page_route = "admin:payouts:batch"
    view_permission = "payouts.view_batch"
    application_path = "items__application"
    list_display = ("pay_on", "number", "won")
    list_filter = (
        FindFilter,
        pick("status__exact", gettext_lazy("단계"), "status", lambda: Batch.Status.choices),
        RunningFilter,
        TurnFilter,
        ReturnedShareFilter,
        day_range("pay_on", gettext_lazy("지급일")),
        won_range("won", gettext_lazy("담긴 돈(원)")),
    )
    list_select_related = ("figures", "prepared_by", "approved_by")
    ordering = ("-pay_on",)
    sorts = (
        ("", gettext_lazy("늦은 지급일부터")),
        ("1", gettext_lazy("이른 지급일부터")),
        ("-3", gettext_lazy("큰 금액부터")),
    )
    shipped_filters = (
        (gettext_lazy("내 차례"), "turn=me"),
        (gettext_lazy("안 끝난 것"), "running=yes"),
        (gettext_lazy("되돌아옴 1% 넘음"), "returned=over"),
    )
    total_column = "won"
    of_batches = True
    tools = (
        ("payouts.view_batch", "admin:payouts:rounds", gettext_lazy("지급 예정")),
        ("payouts.stage_answer", "admin:payouts:answer_load", gettext_lazy("은행 답 올리기")),
        ("payouts.download_settlement", "admin:payouts:settlement", gettext_lazy("정산서")),
    )
    export_head = (
        gettext_lazy("지급일"), gettext_lazy("회차"), gettext_lazy("단계"), gettext_lazy("건수"),
        gettext_lazy("합계(원)"), gettext_lazy("입금"), gettext_lazy("입금(원)"), gettext_lazy("되돌아옴"),
        gettext_lazy("되돌아옴(원)"), gettext_lazy("모름"), gettext_lazy("모름(원)"), gettext_lazy("준비"),
        gettext_lazy("승인"),
    )  # fmt: skip

    def row(self, request: HttpRequest, obj: Batch) -> Row:
        step = console.step_of(obj)
        next_act, note = console.next_act(obj)
        result, small, share = _result(obj)
        return Row(
            obj.pk,
            overview.round_name(obj.number, obj.pay_on),
            reverse(self.page_route, args=[obj.pk]),
            cells=[
                Cell(_("단계"), f"{step}/7 {obj.stage_label}"),
                Cell(_("담긴 돈"), krw(obj.won or 0), _("%(count)s건") % {"count": f"{obj.count or 0:,}"}, number=True),
                Cell(_("결과"), result, small, share=share),
                Cell(_("다음 일"), next_act, note),
            ],
        )

    def export_row(self, obj: Batch) -> list[Any]:
        done = console.progress(obj)
        sums = [
            part
            for code in (Item.Status.PAID, Item.Status.RETURNED, Item.Status.UNKNOWN)
            for part in (done.count(code), done.won(code))
        ]
        people = [overview.name_of(obj.prepared_by), overview.name_of(obj.approved_by)]
        return [obj.pay_on, obj.number, obj.stage_label, obj.count or 0, obj.won or 0, *sums, *people]


def _result(batch: Batch) -> tuple[str, str, tuple[int, int] | None]:
    """What came of a batch: words, the numbers below them, and (paid, returned) in hundredths of a per cent."""
    done = console.progress(batch)
    if batch.status == Batch.Status.OPEN:
        return _("확정 전"), "", None
    if not batch.handed_over_at:
        return _("전달 전"), "", None
    if done.states is None or not done.sent:
        return _("세는 중"), "", None
    paid, returned, unknown = (
        done.count(code) for code in (Item.Status.PAID, Item.Status.RETURNED, Item.Status.UNKNOWN)
    )
    paid_share = paid * 10_000 // done.sent
    words = _("입금 %(share)s%%, %(won)s") % {
        "share": f"{paid_share / 100:.2f}",
        "won": krw(done.won(Item.Status.PAID)),
    }
    small = _("되돌아옴 %(returned)s건 %(won)s · 모름 %(unknown)s건 %(unknown_won)s") % {
        "returned": f"{returned:,}",
        "won": krw(done.won(Item.Status.RETURNED)),
        "unknown": f"{unknown:,}",
        "unknown_won": krw(done.won(Item.Status.UNKNOWN)),
    }
    return words, small, (paid_share, returned * 10_000 // done.sent)
