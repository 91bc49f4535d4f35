"""Transitions of a mailing: checked by one person, approved by another, paused and resumed.

HELD → CHECKED           one person has checked the counts and the samples; the texts are stored as checked
CHECKED → OPEN           another person approves
OPEN ⇄ PAUSED            messages that are not sent yet wait
CHECKED, PAUSED → HELD   taken back: both persons repeat their step, with the texts then in force
OPEN → HELD              the list drawn at the hour is more than `MOST_PERCENT` above the approved count
any → ENDED              every message has ended, or a later round supersedes it (D-68)

A mailing with an hour is prepared before it (`preparing`): approved are its texts, its criteria and its count, and the
list is drawn at the hour.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.core.errors import Refused
from kt_remedy.notices import texts
from kt_remedy.notices.models import Mailing, Message

State = Mailing.State
# The list may be this much larger than the approved count, in per cent.
MOST_PERCENT = 10
_ON_THE_WAY = (Message.State.QUEUED, Message.State.FAILED_TEMPORARY, Message.State.SENDING, Message.State.ACCEPTED)


class MailingError(Refused):
    """A transition of a mailing that is not allowed now."""


def bodies(item: Mailing) -> dict[str, str]:
    """Return the texts of a mailing by language: the stored ones after the check, otherwise the texts in force."""
    if item.ko:
        return {"ko": item.ko, "en": item.en}
    return texts.render_mailing(item.kind, item.subject)


def seal(item: Mailing) -> str:
    """Return a digest of `bodies`, criteria and count; a check names by it what was seen."""
    seen = [*bodies(item).values(), item.criteria, str(item.expected)]
    return hashlib.sha256("\0".join(seen).encode()).hexdigest()[:32]


def check(*, mailing_id: int, user: Any, seen: str) -> None:
    """Record the check of counts, samples and the texts with the seal `seen`, and store these texts.

    Raises MailingError if texts, criteria or count have changed since or the mailing is not HELD.
    """
    with transaction.atomic():
        item = _locked(mailing_id, State.HELD)
        if item.due_at and item.expected is None:
            raise MailingError("NOT_COUNTED", _("받을 분을 아직 세고 있습니다. 잠시 뒤에 다시 확인해 주세요."))
        if seen != seal(item):
            raise MailingError("CHANGED", _("그사이 문자 내용이 바뀌었습니다. 새 내용을 보고 다시 확인해 주세요."))
        item.checked_by, item.too_many = user, None
        item.ko, item.en = bodies(item).values()
        _set_state(item, State.CHECKED, user, "notices.round_checked")


def approve(*, mailing_id: int, user: Any) -> None:
    """Release the mailing. Raises MailingError for the person who checked it, also under another account."""
    with transaction.atomic():
        item = _locked(mailing_id, State.CHECKED)
        checker = item.checked_by
        assert checker is not None
        if checker.pk == user.pk or person_key(checker) == person_key(user):
            raise MailingError("SAME_PERSON", _("확인한 사람과 다른 사람이 승인해야 합니다."))
        item.approved_by = user
        _set_state(item, State.OPEN, user, "notices.round_approved")


def pause(*, mailing_id: int, user: Any) -> None:
    """Stop the messages that are not sent yet. Raises MailingError."""
    with transaction.atomic():
        _set_state(_locked(mailing_id, State.OPEN), State.PAUSED, user, "notices.round_paused")


def resume(*, mailing_id: int, user: Any) -> None:
    """Continue to send. Raises MailingError."""
    with transaction.atomic():
        _set_state(_locked(mailing_id, State.PAUSED), State.OPEN, user, "notices.round_resumed")


def take_back(*, mailing_id: int, user: Any) -> None:
    """Stop the messages that are not sent yet until two persons check and approve again. Raises MailingError."""
    with transaction.atomic():
        item = _locked(mailing_id, State.CHECKED, State.PAUSED)
        if not may_be_taken_back(item):
            raise MailingError("FIXED", _("이 안내는 되돌릴 수 없습니다."))
        item.checked_by = item.approved_by = None
        item.ko = item.en = ""
        _set_state(item, State.HELD, user, "notices.round_taken_back")


def is_too_many(item: Mailing, drawn: int) -> bool:
    """True if the list drawn at the hour is more than `MOST_PERCENT` above the approved count."""
    return item.expected is not None and drawn * 100 > item.expected * (100 + MOST_PERCENT)


def stop(item: Mailing, *, drawn: int) -> None:
    """Hold an approved mailing whose list came out too large; two persons check and approve the new count."""
    item.state, item.checked_by, item.approved_by = State.HELD, None, None
    item.ko = item.en = ""
    item.too_many, item.expected, item.counted_at = drawn, None, None
    item.save()
    audit.record(actor="system", action="notices.round_stopped", object=f"round:{item.pk}", detail={"drawn": drawn})


def supersede(*, kinds: tuple[str, ...], by_subject: str) -> int:
    """End the open mailings of these kinds about other subjects; returns the number of messages cancelled (D-68).

    A mailing that is prepared for an hour to come stays.
    """
    cancelled = 0
    with transaction.atomic():
        older = Mailing.objects.select_for_update().filter(kind__in=kinds).exclude(state=State.ENDED)
        for item in older.exclude(subject=by_subject).exclude(due_at__gt=clock.now()):
            waiting = Message.objects.filter(
                kind=item.kind, subject=item.subject, state__in=(Message.State.QUEUED, Message.State.FAILED_TEMPORARY)
            )
            cancelled += waiting.update(
                state=Message.State.CANCELLED, reason="SUPERSEDED", batch=None, settled_at=clock.now()
            )
            _end(item, Mailing.Why.SUPERSEDED)
    return cancelled


def end_finished() -> int:
    """End the mailings all of whose messages have ended; returns their number. A mailing whose hour comes stays."""
    ended = 0
    for item in Mailing.objects.filter(state=State.OPEN):
        if item.due_at and clock.now() < item.due_at:
            continue
        own = Message.objects.filter(kind=item.kind, subject=item.subject)
        if own.filter(state__in=_ON_THE_WAY).exists() or not own.exists():
            continue
        with transaction.atomic():
            locked = Mailing.objects.select_for_update().get(pk=item.pk)
            if locked.state == State.OPEN:
                _end(locked, Mailing.Why.SENT)
                ended += 1
    return ended


def waiting_for_approval() -> list[Mailing]:
    """The mailings whose hour has come, or that have none, and that two persons have not released; oldest first."""
    waiting = Mailing.objects.filter(state__in=(State.HELD, State.CHECKED))
    return [item for item in waiting.order_by("pk") if item.due_at is None or item.due_at <= clock.now()]


def may_step(item: Mailing, user: Any) -> bool:
    """True if `user` may take the next step of a mailing that waits: the one who checked it may not approve it."""
    checker = item.checked_by
    return checker is None or (checker.pk != user.pk and person_key(checker) != person_key(user))


def _end(item: Mailing, why: str) -> None:
    item.state, item.ended_at, item.ended_why = State.ENDED, clock.now(), why
    item.save()
    audit.record(actor="system", action="notices.round_ended", object=f"round:{item.pk}", detail={"why": str(why)})


def may_be_taken_back(item: Mailing) -> bool:
    """True for a checked or paused mailing of an optional kind; mailings of other kinds can only pause."""
    return (
        item.state in (State.CHECKED, State.PAUSED)
        and texts.is_registered(item.kind)
        and texts.kind(item.kind).optional
    )


STEPS: dict[str, Callable[..., None]] = {
    "check": check,
    "approve": approve,
    "pause": pause,
    "resume": resume,
    "take-back": take_back,
}
NEXT_STEP = {State.HELD: "check", State.CHECKED: "approve", State.OPEN: "pause", State.PAUSED: "resume"}


def person_key(user: Any) -> bytes:
    """Key of the natural person behind an account; the account's own id if the person is not verified."""
    return user.person_index or str(user.pk).encode()


def _locked(mailing_id: int, *states: str) -> Mailing:
    item = Mailing.objects.select_for_update(of=("self",)).filter(pk=mailing_id).first()
    if item is None or item.state not in states:
        raise MailingError("STATE", _("다른 사람이 먼저 처리했습니다. 지금 상태를 보세요."))
    return item


def _set_state(item: Mailing, state: str, user: Any, action: str) -> None:
    item.state = state
    item.save()
    audit.record(actor=audit.actor(user), action=action, object=f"round:{item.pk}")
