"""Deny by default: every route says who may use it, and a route that says nothing is refused."""

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path

from kt_remedy.core import access
from tests.access.routes import routes
from tests.conftest import ROOT


def test_the_walk_finds_the_rooms():
    namespaces = {route.name.partition(":")[0] for route in routes()}
    assert {
        "portal",
        "eligibility",
        "identity",
        "refunds",
        "rewards",
        "notices",
        "admin",
        "account_login",
    } <= namespaces


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.name} {route.pattern}")
def test_every_route_declares_a_policy(route):
    if route.policy not in (access.PUBLIC, access.CUSTOMER):
        assert isinstance(route.policy, tuple)
        assert set(route.policy) <= set(access.permissions())


def test_only_stock_pages_of_the_admin_are_closed_to_everybody():
    closed = {route.name.rpartition("_")[2] for route in routes() if route.policy == access.NOBODY}
    assert closed == {"add", "delete"}


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


def test_a_misspelt_permission_is_found_when_the_module_is_read():
    with pytest.raises(LookupError, match="approve_bach"):
        access.permission_required("payouts.approve_bach")


def test_every_permission_opens_a_page_or_guards_an_act():
    sources = [
        text
        for package in ("kt_remedy", "eligibility", "refunds", "rewards", "templates")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".html") and path.name != "permissions.py"
        for text in [path.read_text(encoding="utf-8")]
    ]
    unused = [code for code in access.permissions() if not any(code in text for text in sources)]
    assert unused == []


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
