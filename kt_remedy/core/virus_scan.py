"""ClamAV, where one answers: asked over its own protocol about a file before anything opens it.

It is a second fence. What people send is drawn anew and never given out as it came, so a portal without ClamAV, or with
one that is silent, goes on. The client library that is still kept (clamav-client) has the licence GPL-2.0, which does
not go with ours; the protocol is one command (INSTREAM in the manual of clamd).
"""

import contextlib
import enum
import socket
import struct

import structlog
from django.conf import settings

SECONDS = 5
_PIECE = 1 << 20
_log = structlog.get_logger(__name__)


class Finding(enum.Enum):
    """The answer about a file; SILENT stands for an error of ClamAV too, and NONE for a portal without ClamAV."""

    CLEAN = "ok"
    FOUND = "found"
    SILENT = "silent"
    NONE = "none"


def scan(data: bytes) -> Finding:
    """Ask about a whole file; takes SECONDS for each step at most. Never raises: the portal does not hang on ClamAV."""
    finding, words = _asked(
        b"zINSTREAM\0",
        *(
            part
            for at in range(0, len(data), _PIECE)
            for part in (struct.pack(">I", len(data[at : at + _PIECE])), data[at : at + _PIECE])
        ),
        struct.pack(">I", 0),
    )
    if finding is not None:
        return finding
    if words.endswith(b" FOUND"):
        return Finding.FOUND
    if words.endswith(b": OK"):
        return Finding.CLEAN
    _log.warning("virus scan failed")
    return Finding.SILENT


def state() -> Finding:
    """Whether ClamAV answers now: CLEAN, SILENT or NONE."""
    finding, words = _asked(b"zPING\0")
    return finding or (Finding.CLEAN if words == b"PONG" else Finding.SILENT)


def _asked(*parts: bytes) -> tuple[Finding | None, bytes]:
    if not settings.CLAMD_ADDRESS:
        return Finding.NONE, b""
    try:
        with contextlib.closing(_connection(settings.CLAMD_ADDRESS)) as connection:
            for part in parts:
                connection.sendall(part)
            words = b""
            while not words.endswith(b"\0") and len(words) < 4096 and (more := connection.recv(4096)):
                words += more
    except (OSError, ValueError) as error:
        _log.warning("virus scanner does not answer", kind=type(error).__name__)
        return Finding.SILENT, b""
    return None, words.rstrip(b"\0")


def _connection(address: str) -> socket.socket:
    """A connection to "unix:/path" or "host:port"."""
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(SECONDS)
        try:
            connection.connect(address.removeprefix("unix:"))
        except OSError:
            connection.close()
            raise
        return connection
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), SECONDS)
