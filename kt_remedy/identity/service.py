"""Who is at the browser: the customer whose identity was verified in this session.

A session keeps what the verification returned in one sealed value; nothing of it is readable in the table of
sessions. Sessions live by the wall clock, never by business time.
"""

import base64
import datetime as dt
import json
import secrets
import time
from dataclasses import dataclass

from django.http import HttpRequest

from kt_remedy import crypto

IDLE_SECONDS = 30 * 60
WARN_SECONDS = 3 * 60  # how long before the idle end a page offers to go on
ABSOLUTE_SECONDS = 12 * 60 * 60
REFRESH_SECONDS = 60

_KEY = "person"


@dataclass(frozen=True)
class Person:
    """A verified natural person. `ci_index` is the blind index by which the register knows them."""

    ci_index: bytes
    name: str
    birth_date: dt.date
    phone: str
    foreigner: bool
    verified_at: dt.datetime


def sign_in(request: HttpRequest, person: Person) -> None:
    """Make this session that person's, under a new session key.

    What another person left in the browser's session (a draft, a staff sign-in) is dropped; the same person, verifying
    again, keeps it.
    """
    before = person_of(request)
    if before is not None and before.ci_index == person.ci_index:
        request.session.cycle_key()
    else:
        request.session.flush()
    write(request.session, person)
    request.person = person  # type: ignore[attr-defined]


def sign_out(request: HttpRequest) -> None:
    """End the session and everything in it."""
    request.session.flush()
    request.person = None  # type: ignore[attr-defined]


def write(session, person: Person) -> None:
    """Seal the person into a session; the caller saves it."""
    salt = secrets.token_hex(16)
    sealed = json.dumps(
        {
            "ci": person.ci_index.hex(),
            "name": person.name,
            "birth_date": person.birth_date.isoformat(),
            "phone": person.phone,
            "foreigner": person.foreigner,
            "verified_at": person.verified_at.isoformat(),
        }
    )
    now = int(time.time())
    session[_KEY] = {
        "salt": salt,
        "sealed": base64.b64encode(crypto.encrypt(sealed, _aad(salt))).decode(),
        "since": now,
        "seen": now,
    }


def person_of(request: HttpRequest) -> Person | None:
    """The verified person of this session, or None where there is none or the session has ended.

    Notes at most once a minute that the session is in use, so that most pages write nothing.
    """
    kept = request.session.get(_KEY)
    if kept is None:
        return None
    now = int(time.time())
    if now - kept["seen"] >= IDLE_SECONDS or now - kept["since"] >= ABSOLUTE_SECONDS:
        request.session.flush()
        return None
    try:
        sealed = json.loads(crypto.decrypt(base64.b64decode(kept["sealed"]), _aad(kept["salt"])))
    except crypto.DecryptError:  # its key has been withdrawn: the person verifies once more
        request.session.flush()
        return None
    if now - kept["seen"] >= REFRESH_SECONDS:
        request.session[_KEY] = {**kept, "seen": now}
    return Person(
        ci_index=bytes.fromhex(sealed["ci"]),
        name=sealed["name"],
        birth_date=dt.date.fromisoformat(sealed["birth_date"]),
        phone=sealed["phone"],
        foreigner=sealed["foreigner"],
        verified_at=dt.datetime.fromisoformat(sealed["verified_at"]),
    )


def _aad(salt: str) -> str:
    return f"session:person:{salt}"
