"""The lists of bank files, answers, downloads and questions in the admin, and the entry of the roster."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.templatetags.remedy import kdatetime, krw
from kt_remedy.staff.admin import RoleAdmin
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile, Download, Inquiry
from refunds.models.batches import Roster
from refunds.payouts import overview
from refunds.payouts.admin.console_list import Cell, ConsoleAdmin, FindFilter, Row, day_range, pick, won_range
from refunds.payouts.admin.page_list import PageAdmin


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
