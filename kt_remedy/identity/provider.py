"""Mobile identity verification through PortOne. No other module calls the service.

Birth date and the one digit of an SMS verification pass through `send` and are not kept. A call takes up to
TIMEOUT_SECONDS: never make one inside a database transaction.
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

from kt_remedy.core import text

TIMEOUT_SECONDS = 5.0
# The carriers of the country by their code at the service; each has MVNOs on its network.
CARRIER_NAMES = {"KT": "KT", "SKT": "SKT", "LGU": "LG U+"}
CARRIERS = (*CARRIER_NAMES, *(f"{code}_MVNO" for code in CARRIER_NAMES))

log = structlog.get_logger(__name__)


class VerificationRefused(Exception):
    """The service did not verify the person; subclasses name the known reasons."""


class Unavailable(Exception):
    """The service gave no usable answer in time; the person may try again."""


class Mismatch(VerificationRefused):
    """Name, birth date, carrier and number do not match."""


class WrongCode(VerificationRefused):
    """The code is wrong; `left` more may be tried."""

    left = 0


class NotApproved(VerificationRefused):
    """The person has not approved in the app yet."""


class Expired(VerificationRefused):
    """The code or the request has expired."""


class Locked(VerificationRefused):
    """The carrier accepts no more tries for this request."""


# A request that is gone or was never sent cannot be confirmed; the person starts again.
_GONE = (errors.IdentityVerificationNotFoundError, errors.IdentityVerificationNotSentError)
_INVALID_REQUEST = (errors.InvalidRequestError, errors.IdentityVerificationAlreadySentError)

# Error codes of the verification agency behind the channel. A new channel adds its codes here.
_REASONS: dict[str, type[VerificationRefused]] = {
    "MISMATCH": Mismatch,
    "WRONG_OTP": WrongCode,
    "NOT_APPROVED": NotApproved,
    "EXPIRED": Expired,
    "LOCKED": Locked,
}


@dataclass(frozen=True)
class Verified:
    """The verified data of a person. `ci` is None if the carrier gives none."""

    name: str
    birth_date: dt.date
    phone: str
    foreigner: bool
    ci: str | None


def send(
    key: str, *, method: str, carrier: str, name: str, phone: str, identity_number: str | None, address: str
) -> None:
    """Request a verification under our own `key`: "APP" shows a request in the PASS app, "SMS" sends a code.

    `identity_number` is birth date and one digit (YYMMDDN), required for SMS. Raises Unavailable or
    VerificationRefused.
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
    """Send a new code, which voids the old one. Raises Unavailable or VerificationRefused."""
    _call("resend", identity_verification_id=key)


def confirm(key: str, code: str | None) -> Verified:
    """Return the person of a correct code or an approval in the app. Raises Unavailable or VerificationRefused.

    If the answer of an earlier call was lost, the completed verification is read instead.
    """
    try:
        person = _call("confirm", identity_verification_id=key, otp=code).identity_verification.verified_customer
    except errors.IdentityVerificationAlreadyVerifiedError:
        person = _call("get", identity_verification_id=key).verified_customer
    try:
        birth_date = dt.date.fromisoformat(person.birth_date or "")
    except ValueError:
        raise VerificationRefused("no birth date") from None
    return Verified(
        name=text.clean(person.name) or person.name,
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
    # The SDK fixes the timeout of its clients at one minute and offers no setting for it.
    client._sync_client.close()
    client._sync_client = httpx.Client(timeout=TIMEOUT_SECONDS)
    return client


def _call(operation: str, **arguments: Any) -> Any:
    try:
        return getattr(_client(), f"{operation}_identity_verification")(**arguments)
    except errors.PgProviderError as error:
        log.info("identity.refused", operation=operation, code=error.pg_code)
        raise _REASONS.get(error.pg_code, VerificationRefused)(error.pg_code) from None
    except errors.IdentityVerificationAlreadyVerifiedError:
        if operation == "confirm":
            raise
        raise Expired(operation) from None
    except _GONE:
        raise Expired(operation) from None
    except _INVALID_REQUEST as error:
        log.info("identity.refused", operation=operation, code=type(error).__name__)
        raise VerificationRefused(type(error).__name__) from None
    except (PortOneError, httpx.HTTPError, json.JSONDecodeError, ValueError, KeyError, AttributeError) as error:
        # The texts of these errors may hold personal data, so only the class is logged.
        log.warning("identity.unavailable", operation=operation, fault=type(error).__name__)
        raise Unavailable(type(error).__name__) from None
