"""A round of many messages: looked at by one person, approved by another, paused and resumed.

HELD → CHECKED   somebody has looked at the counts and the samples
CHECKED → OPEN   another person approves
OPEN ⇄ PAUSED    what has left has left; the rest waits
"""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.notices.models import Round

State = Round.State


class RoundError(Exception):
    """A step that cannot be taken now; the message says why, in the reader's language."""


def check(*, round_id: int, user: Any) -> None:
    """Say that the counts and samples were looked at. Raises RoundError."""
    with transaction.atomic():
        item = _locked(round_id, State.HELD)
        item.checked_by = user
        _move(item, State.CHECKED, user, "notices.round_checked")


def approve(*, round_id: int, user: Any) -> None:
    """Let the round go. Raises RoundError for the person who looked at it, also under another account."""
    with transaction.atomic():
        item = _locked(round_id, State.CHECKED)
        first = item.checked_by
        assert first is not None
        if first.pk == user.pk or _person(first) == _person(user):
            raise RoundError(_("확인한 사람과 다른 사람이 승인해야 합니다."))
        item.approved_by = user
        _move(item, State.OPEN, user, "notices.round_approved")


def pause(*, round_id: int, user: Any) -> None:
    """Hold back what has not left. Raises RoundError."""
    with transaction.atomic():
        _move(_locked(round_id, State.OPEN), State.PAUSED, user, "notices.round_paused")


def resume(*, round_id: int, user: Any) -> None:
    """Let the rest go. Raises RoundError."""
    with transaction.atomic():
        _move(_locked(round_id, State.PAUSED), State.OPEN, user, "notices.round_resumed")


STEPS = {"check": check, "approve": approve, "pause": pause, "resume": resume}
NEXT = {State.HELD: "check", State.CHECKED: "approve", State.OPEN: "pause", State.PAUSED: "resume"}


def _person(user: Any) -> bytes:
    """The natural person behind an account; the account itself where nobody is known."""
    return bytes(user.person_index) if user.person_index else str(user.pk).encode()


def _locked(round_id: int, state: str) -> Round:
    item = Round.objects.select_for_update().filter(pk=round_id).first()
    if item is None or item.state != state:
        raise RoundError(_("다른 사람이 먼저 처리했습니다. 지금 상태를 보세요."))
    return item


def _move(item: Round, state: str, user: Any, action: str) -> None:
    item.state = state
    item.save()
    audit.record(actor=f"staff:{user.pk}", action=action, object=f"round:{item.pk}")
