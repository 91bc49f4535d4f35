"""Headers of every route, counted by the table of the MDN HTTP Observatory: 125 points or more, which is A+.

The table: https://developer.mozilla.org/en-US/observatory/docs/tests_and_scoring. Everything starts with 100 points.
"""

from http.cookies import Morsel

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.test.utils import override_settings

from kt_remedy.core import access
from tests.access.routes import routes
from tests.access.test_matrix import address, visitors  # noqa: F401  (a fixture)
from tests.access.test_no_store import readers

pytestmark = pytest.mark.django_db

LEAST = 125
YEAR = 31_536_000
# As production sets them; a try-out without TLS cannot.
SECURE = {
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "LANGUAGE_COOKIE_SECURE": True,
    "SECURE_HSTS_SECONDS": YEAR,
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
    "SECURE_HSTS_PRELOAD": True,
}


def policy(answer: HttpResponse) -> dict[str, list[str]]:
    """The directives of the Content-Security-Policy."""
    parts = (part.split() for part in answer.headers.get("Content-Security-Policy", "").split(";"))
    return {part[0]: part[1:] for part in parts if part}


def guarded(cookie: Morsel) -> bool:
    """True if a cookie is sent over TLS only, hidden from scripts and not sent along from other sites."""
    return bool(cookie["secure"] and cookie["samesite"] in ("Lax", "Strict") and cookie["httponly"])


def points(answer: HttpResponse) -> int:
    """The score of one answer."""
    sources = policy(answer)
    score = 100
    if not sources or any("'unsafe" in source for name in sources for source in sources[name]):
        score -= 25
    else:
        score += 10 if sources.get("default-src") == ["'none'"] else 5
    if all(guarded(cookie) for cookie in answer.cookies.values() if cookie.value):
        score += 5
    else:
        score -= 20
    if "Access-Control-Allow-Origin" in answer.headers:
        score -= 50
    hsts = answer.headers.get("Strict-Transport-Security", "")
    score -= 0 if f"max-age={YEAR}" in hsts and "includeSubDomains" in hsts else 20
    score += 5 if answer.headers.get("Referrer-Policy") in ("same-origin", "no-referrer", "strict-origin") else -5
    score -= 0 if answer.headers.get("X-Content-Type-Options") == "nosniff" else 5
    score += 5 if sources.get("frame-ancestors") == ["'none'"] else -20
    return score


@override_settings(**SECURE)
def test_every_route_reaches_the_points(visitors):  # noqa: F811
    client, poor, seen = Client(raise_request_exception=False), [], 0
    for route in routes():
        if route.name.endswith(":"):
            continue
        for visitor in ["anonymous"] if route.policy == access.PUBLIC else readers(route.policy):
            client.cookies.clear()
            if visitors[visitor]:
                client.cookies[settings.SESSION_COOKIE_NAME] = visitors[visitor]
            answer = client.get(address(route.name), secure=True)
            seen += 1
            if (score := points(answer)) < LEAST:
                poor.append((route.name, visitor, answer.status_code, score))
            body = answer.headers.get("Content-Type", "")
            if body.startswith("text/html"):
                assert "charset=utf-8" in body.lower(), route.name
    assert poor == []
    assert seen > 200


def test_a_header_that_is_missing_costs_points():
    answer = HttpResponse("")
    assert points(answer) < 100


def test_the_policy_lets_nothing_in_but_our_own_files():
    for path in ("/", "/staff/login/"):
        sources = policy(Client().get(path))
        assert all(sources[name] == ["'none'"] for name in ("default-src", "object-src", "base-uri", "frame-ancestors"))
        given = {source for name in sources for source in sources[name] if not source.startswith("'nonce-")}
        assert given == {"'none'", "'self'", "data:"}, "no other host"
        assert sources["img-src"] == ["'self'", "data:"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/css/",
        "/static/../manage.py",
        "/static/%2e%2e/manage.py",
        "/.git/HEAD",
        "/manage.py",
        "/media/",
    ],
)
def test_no_folder_is_listed_and_no_source_is_served(path):
    assert Client().get(path).status_code == 404


def test_trace_is_refused():
    assert Client().generic("TRACE", "/").status_code in (403, 405)
