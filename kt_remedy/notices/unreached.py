"""Whom no message reached: by what way to reach them instead, and that somebody did.

The way is proposed from what is known. A call, where there is a number that merely could not be reached, or that the
customer confirmed to us; a letter otherwise. By e-mail only where somebody finds an address: billing gives us none.
"""

from typing import TYPE_CHECKING, Any, TypedDict

from django.db import transaction
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.core.errors import Refused
from kt_remedy.notices import gateway, texts
from kt_remedy.notices.models import Message

Channel = Message.Channel

STATES = (Message.State.FAILED, Message.State.UNKNOWN)
# The number may well be right: the carrier could not reach it in time, or nobody knows whether the message arrived.
CALL_REASONS = (*sorted(gateway.PASSING), "NOT_FOUND", "NO_RECEIPT", "NOT_PREPARED", "GATEWAY_BUSY")


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Proposed(TypedDict):
        channel: str

    # A message with the way proposed to reach its person.
    Unreached = WithAnnotations[Message, _Proposed]


class ReachedError(Refused):
    """A note that somebody was reached, which changes nothing now."""


def rows() -> "QuerySet[Unreached]":
    """Messages that reached nobody, each with the proposed `channel`.

    Off the list is whom somebody reached another way, and whom a later message of the same kind reached.
    """
    confirmed = [item.code for item in texts.kinds() if item.confirmed]
    later = Message.objects.filter(
        kind=OuterRef("kind"),
        person_index=OuterRef("person_index"),
        state=Message.State.DELIVERED,
        pk__gt=OuterRef("pk"),
    )
    call = Q(to_index__isnull=False) & (Q(reason__in=CALL_REASONS) | Q(kind__in=confirmed))
    return Message.objects.filter(~Exists(later), state__in=STATES, reached_at=None).annotate(
        channel=Case(When(call, then=Value(Channel.CALL)), default=Value(Channel.POST))
    )


def counts() -> list[tuple[str, str, int]]:
    """How many messages by proposed way and reason, the most first within a way."""
    found = rows().order_by().values_list("channel", "reason").annotate(n=Count("pk"))
    return sorted(found, key=lambda row: (row[0], -row[2], row[1]))


def mark_reached(*, message_id: int, channel: str, by: Any) -> int:
    """Note that a member of staff reached the person of a message; returns how many messages that settles.

    All that this person did not get of the same kind until now goes off the list with it. Raises ReachedError where
    nothing is on the list any more, as after a second click; ValueError for an unknown way.
    """
    how = Channel(channel)
    with transaction.atomic():
        message = rows().filter(pk=message_id).first()
        same = Message.objects.none()
        if message is not None:
            same = Message.objects.filter(
                kind=message.kind, person_index=message.person_index, state__in=STATES, reached_at=None
            )
        settled = same.update(reached_at=clock.now(), reached_by=by, reached_how=how)
        if not settled:
            raise ReachedError("STATE", _("이미 알린 분이거나, 그사이 문자가 도착했습니다."))
        audit.record(
            actor=audit.actor(by),
            action="notices.reached",
            object=f"message:{message_id}",
            detail={"channel": str(how), "messages": settled},
        )
    return settled


def mark_letters_sent(*, reason: str, until: int, by: Any) -> int:
    """Note that letters left to everybody on the list proposed for one, for one reason; returns how many messages.

    Only messages up to the id `until`, the last one on the list that was printed: who came later gets a letter of
    their own. Raises ReachedError where none is on the list any more.
    """
    with transaction.atomic():
        listed = rows().filter(channel=Channel.POST, reason=reason, pk__lte=until)
        settled = Message.objects.filter(pk__in=listed.values("pk"), reached_at=None).update(
            reached_at=clock.now(), reached_by=by, reached_how=Channel.POST
        )
        if not settled:
            raise ReachedError("STATE", _("이미 적혀 있습니다. 지금 목록을 보세요."))
        audit.record(
            actor=audit.actor(by),
            action="notices.letters_sent",
            object="messages:unreached",
            detail={"reason": reason, "until": until, "messages": settled},
        )
    return settled
