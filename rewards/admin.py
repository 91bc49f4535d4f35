"""Admin pages of the perks: shards, hand-offs, base, entitlements and vouchers. The figures are in the report."""

import datetime as dt
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from eligibility import register_clock
from kt_remedy.audit.admin import RoleAdmin
from kt_remedy.core.access import permission_required
from kt_remedy.staff.models import User
from kt_remedy.staff.service import has_fresh_second_factor
from rewards import codes, decided_admin, reports, service, voucher_files
from rewards.enrolment import working
from rewards.forms import VoucherForm
from rewards.models import BaseLine, Entitlement, HandOff, RefusedRow, Shard, Voucher
from rewards.providers import files

__all__ = ["decided_admin"]  # its import registers the pages of what two people decide


@admin.register(Shard)
class ShardAdmin(RoleAdmin):
    """Shards, and above the list the progress of the bulk work."""

    view_permission = "rewards.view_delivery"
    list_display = ("kind", "perk", "month", "number", "rows", "done_at", "attempts", "fault")
    list_filter = ("kind", "perk", "month")

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The list with the progress of the bulk work."""
        return super().changelist_view(
            request,
            {
                **(extra_context or {}),
                "progress": working.progress(),
                "register_age": register_clock.age_text(),
            },
        )


@admin.register(HandOff)
class HandOffAdmin(RoleAdmin):
    """Hand-offs to providers, with the action that sends refused rows again."""

    view_permission = "rewards.view_delivery"
    list_display = ("name", "provider", "part", "rows", "refused", "state", "sent_at", "acknowledged_at", "fault")
    list_filter = ("provider", "state")
    search_fields = ("name",)
    actions = ("send_refused",)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """True for roles that may send refused rows again."""
        return request.user.has_perm("rewards.resend_refused")

    @admin.action(description=_("못 받은 건만 다시 보내기"), permissions=("send",))
    def send_refused(self, request: HttpRequest, queryset: QuerySet[HandOff]) -> None:
        """Send again the rows that the provider could not deliver."""
        assert isinstance(request.user, User)
        sent = sum(files.resend_refused(hand_off=row, by=request.user) is not None for row in queryset)
        text = ngettext("파일 %(count)d개를 다시 보냅니다.", "파일 %(count)d개를 다시 보냅니다.", sent)
        self.message_user(request, text % {"count": sent}, messages.SUCCESS if sent else messages.WARNING)


@admin.register(RefusedRow)
class RefusedRowAdmin(RoleAdmin):
    """Rows that a provider could not deliver."""

    view_permission = "rewards.view_entitlement"
    list_display = ("hand_off", "key", "code")
    list_filter = ("hand_off__provider", "code")
    list_select_related = ("hand_off",)
    search_fields = ("=key",)


@admin.register(BaseLine)
class BaseLineAdmin(RoleAdmin):
    """Lines of the base with the reason and the perks. The search finds a contract or customer number, no name."""

    view_permission = "rewards.view_entitlement"
    list_display = ("contract_no", "why", "perks")
    search_fields = ("=contract_no", "=customer_no")
    ordering = ("contract_no",)
    fields = ("contract_no", "customer_no", "why", "perks")

    def subject_of(self, obj: Model) -> str:
        """The customer number of the line."""
        assert isinstance(obj, BaseLine)
        return obj.customer_no


@admin.register(Entitlement)
class EntitlementAdmin(RoleAdmin):
    """Choices, applications and opt-outs."""

    view_permission = "rewards.view_entitlement"
    list_display = ("perk", "kind", "contract_no", "choice", "made_at", "starts_on", "ends_on")
    list_filter = ("perk", "kind", "choice")
    fields = ("perk", "kind", "contract_no", "choice", "made_at", "made_by", "starts_on", "ends_on")


class HandedOutFilter(admin.SimpleListFilter):
    """Filter for codes with or without a customer."""

    title, parameter_name = _("내준 것"), "out"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        """Yes or no."""
        return [("yes", _("예")), ("no", _("아니요"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Voucher]) -> QuerySet[Voucher]:
        """Vouchers with or without an entitlement."""
        return queryset.filter(entitlement__isnull=self.value() == "no") if self.value() in ("yes", "no") else queryset


@admin.register(Voucher)
class VoucherAdmin(RoleAdmin):
    """Vouchers without their codes, and the page that imports new codes."""

    view_permission = "rewards.view_voucher"
    list_display = ("perk", "choice", "imported_at", "handed_out_on")
    list_filter = ("perk", "choice", HandedOutFilter)
    list_select_related = ("entitlement",)
    ordering = ("-imported_at", "id")
    fields = readonly_fields = ("perk", "choice", "imported_at", "handed_out_on")
    change_list_template = "admin/rewards/voucher/change_list.html"

    @admin.display(description=_("내준 날"))
    def handed_out_on(self, voucher: Voucher) -> dt.date | None:
        """The KST date on which a customer got the code."""
        entitlement = getattr(voucher, "entitlement", None)
        return entitlement.starts_on if entitlement else None

    def get_urls(self) -> list:
        """Add the upload to the pages of ModelAdmin."""
        wrap = self.admin_site.admin_view
        return [path("upload/", wrap(self.upload), name="rewards_voucher_upload"), *super().get_urls()]

    @permission_required("rewards.upload_vouchers")
    def upload(self, request: HttpRequest) -> HttpResponse:
        """Look at a file of codes (`act` check), or import it completely or not at all; known codes are skipped.

        Codes that do not look like the others are imported only after a confirmation. Needs a fresh second factor.
        """
        if not has_fresh_second_factor(request):
            return redirect(reverse("mfa_reauthenticate") + "?" + urlencode({"next": request.path}))
        assert isinstance(request.user, User)
        user = request.user
        form = VoucherForm(request.POST or None, request.FILES or None, user_id=user.pk)
        preview: dict[str, int] = {}
        if request.method == "POST" and form.is_valid():
            perk, _colon, choice = form.cleaned_data["service"].partition(":")
            found = form.cleaned_data["found"]
            target = {"perk_code": perk, "choice_code": choice, "codes": found.codes}
            if request.POST.get("act") == "check":
                new = service.count_new_vouchers(**target)
                preview = {"codes": len(found.codes), "new": new, "known": len(found.codes) - new}
            elif found.suspects and not form.cleaned_data["accept"]:
                form.add_error("accept", gettext("이상한 줄을 확인하고 표시해 주세요. 아무것도 올리지 않았습니다."))
            else:
                new = service.import_vouchers(**target, by=user, reason=form.cleaned_data["reason"])
                voucher_files.forget(form.data.get("kept", ""), user.pk)
                text = gettext(
                    "새 번호 %(new)s개를 올렸습니다. 이미 있거나 두 번 적힌 번호 %(known)s개는 그대로 두었습니다."
                )
                known = len(found.codes) - new
                messages.success(request, text % {"new": f"{new:,}", "known": f"{known:,}"})
                return redirect("admin:rewards_voucher_changelist")
        if not (form.found and form.found.suspects):
            del form.fields["accept"]
        context = {**self.admin_site.each_context(request), "form": form, "title": gettext("이용권 번호 올리기")}
        context |= {"preview": preview, "findings": voucher_files.summary(form.found) if form.found else []}
        context |= {"pools": reports.vouchers_left(), "low": codes.low_stocks()}
        return TemplateResponse(
            request, "admin/rewards/voucher/upload.html", context, status=400 if form.errors else 200
        )
