"""Floors for the pages: views that do the least a page of the same kind can do, on the same server and middleware."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from eligibility.models import Customer
from kt_remedy.core.access import customer, public


@customer
def signed_in(request: HttpRequest) -> HttpResponse:
    """Same middleware and session, one query, the base template without content."""
    Customer.objects.filter(person_index=request.person.ci_index).first()  # type: ignore[attr-defined]
    return render(request, "base.html")


@public
def bare(request: HttpRequest) -> HttpResponse:
    """One query and eleven bytes."""
    return HttpResponse(f"{Customer.objects.values_list('customer_no').first()}")


@public
def plain(request: HttpRequest) -> HttpResponse:
    """The base template without content, for anybody."""
    return render(request, "base.html")


urlpatterns = [
    path("floor/signed-in/", signed_in),
    path("floor/bare/", bare),
    path("floor/plain/", plain),
    path("", include("kt_remedy.urls")),
]
handler500 = "kt_remedy.portal.views.server_error"
