"""The lock after wrong passwords and codes: five failures lock a name in one browser for half an hour (D-96).

A browser that once passed the second factor of an account carries a signed cookie and has a counter of its own, so
nobody who types another person's name elsewhere keeps that person out. Other browsers share a counter: for passwords
that of the name and the network address, for codes that of the account, because nobody is asked for a code without the
password. Each try is counted before it is judged, so parallel tries do not pass either. Security keys never lock:
nothing about them can be guessed. Counters follow the wall clock and hold no name in clear.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from kt_remedy.core import ratelimit, text
from kt_remedy.core.access import address_of

FAILURES, SECONDS = 5, 30 * 60
COOKIE_DAYS = 180
MOST_ACCOUNTS = 20  # of one browser, as on the desk of a store

_SALT = "staff.known-browser"
_NEW = "staff_known_browser"


def is_open(request: HttpRequest, name: str, *, step: str) -> bool:
    """Count a try of `step` ("password" or "code") for the user name; False while it is locked here."""
    return ratelimit.consume(_key(request, name, step), limit=FAILURES, seconds=SECONDS).allowed


def record_failure(request: HttpRequest, name: str, *, step: str) -> None:
    """Begin the half hour of the lock with the last failure that is allowed."""
    key = _key(request, name, step)
    if not ratelimit.peek(key, limit=FAILURES, seconds=SECONDS).allowed:
        ratelimit.hold(key, seconds=SECONDS)


def record_success(request: HttpRequest, name: str, *, step: str) -> None:
    """Forget the failures of this name in this browser."""
    ratelimit.clear(_key(request, name, step))


def remember_browser(request: HttpRequest, name: str) -> None:
    """Note that this browser passed the second factor of the account; `set_cookie` tells the browser."""
    known = _known(request)
    names = [one for one in known["names"] if one != _normalised(name)]
    setattr(request, _NEW, {"id": known["id"], "names": [*names, _normalised(name)][-MOST_ACCOUNTS:]})


def set_cookie(request: HttpRequest, response: HttpResponse) -> None:
    """Send the cookie of a browser that became known in this request."""
    if (known := getattr(request, _NEW, None)) is not None:
        response.set_cookie(
            settings.KNOWN_BROWSER_COOKIE_NAME,
            signing.dumps(known, salt=_SALT),
            max_age=COOKIE_DAYS * 86_400,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Strict",
        )


def _key(request: HttpRequest, name: str, step: str) -> str:
    name, known = _normalised(name), _known(request)
    if name in known["names"]:
        browser = known["id"]
    else:
        browser = address_of(request) if step == "password" else "any"
    return f"lock:{step}:{name}:{browser}"


def _known(request: HttpRequest) -> dict[str, Any]:
    """The random key of the browser and the names whose second factor it passed."""
    try:
        return signing.loads(
            request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, ""), salt=_SALT, max_age=COOKIE_DAYS * 86_400
        )
    except signing.BadSignature:
        return {"id": secrets.token_hex(16), "names": []}


def _normalised(name: str) -> str:
    return text.clean(name).casefold()
