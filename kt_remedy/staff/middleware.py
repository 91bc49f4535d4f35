"""The middleware of signed-in staff: it ends sessions and makes browsers known."""

import time
from collections.abc import Callable

from allauth.account.authentication import get_authentication_records
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from kt_remedy.staff import lockout, sessions
from kt_remedy.staff.sessions import IDLE_SECONDS

ABSOLUTE_SECONDS = 10 * 60 * 60
REFRESH_SECONDS = 60

_LAST_USE_KEY = "staff_seen"


class StaffSessionMiddleware:
    """Sign staff out after 15 idle minutes or after 10 hours; the access policy then redirects to the sign-in page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "_auth_user_id" in getattr(request, "session", {}) and request.user.is_authenticated:
            now = time.time()
            signed_in_at = min(
                (record["at"] for record in get_authentication_records(request, request.user)), default=now
            )
            last_use = request.session.get(_LAST_USE_KEY, now)
            if now - last_use >= IDLE_SECONDS or now - signed_in_at >= ABSOLUTE_SECONDS:
                logout(request)
                messages.info(request, _("한동안 쓰지 않아 나가졌습니다. 다시 들어와 주세요."))
            elif _LAST_USE_KEY not in request.session or now - last_use >= REFRESH_SECONDS:
                request.session[_LAST_USE_KEY] = int(now)
                sessions.note(request, request.user)
        response = self.get_response(request)
        lockout.set_cookie(request, response)
        return response
