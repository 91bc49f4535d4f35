"""Admin pages of what two people decide: lines told late (D-77) and corrections of monthly grants (D-67)."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from eligibility.models import Line
from eligibility.presenters import product_name
from kt_remedy.audit.admin import RoleAdmin
from kt_remedy.core import errors
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kmonth
from kt_remedy.staff.service import has_fresh_second_factor
from rewards.enrolment import additions, corrections
from rewards.forms import ReasonForm
from rewards.models import BaseAddition, GrantCorrection
from rewards.templatetags.perks import perk_name

LINES_SHOWN = 50


class TwoPeopleAdmin(RoleAdmin):
    """Rows that one person proposes and another one decides, each with a page, a reason and a fresh second factor."""

    page_template = ""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """The row with its facts, and the form of the next act."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if request.method == "POST" or not self.has_view_permission(request, row):
            raise PermissionDenied
        self._note_look(row)
        return self._page(request, row, ReasonForm())

    def facts(self, row: Any) -> dict[str, Any]:
        """Facts for the page, beside the state of the row and its people."""
        raise NotImplementedError

    def _act(self, request: HttpRequest, key: str, act: Callable[..., object], done: str) -> HttpResponse:
        row = self.get_object(request, key)
        if row is None:
            raise Http404
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[key])
        if request.method != "POST":
            return redirect(page)
        if not has_fresh_second_factor(request):
            return redirect(reverse("mfa_reauthenticate") + "?" + urlencode({"next": page}))
        form = ReasonForm(request.POST)
        if form.is_valid():
            try:
                act(by=request.user, reason=form.cleaned_data["reason"])
            except errors.Refused as refused:
                form.add_error(None, refused.message)
            else:
                messages.success(request, done)
                return redirect(page)
        return self._page(request, row, form)

    def _page(self, request: HttpRequest, row: Any, form: ReasonForm) -> HttpResponse:
        noun = self.view_permission.rpartition("_")[2]
        context = {
            **self.admin_site.each_context(request),
            **self.facts(row),
            "row": row,
            "form": form,
            "may_propose": row.state in ("FOUND", "DECLINED") and request.user.has_perm(f"rewards.propose_{noun}"),
            "may_decide": row.state == "PROPOSED" and request.user.has_perm(f"rewards.decide_{noun}"),
            "is_mine": row.proposed_by_id == request.user.pk,
        }
        return TemplateResponse(request, self.page_template, context, status=422 if form.errors else 200)


@admin.register(BaseAddition)
class BaseAdditionAdmin(TwoPeopleAdmin):
    """Lines told late. One person proposes to add a line, another one adds or declines it (D-77)."""

    view_permission = "rewards.view_addition"
    list_display = ("contract_no", "state", "found_at", "proposed_by", "proposed_at", "decided_by", "decided_at")
    list_filter = ("state",)
    list_select_related = ("proposed_by", "decided_by")
    search_fields = ("=contract_no",)
    ordering = ("-found_at", "contract_no")
    page_template = "admin/rewards/baseaddition/page.html"

    def subject_of(self, obj: Model) -> str:
        """The customer number of the line."""
        return Line.objects.filter(pk=obj.pk).values_list("customer_id", flat=True).first() or ""

    def facts(self, row: Any) -> dict[str, Any]:
        """The line as the register knows it."""
        line = Line.objects.filter(pk=row.pk).first()
        return {"title": row.pk, "line": line, "product": product_name(line.product) if line else ""}

    def get_urls(self) -> list:
        """Add the two acts to the pages of ModelAdmin."""
        wrap = self.admin_site.admin_view
        return [
            path("<str:contract_no>/propose/", wrap(self.propose), name="rewards_baseaddition_propose"),
            path("<str:contract_no>/decide/", wrap(self.decide), name="rewards_baseaddition_decide"),
            *super().get_urls(),
        ]

    @permission_required("rewards.propose_addition")
    def propose(self, request: HttpRequest, contract_no: str) -> HttpResponse:
        """Propose to add the line."""
        act = partial(additions.propose, contract_no=contract_no)
        return self._act(request, contract_no, act, gettext("더하자고 올렸습니다. 다른 사람이 확인합니다."))

    @permission_required("rewards.decide_addition")
    def decide(self, request: HttpRequest, contract_no: str) -> HttpResponse:
        """Add the line (`act` add), or decline it."""
        add = request.POST.get("act") == "add"
        done = gettext("더했습니다. 오늘부터 혜택을 받습니다.") if add else gettext("더하지 않기로 했습니다.")
        return self._act(request, contract_no, partial(additions.decide, contract_no=contract_no, add=add), done)


class ComparisonFilter(admin.SimpleListFilter):
    """A filter that hides comparisons that found nothing, unless they are asked for."""

    title, parameter_name = _("비교 결과"), "found"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        """All comparisons, also those without a line."""
        return [("all", _("바뀐 것이 없는 비교까지"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[GrantCorrection]) -> QuerySet[GrantCorrection]:
        """The corrections with lines, or all."""
        empty = (GrantCorrection.State.CHECKING, GrantCorrection.State.NOTHING)
        asked = self.value() == "all" or "state__exact" in request.GET
        return queryset if asked else queryset.exclude(state__in=empty)


@admin.register(GrantCorrection)
class GrantCorrectionAdmin(TwoPeopleAdmin):
    """Corrections of monthly grants. One person proposes one, another one approves or declines it (D-67)."""

    view_permission = "rewards.view_correction"
    list_display = ("grant", "feed", "state", "missed", "wrong", "granted", "proposed_by", "decided_by")
    list_filter = ("state", ComparisonFilter)
    list_select_related = ("feed", "proposed_by", "decided_by")
    ordering = ("-month", "-id")
    page_template = "admin/rewards/grantcorrection/page.html"

    @admin.display(description=_("월 지급"), ordering="month")
    def grant(self, correction: GrantCorrection) -> str:
        """The month and the perk by their names."""
        return f"{kmonth(correction.month)} {perk_name(correction.perk)}"

    def facts(self, row: Any) -> dict[str, Any]:
        """The first lines, and how many others there are."""
        return {
            "title": f"{row.month:%Y-%m}",
            "perk_title": perk_name(row.perk),
            "lines": row.lines.order_by("contract_no", "kind")[:LINES_SHOWN],
            "more_lines": max(row.missed + row.wrong - LINES_SHOWN, 0),
        }

    def get_urls(self) -> list:
        """Add the two acts to the pages of ModelAdmin."""
        wrap = self.admin_site.admin_view
        return [
            path("<int:correction_id>/propose/", wrap(self.propose), name="rewards_grantcorrection_propose"),
            path("<int:correction_id>/decide/", wrap(self.decide), name="rewards_grantcorrection_decide"),
            *super().get_urls(),
        ]

    @permission_required("rewards.propose_correction")
    def propose(self, request: HttpRequest, correction_id: int) -> HttpResponse:
        """Propose the correction."""
        act = partial(corrections.propose, correction_id=correction_id)
        return self._act(request, str(correction_id), act, gettext("바로잡자고 올렸습니다. 다른 사람이 확인합니다."))

    @permission_required("rewards.decide_correction")
    def decide(self, request: HttpRequest, correction_id: int) -> HttpResponse:
        """Approve the correction (`act` approve), or decline it."""
        approve = request.POST.get("act") == "approve"
        act = partial(corrections.decide, correction_id=correction_id, approve=approve)
        if approve:
            return self._act(request, str(correction_id), act, gettext("승인했습니다. 곧 바로잡고 고객께 알립니다."))
        return self._act(request, str(correction_id), act, gettext("바로잡지 않기로 했습니다."))
