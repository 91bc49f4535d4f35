"""What staff see of the perks: shards, hand-offs, vouchers by service, choices. Nothing here is typed by hand."""

from django.contrib import admin

from kt_remedy.audit.admin import RoleAdmin
from rewards.models import Entitlement, HandOff, Shard


@admin.register(Shard)
class ShardAdmin(RoleAdmin):
    view_roles = ("auditor", "administrator", "supervisor")
    list_display = ("kind", "perk", "month", "number", "rows", "done_at", "attempts", "fault")
    list_filter = ("kind", "perk", "month")


@admin.register(HandOff)
class HandOffAdmin(RoleAdmin):
    view_roles = ("auditor", "administrator", "supervisor")
    list_display = ("name", "provider", "rows", "state", "sent_at", "acknowledged_at", "fault")
    list_filter = ("provider", "state")


@admin.register(Entitlement)
class EntitlementAdmin(RoleAdmin):
    view_roles = ("agent", "supervisor", "auditor")
    list_display = ("perk", "kind", "contract_no", "choice", "made_at", "starts_on", "ends_on")
    list_filter = ("perk", "kind", "choice")
    fields = ("perk", "kind", "contract_no", "choice", "made_at", "made_by", "starts_on", "ends_on")
