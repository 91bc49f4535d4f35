"""Confirm the number at which a customer wants notices: a code is sent there, and the customer reads it aloud.

The desk session keeps a keyed hash of the code, bound to the customer and to this desk session. No code works for
another person, at a later time or for another clerk.
"""

import base64
import secrets
import time
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from kt_remedy.core import clock, crypto, ratelimit
from kt_remedy.notices import service as notices
from kt_remedy.notices.models import Message

CODE_MINUTES, TRIES = 5, 5
CODE_SECONDS = CODE_MINUTES * 60
TO_ONE_NUMBER, FROM_ONE_CLERK, LIMIT_SECONDS = 5, 60, 60 * 60
# The code that a clerk hears, and the one that an agent hears on the telephone.
KIND, KIND_CALL = "desk.code", "desk.call_code"
KINDS = (KIND, KIND_CALL)


class TooMany(Exception):
    """The hourly limit of codes to this number, or by this member of staff, is reached."""


def send(
    *, customer_no: str, person: bytes, contact: str, clerk: int, language: str, call: bool = False
) -> dict[str, Any]:
    """Send six digits to a mobile number; returns the value that the session keeps. Raises TooMany.

    With `call` an agent hears them on the telephone.
    """
    to = crypto.blind_index(contact, "msisdn").hex()
    for key, limit in ((f"desk-code:{clerk}", FROM_ONE_CLERK), (f"desk-code-to:{to}", TO_ONE_NUMBER)):
        if not ratelimit.consume(key, limit=limit, seconds=LIMIT_SECONDS).allowed:
            raise TooMany
    code, nonce = f"{secrets.randbelow(10**6):06}", secrets.token_hex(8)
    notices.queue(
        kind=KIND_CALL if call else KIND,
        subject=f"desk:{nonce}",
        person=person,
        to=contact,
        language=language,
        context={"code": code},
    )
    sealed = base64.b64encode(crypto.encrypt(contact, f"session:desk-code:{customer_no}")).decode()
    return {"hash": _hash(code, nonce, customer_no), "nonce": nonce, "at": time.time(), "contact": sealed}


def contact_of(sent_code: dict[str, Any], customer_no: str) -> str:
    """Mobile number that the code was sent to."""
    return crypto.decrypt(base64.b64decode(sent_code["contact"]), f"session:desk-code:{customer_no}")


def is_usable(sent_code: dict[str, Any]) -> bool:
    """True until CODE_MINUTES have passed or TRIES are used up."""
    in_time = time.time() - sent_code["at"] < CODE_SECONDS
    return in_time and ratelimit.peek(_tries(sent_code), limit=TRIES, seconds=CODE_SECONDS).allowed


def matches(sent_code: dict[str, Any], code: str, customer_no: str) -> bool:
    """True if this is the code that was sent. Counts a try; False after CODE_MINUTES or TRIES."""
    tries_left = ratelimit.consume(_tries(sent_code), limit=TRIES, seconds=2 * CODE_SECONDS).allowed
    in_time = time.time() - sent_code["at"] < CODE_SECONDS
    return (
        tries_left
        and in_time
        and secrets.compare_digest(_hash(code, sent_code["nonce"], customer_no), sent_code["hash"])
    )


def why_wrong(sent_code: dict[str, Any]) -> str:
    """Words for a code that does not match: mistyped, or used up."""
    if is_usable(sent_code):
        return gettext("숫자가 맞지 않습니다. 다시 들어 보세요.")
    return gettext("%(minutes)s분이 지났거나 %(tries)s번 틀렸습니다. 다시 보내 주세요.") % {
        "minutes": CODE_MINUTES,
        "tries": TRIES,
    }


def is_lost(sent_code: dict[str, Any]) -> bool:
    """True if the message with the code certainly did not arrive: the desk then offers the telephone approval."""
    rows = Message.objects.filter(kind__in=KINDS, subject=f"desk:{sent_code['nonce']}")
    return rows.filter(state__in=(Message.State.FAILED, Message.State.CANCELLED)).exists()


def _tries(sent_code: dict[str, Any]) -> str:
    return f"desk-code-try:{sent_code['nonce']}"


def _hash(code: str, nonce: str, customer_no: str) -> str:
    return crypto.blind_index(f"{customer_no}:{nonce}:{code}", "desk_code").hex()


def _still_wanted(message: Message) -> bool:
    return (clock.now() - message.created_at).total_seconds() < CODE_SECONDS


def register() -> None:
    """Register the messages with the notices. A code that waited too long to be sent is not sent at all."""
    notices.register(
        KIND,
        label=_("매장에서 번호 확인"),
        text={
            "ko": "{prefix} 확인번호 {code}. 매장 직원에게 읽어 주세요."
            f" {CODE_MINUTES}분 안에 씁니다. 문의 {{hotline}}(무료)",
            "en": f"{{prefix}} Code {{code}}. Read it to the clerk within {CODE_MINUTES} minutes."
            " Questions: {hotline}",
        },
        example={"code": "123456"},
        recheck=_still_wanted,
        sms=True,
        urgent=True,
    )
    notices.register(
        KIND_CALL,
        label=_("통화에서 번호 확인"),
        text={
            "ko": "{prefix} 확인번호 {code}. 직접 {hotline}에 거신 통화에서만 읽어 주세요."
            f" {CODE_MINUTES}분 안에 씁니다",
            "en": f"{{prefix}} Code {{code}}. Say it only if you called {{hotline}} yourself."
            f" Valid {CODE_MINUTES} minutes",
        },
        example={"code": "123456"},
        recheck=_still_wanted,
        sms=True,
        urgent=True,
    )
