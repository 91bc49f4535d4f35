"""The edge of the portal: requests whose length is unclear, and certificates of the services that it calls."""

import ssl

import httpx
import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser

from kt_remedy.core import portone

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
