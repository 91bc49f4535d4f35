"""Three periodic jobs: send queued messages, resolve unclear calls, follow accepted messages.

A message is sent at most once: it is committed as SENDING before the gateway is called. It is sent again only if the
gateway certainly accepted nothing or certainly could not deliver it. After an unclear call the message is searched at
the gateway; if it is not found in time it becomes UNKNOWN for good and is shown to staff.

The calendar never runs the same job twice at a time, so the pace is kept in this module.
"""

import datetime as dt
import logging
import time
from collections.abc import Iterable

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, Min, OuterRef, Q

from kt_remedy.core import clock, crypto, phones, programme
from kt_remedy.core.tasks import leases
from kt_remedy.notices import gateway, texts
from kt_remedy.notices.models import Mailing, Message
from kt_remedy.notices.service import opted_out

log = logging.getLogger(__name__)

State = Message.State
WAITING = (State.QUEUED, State.FAILED_TEMPORARY)

# A job runs at most this long and the next run continues, so a worker can always stop soon.
RUN_SECONDS = 20
# Preparing and marking a batch takes far less time. Afterwards another worker claims the rows of a killed worker.
LEASE_SECONDS = 60
TRIES = 5
BATCH = 100
# A message is searched this long before and after its call, because the clock of the gateway differs from ours.
SEARCH_MARGIN = dt.timedelta(minutes=10)
RECEIPT_DEADLINE = dt.timedelta(days=3)


def within_hours() -> bool:
    """True if the business time is within the hours for messages (`[notices]` of the programme)."""
    hours = programme.current().notices
    return hours.send_from <= clock.now().astimezone(clock.KST).time() < hours.send_until


def send_due() -> int:
    """Send queued messages, single before bulk ones, at most SMS_PER_SECOND a second; return the number accepted."""
    sent, began = 0, time.monotonic()
    while within_hours() and time.monotonic() - began < RUN_SECONDS:
        second = time.monotonic()
        size = min(BATCH, settings.SMS_PER_SECOND)
        batch = _claim(size)
        if batch is None:
            break
        sent += _send(batch)
        if sent >= size:  # more messages may wait: spread them evenly over time
            time.sleep(max(0.0, size / settings.SMS_PER_SECOND - (time.monotonic() - second)))
    return sent


def _claim(limit: int) -> list[tuple[Message, gateway.Outgoing]] | None:
    """Claim a batch, recheck it and mark it as SENDING.

    Return None if no message waits, an empty list if no claimed message may be sent.
    """
    held_back = Mailing.objects.exclude(state=Mailing.State.OPEN).filter(
        kind=OuterRef("kind"), subject=OuterRef("subject")
    )
    waiting = Message.objects.filter(~Exists(held_back), state__in=WAITING).order_by("bulk", "id")
    keys = leases.claim(waiting, limit=limit, lease_seconds=LEASE_SECONDS)
    if not keys:
        return None
    ready = []
    messages = list(Message.objects.filter(pk__in=keys).order_by("bulk", "id"))
    mailings = {
        (row.kind, row.subject): row
        for row in Mailing.objects.filter(subject__in={message.subject for message in messages if message.bulk})
    }
    for message in messages:
        try:
            outgoing = _prepare(message, mailings.get((message.kind, message.subject)) if message.bulk else None)
        except Exception as error:  # one faulty message must not stop the others
            log.error("message %s not prepared: %s", message.pk, type(error).__name__)
            _retry_later([message], "NOT_PREPARED")
            continue
        if outgoing is not None:
            ready.append((message, outgoing))
    allowed = _without_opt_outs(ready)
    for message, outgoing in allowed:
        message.to = outgoing.to
    with connection.cursor() as cursor:
        # Django's bulk_update takes five times as long. The condition on the worker skips rows whose lease ran out
        # during a long pause: another worker owns them now.
        cursor.execute(
            """
            UPDATE notices_message m
            SET state = 'SENDING', sent_at = %s, tried_at = %s, lease_until = NULL,
                body = t.body, to_enc = t.to_enc, to_index = t.to_index
            FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::bytea[]) AS t (id, body, to_enc, to_index)
            WHERE m.id = t.id AND m.state = ANY(%s) AND m.worker = %s
            RETURNING m.id
            """,
            [
                clock.now(),
                dt.datetime.now(dt.UTC),
                [message.pk for message, _ in allowed],
                [outgoing.text for _, outgoing in allowed],
                [bytes(message.to_enc or b"") for message, _ in allowed],
                [crypto.blind_index(outgoing.to, "msisdn") for _, outgoing in allowed],
                [str(state) for state in WAITING],
                leases.worker_name(),
            ],
        )
        owned = {key for (key,) in cursor.fetchall()}
    return [pair for pair in allowed if pair[0].pk in owned]


