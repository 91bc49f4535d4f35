"""Transitions of a mailing: checked by one person, approved by another, paused and resumed.

HELD → CHECKED           one person has checked the counts and the samples; the texts are stored as checked
CHECKED → OPEN           another person approves
OPEN ⇄ PAUSED            messages that are not sent yet wait
CHECKED, PAUSED → HELD   taken back: both persons repeat their step, with the texts then in force
"""

import hashlib
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core.errors import Refused
from kt_remedy.notices import texts
from kt_remedy.notices.models import Mailing

State = Mailing.State


class MailingError(Refused):
    """A transition of a mailing that is not allowed now."""


def bodies(item: Mailing) -> dict[str, str]:
    """Return the texts of a mailing by language: the stored ones after the check, otherwise the texts in force."""
    if item.ko:
        return {"ko": item.ko, "en": item.en}
    return {language: texts.render(item.kind, language, {}) for language in texts.LANGUAGES}


def seal(item: Mailing) -> str:
    """Return a digest of `bodies`; a check names by it the texts that were seen."""
    return hashlib.sha256("\0".join(bodies(item).values()).encode()).hexdigest()[:32]


def check(*, mailing_id: int, user: Any, seen: str) -> None:
    """Record the check of counts, samples and the texts with the seal `seen`, and store these texts.

    Raises MailingError if the texts have changed since or the mailing is not HELD.
    """
    with transaction.atomic():
        item = _locked(mailing_id, State.HELD)
        if seen != seal(item):
            raise MailingError("CHANGED", _("그사이 문자 내용이 바뀌었습니다. 새 내용을 보고 다시 확인해 주세요."))
        item.checked_by = user
        item.ko, item.en = bodies(item).values()
        _set_state(item, State.CHECKED, user, "notices.round_checked")


def approve(*, mailing_id: int, user: Any) -> None:
    """Release the mailing. Raises MailingError for the person who checked it, also under another account."""
    with transaction.atomic():
        item = _locked(mailing_id, State.CHECKED)
        checker = item.checked_by
        assert checker is not None
        if checker.pk == user.pk or _person_key(checker) == _person_key(user):
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


def _person_key(user: Any) -> bytes:
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
