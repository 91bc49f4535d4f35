"""Persons whom no message reached: the proposed other channel, and the record that staff used one.

A call is proposed for a number that the customer confirmed, or that could not be reached for a passing reason;
otherwise a letter. E-mail is never proposed, because billing delivers no addresses of e-mail.
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
# Reasons after which the number may be right: the carrier could not reach it in time, or the outcome is unknown.
CALL_REASONS = (*sorted(gateway.PASSING), "NOT_FOUND", "NO_RECEIPT", "NOT_PREPARED", "GATEWAY_BUSY")


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Proposed(TypedDict):
        channel: str

    # A message with the proposed channel.
    Unreached = WithAnnotations[Message, _Proposed]


class ReachedError(Refused):
    """A message that is no longer on the list."""


def rows() -> "QuerySet[Unreached]":
    """Return the undelivered messages, each with the proposed `channel`.

    A message leaves the list when staff inform its person, or when a later message of its kind is delivered.
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
    """Return (channel, reason, number of messages), per channel in descending order of the number."""
    totals = rows().order_by().values_list("channel", "reason").annotate(n=Count("pk"))
    return sorted(totals, key=lambda row: (row[0], -row[2], row[1]))


def mark_reached(*, message_id: int, channel: str, by: Any) -> int:
    """Record that a member of staff informed the person of a message; return the number of settled messages.

    All undelivered messages of the same kind to this person leave the list. Raises ReachedError if no message is on the
    list any more (for example after a second click), ValueError for an unknown channel.
    """
    used_channel = Channel(channel)
    with transaction.atomic():
        message = rows().filter(pk=message_id).first()
        same = Message.objects.none()
        if message is not None:
            same = Message.objects.filter(
                kind=message.kind, person_index=message.person_index, state__in=STATES, reached_at=None
            )
        settled = same.update(reached_at=clock.now(), reached_by=by, reached_how=used_channel)
        if not settled:
            raise ReachedError("STATE", _("이미 알린 분이거나, 그사이 문자가 도착했습니다."))
        audit.record(
            actor=audit.actor(by),
            action="notices.reached",
            object=f"message:{message_id}",
            detail={"channel": str(used_channel), "messages": settled},
        )
    return settled


def mark_letters_sent(*, reason: str, until: int, by: Any) -> int:
    """Record that letters were sent for all listed messages of one reason; return the number of settled messages.

    Only messages up to the id `until`, the last one on the printed list, are settled. Raises ReachedError if none is on
    the list any more.
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
