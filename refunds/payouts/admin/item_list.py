"""The list of payments in the admin, and taking out the selected ones."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import masking
from kt_remedy.core.templatetags.remedy import kdatetime, krw
from refunds import banks
from refunds.bankfiles.returns import RETURNS, return_reason
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import batches, overview, queues
from refunds.payouts.admin import items
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


class ReviewHintFilter(PickFilter):
    """Payments that deserve a review before the approval (`overview.review_hints`)."""

    title = gettext_lazy("먼저 볼 것")
    parameter_name = "hint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return list(overview.hint_labels().items())

    def picked(self, queryset: QuerySet, value: str) -> QuerySet:
        return overview.review_hints(queryset)[value]


class ExceptionFilter(PickFilter):
    """Payments of a queue of exceptions (`queues`)."""

    title = gettext_lazy("확인이 필요한 것")
    parameter_name = "exception"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [
            ("after_paid", _("입금 뒤 되돌아옴")),
            ("other_side", _("회사·파일 쪽 사유")),
            ("large", _("한도 초과")),
        ]

    def picked(self, queryset: QuerySet, value: str) -> QuerySet:
        rows = {
            "after_paid": queues.returned_after_paid,
            "other_side": queues.returned_by_other_side,
            "large": queues.large_before_approval,
        }[value]()
        return queryset.filter(pk__in=rows.values("pk"))


class ReturnedFilter(PickFilter):
    """The bank's reason for a return."""

    title = gettext_lazy("되돌아온 이유")
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [(code, return_reason(code)) for code in RETURNS]

    def picked(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.filter(code=value, status=Item.Status.RETURNED)


def _bank_choices() -> list[tuple[str, str]]:
    return [(bank.code, bank.name) for bank in banks.offered()]


def _batch_choices() -> list[tuple[int, str]]:
    return [(row.pk, overview.round_name(row.number, row.pay_on)) for row in Batch.objects.order_by("-pay_on")]


@admin.register(Item)
class ItemAdmin(ConsoleAdmin, PageAdmin):
    """Payments."""

    page_route = "admin:payouts:item"
    view_permission = "payouts.view_batch"
    list_display = ("reference", "amount_krw", "status_at")
    list_filter = (
        FindFilter,
        pick("status__exact", gettext_lazy("상태"), "status", lambda: Item.Status.choices),
        pick("batch__id__exact", gettext_lazy("지급 회차"), "batch", _batch_choices),
        pick("kind__exact", gettext_lazy("종류"), "kind", lambda: Item.Kind.choices),
        ReturnedFilter,
        pick("bank", gettext_lazy("은행"), "account__bank_code", _bank_choices),
        ReviewHintFilter,
        ExceptionFilter,
        day_range("batch__pay_on", gettext_lazy("지급일")),
        won_range("amount_krw", gettext_lazy("금액(원)")),
    )
    list_select_related = ("batch", "account", "application__filing")
    ordering = ("-id",)
    sorts = (
        ("", gettext_lazy("새것부터")),
        ("-2", gettext_lazy("큰 금액부터")),
        ("2", gettext_lazy("작은 금액부터")),
        ("-3", gettext_lazy("최근에 바뀐 것부터")),
    )
    shipped_filters = (
        (gettext_lazy("모름"), "status__exact=UNKNOWN"),
        (gettext_lazy("되돌아옴"), "status__exact=RETURNED"),
        (gettext_lazy("정정"), "kind__exact=ADJUSTMENT"),
    )
    total_column = "amount_krw"
    export_head = (
        gettext_lazy("지급일"), gettext_lazy("관리번호"), gettext_lazy("접수번호"), gettext_lazy("계약번호"),
        gettext_lazy("받는 사람"), gettext_lazy("계좌"), gettext_lazy("종류"), gettext_lazy("번째 시도"),
        gettext_lazy("금액(원)"), gettext_lazy("상태"), gettext_lazy("이유"), gettext_lazy("상태 변경"),
    )  # fmt: skip
    actions = (*ConsoleAdmin.actions, "take_out")

    def has_remove_permission(self, request: HttpRequest) -> bool:
        """True for those who may take items out of a batch."""
        return request.user.has_perm(items.TAKE_OUT.permission)

    @admin.action(description=gettext_lazy("고른 건을 회차에서 빼기"), permissions=["remove"])
    def take_out(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """Show what the selected items are before they are taken out."""
        chosen = list(queryset.order_by("id").values_list("pk", flat=True)[: batches.TAKE_OUT_MOST + 1])
        if len(chosen) > batches.TAKE_OUT_MOST:
            most = f"{batches.TAKE_OUT_MOST:,}"
            messages.error(request, _("한 번에 %(most)s건까지 뺄 수 있습니다.") % {"most": most})
            return None
        return items.take_out_page(request, chosen)

    def row(self, request: HttpRequest, obj: Item) -> Row:
        return Row(
            obj.pk,
            masking.name(obj.account.holder_name or "") or obj.reference,
            reverse(self.page_route, args=[obj.pk]),
            f"{obj.reference} · {obj.application.filing.reference}",
            [
                Cell(_("계좌"), str(obj.account)),
                Cell(_("금액"), krw(obj.amount_krw), str(obj.get_kind_display()), number=True),
                Cell(_("상태"), str(obj.get_status_display()), item_reason(obj)),
                Cell(_("지급 회차"), overview.round_name(obj.batch.number, obj.batch.pay_on)),
                Cell(_("상태 변경"), kdatetime(obj.status_at)),
            ],
        )

    def export_row(self, obj: Item) -> list[Any]:
        return [
            obj.batch.pay_on,
            obj.reference,
            obj.application.filing.reference,
            obj.contract_no,
            masking.name(obj.account.holder_name or ""),
            str(obj.account),
            str(obj.get_kind_display()),
            obj.attempt,
            obj.amount_krw,
            str(obj.get_status_display()),
            item_reason(obj),
            obj.status_at,
        ]


def item_reason(item: Item) -> str:
    """The reason of a return, or of taking the item out."""
    return return_reason(item.code) if item.status == Item.Status.RETURNED else item.taken_out_because
