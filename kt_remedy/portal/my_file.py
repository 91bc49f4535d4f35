"""The file of everything held about a customer, as a page and as JSON, after one more identity check."""

import datetime as dt
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.core.access import customer
from kt_remedy.identity.service import VerifiedRequest
from kt_remedy.portal import held

FRESH_MINUTES = 10  # after an identity check; wall clock


@customer
@never_cache
@require_safe
def show(request: VerifiedRequest) -> HttpResponse:
    """Show everything held about the customer."""
    if again := _again(request):
        return again
    found = held.tables(request.person.ci_index)
    return render(
        request,
        "portal/my_file.html",
        {"tables": found, "count": sum(len(table.rows) for table in found), "minutes": FRESH_MINUTES},
    )


@customer
@never_cache
@require_safe
def download(request: VerifiedRequest) -> HttpResponse:
    """Download the same as JSON; the audit records it."""
    if again := _again(request):
        return again
    found = held.tables(request.person.ci_index)
    audit.record(
        actor="customer",
        action="customer.file_taken",
        object="file",
        detail={"rows": sum(len(table.rows) for table in found)},
    )
    answer = HttpResponse(held.as_json(found), content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="kt-remedy-{clock.today():%Y%m%d}.json"'
    return answer


def _again(request: VerifiedRequest) -> HttpResponse | None:
    """The way to a new identity check where the last one is older than FRESH_MINUTES; else None."""
    age = dt.datetime.now(dt.UTC) - request.person.verified_at
    return None if age < dt.timedelta(minutes=FRESH_MINUTES) else _to_identity(request)


def _to_identity(request: HttpRequest) -> HttpResponse:
    return redirect(f"{reverse('identity:start')}?{urlencode({'next': reverse('portal:my-file')})}")
