"""The read-only lists of payouts in the admin. Their rows lead to the payout pages; nothing here edits money."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import masking
from kt_remedy.core.templatetags.remedy import krw
from kt_remedy.staff.admin import RoleAdmin
from refunds import banks
from refunds.bankfiles.returns import RETURNS, return_reason
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile, Download, Inquiry
from refunds.models.batches import Batch, Roster
from refunds.models.cases import Adjustment, Hold, OfflinePayment
from refunds.models.items import Item
from refunds.payouts import batches, overview
from refunds.payouts.admin import items
from refunds.payouts.admin.application_detail import application_url


class PageChangeList(ChangeList):
    """A list whose rows lead to a payout page."""

    def url_for_result(self, result: models.Model) -> str:
        return reverse(self.model_admin.page_route, args=[result.pk])  # type: ignore[attr-defined]


class PageAdmin(RoleAdmin):
    """A read-only list with a payout page for each row: the route `page_route` takes the key."""

    page_route: ClassVar[str]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PageChangeList

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """Lead to the payout page."""
        if request.method != "GET" or not self.has_view_permission(request):
            raise PermissionDenied("rows of money are not edited")
        if not (object_id.isascii() and object_id.isdigit()):
            raise Http404
        return redirect(self.page_route, int(object_id))


class TotalsMixin:
    """A list that shows the number of its rows and the sum of the column `total_column`, in won."""

    total_column = ""

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)  # type: ignore[misc]
        change_list = getattr(response, "context_data", {}).get("cl")
        if change_list is not None:
            response.context_data["totals"] = change_list.queryset.order_by().aggregate(
                count=Count("pk"), won=Sum(self.total_column)
            )
        return response


@admin.register(Batch)
class BatchAdmin(TotalsMixin, PageAdmin):
    """Batches."""

    page_route = "admin:payouts:batch"
    view_permission = "payouts.view_batch"
    list_display = ("pay_on", "number", "status", "count", "won_text", "prepared", "approved", "handed_over_at")
    list_filter = ("status",)
    date_hierarchy = "pay_on"
    list_select_related = ("prepared_by", "approved_by")
    change_list_template = "admin/refunds/batch_list.html"
    total_column = "won"

    @admin.display(description=gettext_lazy("합계"), ordering="won")
    def won_text(self, batch: Batch) -> str:
        """The sum with its unit."""
        return krw(batch.won)

    @admin.display(description=gettext_lazy("준비"))
    def prepared(self, batch: Batch) -> str:
        """The maker, masked."""
        return overview.name_of(batch.prepared_by)

    @admin.display(description=gettext_lazy("승인"))
    def approved(self, batch: Batch) -> str:
        """The checker, masked."""
        return overview.name_of(batch.approved_by)


class ReviewHintFilter(admin.SimpleListFilter):
    """Payments that deserve a review before the approval (`overview.review_hints`)."""

    title = gettext_lazy("먼저 볼 것")
    parameter_name = "hint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [
            ("stopped", _("나가면 안 되는 것")),
            ("large", _("큰 금액")),
            ("differs", _("보여 드린 금액과 다름")),
            ("changed", _("계좌를 바꿈")),
            ("shared", _("여러 사람이 쓰는 계좌")),
            ("new", _("처음 쓰는 계좌")),
            ("again", _("다시 보냄")),
            ("adjustment", _("정정 지급")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        filtered = overview.review_hints(queryset).get(self.value() or "")
        return queryset if filtered is None else filtered


class ReturnedFilter(admin.SimpleListFilter):
    """The bank's reason for a return."""

    title = gettext_lazy("되돌아온 이유")
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [(code, return_reason(code)) for code in RETURNS]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(code=self.value(), status=Item.Status.RETURNED) if self.value() else queryset


class BankFilter(admin.SimpleListFilter):
    """The bank of the account."""

    title = gettext_lazy("은행")
    parameter_name = "bank"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [(bank.code, bank.name) for bank in banks.BANKS]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(account__bank_code=self.value()) if self.value() else queryset


@admin.register(Item)
class ItemAdmin(TotalsMixin, PageAdmin):
    """Payments: filtered and added up."""

    page_route = "admin:payouts:item"
    view_permission = "payouts.view_batch"
    list_display = ("reference", "batch", "amount", "holder", "account_text", "status", "reason", "status_at")
    list_filter = ("status", "batch", "kind", ReturnedFilter, BankFilter, ReviewHintFilter)
    list_select_related = ("batch", "account")
    search_fields = ("=reference", "=contract_no")
    search_help_text = gettext_lazy("관리번호나 계약번호 전체")
    ordering = ("-id",)
    change_list_template = "admin/refunds/item_list.html"
    total_column = "amount_krw"
    actions = ("take_out",)

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

    @admin.display(description=gettext_lazy("금액"), ordering="amount_krw")
    def amount(self, item: Item) -> str:
        """The sum with its unit."""
        return krw(item.amount_krw)

    @admin.display(description=gettext_lazy("받는 사람"))
    def holder(self, item: Item) -> str:
        """The account holder, masked."""
        return masking.name(item.account.holder_name or "")

    @admin.display(description=gettext_lazy("계좌"))
    def account_text(self, item: Item) -> str:
        """Bank and last four digits."""
        return str(item.account)

    @admin.display(description=gettext_lazy("이유"))
    def reason(self, item: Item) -> str:
        """The reason of a return, or of taking the item out."""
        if item.status == Item.Status.RETURNED:
            return return_reason(item.code)
        return item.taken_out_because