def _prepare(message: Message, mailing: Mailing | None) -> gateway.Outgoing | None:
    """Build the outgoing message; return None and settle the row if it must not or cannot be sent.

    A message of a checked mailing carries the checked text.
    """
    kind = texts.kind(message.kind)
    if kind.recheck is not None and not kind.recheck(message):
        _settle([message.pk], State.CANCELLED, "NO_LONGER_DUE")
        return None
    number = (kind.address(message) if kind.address else None) if message.recipient else message.to
    number = phones.key(number or "")
    if not number:
        _settle([message.pk], State.FAILED, "NO_NUMBER")
        return None
    body = (
        message.body
        or (mailing and getattr(mailing, message.language))
        or texts.render(message.kind, message.language, {})
    )
    subject = None
    if texts.is_long(body):
        subject = "KT 안내" if message.language == "ko" else "KT notice"
    return gateway.Outgoing(_attempt_key(message), number, body, subject)


def _without_opt_outs(ready: list[tuple[Message, gateway.Outgoing]]) -> list[tuple[Message, gateway.Outgoing]]:
    indexes = {
        message.pk: {crypto.blind_index(outgoing.to, "msisdn"), message.person_index}
        for message, outgoing in ready
        if texts.kind(message.kind).optional
    }
    unwilling = opted_out(list(set().union(*indexes.values()))) if indexes else set()
    stopped = [pk for pk, values in indexes.items() if values & unwilling]
    _settle(stopped, State.CANCELLED, "OPTED_OUT")
    return [pair for pair in ready if pair[0].pk not in stopped]


def _send(batch: list[tuple[Message, gateway.Outgoing]]) -> int:
    if not batch:
        return 0
    sender = programme.current().notices.sender
    try:
        answers = gateway.send([outgoing for _, outgoing in batch], sender=sender)
    except gateway.TemporaryFailure as error:
        log.warning("the message gateway accepted nothing: %s", error)
        _retry_later([message for message, _ in batch], "GATEWAY_BUSY", count=False)
        return 0
    except gateway.PermanentFailure as error:
        if len(batch) > 1:  # one message is bad: send each alone to find it
            return sum(_send([pair]) for pair in batch)
        _settle([batch[0][0].pk], State.FAILED, str(error))
        return 0
    except gateway.UnknownOutcome as error:
        log.warning("unknown whether %s messages were sent: %s", len(batch), error)
        return len(batch)
    by_key = {answer.key: answer for answer in answers}
    accepted, refused = [], []
    for message, outgoing in batch:
        answer = by_key.get(outgoing.key)
        if answer is None:
            refused.append(message.pk)
            continue
        accepted.append((message.pk, answer))
    with transaction.atomic(), connection.cursor() as cursor:
        # Only `ask_unclear` may change a row in state SENDING meanwhile, and its result is equally right.
        _settle(refused, State.FAILED, "REFUSED", only=(State.SENDING,))
        cursor.execute(
            """
            UPDATE notices_message m
            SET state = 'ACCEPTED', provider_id = t.provider_id, provider_group = t.provider_group, settled_at = NULL
            FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS t (id, provider_id, provider_group)
            WHERE m.id = t.id AND m.state IN ('SENDING', 'UNKNOWN')
            """,
            [
                [key for key, _ in accepted],
                [answer.provider_id for _, answer in accepted],
                [answer.group for _, answer in accepted],
            ],
        )
    return len(accepted)


