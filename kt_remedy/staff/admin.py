"""The admin of accounts, requests for rights, and stores."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit.admin import RoleAdmin
from kt_remedy.core.templatetags.remedy import kdate, kdatetime
from kt_remedy.staff import rights, service
from kt_remedy.staff.admin_forms import ACTS, Act, HireForm
from kt_remedy.staff.models import RightsRequest, Store, User
from kt_remedy.staff.roles import ROLE_LABELS

MOST = 50  # accounts or requests on one page


def second_factor_first(request: HttpRequest, *, back: str = "") -> HttpResponse | None:
    """A redirect to the second factor and back (to `back`, or here), where the last one is too long ago."""
    if service.has_fresh_second_factor(request):
        return None
    return redirect(reverse("mfa_reauthenticate") + "?" + urlencode({"next": back or request.get_full_path()}))


def _chosen(request: HttpRequest, queryset: models.QuerySet[Any]) -> list[Any]:
    """The rows whose ids the address names. Raises Http404 for none, too many, unknown ones and no numbers."""
    ids = [text for text in request.GET.get("ids", "").split(",") if text.isdecimal() and len(text) < 19]
    rows = list(queryset.filter(pk__in=ids).order_by("pk")) if len(ids) <= MOST else []
    if not rows or len(rows) != len(set(ids)):
        raise Http404
    return rows


class RoleFilter(admin.SimpleListFilter):
    """A filter by role."""

    title = _("역할")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list:
        return list(ROLE_LABELS.items())

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(roles__contains=[self.value()]) if self.value() else queryset


@admin.register(User)
class UserAdmin(RoleAdmin):
    """Accounts of staff. What changes one is an act with a page of its own, for one account or for several."""

    view_permission = "staff.view_user"
    change_permission = add_permission = "staff.change_user"
    list_display = (
        "username",
        "name",
        "role_names",
        "store",
        "account_state",
        "person_known",
        "certified",
        "entered_at",
    )
    # Stores are found by the search: a filter would list all two thousand on every page.
    list_filter = ("is_active", RoleFilter, ("certified_until", admin.DateFieldListFilter))
    search_fields = ("username", "first_name", "store__code", "store__name")
    search_help_text = _("아이디, 이름, 매장 이름이나 번호로 찾습니다.")
    ordering = ("username",)
    list_select_related = ("store",)
    list_per_page = 25  # each row costs a millisecond, and one searches rather than turns pages
    fields = (*list_display, "acts")
    readonly_fields = fields
    actions = tuple(f"ask_{kind.lower()}" for kind in ACTS)

    def action_checkbox(self, user: User) -> SafeString:
        """The box of a row, without Django's template for each: twenty-five of them took a fifth of the page."""
        name, label = ACTION_CHECKBOX_NAME, _("%(name)s 고르기") % {"name": user.username}
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">', name, user.pk, label
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The page without hints on how to type what nobody types there."""
        return super().get_form(request, obj, change, help_texts={"username": ""}, **kwargs)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The page without buttons to save: an account changes by acts."""
        context |= {"show_save": False, "show_save_and_continue": False, "show_save_and_add_another": False}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("이름"), ordering="first_name")
    def name(self, user: User) -> str:
        """The whole name, which Django keeps as the first name."""
        return user.first_name

    @admin.display(description=_("상태"), ordering="is_active")
    def account_state(self, user: User) -> str:
        """The account is open or closed, in words."""
        return str(_("쓰는 계정") if user.is_active else _("닫힌 계정"))

    @admin.display(description=_("본인 확인함"))
    def person_known(self, user: User) -> str:
        """Yes if the owner of the account is verified by telephone."""
        return str(_("예") if user.person_index else _("아니요"))

    @admin.display(description=_("권한 확인 기한"), ordering="certified_until")
    def certified(self, user: User) -> str:
        """The last day of the rights."""
        return kdate(user.certified_until)

    @admin.display(description=_("마지막 로그인"), ordering="last_login")
    def entered_at(self, user: User) -> str:
        """The last sign-in."""
        return kdatetime(user.last_login)

    @admin.display(description=_("역할"))
    def role_names(self, user: User) -> str:
        """The labels of the roles."""
        return ", ".join(str(ROLE_LABELS[role]) for role in user.roles)

    @admin.display(description=_("할 수 있는 일"))
    def acts(self, user: User) -> str:
        """Links to the acts on this account."""
        fitting = [(self._address(kind, [user.pk]), act.title) for kind, act in ACTS.items() if act.fits(user)]
        return format_html('<ul class="acts">{}</ul>', format_html_join("", '<li><a href="{}">{}</a></li>', fitting))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """An action for each act; it leads to the page where a reason is given."""
        if not self.has_change_permission(request):
            return {}
        return {
            f"ask_{kind.lower()}": (self._lead_to(kind), f"ask_{kind.lower()}", act.title) for kind, act in ACTS.items()
        }

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act)
        act.policy = ("staff.change_user",)  # type: ignore[attr-defined]  # a mark
        return [path("act/<slug:kind>/", act, name="staff_user_act"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Ask for a new account."""
        if response := second_factor_first(request):
            return response
        form = HireForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            values = form.cleaned_data
            try:
                rights.ask(by=request.user, kind="HIRE", **values)  # type: ignore[arg-type]
            except service.NotAllowed as refused:
                form.add_error(None, refused.message)
            else:
                messages.success(request, _("요청했습니다. 다른 관리자가 승인하면 계정이 생깁니다."))
                return redirect("admin:staff_rightsrequest_changelist")
        text = _("다른 관리자가 승인하면 계정이 생기고, 승인한 관리자가 한 번 쓰는 코드를 받아 손으로 건넵니다.")
        return self._page(request, form, _("새 계정"), [], text, send=_("새 계정 요청하기"))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Nothing: an account changes by acts."""

    def act(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Confirm an act on the accounts of `ids` with a reason, and do it or ask for it."""
        if kind not in ACTS:
            raise Http404
        act, users = ACTS[kind], _chosen(request, User.objects.select_related("store"))
        if act.one_account and len(users) > 1:
            messages.error(request, _("이 일은 계정 하나씩 합니다."))
            return redirect("admin:staff_user_changelist")
        if response := second_factor_first(request):
            return response
        form = act.form(request.POST or None, initial=act.initial(users[0]))
        if request.method == "POST" and form.is_valid():
            self._do(request, act, users, form.cleaned_data)
            return redirect("admin:staff_user_changelist")
        return self._page(request, form, act.title, users, act.text)

    def _do(self, request: HttpRequest, act: Act, users: list[User], values: dict) -> None:
        for user in users:
            try:
                done = act.do(by=request.user, user=user, **values)
            except service.NotAllowed as refused:
                messages.error(request, f"{user.username}: {refused.message}")
            else:
                messages.success(request, f"{user.username}: {done}")

    def _page(
        self, request: HttpRequest, form: Any, title: Any, users: list[User], text: Any = "", send: Any = ""
    ) -> HttpResponse:
        own = {"title": title, "form": form, "users": users, "text": text, "send": send or title}
        context = {**self.admin_site.each_context(request), **own}
        return TemplateResponse(request, "admin/staff/act.html", context, status=422 if form.errors else 200)

    def _lead_to(self, kind: str) -> Any:
        def lead(_admin: Any, request: HttpRequest, chosen: models.QuerySet[User]) -> HttpResponse:
            return redirect(self._address(kind, list(chosen.values_list("pk", flat=True)[: MOST + 1])))

        return lead

    @staticmethod
    def _address(kind: str, ids: list[int]) -> str:
        return reverse("admin:staff_user_act", args=[kind]) + "?ids=" + ",".join(map(str, ids))


@admin.register(RightsRequest)
class RightsRequestAdmin(RoleAdmin):
    """Requests for rights: one administrator asked, another one decides."""

    view_permission = "staff.view_user"
    change_permission = "staff.change_user"
    list_display = ("username", "kind", "role_names", "reason", "requested_by", "asked_at", "state", "decided_by")
    list_filter = ("state", "kind")
    list_select_related = ("requested_by", "decided_by")
    ordering = ("-requested_at",)
    actions = ("decide_together",)

    @admin.display(description=_("낸 때"), ordering="requested_at")
    def asked_at(self, asked: RightsRequest) -> str:
        """The time of the request, in words."""
        return kdatetime(asked.requested_at)

    @admin.display(description=_("역할"))
    def role_names(self, asked: RightsRequest) -> str:
        """The labels of the roles that are asked for."""
        return asked.role_names()

    @admin.action(description=_("한꺼번에 정하기"), permissions=["change"])
    def decide_together(self, request: HttpRequest, chosen: models.QuerySet[RightsRequest]) -> HttpResponse:
        """Lead to the page of the chosen requests."""
        ids = ",".join(str(key) for key in chosen.values_list("pk", flat=True)[: MOST + 1])
        return redirect(reverse("admin:staff_rightsrequest_decide") + "?ids=" + ids)

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(self.decide)
        decide.policy = ("staff.change_user",)  # type: ignore[attr-defined]  # a mark
        return [path("decide/", decide, name="staff_rightsrequest_decide"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        asked = self.get_object(request, object_id)
        if asked is None:
            raise Http404
        if self.has_change_permission(request):
            return redirect(reverse("admin:staff_rightsrequest_decide") + f"?ids={asked.pk}")
        return self._page(request, [asked])

    def decide(self, request: HttpRequest) -> HttpResponse:
        """Approve or decline the requests of `ids`; codes are shown once, to the person who approved."""
        if response := second_factor_first(request):
            return response
        chosen = _chosen(request, RightsRequest.objects.select_related("requested_by", "user", "store", "decided_by"))
        if request.method != "POST":
            return self._page(request, chosen)
        codes = []
        for asked in chosen:
            try:
                if request.POST.get("decision") == "approve":
                    code = rights.approve(by=request.user, request_id=asked.pk)  # type: ignore[arg-type]
                    codes += [(asked, code)] if code else []
                else:
                    rights.decline(by=request.user, request_id=asked.pk)  # type: ignore[arg-type]
            except service.NotAllowed as refused:
                messages.error(request, f"{asked.username}: {refused.message}")
            else:
                messages.success(request, f"{asked}: {_('정했습니다.')}")
        if not codes:
            return redirect("admin:staff_rightsrequest_changelist")
        context = {**self.admin_site.each_context(request), "title": _("건넬 코드"), "codes": codes}
        return TemplateResponse(request, "admin/staff/codes.html", context)

    def _page(self, request: HttpRequest, chosen: list[RightsRequest]) -> HttpResponse:
        may = self.has_change_permission(request) and any(asked.state == "OPEN" for asked in chosen)
        context = {**self.admin_site.each_context(request), "title": _("권한 요청"), "requests": chosen, "may": may}
        return TemplateResponse(request, "admin/staff/requests.html", context)


@admin.register(Store)
class StoreAdmin(RoleAdmin):
    """Stores."""

    view_permission = "staff.view_store"
    change_permission = add_permission = "staff.change_store"
    list_display = ("code", "name", "region", "address", "hours", "telephone", "state")
    list_filter = ("closed",)
    search_fields = ("code", "name", "region", "address")
    search_help_text = _("매장 이름, 번호, 지역, 주소로 찾습니다.")
    ordering = ("code",)

    @admin.display(description=_("상태"), ordering="closed")
    def state(self, store: Store) -> str:
        """The store is open or closed, in words."""
        return str(_("닫은 매장") if store.closed else _("여는 매장"))


from kt_remedy.staff import import_admin  # noqa: E402, F401  the admin of imports, registered with this module
