"""The read-only lists of payouts in the admin. Their rows lead to the payout pages; nothing here edits money."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import masking
from kt_remedy.core.templatetags.remedy import kdatetime, krw
from kt_remedy.staff.admin import RoleAdmin
from refunds import banks
from refunds.bankfiles.returns import RETURNS, return_reason
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile, Download, Inquiry
from refunds.models.batches import Batch, Roster
from refunds.models.cases import Adjustment, Hold, OfflinePayment
from refunds.models.items import Item
from refunds.payouts import batches, console, overview, queues
from refunds.payouts.admin import items
from refunds.payouts.admin.application_detail import application_url
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
    return [(bank.code, bank.name) for bank in banks.BANKS]


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
class BankAnswerAdmin(ConsoleAdmin, PageAdmin):
    """Answers of the bank."""

    page_route = "admin:payouts:answer"
    view_permission = "payouts.view_batch"
    application_path = "file__items__application"
    list_display = ("name", "staged_at", "paid_won")
    list_filter = (
        FindFilter,
        pick("status__exact", gettext_lazy("상태"), "status", lambda: BankAnswer.Status.choices),
        pick("kind__exact", gettext_lazy("무슨 답"), "kind", lambda: BankAnswer.Kind.choices),
        day_range("staged_at", gettext_lazy("올린 날"), instants=True),
        won_range("paid_won", gettext_lazy("입금(원)")),
    )
    list_select_related = ("file", "staged_by", "confirmed_by")
    ordering = ("-staged_at",)
    sorts = (("", gettext_lazy("새것부터")), ("2", gettext_lazy("오래된 것부터")))
    shipped_filters = ((gettext_lazy("확인 기다림"), "status__exact=STAGED"),)
    total_column = "paid_won"
    tools = (("payouts.stage_answer", "admin:payouts:answer_load", gettext_lazy("은행 답 올리기")),)
    export_head = (
        gettext_lazy("파일 이름"), gettext_lazy("은행 파일"), gettext_lazy("무슨 답"), gettext_lazy("상태"),
        gettext_lazy("입금"), gettext_lazy("입금(원)"), gettext_lazy("되돌아옴"), gettext_lazy("되돌아옴(원)"),
        gettext_lazy("모름"), gettext_lazy("답 없음"), gettext_lazy("올린 사람"), gettext_lazy("올린 때"),
        gettext_lazy("확인한 사람"), gettext_lazy("정해진 때"),
    )  # fmt: skip

    def row(self, request: HttpRequest, obj: BankAnswer) -> Row:
        words = str(obj.get_status_display())
        waits = obj.status == BankAnswer.Status.STAGED
        counts = _("되돌아옴 %(returned)s건 %(won)s · 모름 %(unknown)s건") % {
            "returned": f"{obj.returned:,}",
            "won": krw(obj.returned_won),
            "unknown": f"{obj.unknown + obj.absent:,}",
        }
        paid = _("입금 %(count)s건, %(won)s") % {"count": f"{obj.paid:,}", "won": krw(obj.paid_won)}
        return Row(
            obj.pk,
            obj.name,
            reverse(self.page_route, args=[obj.pk]),
            str(obj.file or ""),
            [
                Cell(_("무슨 답"), str(obj.get_kind_display()) or "–"),
                Cell(_("결과"), paid, counts),
                Cell(_("올린 사람"), overview.name_of(obj.staged_by), kdatetime(obj.staged_at)),
                Cell(_("확인한 사람"), overview.name_of(obj.confirmed_by) or "–", kdatetime(obj.applied_at)),
                Cell(_("상태"), "" if waits else words, tag=words if waits else ""),
            ],
        )

    def export_row(self, obj: BankAnswer) -> list[Any]:
        return [
            obj.name,
            str(obj.file or ""),
            str(obj.get_kind_display()),
            str(obj.get_status_display()),
            obj.paid,
            obj.paid_won,
            obj.returned,
            obj.returned_won,
            obj.unknown,
            obj.absent,
            overview.name_of(obj.staged_by),
            obj.staged_at,
            overview.name_of(obj.confirmed_by),
            obj.applied_at,
        ]


@admin.register(Download)
class DownloadAdmin(RoleAdmin):
    """Downloads of bank files, with their reasons."""

    view_permission = "payouts.view_batch"
    list_display = ("file", "user", "at", "reason")
    list_select_related = ("file", "user")
    fields = readonly_fields = list_display


class OpenHoldFilter(PickFilter):
    """Holds that stand, or were released."""

    title = gettext_lazy("상태")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [("yes", _("보류 중")), ("no", _("푼 것"))]

    def picked(self, queryset: QuerySet, value: str) -> QuerySet:
        return queryset.filter(released_at__isnull=value == "yes")


@admin.register(Hold)
class HoldAdmin(ConsoleAdmin):
    """Applications kept out of the payouts by a person."""

    view_permission = "payouts.view_case"
    list_display = ("placed_at", "released_at")
    list_filter = (
        FindFilter,
        OpenHoldFilter,
        day_range("placed_at", gettext_lazy("보류한 날"), instants=True),
        won_range("application__line__refundable_krw", gettext_lazy("금액(원)")),
    )
    list_select_related = ("application__filing", "application__line__customer", "placed_by", "released_by")
    list_display_links = None
    fields = readonly_fields = ("application", "reason", "placed_by", "placed_at", "released_by", "released_at")
    ordering = ("-pk",)
    sorts = (("", gettext_lazy("새것부터")), ("1", gettext_lazy("오래된 것부터")))
    shipped_filters = ((gettext_lazy("보류 중"), "open=yes"),)
    total_column = "application__line__refundable_krw"
    tools = (("payouts.view_case", "admin:payouts:application_find", gettext_lazy("신청 한 건 찾기")),)
    export_head = (
        gettext_lazy("접수번호"), gettext_lazy("신청한 분"), gettext_lazy("금액(원)"), gettext_lazy("이유"),
        gettext_lazy("보류한 사람"), gettext_lazy("보류"), gettext_lazy("푼 사람"), gettext_lazy("해제"),
    )  # fmt: skip

    def row(self, request: HttpRequest, obj: Hold) -> Row:
        released = (
            Cell(_("해제"), kdatetime(obj.released_at), overview.name_of(obj.released_by))
            if obj.released_at
            else Cell(_("해제"), "", tag=_("보류 중"))
        )
        return Row(
            obj.pk,
            masking.name(obj.application.line.customer.holder_name or "") or obj.application.filing.reference,
            application_url(obj.application_id),
            obj.application.filing.reference,
            [
                Cell(_("금액"), krw(obj.application.line.refundable_krw or 0), number=True),
                Cell(_("이유"), obj.reason),
                Cell(_("보류"), kdatetime(obj.placed_at), overview.name_of(obj.placed_by)),
                released,
            ],
        )

    def export_row(self, obj: Hold) -> list[Any]:
        return [
            obj.application.filing.reference,
            masking.name(obj.application.line.customer.holder_name or ""),
            obj.application.line.refundable_krw or 0,
            obj.reason,
            overview.name_of(obj.placed_by),
            obj.placed_at,
            overview.name_of(obj.released_by),
            obj.released_at,
        ]


class TwoPeopleAdmin(ConsoleAdmin, PageAdmin):
    """Money beside the rounds that one person proposes and another decides."""

    view_permission = "payouts.view_batch"
    ordering = ("-pk",)
    sorts = (("", gettext_lazy("새것부터")), ("-2", gettext_lazy("큰 금액부터")))
    total_column = "amount_krw"

    def row(self, request: HttpRequest, obj: Adjustment | OfflinePayment) -> Row:
        proposed_by, proposed_at = self.proposed(obj)
        waits = obj.status in (Adjustment.Status.PROPOSED, OfflinePayment.Status.RECORDED)
        words = str(obj.get_status_display())
        return Row(
            obj.pk,
            masking.name(obj.application.line.customer.holder_name or "") or obj.application.filing.reference,
            reverse(self.page_route, args=[obj.pk]),
            obj.application.filing.reference,
            [
                Cell(_("까닭"), self.kind(obj)),
                Cell(_("금액"), krw(obj.amount_krw), number=True),
                Cell(_("상태"), "" if waits else words, tag=words if waits else ""),
                Cell(_("낸 사람"), overview.name_of(proposed_by), kdatetime(proposed_at)),
                Cell(_("정한 사람"), overview.name_of(obj.decided_by) or "–", kdatetime(obj.decided_at)),
            ],
        )

    def export_row(self, obj: Adjustment | OfflinePayment) -> list[Any]:
        proposed_by, proposed_at = self.proposed(obj)
        return [
            obj.application.filing.reference,
            masking.name(obj.application.line.customer.holder_name or ""),
            self.kind(obj),
            obj.amount_krw,
            str(obj.get_status_display()),
            overview.name_of(proposed_by),
            proposed_at,
            overview.name_of(obj.decided_by),
            obj.decided_at,
        ]

    export_head = (
        gettext_lazy("접수번호"), gettext_lazy("신청한 분"), gettext_lazy("까닭"), gettext_lazy("금액(원)"),
        gettext_lazy("상태"), gettext_lazy("낸 사람"), gettext_lazy("낸 때"), gettext_lazy("정한 사람"),
        gettext_lazy("정한 때"),
    )  # fmt: skip

    def proposed(self, obj: Any) -> tuple[Any, Any]:
        """Who proposed it and when."""
        raise NotImplementedError

    def kind(self, obj: Any) -> str:
        """What it is, in words."""
        raise NotImplementedError


@admin.register(Adjustment)
class AdjustmentAdmin(TwoPeopleAdmin):
    """Corrections of paid refunds."""

    page_route = "admin:payouts:adjustment"
    list_display = ("status", "amount_krw", "proposed_at")
    list_filter = (
        FindFilter,
        pick("status__exact", gettext_lazy("상태"), "status", lambda: Adjustment.Status.choices),
        pick("cause__exact", gettext_lazy("까닭"), "cause", lambda: Adjustment.Cause.choices),
        day_range("proposed_at", gettext_lazy("낸 날"), instants=True),
        won_range("amount_krw", gettext_lazy("금액(원)")),
    )
    list_select_related = ("application__filing", "application__line__customer", "proposed_by", "decided_by")
    shipped_filters = (
        (gettext_lazy("승인 기다림"), "status__exact=PROPOSED"),
        (gettext_lazy("돌려받는 중"), "status__exact=CLAIMED"),
    )

    def proposed(self, obj: Adjustment) -> tuple[Any, Any]:
        return obj.proposed_by, obj.proposed_at

    def kind(self, obj: Adjustment) -> str:
        return str(obj.get_cause_display())


@admin.register(OfflinePayment)
class OfflinePaymentAdmin(TwoPeopleAdmin):
    """Refunds sent outside the bank files."""

    page_route = "admin:payouts:offline_payment"
    list_display = ("status", "amount_krw", "recorded_at")
    list_filter = (
        FindFilter,
        pick("status__exact", gettext_lazy("상태"), "status", lambda: OfflinePayment.Status.choices),
        pick("way__exact", gettext_lazy("보낸 방법"), "way", lambda: OfflinePayment.Way.choices),
        day_range("paid_on", gettext_lazy("보낸 날")),
        won_range("amount_krw", gettext_lazy("금액(원)")),
    )
    list_select_related = ("application__filing", "application__line__customer", "recorded_by", "decided_by")
    shipped_filters = ((gettext_lazy("확인 기다림"), "status__exact=RECORDED"),)

    def proposed(self, obj: OfflinePayment) -> tuple[Any, Any]:
        return obj.recorded_by, obj.recorded_at

    def kind(self, obj: OfflinePayment) -> str:
        return str(obj.get_way_display())


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
