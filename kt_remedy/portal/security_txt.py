"""`/.well-known/security.txt`: how a researcher reports a weakness (RFC 9116)."""

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from kt_remedy.core import clock, programme
from kt_remedy.core.access import public

# The RFC recommends less than a year, so that a forgotten copy goes stale.
VALID = dt.timedelta(days=90)


@public
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """The contact of the programme, valid for 90 days, and the address this answer was read from."""
    contact = f"tel:+82-{programme.current().hotline.removeprefix('0')}"
    lines = [
        f"Contact: {contact}",
        f"Expires: {clock.kst(clock.today() + VALID).isoformat()}",
        "Preferred-Languages: ko, en",
        f"Canonical: {request.build_absolute_uri(request.path)}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
