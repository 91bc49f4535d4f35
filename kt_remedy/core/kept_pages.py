"""Kept pages: public pages that are the same for everybody, answered from the memory of the process.

A view with the mark `@kept` is asked once a minute for each language, by a request that carries nothing of a person.
Further requests get its copy: no session, no query, no cookie, and headers by which a network of caches may keep it
too. A request with a session, with large type, with a message to show or with parameters goes to the view as ever, and
its answer is never stored.

A copy is replaced after `KEPT_SECONDS`, at midnight in Seoul, with each minute of a set clock, and at once in the
process that changes what it shows (`forget`). So every process shows a change within a minute. Where the view fails,
the copy of the same day stays, so these pages outlive the database.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.urls import ResolverMatch
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.text import compress_string
from django.utils.translation import get_language_from_request

from kt_remedy.core import clock
from kt_remedy.core.context_processors import LARGE_TYPE

KEPT_SECONDS = 60
# Until a failed view is asked again; meanwhile, and while one request renders, the others read the copy that stands.
RETRY_SECONDS = 5
# What the address does not say and a page depends on. A browser asks each time (a person may have signed in since) and
# mostly reads 304; a network of caches asks once a minute.
VARY = ("Cookie", "Accept-Language", "Accept-Encoding")
CACHE_CONTROL = f"public, max-age=0, s-maxage={KEPT_SECONDS}"


@dataclass(slots=True)
class _Copy:
    stamp: dt.date
    until: float  # of the monotonic clock
    match: ResolverMatch | None
    headers: dict[str, str]
    etag: str
    plain: bytes
    compressed: bytes


# By path and language: views with the mark take no argument, so there are as many as there are such pages.
_copies: dict[tuple[str, str], _Copy] = {}


def kept(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Mark a public view whose page holds no secret and is the same for everybody. Its answers are compressed."""
    view.kept = True  # type: ignore[attr-defined]
    return view


def forget() -> None:
    """Drop all copies of this process, because what they show has changed. Other processes follow within a minute."""
    global _copies
    _copies = {}  # not cleared: a page that is being rendered now goes into the old one


class KeptPagesMiddleware:
    """Answers kept pages from memory. Stands behind the middleware of the security headers, which each answer gets, and
    before the sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.gzip = GZipMiddleware(get_response)  # only its part for answers is used
        self.personal = (settings.SESSION_COOKIE_NAME, LARGE_TYPE, CookieStorage.cookie_name)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not self._takes_a_copy(request):
            response = self.get_response(request)
            return self._own_answer(request, response) if hasattr(request, "kept_stamp") else response
        place = request.path, get_language_from_request(request)
        copies, tick = _copies, _tick()
        copy = copies.get(place)
        if copy is not None and copy.stamp != _stamp():
            copy = None
        if copy is not None and tick < copy.until:
            return _answer(request, copy)
        if copy is not None:
            copy.until = tick + RETRY_SECONDS
        response = self.get_response(request)
        if not hasattr(request, "kept_stamp"):
            return response
        if response.status_code == 200 and not response.cookies and not hasattr(request, "_csp_nonce"):
            copy = copies[place] = _copy_of(request, response, request.kept_stamp, tick)
        return response if copy is None else _answer(request, copy)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> None:
        """Note before the view runs which day it shows; other views, `/livez` among them, never ask for the time."""
        if getattr(view, "kept", False):
            request.kept_stamp = _stamp()  # type: ignore[attr-defined]

    def _takes_a_copy(self, request: HttpRequest) -> bool:
        """True for a request that carries nothing but address, language and encoding. Raises DisallowedHost."""
        return (
            request.method in ("GET", "HEAD")
            and not settings.RELOAD
            and not request.META.get("QUERY_STRING")
            and not any(name in request.COOKIES for name in self.personal)
            and request.get_host().partition(":")[0] != settings.STAFF_HOST
        )

    def _own_answer(self, request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
        """The answer of the view itself, which no cache may give to others."""
        patch_vary_headers(response, VARY)
        patch_cache_control(response, private=True, max_age=0)
        return self.gzip.process_response(request, response)


def _tick() -> float:
    return time.monotonic()


def _stamp() -> dt.date:
    """The day, or in a demonstration the minute that the page shows: a copy of another one is stale."""
    return clock.now().replace(second=0, microsecond=0) if clock.is_set() else clock.today()


def _copy_of(request: HttpRequest, response: HttpResponse, stamp: dt.date, tick: float) -> _Copy:
    patch_vary_headers(response, VARY)
    response.headers["Cache-Control"] = CACHE_CONTROL
    headers = {name: value for name, value in response.items() if name != "Content-Length"}
    return _Copy(
        stamp=stamp,
        until=tick + KEPT_SECONDS,
        match=request.resolver_match,
        headers=headers,
        etag=f'W/"{hashlib.sha256(response.content).hexdigest()[:32]}"',  # one for both encodings
        plain=response.content,
        compressed=compress_string(response.content),
    )


def _answer(request: HttpRequest, copy: _Copy) -> HttpResponse:
    """The copy, or 304 for a reader who has it."""
    request.resolver_match = copy.match  # the figures for Prometheus name views
    compressed = re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", "")) is not None
    response = HttpResponse(copy.compressed if compressed else copy.plain, headers=copy.headers)
    response.headers["ETag"] = copy.etag
    response.headers["Content-Length"] = str(len(response.content))
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    answer = get_conditional_response(request, etag=copy.etag, response=response)
    assert isinstance(answer, HttpResponse)
    return answer
