"""A place in the queue: the signed cookie of one browser. It holds no personal data, and the portal keeps none.

A place is the opening it was given in, the second of the arrival and a random word. Its order within the second is
drawn from that word with the key of the server, so nobody can choose it. The signature covers a digest of the browser's
own name (User-Agent): a copy in another browser is refused, while the address may change.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import NamedTuple

from django.core.signing import BadSignature, Signer
from django.utils.crypto import salted_hmac

_PLACE, _ENTERED, _DRAW = "waiting.place", "waiting.entered", "waiting.draw"
PLACE_SECONDS = 24 * 60 * 60
# As long as a session of a customer may last at most; who came in is not queued again before.
ENTERED_SECONDS = 12 * 60 * 60


class Place(NamedTuple):
    """One arrival: `opened` names the opening, `second` is that of the wall clock since 1970."""

    opened: int
    second: int
    word: str

    def rank(self, of: int) -> int:
        """Where it stands among `of` people of the same second, from 0, drawn by the server."""
        drawn = salted_hmac(_DRAW, f"{self.opened}:{self.second}:{self.word}", algorithm="sha256").digest()
        return int.from_bytes(drawn[:8]) * of >> 64


class PlaceRefused(Exception):
    """A cookie that is no valid place of this browser in this opening."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new place and the text that the browser keeps."""

    place: Place
    text: str


def issue(*, opened: int, second: int, agent: str) -> Issued:
    """Give a new place to the browser that calls itself `agent`."""
    place = Place(opened, second, secrets.token_urlsafe(9))
    return Issued(place, Signer(salt=_PLACE).sign(f"{opened}.{second}.{place.word}.{_digest(agent)}"))


def read(text: str, *, opened: int, agent: str) -> Place:
    """The place that a cookie holds. Raises PlaceRefused: forged, of another browser, or of an earlier opening."""
    number, second, word, digest = _fields(text, _PLACE, 4)
    if digest != _digest(agent) or int(number) != opened:
        raise PlaceRefused
    return Place(opened, int(second), word)


def enter(*, second: int, agent: str) -> str:
    """What the browser keeps of somebody who went in at this second."""
    return Signer(salt=_ENTERED).sign(f"{second}.{_digest(agent)}")


def has_entered(text: str, *, second: int, agent: str) -> bool:
    """True if the cookie says that this browser went in, not longer ago than a session can last."""
    try:
        entered, digest = _fields(text, _ENTERED, 2)
    except PlaceRefused:
        return False
    return digest == _digest(agent) and 0 <= second - int(entered) < ENTERED_SECONDS


def _fields(text: str, salt: str, number: int) -> list[str]:
    try:
        fields = Signer(salt=salt).unsign(text).split(".")
    except BadSignature:
        raise PlaceRefused from None
    if len(fields) != number:
        raise PlaceRefused
    return fields


def _digest(agent: str) -> str:
    return hashlib.sha256(agent.encode(errors="replace")).hexdigest()[:16]
