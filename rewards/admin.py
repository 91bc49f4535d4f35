"""What staff see of the perks: shards, hand-offs, choices. Nothing here is typed by hand; figures are in the report."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from kt_remedy.audit.admin import RoleAdmin
from rewards.enrolment import working
from rewards.models import BaseLine, Entitlement, HandOff, RefusedRow, Shard
from rewards.providers import files


@admin.register(Shard)
class ShardAdmin(RoleAdmin):
    """How far the bulk work is, above the shards themselves."""

    view_roles = ("auditor", "administrator", "supervisor")
    list_display = ("kind", "perk", "month", "number", "rows", "done_at", "attempts", "fault")
    list_filter = ("kind", "perk", "month")

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "progress": working.progress()})


@admin.register(HandOff)
class HandOffAdmin(RoleAdmin):
    view_roles = ("auditor", "administrator", "supervisor")
    list_display = ("name", "provider", "part", "rows", "refused", "state", "sent_at", "acknowledged_at", "fault")
    list_filter = ("provider", "state")
    search_fields = ("name",)
    actions = ("send_refused",)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Those who answer for what customers get."""
        return self._has(request, ("supervisor", "administrator"))

    @admin.action(description=_("못 받은 건만 다시 보내기"), permissions=("send",))
    def send_refused(self, request: HttpRequest, queryset: QuerySet[HandOff]) -> None:
        """The rows that the provider could not deliver, once more."""
        sent = sum(files.send_refused(hand_off=row, by=request.user) is not None for row in queryset)
        text = ngettext("파일 %(count)d개를 다시 보냅니다.", "파일 %(count)d개를 다시 보냅니다.", sent)
        self.message_user(request, text % {"count": sent}, messages.SUCCESS if sent else messages.WARNING)


@admin.register(RefusedRow)
class RefusedRowAdmin(RoleAdmin):
    view_roles = ("supervisor", "auditor", "agent")
    list_display = ("hand_off", "key", "code")
    list_filter = ("hand_off__provider", "code")
    list_select_related = ("hand_off",)
    search_fields = ("=key",)


@admin.register(BaseLine)
class BaseLineAdmin(RoleAdmin):
    """Why a line is in or out, and what it qualifies for; found by contract, never leafed through by name."""

    view_roles = ("agent", "supervisor", "auditor")
    list_display = ("contract_no", "why", "perks")
    search_fields = ("=contract_no", "=customer_no")
    ordering = ("contract_no",)
    fields = ("contract_no", "customer_no", "why", "perks")

    def subject_of(self, obj: BaseLine) -> str:
        return obj.customer_no


@admin.register(Entitlement)
class EntitlementAdmin(RoleAdmin):
    view_roles = ("agent", "supervisor", "auditor")
    list_display = ("perk", "kind", "contract_no", "choice", "made_at", "starts_on", "ends_on")
    list_filter = ("perk", "kind", "choice")
    fields = ("perk", "kind", "contract_no", "choice", "made_at", "made_by", "starts_on", "ends_on")
