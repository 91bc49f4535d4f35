"""Personal pages are kept on no disk: every route, by somebody whom it lets in; leaving empties the browser's cache."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from kt_remedy.core import access
from kt_remedy.staff.roles import ROLES
from tests.access.routes import routes
from tests.access.test_matrix import BROWSER, address, visitors  # noqa: F401  (a fixture)
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db


# What a script puts into a page that stands.
PARTS = {"admin:eligibility_feed_progress"}


def readers(policy: access.Policy | None) -> list[str]:
    """One visitor who is let in, and one who is not."""
    if policy == access.CUSTOMER:
        return ["customer", "anonymous"]
    holders = [role for role in ROLES if any(role in access.roles_of(code) for code in policy or ())]
    return [*holders[:1], "anonymous"]


def test_every_route_of_a_person_says_no_store(visitors):  # noqa: F811
    kept, seen = [], 0
    for route in routes():
        if route.policy == access.PUBLIC or route.name.endswith(":"):
            continue
        for visitor in readers(route.policy):
            BROWSER.cookies.clear()
            if visitors[visitor]:
                BROWSER.cookies[settings.SESSION_COOKIE_NAME] = visitors[visitor]
            for method in ("GET", "POST"):
                answer = BROWSER.generic(method, address(route.name))
                seen += 1
                if "no-store" not in answer.headers.get("Cache-Control", ""):
                    kept.append((route.name, method, visitor))
    assert kept == []
    assert seen > 200


def test_every_page_of_a_person_has_the_way_out(visitors):  # noqa: F811
    without, seen = [], 0
    for route in routes():
        if route.policy == access.PUBLIC or route.name.endswith(":") or route.name in PARTS:
            continue
        visitor = readers(route.policy)[0]
        BROWSER.cookies.clear()
        BROWSER.cookies[settings.SESSION_COOKIE_NAME] = visitors[visitor]
        answer = BROWSER.get(address(route.name))
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        seen += 1
        way_out = reverse("identity:leave" if visitor == "customer" else "account_logout")
        if way_out not in answer.content.decode():
            without.append(route.name)
    assert without == []
    assert seen > 60


def test_a_public_page_is_kept_only_where_nobody_is_signed_in():
    client = Client()
    assert "no-store" not in client.get(reverse("portal:home")).headers.get("Cache-Control", "")
    as_customer(client, person("no-store"))
    assert "no-store" in client.get(reverse("portal:home")).headers["Cache-Control"]


def test_leaving_empties_the_cache_of_customer_and_staff():
    customer = as_customer(Client(), person("leaves"))
    assert customer.post(reverse("identity:leave")).headers["Clear-Site-Data"] == '"cache"'
    staff = as_staff(Client(), staff_user("auditor"))
    assert staff.post(reverse("account_logout")).headers["Clear-Site-Data"] == '"cache"'


@pytest.mark.parametrize("path", ["/rewards/mine/%00/", "/refunds/%00/", "/%00", "/?x=%00", "/check/?contract=a%00b"])
def test_a_null_byte_in_an_address_is_not_found(path):
    for client in (Client(), as_customer(Client(), person("null")), as_staff(Client(), staff_user("auditor"))):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404


@pytest.mark.parametrize(
    "route", [route.name for route in routes() if route.arguments and not route.name.endswith(":")]
)
def test_no_route_breaks_on_a_null_byte(route):
    found = next(one for one in routes() if one.name == route)
    if all(
        f"<int:{argument}>" in found.pattern or f"<uuid:{argument}>" in found.pattern for argument in found.arguments
    ):
        return
    path = address(route).rstrip("/") + "%00/"
    assert Client(raise_request_exception=False).get(path).status_code == 404
