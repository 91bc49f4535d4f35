"""The middleware that sets the verified customer of a session on the request."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from kt_remedy.identity import service


class PersonMiddleware:
    """Set `request.person` to the verified customer or None. A browser without a session costs no query."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
        request.person = service.person_of(request) if has_session else None  # type: ignore[attr-defined]
        return self.get_response(request)
