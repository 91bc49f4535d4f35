"""Stores for customers: find one by place, with address, hours and telephone."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from kt_remedy.core.access import public
from kt_remedy.core.kept_pages import kept
from kt_remedy.staff import stores

SHOWN = 30


@public
@kept
@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """Open stores that fit the typed place; the regions where nothing was typed."""
    words = request.GET.get("q", "")[:60]
    found = list(stores.search(words)[: SHOWN + 1])
    context = {"q": words, "found": found[:SHOWN], "more": len(found) > SHOWN, "regions": stores.regions()}
    return render(request, "portal/stores.html", context)
