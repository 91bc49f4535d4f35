"""Deny by default: every route says who may use it, and a route that says nothing is refused."""

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path

from kt_remedy.core import access
from tests.access.routes import routes


def test_the_walk_finds_the_rooms():
    found = {route.name.partition(":")[0] for route in routes()}
    assert {"portal", "eligibility", "identity", "refunds", "rewards", "notices", "admin", "account_login"} <= found


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.name} {route.pattern}")
def test_every_route_declares_a_policy(route):
    assert route.policy in (access.PUBLIC, access.CUSTOMER) or route.policy <= set(access.ROLES)
    assert route.policy, "an empty set of roles lets nobody in"


def test_names_are_unique_so_that_the_matrix_names_each_route():
    names = [route.name for route in routes() if not route.name.endswith(":")]
    assert len(names) == len(set(names))


def _undeclared(request):
    return HttpResponse("secret")


urlpatterns = [
    path("undeclared/", _undeclared, name="undeclared"),
    path("admins/", include(([path("", _undeclared, name="x")], "other"))),
    path("", include("kt_remedy.urls")),
]
handler500 = "kt_remedy.portal.views.server_error"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/undeclared/", "/admins/"])
@override_settings(ROOT_URLCONF=__name__)
def test_a_route_that_declares_nothing_is_refused(address):
    answer = Client().get(address)
    assert answer.status_code == 403
    assert b"secret" not in answer.content


def test_a_misspelt_role_is_found_when_the_module_is_read():
    with pytest.raises(ValueError, match="unknown role"):
        access.staff("chequer")
    with pytest.raises(ValueError, match="unknown role"):
        access.staff()


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "address"),
    [
        (False, "203.0.113.1", "10.0.0.1"),
        (True, "203.0.113.1", "203.0.113.1"),
        (True, "6.6.6.6, 203.0.113.1", "203.0.113.1"),
    ],
    ids=[
        "no proxy: the header is the caller's word",
        "the proxy's word",
        "what the caller put before it is not believed",
    ],
)
def test_the_callers_address(settings, behind_proxy, forwarded, address):
    settings.BEHIND_PROXY = behind_proxy
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="10.0.0.1")
    assert access.address_of(request) == address
