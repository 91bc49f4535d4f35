"""The verified customer of a browser session, and the verification itself.

`begin` and `confirm` verify a person: on the customer's own pages and at the desk, where the code goes to the
customer's telephone. A session keeps what the verification returned in one sealed value; nothing of it is readable in
the table of sessions. Sessions, codes and limits live by the wall clock, never by business time.
"""

import base64
import dataclasses
import datetime as dt
import ipaddress
import json
import secrets
import time
from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from kt_remedy.audit import service as audit
from kt_remedy.core import crypto, masking, persons, ratelimit
from kt_remedy.identity import alarm, provider

IDLE_SECONDS = 30 * 60
WARN_SECONDS = 3 * 60  # how long before the idle end a page offers to go on
ABSOLUTE_SECONDS = 12 * 60 * 60
REFRESH_SECONDS = 60

RESEND_SECONDS = 30

# (how many, in how many seconds). A network is a /24 or /48: behind one address of a mobile carrier stand thousands of
# people, so its limit only stops machines. All counters are rows and end by themselves.
SENDS_PER_NUMBER = ((5, 3600), (10, 86_400))
SENDS_PER_NETWORK = ((600, 600),)
TRIES_PER_PERSON = ((10, 3600), (20, 86_400))

_KEY = "person"


class TooMany(Exception):
    """A limit is reached; `retry_at` (wall clock) says when it ends by itself."""

    def __init__(self, retry_at: dt.datetime) -> None:
        super().__init__()
        self.retry_at = retry_at

    @property
    def minutes(self) -> int:
        """Whole minutes until then, at least one."""
        return max(1, -(-int((self.retry_at - dt.datetime.now(dt.UTC)).total_seconds()) // 60))

    @property
    def hours(self) -> int:
        """Whole hours until then, rounded up, where minutes would be no help; else 0."""
        return -(-self.minutes // 60) if self.minutes > 90 else 0


class NoIdentifier(Exception):
    """Verified, but the carrier gave no CI, so nobody can be found by it (docs/domain.md#c4)."""


@dataclass(frozen=True)
class Pending:
    """A verification that was asked for and not confirmed yet; `kept()` fits into a session and names nobody."""

    key: str
    method: str  # "APP" or "SMS"
    phone_masked: str
    number_index: str
    person_index: str
    sent_at: int

    def kept(self) -> dict:
        """As a session keeps it; `Pending(**kept)` brings it back."""
        return dataclasses.asdict(self)

    @property
    def wait_seconds(self) -> int:
        """Seconds until a new code may be requested."""
        return max(0, RESEND_SECONDS - (int(time.time()) - self.sent_at))


@dataclass(frozen=True)
class Person:
    """A verified natural person. `ci_index` is the blind index by which the register knows them."""

    ci_index: bytes
    name: str
    birth_date: dt.date
    phone: str
    foreigner: bool
    verified_at: dt.datetime


def begin(
    *, method: str, carrier: str, name: str, phone: str, identity_number: str | None = None, address: str
) -> Pending:
    """Ask the carrier to verify this person; "APP" by the PASS app, "SMS" by a code to the number.

    `phone` in digits; `identity_number` (YYMMDDN, SMS only) is passed on and forgotten; `address` is the network
    address the request came from. Raises TooMany, provider.Refused or provider.Unavailable. Call it outside any
    transaction: it waits for the service.
    """
    number_index = crypto.blind_index(phone, "msisdn").hex()
    born = (identity_number or "")[:6]
    person_index = crypto.blind_index(f"{name}|{born}|{phone}", "identity").hex()
    _within(f"identity:tries:{person_index}", TRIES_PER_PERSON, count=False)
    _within(f"identity:network:{_network(address)}", SENDS_PER_NETWORK)
    _within(f"identity:sends:{number_index}", SENDS_PER_NUMBER)
    key = f"kt-{secrets.token_hex(16)}"
    provider.send(
        key,
        method=method,
        carrier=carrier,
        name=name,
        phone=phone,
        identity_number=identity_number if method == "SMS" else None,
        address=address,
    )
    return Pending(key, method, masking.phone(phone), number_index, person_index, int(time.time()))


def send_again(pending: Pending) -> Pending:
    """A new code for the same request; the old one is void. Raises TooMany, also within RESEND_SECONDS of the last."""
    if pending.wait_seconds:
        raise TooMany(dt.datetime.fromtimestamp(pending.sent_at + RESEND_SECONDS, dt.UTC))
    _within(f"identity:sends:{pending.number_index}", SENDS_PER_NUMBER)
    provider.resend(pending.key)
    return dataclasses.replace(pending, sent_at=int(time.time()))


def confirm(pending: Pending, code: str = "") -> Person:
    """The verified person. Raises TooMany, NoIdentifier, provider.Refused (WrongCode, Expired, Locked, NotApproved …)
    or provider.Unavailable. Says nothing of whether the person is a customer."""
    limit = f"identity:tries:{pending.person_index}"
    _within(limit, TRIES_PER_PERSON, count=False)
    try:
        verified = provider.confirm(pending.key, code if pending.method == "SMS" else None)
    except provider.WrongCode:
        alarm.count(right=False)
        _within(limit, TRIES_PER_PERSON)
        raise
    if pending.method == "SMS":
        alarm.count(right=True)
    if not verified.ci:
        raise NoIdentifier
    return Person(
        ci_index=persons.ci_index(verified.ci),
        name=verified.name,
        birth_date=verified.birth_date,
        phone=verified.phone,
        foreigner=verified.foreigner,
        verified_at=dt.datetime.now(dt.UTC),
    )


class VerifiedRequest(HttpRequest):
    """A request that `@customer` let through, with the person that the middleware put on it."""

    person: Person


def sign_in(request: HttpRequest, person: Person) -> None:
    """Make this session that person's, under a new session key.

    What another person left in the browser's session (a draft, a staff sign-in) is dropped; the same person, verifying
    again, keeps it. Who verified themselves when is recorded.
    """
    before = person_of(request)
    if before is not None and before.ci_index == person.ci_index:
        request.session.cycle_key()
    else:
        request.session.flush()
    write(request.session, person)
    request.person = person  # type: ignore[attr-defined]
    # By the blind index alone: this room does not know whether the person is a customer.
    audit.record(actor="customer", action="identity.verified", object=f"person:{person.ci_index.hex()}")


def drop(request: HttpRequest) -> None:
    """Take the verified person out of a session that goes on for somebody else."""
    if request.session.pop(_KEY, None) is not None:
        request.person = None  # type: ignore[attr-defined]


def sign_out(request: HttpRequest) -> None:
    """End the session and everything in it."""
    request.session.flush()
    request.person = None  # type: ignore[attr-defined]


def write(session: SessionBase, person: Person) -> None:
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


def stay(request: HttpRequest) -> None:
    """The person asked to go on: the idle time begins anew."""
    if kept := request.session.get(_KEY):
        request.session[_KEY] = {**kept, "seen": int(time.time())}


def _within(key: str, windows: tuple[tuple[int, int], ...], *, count: bool = True) -> None:
    for limit, seconds in windows:
        verdict = (ratelimit.consume if count else ratelimit.peek)(f"{key}:{seconds}", limit=limit, seconds=seconds)
        if not verdict.allowed:
            raise TooMany(verdict.retry_at)


def _network(address: str) -> str:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network(f"{address}/{24 if version == 4 else 48}", strict=False))


def _aad(salt: str) -> str:
    return f"session:person:{salt}"
