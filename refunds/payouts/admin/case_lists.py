"""The lists of holds, corrections and payments outside the rounds in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import masking
from kt_remedy.core.templatetags.remedy import kdatetime, krw
from refunds.models.cases import Adjustment, Hold, OfflinePayment
from refunds.payouts import overview
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
from refunds.payouts.admin.page_list import PageAdmin


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
                Cell(_("종류"), self.kind(obj)),
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
        gettext_lazy("접수번호"), gettext_lazy("신청한 분"), gettext_lazy("종류"), gettext_lazy("금액(원)"),
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
        pick("cause__exact", gettext_lazy("종류"), "cause", lambda: Adjustment.Cause.choices),
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
