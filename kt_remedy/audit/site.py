"""The admin site: sign-in with the second factor; every page names the permission that opens it."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import access, clock, console

OWN_PACKAGES = ("kt_remedy.", "eligibility.", "refunds.", "rewards.")
# Opens the site's own pages, such as the index. `kt_remedy.staff` registers it, because it knows all roles.
OPEN_ADMIN = "staff.open_admin"


class RoleSite(AdminSite):
    """The admin site. Admins of third-party packages are ignored, because they check no permission of the registry."""

    site_title = site_header = _("위약금 면제·고객 보답 관리")
    index_title = _("관리")
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._pages: dict[str, Callable[[], list[URLPattern]]] = {}

    def add_pages(self, namespace: str, patterns: Callable[[], list[URLPattern]]) -> None:
        """Add pages that belong to no model, below `<namespace>/` and in that namespace.

        `patterns` is called when the URL configuration is read. Its views use `admin_view`
        and declare their permission.
        """
        self._pages[namespace] = patterns

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register a RoleAdmin.

        Raises ImproperlyConfigured for another admin class of our own applications, LookupError for an unregistered
        permission.
        """
        from kt_remedy.audit.admin import RoleAdmin  # imported late, because it needs the models

        if admin_class is not None and issubclass(admin_class, RoleAdmin):
            for code in filter(None, (admin_class.change_permission, admin_class.add_permission)):
                access.roles_of(code)
            access.roles_of(admin_class.view_permission)
            super().register(model_or_iterable, admin_class, **options)
            return
        models = model_or_iterable if isinstance(model_or_iterable, Iterable) else [model_or_iterable]
        for model in models:
            if model.__module__.startswith(OWN_PACKAGES):
                raise ImproperlyConfigured(f"the admin of {model.__name__} names no permission: make it a RoleAdmin")

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the added pages, the pages of the models and the site's own pages, each with its permission.

        The added pages come first, because Django's last pattern matches every other address.
        """
        urls = [path("everything/", self.admin_view(self.everything), name="everything"), *super().get_urls()]
        for pattern in urls:
            if isinstance(pattern, URLPattern) and not hasattr(pattern.callback, "policy"):
                pattern.callback.policy = (OPEN_ADMIN,)  # type: ignore[attr-defined]  # the mark the middleware reads
        pages = [path(f"{name}/", include((patterns(), name))) for name, patterns in self._pages.items()]
        return [*pages, *urls]

    def index(self, request: HttpRequest, extra_context: dict | None = None) -> TemplateResponse:
        """The home of the console: the acts of today, the sections of each application, the index of all work."""
        acts = console.acts(request.user)
        own = [act for act in acts if act.mine]
        context = {
            **self.each_context(request),
            "title": _("내 업무"),
            "own": own,
            "first": own[0] if own else None,
            "others": [act for act in acts if act is not (own[0] if own else None)],
            "sections": console.sections(request),
            "index": console.index(request.user),
            "closed": console.closed_areas(request.user),
            "now": clock.now(),
        }
        return TemplateResponse(request, "admin/index.html", {**context, **(extra_context or {})})

    def everything(self, request: HttpRequest) -> HttpResponse:
        """Every list of rows that the reader may open, by application."""
        context = {**self.each_context(request), "title": _("관리"), "app_list": self.get_app_list(request)}
        return TemplateResponse(request, "admin/everything.html", context)

    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Redirect to the only sign-in, which requires the second factor."""
        return redirect(reverse("admin:index" if request.user.is_authenticated else "account_login"))

    login.policy = (OPEN_ADMIN,)  # type: ignore[attr-defined]  # this module is read before permissions are registered


class RoleSiteConfig(AdminConfig):
    """Django's admin with RoleSite as the default site."""

    default_site = "kt_remedy.audit.site.RoleSite"
