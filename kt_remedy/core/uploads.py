"""The largest request that the portal reads. Django would write what is larger to the disk first and refuse it then.

The limit is that of the documents of one request, and the admin has files of its own: answers of a bank are larger.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

OTHER_FIELDS = 1 << 20  # bytes, for the other fields of a form and the lines between its files


class UploadLimitMiddleware:
    """Answers 413 for a request that is too large, before a byte of its body is read.

    Its place is before the CSRF check, which is the first to read a body, and behind the choice of the language.
    `CONTENT_LENGTH` can be believed: Django reads no more than it says, and nothing of a body in chunks.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse | None:
        """The page that says how to send less, or None for a request within the limit."""
        if _length(request) <= limit() or _in_admin(request):
            return None
        return render(request, "413.html", {"mb": settings.DOCUMENT_MAX_TOTAL_MB}, status=413)


def limit() -> int:
    """Bytes of a request with as many documents as are taken at once."""
    return (settings.DOCUMENT_MAX_TOTAL_MB << 20) + OTHER_FIELDS


def _length(request: HttpRequest) -> int:
    """Bytes of the body as Django takes them: 0 where the header is no number."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _in_admin(request: HttpRequest) -> bool:
    """True for staff on a page of the admin; the forms there have limits of their own."""
    match = request.resolver_match
    return match is not None and "admin" in match.namespaces and request.user.is_authenticated
