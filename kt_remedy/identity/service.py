"""Identity verification of a customer, and the session that remembers the verified person.

`begin` and `confirm` verify a person on the customer's own pages and at the desk, where the code goes to the customer's
telephone. A session keeps the result as one encrypted value, so the table of sessions shows no personal data. Sessions,
codes and limits follow the wall clock, never business time.
"""

import base64
import dataclasses
import datetime as dt
import ipaddress
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from kt_remedy.audit import service as audit
from kt_remedy.core import crypto, masking, persons, ratelimit
from kt_remedy.identity import alarm, provider

IDLE_SECONDS = 30 * 60
WARN_SECONDS = 3 * 60  # a page offers to extend the session this long before the idle end
ABSOLUTE_SECONDS = 12 * 60 * 60
REFRESH_SECONDS = 60

RESEND_SECONDS = 30

# Pairs of (limit, seconds). Counters are rows of the database and expire by themselves.
# Only what the carrier accepted counts against a number, so a stranger who knows the number alone keeps nobody out. The
# app and codes count apart.
SENDS_PER_NUMBER = ((5, 3600), (10, 86_400))
# The carrier ends a request after so many wrong codes.
CODES_A_REQUEST = 5
TRIES_PER_PERSON = ((10, 3600), (20, 86_400))
# Details that the carrier did not accept count against the browser that sent them.
MISMATCHES_PER_BROWSER = ((10, 3600),)
# A network is a /24 or /48. Thousands of people share one address of a mobile carrier, so above these limits a network
# is slowed and never blocked.
SENDS_PER_NETWORK = ((600, 600),)
MISMATCHES_PER_NETWORK = ((60, 600),)
SLOW_SECONDS = 3.0  # shorter than the time the carrier itself may take

_SESSION_KEY = "person"


