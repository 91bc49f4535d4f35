"""The edge of the portal: requests whose length is unclear, numbers that no column holds, and certificates of the
services that it calls."""

import re
import ssl

import httpx
import pytest
from django.conf import settings
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser

from kt_remedy.core import access, portone
from tests.access.routes import routes
from tests.access.test_matrix import BROWSER, address, visitors  # noqa: F401  (a fixture)
from tests.access.test_no_store import readers
from tests.conftest import ROOT

# Beyond the whole numbers of PostgreSQL.
BEYOND = str(2**64)
# Health, and what ends the session that the other routes are tried with.
LEFT_OUT = {"pulsez", "readyz", "account_logout", "identity:leave", "staff-sessions"}
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        b"Content-Length: +4\r\n\r\nabcd",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_request_of_unclear_length_is_refused(lengths):
    parser = RequestParser(Config(), [HEAD + lengths], ("127.0.0.1", 1))
    with pytest.raises(ParseException):
        next(parser)


def test_no_call_follows_to_another_address():
    clients = [portone.identity(), portone.accounts()]
    assert [client._sync_client.follow_redirects for client in clients] == [False, False]


def test_calls_to_other_services_check_the_certificate():
    context = httpx.create_ssl_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    # OpenSSL 3 speaks nothing below TLS 1.2 from security level 1 on, also where its configuration names no version.
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2 or context.security_level >= 1


def asked_for() -> set[str]:
    """Names of the parameters that a view reads from an address or a form."""
    read = re.compile(r"\b(?:GET|POST)\.(?:get|getlist)\(\s*[\"'](\w+)")
    rooms = ("kt_remedy", "eligibility", "refunds", "rewards")
    return {name for room in rooms for path in ROOT.glob(f"{room}/**/*.py") for name in read.findall(path.read_text())}


@pytest.mark.django_db
def test_no_route_breaks_on_a_number_that_no_column_holds(visitors):  # noqa: F811
    names, broken = asked_for() | {"id", "pk", "p", "o", "customer", "contract_no", "amount"}, []
    assert len(names) > 25
    fields = dict.fromkeys(names, BEYOND)
    for route in routes():
        if route.name.endswith(":") or route.name in LEFT_OUT:
            continue
        wide = [name for name in route.arguments if name == "object_id" or f"<int:{name}>" in route.pattern]
        target = address(route.name, **dict.fromkeys(wide, BEYOND))
        visitor = "customer" if route.policy == access.PUBLIC else readers(route.policy)[0]
        BROWSER.cookies.clear()
        BROWSER.cookies[settings.SESSION_COOKIE_NAME] = visitors[visitor]
        for method in (BROWSER.get, BROWSER.post):
            if method(target, fields).status_code >= 500:
                broken.append((method.__name__, target))
    assert broken == []
