"""Options of Celery's broker that follow from its address. Settings import this before anything else exists."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

# A hung Redis or sentinel must not hang beat (default: for ever).
SECONDS = {"socket_timeout": 2, "socket_connect_timeout": 2}


def transport_options(address: str, *, master: str, password: str) -> dict[str, Any]:
    """Time limits, and for `sentinel://` addresses (separated by `;`) the name of the master and how to ask for it.

    `password` is that of the sentinels; the one of Redis stands in the address. TLS is that of the first address, as
    `ssl_cert_reqs` and `ssl_ca_certs`, and holds for the sentinels too.
    """
    if not address.startswith("sentinel://"):
        return {**SECONDS}
    asking: dict[str, Any] = {**SECONDS}
    if password:
        asking["password"] = password
    first = address.partition(";")[0]
    encryption = {name: value for name, value in parse_qsl(urlsplit(first).query) if name.startswith("ssl_")}
    if encryption:
        asking |= {"ssl": True, **encryption}
    return {**SECONDS, "master_name": master, "sentinel_kwargs": asking}
