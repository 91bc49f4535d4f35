"""Follow a sent batch: search the messages of unclear calls, read how far the accepted ones came.

A message that is not found at the gateway in time becomes UNKNOWN for good and is shown to staff.
"""

import datetime as dt
import logging
import time
from collections.abc import Iterable

from django.conf import settings
from django.db.models import Min

from kt_remedy.core import programme
from kt_remedy.notices import gateway
from kt_remedy.notices.models import Message, MessageBatch
from kt_remedy.notices.sender import CALL_SECONDS, FOLLOW_AFTER, attempt_key, close, retry_later, settle

log = logging.getLogger(__name__)

State = Message.State
# A message is searched this long before and after its call, because the clock of the gateway differs from ours.
SEARCH_MARGIN = dt.timedelta(minutes=10)
RECEIPT_DEADLINE = dt.timedelta(days=3)


def follow(batch: MessageBatch) -> None:
    """Ask about the messages of a sent batch, as far as it is time to. Safe to repeat."""
    until = time.monotonic() + CALL_SECONDS
    searched, followed = _ask_unclear(batch, until), _follow_accepted(batch, until)
    close(batch, answered=searched and followed)


def _ask_unclear(batch: MessageBatch, until: float) -> bool:
    """Search the gateway for messages of unclear calls. False if it gave no answer."""
    wall = dt.datetime.now(dt.UTC)
    unknown_before = wall - dt.timedelta(minutes=settings.SMS_UNKNOWN_AFTER_MINUTES)
    next_search = wall + dt.timedelta(seconds=max(settings.SMS_ASK_AFTER_SECONDS, 1))
    sender = programme.current().notices.sender
    for message in Message.objects.filter(batch=batch, state=State.SENDING, retry_at__lte=wall).order_by("retry_at"):
        if time.monotonic() > until:
            break
        tried_at = message.tried_at
        assert tried_at is not None
        unclear = Message.objects.filter(pk=message.pk, state=State.SENDING)
        try:
            candidates = gateway.find_messages(
                to=message.to or "", sender=sender, since=tried_at - SEARCH_MARGIN, until=tried_at + SEARCH_MARGIN
            )
        except gateway.TemporaryFailure:
            # A gateway that is down makes no message UNKNOWN. The next run begins with another message.
            unclear.update(retry_at=next_search)
            return False
        match = next((item for item in candidates if item.key == attempt_key(message)), None)
        if match is not None:
            unclear.update(
                state=State.ACCEPTED,
                provider_id=match.provider_id,
                provider_group=match.group,
                retry_at=wall + FOLLOW_AFTER,
            )
        elif tried_at < unknown_before:
            log.warning("message %s is unknown to the gateway", message.pk)
            settle([message.pk], State.UNKNOWN, "NOT_FOUND", only=(State.SENDING,))
        else:
            unclear.update(retry_at=next_search)
    return True


def _follow_accepted(batch: MessageBatch, until: float) -> bool:
    """Read the states of accepted messages, one request per call. False if the gateway gave no answer."""
    wall = dt.datetime.now(dt.UTC)
    accepted = Message.objects.filter(batch=batch, state=State.ACCEPTED)
    calls = (
        accepted.filter(retry_at__lte=wall)
        .values("provider_group")
        .annotate(tried=Min("tried_at"), due=Min("retry_at"))
        .order_by("due", "provider_group")
    )
    for call in calls:
        group, tried = call["provider_group"], call["tried"]
        if time.monotonic() > until:
            break
        pending = accepted.filter(provider_group=group)
        next_look = wall + max(FOLLOW_AFTER, (wall - tried) / 2)  # the older the call, the less often
        try:
            reported = gateway.states(group)
        except gateway.TemporaryFailure:
            pending.update(retry_at=next_look)
            return False
        _take_receipts(batch, reported)
        if tried < wall - RECEIPT_DEADLINE:
            settle(list(pending.values_list("pk", flat=True)), State.UNKNOWN, "NO_RECEIPT", only=(State.ACCEPTED,))
        else:
            pending.update(retry_at=next_look)
    return True


def _take_receipts(batch: MessageBatch, reported: Iterable[gateway.GatewayMessage]) -> None:
    """Store reported states; a repeated receipt changes nothing."""
    by_status: dict[str, list[str]] = {}
    for item in reported:
        by_status.setdefault(item.status, []).append(item.provider_id)
    for status, ids in by_status.items():
        if status in gateway.PENDING:
            continue
        reached = Message.objects.filter(batch=batch, provider_id__in=ids, state=State.ACCEPTED)
        if status in gateway.PASSING:
            retry_later(list(reached), status)
            continue
        state, reason = (State.DELIVERED, "") if status == gateway.DELIVERED else (State.FAILED, status)
        settle(list(reached.values_list("pk", flat=True)), state, reason, only=(State.ACCEPTED,))