@admin.register(BankFile)
class BankFileAdmin(RoleAdmin):
    """Files made for the bank."""

    view_permission = "payouts.view_batch"
    list_display = ("name", "batch", "status", "count", "won_text", "made_at", "handed_over_at")
    list_filter = ("status", "layout")
    list_select_related = ("batch",)
    fields = readonly_fields = (
        "batch", "part", "name", "layout", "status", "count", "won_text", "size", "sha256", "execution_on", "made_by",
        "made_at", "handed_over_by", "handed_over_at", "refused_because", "replaces",
    )  # fmt: skip

    @admin.display(description=gettext_lazy("합계"), ordering="won")
    def won_text(self, file: BankFile) -> str:
        """The sum with its unit."""
        return krw(file.won)


@admin.register(BankAnswer)
class BankAnswerAdmin(PageAdmin):
    """Answers of the bank."""

    page_route = "admin:payouts:answer"
    view_permission = "payouts.view_batch"
    list_display = (
        "name", "file", "kind", "status", "paid", "returned", "unknown", "absent", "staged", "staged_at", "confirmed",
        "applied_at",
    )  # fmt: skip
    list_filter = ("status", "kind")
    list_select_related = ("file", "staged_by", "confirmed_by")
    change_list_template = "admin/refunds/answer_list.html"

    @admin.display(description=gettext_lazy("올린 사람"))
    def staged(self, answer: BankAnswer) -> str:
        """The person who staged it, masked."""
        return overview.name_of(answer.staged_by)

    @admin.display(description=gettext_lazy("확인한 사람"))
    def confirmed(self, answer: BankAnswer) -> str:
        """The person who confirmed it, masked."""
        return overview.name_of(answer.confirmed_by)


@admin.register(Download)
class DownloadAdmin(RoleAdmin):
    """Downloads of bank files, with their reasons."""

    view_permission = "payouts.view_batch"
    list_display = ("file", "user", "at", "reason")
    list_select_related = ("file", "user")
    fields = readonly_fields = list_display


@admin.register(Hold)
class HoldAdmin(RoleAdmin):
    """Applications kept out of the payouts by a person."""

    view_permission = "payouts.view_case"
    list_display = ("case", "reason", "placed_by", "placed_at", "released_by", "released_at")
    list_filter = (("released_at", admin.EmptyFieldListFilter),)
    list_select_related = ("application__filing", "placed_by", "released_by")
    list_display_links = None
    fields = readonly_fields = ("application", "reason", "placed_by", "placed_at", "released_by", "released_at")
    change_list_template = "admin/refunds/hold_list.html"

    @admin.display(description=gettext_lazy("접수번호"))
    def case(self, hold: Hold) -> str:
        """The application, by its reference."""
        return format_html(
            '<a href="{}">{}</a>', application_url(hold.application_id), hold.application.filing.reference
        )


class TwoPeopleAdmin(TotalsMixin, PageAdmin):
    """Money beside the rounds that one person proposes and another decides."""

    view_permission = "payouts.view_batch"
    ordering = ("-pk",)
    change_list_template = "admin/refunds/item_list.html"
    total_column = "amount_krw"
    actions = ("take_out",)

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

    @admin.display(description=gettext_lazy("접수번호"))
    def case(self, row: Adjustment | OfflinePayment) -> str:
        """The application, by its reference."""
        return row.application.filing.reference

    @admin.display(description=gettext_lazy("금액"), ordering="amount_krw")
    def amount(self, row: Adjustment | OfflinePayment) -> str:
        """The sum with its unit."""
        return krw(row.amount_krw)


@admin.register(Adjustment)
class AdjustmentAdmin(TwoPeopleAdmin):
    """Corrections of paid refunds."""

    page_route = "admin:payouts:adjustment"
    list_display = ("case", "cause", "amount", "status", "proposed_by", "proposed_at", "decided_by", "decided_at")
    list_filter = ("status", "cause")
    list_select_related = ("application__filing", "proposed_by", "decided_by")


@admin.register(OfflinePayment)
class OfflinePaymentAdmin(TwoPeopleAdmin):
    """Refunds sent outside the bank files."""

    page_route = "admin:payouts:offline_payment"
    list_display = ("case", "way", "paid_on", "amount", "status", "recorded_by", "recorded_at", "decided_by")
    list_filter = ("status", "way")
    list_select_related = ("application__filing", "recorded_by", "decided_by")


@admin.register(Inquiry)
class InquiryAdmin(RoleAdmin):
    """Lists of questions to the bank."""

    view_permission = "payouts.view_batch"
    list_display = ("name", "file", "count", "won_text", "made_by", "made_at")
    list_select_related = ("file", "made_by")
    fields = readonly_fields = ("name", "file", "count", "won_text", "size", "sha256", "made_by", "made_at")
    change_list_template = "admin/refunds/inquiry_list.html"

    @admin.display(description=gettext_lazy("합계"), ordering="won")
    def won_text(self, row: Inquiry) -> str:
        """The sum with its unit."""
        return krw(row.won)


@admin.register(Roster)
class RosterAdmin(RoleAdmin):
    """The entry of the roster in the index of the admin; its list is a payout page."""

    view_permission = "payouts.view_roster"

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Lead to the page of the roster."""
        if not self.has_view_permission(request):
            raise PermissionDenied("this page belongs to another role")
        return redirect("admin:payouts:roster")
