"""The second look at messages just before they are sent: are they still due (D-43), and to which number (D-44).

A kind of mailings answers for a hundred messages in few queries; the other kinds answer for one message each.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kt_remedy.notices import texts
from kt_remedy.notices.models import Message

log = logging.getLogger(__name__)


class Recipient(NamedTuple):
    """The answer for one message; `number` is None or "" where none may be used."""

    due: bool
    number: str | None


def look_again(messages: Sequence[Message]) -> dict[int, Recipient]:
    """The answer for each message by its id. A message that raises an error is missing, and stops no other one."""
    by_kind: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        by_kind[message.kind].append(message)
    answers: dict[int, Recipient] = {}
    for group in by_kind.values():
        try:
            answers |= _ask(group)
        except Exception:  # one faulty message must not stop the others: find it
            for message in group:
                try:
                    answers |= _ask([message])
                except Exception as error:
                    log.error("message %s not prepared: %s", message.pk, type(error).__name__)
    return answers


def numbers(messages: Sequence[Message]) -> dict[int, str | None]:
    """The number of each message of one kind that was queued with a `recipient`, by id."""
    if not messages:
        return {}
    kind = texts.kind(messages[0].kind)
    if kind.address_all is not None:
        return dict(kind.address_all(messages))
    return {message.pk: kind.address(message) if kind.address else None for message in messages}


def _ask(group: list[Message]) -> dict[int, Recipient]:
    due = _due(group)
    later = [message for message in group if message.pk in due and message.recipient]
    found = numbers(later)
    return {
        message.pk: Recipient(
            message.pk in due,
            (found.get(message.pk) if message.recipient else message.to) if message.pk in due else None,
        )
        for message in group
    }


def _due(group: Iterable[Message]) -> set[int]:
    messages = list(group)
    kind = texts.kind(messages[0].kind)
    if kind.recheck_all is not None:
        return kind.recheck_all(messages)
    return {message.pk for message in messages if kind.recheck is None or kind.recheck(message)}
