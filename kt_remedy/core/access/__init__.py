"""Access to routes: every view declares its policy here, and a view without one is refused.

The decorators only mark the view; `AccessMiddleware` acts on the mark. Routes of the sign-in package cannot be
decorated and are named in `PACKAGE_PREFIXES`. A test walks the URLconf and fails on a route without a policy.
"""

from collections.abc import Callable
from contextvars import ContextVar
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import ResolverMatch, reverse

from kt_remedy.core.access.registry import check_roles, permissions, register, register_roles, roles_of

__all__ = ["check_roles", "permissions", "register", "register_roles", "roles_of"]

# The policy of a page for staff is the codes of permissions, one of which suffices.
Policy = str | tuple[str, ...]
PUBLIC, CUSTOMER = "public", "customer"
NOBODY: tuple[str, ...] = ()

# Name prefixes of package routes that are not ours to decorate.
PACKAGE_PREFIXES = {
    "account_": PUBLIC,  # sign-in and sign-out pages of django-allauth, which guard themselves
    "mfa_": PUBLIC,
    "set_language": PUBLIC,
}


_address: ContextVar[str] = ContextVar("address", default="")


def address_of(request: HttpRequest) -> str:
    """The caller's network address. Behind the proxy it is the one the proxy itself saw: what stands before that in
    the header was written by the caller."""
    if settings.BEHIND_PROXY:
        return request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    return request.META.get("REMOTE_ADDR", "")


def current_address() -> str:
    """The address of the request being answered, or nothing outside of one."""
    return _address.get()


def public(view: Callable) -> Callable:
    """Anybody may use this view."""
    view.policy = PUBLIC  # type: ignore[attr-defined]
    return view


def customer(view: Callable) -> Callable:
    """Only a customer whose identity was verified in this session; others are led to the identity page."""
    view.policy = CUSTOMER  # type: ignore[attr-defined]
    return view


def permission_required(code: str, *others: str) -> Callable[[Callable], Callable]:
    """Only staff signed in with their second factor who hold this permission, or one of several where one address
    serves several acts, each of which asks for its own. Raises LookupError on an unregistered code."""
    codes = (code, *others)
    for one in codes:
        roles_of(one)

    def mark(view: Callable) -> Callable:
        view.policy = codes  # type: ignore[attr-defined]
        return view

    return mark


def policy_of(match: ResolverMatch | None) -> Policy | None:
    """The declared policy of a resolved route, or None where there is none."""
    if match is None:
        return None
    declared = getattr(match.func, "policy", None)
    if declared is not None or match.namespaces:
        return declared
    return next((p for prefix, p in PACKAGE_PREFIXES.items() if (match.url_name or "").startswith(prefix)), None)


class AccessMiddleware:
    """Applies the declared policy before any view runs. Needs `request.user` and `request.person`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _address.set(address_of(request))
        try:
            return self.get_response(request)
        finally:
            _address.reset(token)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse | None:
        policy = policy_of(request.resolver_match)
        if policy == PUBLIC:
            return None
        if policy == CUSTOMER:
            if getattr(request, "person", None) is not None:
                return None
            # Only a page that was read can be returned to; a lost POST is answered by its own page again.
            target = request.get_full_path() if request.method == "GET" else ""
            query = "?" + urlencode({"next": target}) if target else ""
            return redirect(reverse("identity:start") + query)
        if policy is None:
            raise PermissionDenied("this route declares no policy")
        if not request.user.is_authenticated:
            return redirect(reverse("account_login") + "?" + urlencode({"next": request.get_full_path()}))
        if not request.user.second_factor_done(request):
            return redirect(reverse("mfa_activate_totp"))
        if not any(request.user.has_perm(code) for code in policy):
            raise PermissionDenied("this page belongs to another role")
        return None