class LimitReached(Exception):
    """A rate limit is reached; it ends at `retry_at` (wall clock)."""

    def __init__(self, retry_at: dt.datetime) -> None:
        super().__init__()
        self.retry_at = retry_at

    @property
    def minutes(self) -> int:
        """Whole minutes until `retry_at`, rounded up, at least 1."""
        return max(1, -(-int((self.retry_at - dt.datetime.now(dt.UTC)).total_seconds()) // 60))

    @property
    def hours(self) -> int:
        """Whole hours until `retry_at`, rounded up; 0 for 90 minutes or less."""
        return -(-self.minutes // 60) if self.minutes > 90 else 0


class MissingCI(Exception):
    """The person is verified, but the carrier gave no CI, so their lines cannot be found (docs/domain.md#c4)."""


@dataclass(frozen=True)
class PendingVerification:
    """A requested verification that is not confirmed yet. It holds no personal data in clear."""

    key: str
    method: str  # "APP" or "SMS"
    phone_masked: str
    number_index: str
    person_index: str
    sent_at: int

    def to_session(self) -> dict:
        """The value a session stores; `PendingVerification(**value)` restores it."""
        return dataclasses.asdict(self)

    @property
    def wait_seconds(self) -> int:
        """Seconds until a new code may be requested; 0 if now."""
        return max(0, RESEND_SECONDS - (int(time.time()) - self.sent_at))


@dataclass(frozen=True)
class Person:
    """A verified natural person. `ci_index` is the blind index of the CI, the key of the person in the register."""

    ci_index: bytes
    name: str
    birth_date: dt.date
    phone: str
    foreigner: bool
    verified_at: dt.datetime


def begin(
    *,
    method: str,
    carrier: str,
    name: str,
    phone: str,
    identity_number: str | None = None,
    address: str,
    browser: str = "",
) -> PendingVerification:
    """Request a verification from the carrier: "APP" in the PASS app, "SMS" by a code to the number.

    `phone` holds digits only. `identity_number` (YYMMDDN, SMS only) is passed on and not kept. `address` is the network
    address of the request, `browser` a random key of the browser's session. Raises LimitReached,
    provider.VerificationRefused or provider.Unavailable. Call it outside any transaction, because it waits for the
    service.
    """
    number_index = crypto.blind_index(phone, "msisdn").hex()
    birth_date = (identity_number or "")[:6]
    person_index = crypto.blind_index(f"{name}|{birth_date}|{phone}", "identity").hex()
    network = _network(address)
    _check_limits(f"identity:tries:{person_index}", TRIES_PER_PERSON, count=False)
    if browser:
        _check_limits(f"identity:mismatches:browser:{browser}", MISMATCHES_PER_BROWSER, count=False)
    _slow_down(network)
    key = f"kt-{secrets.token_hex(16)}"
    with _one_send(method, number_index):
        try:
            provider.send(
                key,
                method=method,
                carrier=carrier,
                name=name,
                phone=phone,
                identity_number=identity_number if method == "SMS" else None,
                address=address,
            )
        except provider.VerificationRefused:
            _count(f"identity:mismatches:network:{network}", MISMATCHES_PER_NETWORK)
            if browser:
                _count(f"identity:mismatches:browser:{browser}", MISMATCHES_PER_BROWSER)
            raise
    return PendingVerification(key, method, masking.phone(phone), number_index, person_index, int(time.time()))


def resend_code(pending: PendingVerification) -> PendingVerification:
    """Send a new code for the same request, which voids the old code.

    Raises LimitReached, also within RESEND_SECONDS of the last code, provider.VerificationRefused or
    provider.Unavailable.
    """
    if pending.wait_seconds:
        raise LimitReached(dt.datetime.fromtimestamp(pending.sent_at + RESEND_SECONDS, dt.UTC))
    with _one_send(pending.method, pending.number_index):
        provider.resend(pending.key)
    return dataclasses.replace(pending, sent_at=int(time.time()))


def confirm(pending: PendingVerification, code: str = "") -> Person:
    """Confirm a verification and return the person, who may or may not be a customer.

    Raises LimitReached, MissingCI, provider.VerificationRefused (WrongCode, Expired, Locked, NotApproved …) or
    provider.Unavailable.
    """
    limit_key = f"identity:tries:{pending.person_index}"
    _check_limits(limit_key, TRIES_PER_PERSON, count=False)
    try:
        verified = provider.confirm(pending.key, code if pending.method == "SMS" else None)
    except provider.WrongCode as wrong:
        alarm.count_code(right=False)
        of_request = ratelimit.consume(f"identity:codes:{pending.key}", limit=CODES_A_REQUEST, seconds=IDLE_SECONDS)
        wrong.left = min(of_request.left, _check_limits(limit_key, TRIES_PER_PERSON))
        raise
    if pending.method == "SMS":
        alarm.count_code(right=True)
    if not verified.ci:
        raise MissingCI
    return Person(
        ci_index=persons.ci_index(verified.ci),
        name=verified.name,
        birth_date=verified.birth_date,
        phone=verified.phone,
        foreigner=verified.foreigner,
        verified_at=dt.datetime.now(dt.UTC),
    )


class VerifiedRequest(HttpRequest):
    """A request that passed `@customer`; PersonMiddleware has set `person`."""

    person: Person


def sign_in(request: HttpRequest, person: Person) -> None:
    """Bind the session to the person under a new session key, and record the verification in the audit.

    The data of another person in the same session (a draft, a staff sign-in) is deleted. The same person, verified
    again, keeps their data.
    """
    before = person_of(request)
    if before is not None and before.ci_index == person.ci_index:
        request.session.cycle_key()
    else:
        request.session.flush()
    write_person(request.session, person)
    request.person = person  # type: ignore[attr-defined]
    # The audit entry names the blind index, because this application does not know whether the person is a customer.
    audit.record(actor="customer", action="identity.verified", object=f"person:{person.ci_index.hex()}")


def drop_person(request: HttpRequest) -> None:
    """Remove the verified person from a session that continues for somebody else."""
    if request.session.pop(_SESSION_KEY, None) is not None:
        request.person = None  # type: ignore[attr-defined]


def sign_out(request: HttpRequest) -> None:
    """End the session and delete its data."""
    request.session.flush()
    request.person = None  # type: ignore[attr-defined]


def write_person(session: SessionBase, person: Person) -> None:
    """Encrypt the person into a session; the caller saves the session."""
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
    session[_SESSION_KEY] = {
        "salt": salt,
        "sealed": base64.b64encode(crypto.encrypt(sealed, _associated_data(salt))).decode(),
        "since": now,
        "seen": now,
    }


def person_of(request: HttpRequest) -> Person | None:
    """The verified person of this session, or None where there is none or the session has ended.

    The time of the last use is written at most once a minute, so most pages write nothing.
    """
    stored = request.session.get(_SESSION_KEY)
    if stored is None:
        return None
    now = int(time.time())
    if now - stored["seen"] >= IDLE_SECONDS or now - stored["since"] >= ABSOLUTE_SECONDS:
        request.session.flush()
        request.session_ended = True  # type: ignore[attr-defined]  # the page that asks anew says so
        return None
    try:
        sealed = json.loads(crypto.decrypt(base64.b64decode(stored["sealed"]), _associated_data(stored["salt"])))
    except crypto.DecryptError:  # the key was withdrawn, so the person verifies again
        request.session.flush()
        return None
    if now - stored["seen"] >= REFRESH_SECONDS:
        request.session[_SESSION_KEY] = {**stored, "seen": now}
    return Person(
        ci_index=bytes.fromhex(sealed["ci"]),
        name=sealed["name"],
        birth_date=dt.date.fromisoformat(sealed["birth_date"]),
        phone=sealed["phone"],
        foreigner=sealed["foreigner"],
        verified_at=dt.datetime.fromisoformat(sealed["verified_at"]),
    )


def extend_session(request: HttpRequest) -> None:
    """Restart the idle time of the session."""
    if stored := request.session.get(_SESSION_KEY):
        request.session[_SESSION_KEY] = {**stored, "seen": int(time.time())}


def _check_limits(key: str, windows: tuple[tuple[int, int], ...], *, count: bool = True) -> int:
    """Raise LimitReached where a window of the key is full, else return the uses left; `count` counts this one."""
    left = []
    for limit, seconds in windows:
        result = (ratelimit.consume if count else ratelimit.peek)(f"{key}:{seconds}", limit=limit, seconds=seconds)
        if not result.allowed:
            raise LimitReached(result.retry_at)
        left.append(result.left)
    return min(left)


def _count(key: str, windows: tuple[tuple[int, int], ...]) -> bool:
    """Count one use in each window of the key; True if it is within all of them."""
    verdicts = [ratelimit.consume(f"{key}:{seconds}", limit=limit, seconds=seconds) for limit, seconds in windows]
    return all(verdict.allowed for verdict in verdicts)


@contextmanager
def _one_send(method: str, number_index: str) -> Iterator[None]:
    """Count a send against the number before it is made, so that parallel ones see it, and give it back if it failed.

    Raises LimitReached, after which nothing is sent.
    """
    key = f"identity:sends:{method}:{number_index}"
    counted = []
    try:
        for limit, seconds in SENDS_PER_NUMBER:
            counted.append(f"{key}:{seconds}")
            _check_limits(key, ((limit, seconds),))
        yield
    except Exception:
        for window in counted:
            ratelimit.give_back(window)
        raise


def _slow_down(network: str) -> None:
    """Wait a little where a network sends very many requests or was often refused."""
    within = _count(f"identity:network:{network}", SENDS_PER_NETWORK)
    for limit, seconds in MISMATCHES_PER_NETWORK:
        within &= ratelimit.peek(
            f"identity:mismatches:network:{network}:{seconds}", limit=limit, seconds=seconds
        ).allowed
    if not within:
        time.sleep(SLOW_SECONDS)


def _network(address: str) -> str:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network(f"{address}/{24 if version == 4 else 48}", strict=False))


def _associated_data(salt: str) -> str:
    return f"session:person:{salt}"
