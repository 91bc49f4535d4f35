"""Staff and customers have hosts of their own in production; a try-out has one for both."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from kt_remedy.core import access
from tests.access.routes import routes
from tests.access.test_matrix import address
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db
STAFF, CUSTOMERS = "staff.remedy.test", "remedy.test"


@pytest.fixture
def two_hosts(settings):
    settings.STAFF_HOST, settings.CUSTOMER_HOSTS = STAFF, [CUSTOMERS]
    settings.ALLOWED_HOSTS = [CUSTOMERS, STAFF]


def at(host: str) -> Client:
    return Client(HTTP_HOST=host, raise_request_exception=False)


def test_every_route_of_staff_is_missing_where_customers_are_and_every_other_way_round(two_hosts):
    wrong, seen = [], {STAFF: 0, CUSTOMERS: 0}
    for route in routes():
        if route.name.endswith(":") or route.name in access.ON_BOTH_HOSTS or route.policy is None:
            continue
        path = address(route.name)
        for_staff = isinstance(route.policy, tuple) or route.name.startswith(access.STAFF_PREFIXES)
        seen[STAFF if for_staff else CUSTOMERS] += 1
        other = at(CUSTOMERS if for_staff else STAFF)
        if other.post(path).status_code != 404:
            wrong.append((route.name, "POST"))
        answer = other.get(path)
        if for_staff:
            moved = answer.status_code == 404
        else:
            target = settings.LOGIN_REDIRECT_URL if path == "/" else f"http://{CUSTOMERS}{path}"
            moved = answer.status_code == 302 and answer["Location"] == target
        if not moved:
            wrong.append((route.name, "GET", answer.status_code, answer.get("Location")))
    assert wrong == []
    assert min(seen.values()) > 30


def test_each_host_serves_its_own(two_hosts):
    assert at(STAFF).get(reverse("account_login")).status_code == 200
    assert at(CUSTOMERS).get(reverse("identity:start")).status_code == 200
    for host in (STAFF, CUSTOMERS):
        assert at(host).get("/livez").status_code == 200
    assert as_staff(at(STAFF), staff_user("auditor")).get(reverse("admin:index")).status_code == 200
    assert as_customer(at(CUSTOMERS), person("hosts")).get(reverse("portal:my-lines")).status_code == 200


def test_the_host_of_customers_does_not_name_that_of_staff(two_hosts):
    for path in ("/staff/login/", "/admin/", "/desk/"):
        answer = at(CUSTOMERS).get(path)
        assert STAFF not in answer.content.decode() + str(answer.headers)


def test_cookies_are_bound_to_one_host_in_production():
    """`__Host-` forbids a domain, so a browser sends the cookie of one host to no other."""
    assert settings.SESSION_COOKIE_DOMAIN is None
    assert settings.CSRF_COOKIE_DOMAIN is None


def test_one_host_serves_both_in_a_try_out():
    client = Client()
    assert client.get(reverse("account_login")).status_code == 200
    assert client.get(reverse("identity:start")).status_code == 200
