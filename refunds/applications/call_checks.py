"""The check of a call that the portal placed: four digits from the agent, two words on the customer's page (D-87).

Digits and words belong to one call of one promised call-back. They follow from the call and a key, so nothing about
them is stored.
"""

import datetime as dt
import hmac
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from eligibility.search import msisdn_index
from kt_remedy.core import crypto, phones, ratelimit
from kt_remedy.staff.models import User
from refunds.applications.transitions import Refused
from refunds.models.applications import Note

# Tries for one number from one address: a stranger elsewhere cannot use up those of the person who is called.
MINUTES, TRIES = 10, 3
SECONDS = MINUTES * 60
# Tries from one address, with any number: nobody walks through the numbers that are being called.
TRIES_BY_ADDRESS = 12
# Each word in Korean and English: things that everybody knows, none of which sounds like another.
WORDS = (
    ("고래", "whale"), ("단풍", "maple"), ("우산", "umbrella"), ("기차", "train"), ("달빛", "moonlight"),
    ("호수", "lake"), ("사과", "apple"), ("나비", "butterfly"), ("바다", "sea"), ("연필", "pencil"),
    ("구름", "cloud"), ("토끼", "rabbit"), ("시계", "clock"), ("포도", "grape"), ("등대", "lighthouse"),
    ("썰매", "sledge"), ("거북", "turtle"), ("모래", "sand"), ("촛불", "candle"), ("가위", "scissors"),
    ("딸기", "strawberry"), ("목도리", "scarf"), ("피아노", "piano"), ("자전거", "bicycle"), ("해바라기", "sunflower"),
    ("비행기", "aeroplane"), ("도토리", "acorn"), ("무지개", "rainbow"), ("장갑", "glove"), ("펭귄", "penguin"),
    ("옥수수", "maize"), ("창문", "window"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallCheck:
    """The digits that the agent reads, and the two words that the agent says first, each in Korean and English."""

    digits: str
    words: tuple[tuple[str, str], tuple[str, str]]


class Answer(NamedTuple):
    """The two words in the reader's language, None for no such call; and how many tries are left."""

    words: list[str] | None
    left: int


def place(note: Note, *, staff: User, number: str) -> None:
    """Record that this member of staff calls `number` now for a promised call-back; an earlier check is void."""
    note.calling_at, note.calling_by, note.calling_index = dt.datetime.now(dt.UTC), staff, msisdn_index(number)
    note.save(update_fields=["calling_at", "calling_by", "calling_index"])


def placed_by(staff: User) -> tuple[Note, CallCheck] | None:
    """The call that this member of staff placed last, with its check, while it can be checked."""
    rows = Note.objects.filter(calling_by=staff, calling_at__gt=_since(), called_at=None).select_related("customer")
    note = rows.order_by("-calling_at").first()
    return (note, _check(note)) if note is not None else None


def words_for(*, number: str, digits: str, address: str) -> Answer:
    """The two words of the call that an agent makes to `number` now.

    `number` as the customer types it, `digits` as the caller read them, `address` of the asker. Raises Refused TOO_MANY
    after three tries of an address for a number in ten minutes, or twelve of an address for any (D-87).
    """
    index = msisdn_index(number)
    limits = ((f"call-check:{index.hex()}:{address}", TRIES), (f"call-check-at:{address}", TRIES_BY_ADDRESS))
    tries = [ratelimit.consume(key, limit=limit, seconds=SECONDS) for key, limit in limits]
    if not all(one.allowed for one in tries):
        raise Refused(
            "TOO_MANY",
            _("여러 번 맞지 않았습니다. 전화를 끊고 %(minutes)s분 뒤에 다시 하시거나 무료 상담으로 전화하세요.")
            % {"minutes": MINUTES},
        )
    left = min(one.left for one in tries)
    for note in Note.objects.filter(calling_index=index, calling_at__gt=_since(), called_at=None):
        check = _check(note)
        if hmac.compare_digest(check.digits.encode(), phones.digits(digits).encode()):
            return Answer([word[(get_language() or "ko")[:2] == "en"] for word in check.words], left)
    return Answer(None, left)


def _check(note: Note) -> CallCheck:
    assert note.calling_at is not None
    drawn = int.from_bytes(crypto.blind_index(f"{note.pk}:{note.calling_at.isoformat()}", "call_check"))
    drawn, digits = divmod(drawn, 10_000)
    drawn, first = divmod(drawn, len(WORDS))
    second = (first + 1 + drawn % (len(WORDS) - 1)) % len(WORDS)
    return CallCheck(f"{digits:04}", (WORDS[first], WORDS[second]))


def _since() -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(minutes=MINUTES)