def ask_unclear() -> int:
    """Search the gateway for messages of unclear calls; return the number of resolved messages."""
    wall = dt.datetime.now(dt.UTC)
    searchable_before = wall - dt.timedelta(seconds=settings.SMS_ASK_AFTER_SECONDS)
    unknown_before = wall - dt.timedelta(minutes=settings.SMS_UNKNOWN_AFTER_MINUTES)
    sender = programme.current().notices.sender
    settled = 0
    unclear = Message.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=wall), state=State.SENDING)
    for message in unclear.filter(tried_at__lt=searchable_before).order_by("tried_at")[:200]:
        tried_at = message.tried_at
        assert tried_at is not None
        next_search = wall + dt.timedelta(seconds=settings.SMS_ASK_AFTER_SECONDS)
        try:
            candidates = gateway.find_messages(
                to=message.to or "", sender=sender, since=tried_at - SEARCH_MARGIN, until=tried_at + SEARCH_MARGIN
            )
        except gateway.TemporaryFailure:
            # A gateway that is down makes no message UNKNOWN. The next run begins with another message.
            Message.objects.filter(pk=message.pk, state=State.SENDING).update(lease_until=next_search)
            return settled
        match = next((item for item in candidates if item.key == _attempt_key(message)), None)
        if match is not None:
            Message.objects.filter(pk=message.pk, state=State.SENDING).update(
                state=State.ACCEPTED, provider_id=match.provider_id, provider_group=match.group, lease_until=None
            )
            settled += 1
        elif tried_at < unknown_before:
            log.warning("message %s is unknown to the gateway", message.pk)
            settled += _settle([message.pk], State.UNKNOWN, "NOT_FOUND", only=(State.SENDING,))
        else:
            Message.objects.filter(pk=message.pk, state=State.SENDING).update(lease_until=next_search)
    return settled


def follow_accepted() -> int:
    """Read the states of accepted messages, one request per call; return the number of messages in a final state."""
    wall = dt.datetime.now(dt.UTC)
    calls = (
        Message.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=wall), state=State.ACCEPTED)
        .values("provider_group")
        .annotate(tried=Min("tried_at"))
        .order_by("tried")[:50]
    )
    ended = 0
    for call in calls:
        group = call["provider_group"]
        try:
            reported = gateway.states(group)
        except gateway.TemporaryFailure:
            return ended
        ended += _take_receipts(reported)
        pending = Message.objects.filter(provider_group=group, state=State.ACCEPTED)
        if call["tried"] < wall - RECEIPT_DEADLINE:
            ended += _settle(list(pending.values_list("pk", flat=True)), State.UNKNOWN, "NO_RECEIPT")
        else:  # ask less often for older calls
            pending.update(lease_until=wall + max(dt.timedelta(seconds=3), (wall - call["tried"]) / 4))
    return ended


def _take_receipts(reported: Iterable[gateway.GatewayMessage]) -> int:
    """Store reported states; a repeated receipt changes nothing."""
    by_status: dict[str, list[str]] = {}
    for item in reported:
        by_status.setdefault(item.status, []).append(item.provider_id)
    ended = 0
    for status, ids in by_status.items():
        rows = Message.objects.filter(provider_id__in=ids, state=State.ACCEPTED)
        if status in gateway.PENDING:
            continue
        if status == gateway.DELIVERED:
            ended += _settle(list(rows.values_list("pk", flat=True)), State.DELIVERED, "")
        elif status in gateway.PASSING:
            _retry_later(list(rows), status)
        else:
            ended += _settle(list(rows.values_list("pk", flat=True)), State.FAILED, status)
    return ended


def _retry_later(messages: list[Message], reason: str, *, count: bool = True) -> None:
    """Schedule another try after a pause that grows with each try; after the last try the message is FAILED.

    `count=False` serves faults of the gateway: the message waits as long as they last and loses no try.
    """
    wall = dt.datetime.now(dt.UTC)
    for message in messages:
        if count and message.attempts >= TRIES:
            _settle([message.pk], State.FAILED, reason)
            continue
        pause = dt.timedelta(seconds=5 if not count else 30 * 4**message.attempts)
        Message.objects.filter(pk=message.pk).update(
            state=State.FAILED_TEMPORARY if count else State.QUEUED,
            reason=reason[:40],
            lease_until=wall + pause,
            worker="",
            attempts=message.attempts if count else max(message.attempts - 1, 0),
        )


def _settle(keys: list[int], state: str, reason: str, *, only: tuple[str, ...] | None = None) -> int:
    if not keys:
        return 0
    rows = Message.objects.filter(pk__in=keys)
    if only:
        rows = rows.filter(state__in=only)
    return rows.update(state=state, reason=reason[:40], settled_at=clock.now(), lease_until=None)


def _attempt_key(message: Message) -> str:
    """The key of this attempt at the gateway: row, time of creation (ids may restart), attempt."""
    return f"{message.pk}-{int(message.created_at.timestamp())}-{message.attempts}"
