"""Access to routes: every view declares its policy here, and a view without one is refused.

The decorators only mark the view; `AccessMiddleware` acts on the mark. Routes of the sign-in package cannot be
decorated and are named in `PACKAGE_PREFIXES`. A test walks the URLconf and fails on a route without a policy.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import ResolverMatch, reverse
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure
from django.views.decorators.csrf import csrf_exempt

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


# Names of public routes: pages of the sign-in of staff, and what both hosts serve. Other public pages are customers'.
STAFF_PREFIXES = ("account_", "mfa_", "staff-")
ON_BOTH_HOSTS = {"set_language", "livez", "readyz", "pulsez", "metrics"}

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


def forget_cache(response: HttpResponse) -> HttpResponse:
    """Tell the browser to drop what it kept of this site; the answer to leaving carries it."""
    response["Clear-Site-Data"] = '"cache"'
    return response


def public(view: Callable) -> Callable:
    """Anybody may use this view."""
    view.policy = PUBLIC  # type: ignore[attr-defined]
    return view


def customer(view: Callable) -> Callable:
    """Only a customer whose identity was verified in this session; others are led to the identity page."""
    view.policy = CUSTOMER  # type: ignore[attr-defined]
    return view


def without_token(view: Callable) -> Callable:
    """Take forms without a token, because a page that is the same for everybody (`core.kept_pages`) can hold none.

    For forms that change nothing of a person. The address of the page that sent the form, which each browser names, is
    judged instead: one of another site is answered as a lost token is.
    """

    @csrf_exempt
    @wraps(view)
    def judged(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        origin = request.headers.get("Origin", "")
        own = not origin or urlsplit(origin).netloc == request.get_host() or origin in settings.CSRF_TRUSTED_ORIGINS
        return view(request, *args, **kwargs) if own else csrf_failure(request, "origin")

    return judged


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


def is_for_staff(match: ResolverMatch) -> bool | None:
    """True for a page of staff, False for one of customers, None for what both hosts serve."""
    policy, name = policy_of(match), match.url_name or ""
    if policy is None or name in ON_BOTH_HOSTS:
        return None
    return policy not in (PUBLIC, CUSTOMER) or name.startswith(STAFF_PREFIXES)


class AccessMiddleware:
    """Applies the declared policy before any view runs. Needs `request.user` and `request.person`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise Http404  # no page has such an address, and PostgreSQL takes no such text
        token = _address.set(address_of(request))
        try:
            response = self.get_response(request)
        finally:
            _address.reset(token)
        if policy_of(request.resolver_match) != PUBLIC or settings.SESSION_COOKIE_NAME in request.COOKIES:
            # Pages of a person, and public ones that may greet them, stay on no disk; what a view says besides remains.
            patch_cache_control(response, no_store=True, private=True)
        return response

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse | None:
        if settings.STAFF_HOST and (elsewhere := _on_the_other_host(request)):
            return elsewhere
        policy = policy_of(request.resolver_match)
        if policy == PUBLIC:
            return None
        if policy == CUSTOMER:
            if getattr(request, "person", None) is not None:
                return None
            return _to_identity(request)
        if policy is None:
            raise PermissionDenied("this route declares no policy")
        if not request.user.is_authenticated:
            return redirect(reverse("account_login") + "?" + urlencode({"next": request.get_full_path()}))
        if not request.user.second_factor_done(request):
            return redirect(reverse("mfa_activate_totp"))
        if not any(request.user.has_perm(code) for code in policy):
            if not request.user.person_index:  # who is not proven may do nothing else
                return redirect(reverse("portal:staff-person"))
            raise PermissionDenied("this page belongs to another role")
        return None


def _to_identity(request: HttpRequest) -> HttpResponse:
    """Lead to the identity page and back, and say so to a person whose session has ended.

    What was posted is lost; the way back is the page it was posted from.
    """
    reading = request.method in {"GET", "HEAD"}
    if not reading or getattr(request, "session_ended", False):
        messages.info(
            request,
            _(
                "한동안 쓰지 않으셔서 본인 확인이 끝났습니다. 다시 확인하시면 하시던 곳으로 돌아갑니다."
                " 저장하신 답은 그대로 있습니다."
            ),
        )
    target = request.get_full_path() if reading else _page_of(request)
    query = "?" + urlencode({"next": target}) if target else ""
    return redirect(reverse("identity:start") + query)


def _page_of(request: HttpRequest) -> str:
    """The page of this site that a form was posted from; empty if the browser does not say."""
    came_from = urlsplit(request.headers.get("Referer", ""))
    return came_from.path if came_from.netloc == request.get_host() else ""


def _on_the_other_host(request: HttpRequest) -> HttpResponse | None:
    """Keep the pages of staff and of customers on their own hosts; cookies are bound to a host, so to one side.

    The host of customers does not name that of staff: their pages are not found there (Http404).
    """
    assert request.resolver_match is not None
    on_staff_host = request.get_host().partition(":")[0] == settings.STAFF_HOST
    for_staff = is_for_staff(request.resolver_match)
    if for_staff is None or for_staff is on_staff_host:
        return None
    if for_staff or request.method not in {"GET", "HEAD"}:
        raise Http404
    if request.path == "/":
        return redirect(settings.LOGIN_REDIRECT_URL)
    return redirect(f"{request.scheme}://{settings.CUSTOMER_HOSTS[0]}{request.get_full_path()}")
