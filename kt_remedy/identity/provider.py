"""Mobile identity verification through PortOne: the only module that speaks to the service.

Birth date and the one digit of an SMS verification pass through `send` and are kept nowhere. The calls take up to
`SECONDS` each: never make one inside a database transaction.
"""

import datetime as dt
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import structlog
from django.conf import settings
from portone_server_sdk import errors, identity_verification
from portone_server_sdk._portone_error import PortOneError

SECONDS = 5.0
CARRIERS = ("SKT", "KT", "LGU", "SKT_MVNO", "KT_MVNO", "LGU_MVNO")

log = structlog.get_logger(__name__)


class Refused(Exception):
    """The service did not verify this person, for no reason it tells apart."""


class Unavailable(Exception):
    """The service gave no usable answer in time; nothing is known and the person may try again."""


class Mismatch(Refused):
    """Name, birth date, carrier and number do not belong together."""


class WrongCode(Refused):
    """The code is not the one that was sent."""


class NotApproved(Refused):
    """The person has not approved in the app yet."""


class Expired(Refused):
    """The code is too old."""


class Locked(Refused):
    """The carrier takes no more tries for this request."""


# A request that is gone or was never sent cannot be confirmed: begin again.
_GONE = (errors.IdentityVerificationNotFoundError, errors.IdentityVerificationNotSentError)
_ASKED_WRONG = (errors.InvalidRequestError, errors.IdentityVerificationAlreadySentError)

# What the agency behind the channel says, by its code. A new channel adds its codes here.
_REASONS: dict[str, type[Refused]] = {
    "MISMATCH": Mismatch,
    "WRONG_OTP": WrongCode,
    "NOT_APPROVED": NotApproved,
    "EXPIRED": Expired,
    "LOCKED": Locked,
}


@dataclass(frozen=True)
class Verified:
    """Facts that the service vouches for. `ci` is None where the carrier gives none."""

    name: str
    birth_date: dt.date
    phone: str
    foreigner: bool
    ci: str | None


def send(
    key: str, *, method: str, carrier: str, name: str, phone: str, identity_number: str | None, address: str
) -> None:
    """Ask for a verification under our own `key`: "APP" shows a request in the PASS app, "SMS" sends a code.

    `identity_number` is birth date and one digit, YYMMDDN, needed for SMS. Raises Unavailable or Refused.
    """
    _call(
        "send",
        identity_verification_id=key,
        channel_key=settings.PORTONE_CHANNEL_KEY,
        customer=identity_verification.SendIdentityVerificationBodyCustomer(
            name=name, phone_number=phone, ip_address=address, identity_number=identity_number
        ),
        operator=carrier,
        method=method,
    )


def resend(key: str) -> None:
    """Send a new code, which voids the old one. Raises Unavailable or Refused."""
    _call("resend", identity_verification_id=key)


def confirm(key: str, code: str | None) -> Verified:
    """The person behind a correct code or an approval in the app. Raises Unavailable or Refused.

    Where an earlier answer was lost on the way, the verification it completed is read instead.
    """
    try:
        person = _call("confirm", identity_verification_id=key, otp=code).identity_verification.verified_customer
    except errors.IdentityVerificationAlreadyVerifiedError:
        person = _call("get", identity_verification_id=key).verified_customer
    try:
        birth_date = dt.date.fromisoformat(person.birth_date or "")
    except ValueError:
        raise Refused("no birth date") from None
    return Verified(
        name=person.name,
        birth_date=birth_date,
        phone=person.phone_number or "",
        foreigner=bool(person.is_foreigner),
        ci=person.ci,
    )


@cache
def _client() -> identity_verification.IdentityVerificationClient:
    client = identity_verification.IdentityVerificationClient(
        secret=settings.PORTONE_API_SECRET, base_url=settings.PORTONE_API_URL, store_id=settings.PORTONE_STORE_ID
    )
    # The SDK gives its own clients a minute and no way to say otherwise.
    client._sync_client.close()
    client._sync_client = httpx.Client(timeout=SECONDS)
    return client


def _call(act: str, **arguments: Any) -> Any:
    try:
        return getattr(_client(), f"{act}_identity_verification")(**arguments)
    except errors.PgProviderError as error:
        log.info("identity.refused", act=act, code=error.pg_code)
        raise _REASONS.get(error.pg_code, Refused)(error.pg_code) from None
    except errors.IdentityVerificationAlreadyVerifiedError:
        if act == "confirm":
            raise
        raise Expired(act) from None
    except _GONE:
        raise Expired(act) from None
    except _ASKED_WRONG as error:
        log.info("identity.refused", act=act, code=type(error).__name__)
        raise Refused(type(error).__name__) from None
    except (PortOneError, httpx.HTTPError, json.JSONDecodeError, ValueError, KeyError, AttributeError) as error:
        # Their texts hold what was sent or answered, so only the kind of fault is written down.
        log.warning("identity.unavailable", act=act, fault=type(error).__name__)
        raise Unavailable(type(error).__name__) from None
