"""Clients for PortOne's services, with a time-out a waiting person can bear.

The SDK builds its own HTTP clients with 60 seconds and offers no option, so they are replaced. One client per process
and service: it keeps its connections and is safe to share between threads.

The SDK is imported when it is first used: it takes a third of the whole start-up time of every process.
"""

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import httpx
from django.conf import settings
from django.utils.translation import gettext_lazy

from kt_remedy.core import tracing

if TYPE_CHECKING:
    from portone_server_sdk import IdentityVerificationClient
    from portone_server_sdk.platform.account import AccountClient

Client = TypeVar("Client")

SECONDS = 5.0
# The company behind both services, as consents and the privacy page name it.
COMPANY = gettext_lazy("코리아포트원")


class _Traced(httpx.HTTPTransport):
    """A span around each call; its address holds numbers of accounts and stays out."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with tracing.span(f"PortOne {request.method}", "CLIENT", server_address=request.url.host) as current:
            response = super().handle_request(request)
            if current is not None:
                current.set_attribute("http.response.status_code", response.status_code)
            return response


def _within(client: Client, seconds: float) -> Client:
    client._sync_client.close()  # type: ignore[attr-defined]
    client._sync_client = httpx.Client(timeout=seconds, transport=_Traced())  # type: ignore[attr-defined]
    return client


@cache
def identity() -> "IdentityVerificationClient":
    """Mobile identity verification on any carrier."""
    from portone_server_sdk import IdentityVerificationClient

    return _within(IdentityVerificationClient(**_where()), SECONDS)


@cache
def accounts() -> "AccountClient":
    """Client for the account holder check."""
    from portone_server_sdk.platform.account import AccountClient

    return _within(AccountClient(**_where()), SECONDS)


def _where() -> dict[str, str]:
    return {
        "secret": settings.PORTONE_API_SECRET,
        "base_url": settings.PORTONE_API_URL.rstrip("/"),
        "store_id": settings.PORTONE_STORE_ID,
    }
