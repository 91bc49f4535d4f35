"""Sends what waits, asks about what is unclear, follows what was accepted.

At most once: a message is marked as being sent, and that is committed, before the gateway is called. Whatever happens
to the call, it goes out again only where the gateway surely took nothing or surely could not deliver; an unclear one
is looked for at the gateway, and what is not found there after a while is unknown for ever, and shown to staff.

Each of the three is a job of the calendar and never runs twice at the same time, so the pace is kept here.
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

# One job runs at most this long, then the next tick goes on: a stop is never far away.
RUN_SECONDS = 20
# Preparing and marking a batch takes far less than this; after it the rows of a killed worker are taken again.
LEASE_SECONDS = 60
TRIES = 5
BATCH = 100
# The window in which the gateway is asked for a message, around the moment of the call: its clock is not ours.
SEARCH_MARGIN = dt.timedelta(minutes=10)
RECEIPT_DEADLINE = dt.timedelta(days=3)


def within_hours() -> bool:
    """Whether messages may leave at this hour of business time."""
    hours = programme.current().notices
    return hours.send_from <= clock.now().astimezone(clock.KST).time() < hours.send_until


def send_due() -> int:
    """Send what waits, single messages before bulk ones, at most SMS_PER_SECOND a second; returns how many left."""
    sent, began = 0, time.monotonic()
    while within_hours() and time.monotonic() - began < RUN_SECONDS:
        second = time.monotonic()
        size = min(BATCH, settings.SMS_PER_SECOND)
        batch = _claim(size)
        if batch is None:
            break
        sent += _send(batch)
        if sent >= size:  # more may wait: spread them evenly
            time.sleep(max(0.0, size / settings.SMS_PER_SECOND - (time.monotonic() - second)))
    return sent


def _claim(limit: int) -> list[tuple[Message, gateway.Outgoing]] | None:
    """Claim, look again, mark as being sent. None when nothing waits; an empty list when all fell away."""
    closed = Mailing.objects.exclude(state=Mailing.State.OPEN).filter(
        kind=OuterRef("kind"), subject=OuterRef("subject")
    )
    waiting = Message.objects.filter(~Exists(closed), state__in=WAITING).order_by("bulk", "id")
    keys = leases.claim(waiting, limit=limit, lease_seconds=LEASE_SECONDS)
    if not keys:
        return None
    ready = []
    messages = list(Message.objects.filter(pk__in=keys).order_by("bulk", "id"))
    rounds = {
        (row.kind, row.subject): row
        for row in Mailing.objects.filter(subject__in={message.subject for message in messages if message.bulk})
    }
    for message in messages:
        try:
            outgoing = _prepare(message, rounds.get((message.kind, message.subject)) if message.bulk else None)
        except Exception as error:  # one message that cannot be made must not hold up the others
            log.error("message %s not prepared: %s", message.pk, type(error).__name__)
            _retry_later([message], "NOT_PREPARED")
            continue
        if outgoing is not None:
            ready.append((message, outgoing))
    allowed = _without_opt_outs(ready)
    for message, outgoing in allowed:
        message.to = outgoing.to
    with connection.cursor() as cursor:
        # Django's bulk_update takes five times as long. Only what is still ours: a lease that ran out under a long
        # pause belongs to another worker.
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
        mine = {key for (key,) in cursor.fetchall()}
    return [pair for pair in allowed if pair[0].pk in mine]


def _prepare(message: Message, own: Mailing | None) -> gateway.Outgoing | None:
    """The message as it leaves; None when it must not or cannot, which is then written into its row.

    Each of a round says what the round was checked with.
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
    body = message.body or (own and getattr(own, message.language)) or texts.render(message.kind, message.language, {})
    subject = None
    if texts.is_long(body):
        subject = "KT 안내" if message.language == "ko" else "KT notice"
    return gateway.Outgoing(_attempt_key(message), number, body, subject)


def _without_opt_outs(ready: list[tuple[Message, gateway.Outgoing]]) -> list[tuple[Message, gateway.Outgoing]]:
    indexes = {
        message.pk: {crypto.blind_index(outgoing.to, "msisdn"), bytes(message.person_index)}
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
        taken = gateway.send([outgoing for _, outgoing in batch], sender=sender)
    except gateway.TemporaryFailure as error:
        log.warning("the message gateway took nothing: %s", error)
        _retry_later([message for message, _ in batch], "GATEWAY_BUSY", count=False)
        return 0
    except gateway.PermanentFailure as error:
        if len(batch) > 1:  # one of them is bad: find out which
            return sum(_send([pair]) for pair in batch)
        _settle([batch[0][0].pk], State.FAILED, str(error))
        return 0
    except gateway.UnknownOutcome as error:
        log.warning("unclear whether %s messages left: %s", len(batch), error)
        return len(batch)
    by_key = {found.key: found for found in taken}
    accepted, refused = [], []
    for message, outgoing in batch:
        found = by_key.get(outgoing.key)
        if found is None:
            refused.append(message.pk)
            continue
        accepted.append((message.pk, found))
    with transaction.atomic(), connection.cursor() as cursor:
        # Nobody else changes a row that is being sent, except the one who asks; what they found of it is right too.
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
                [found.provider_id for _, found in accepted],
                [found.group for _, found in accepted],
            ],
        )
    return len(accepted)


def ask_unclear() -> int:
    """Look at the gateway for messages whose call had no clear answer; returns how many were settled."""
    wall = dt.datetime.now(dt.UTC)
    quiet = wall - dt.timedelta(seconds=settings.SMS_ASK_AFTER_SECONDS)
    give_up = wall - dt.timedelta(minutes=settings.SMS_UNKNOWN_AFTER_MINUTES)
    sender = programme.current().notices.sender
    settled = 0
    unclear = Message.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=wall), state=State.SENDING)
    for message in unclear.filter(tried_at__lt=quiet).order_by("tried_at")[:200]:
        tried_at = message.tried_at
        assert tried_at is not None
        later = wall + dt.timedelta(seconds=settings.SMS_ASK_AFTER_SECONDS)
        try:
            found = gateway.find_messages(
                to=message.to or "", sender=sender, since=tried_at - SEARCH_MARGIN, until=tried_at + SEARCH_MARGIN
            )
        except gateway.TemporaryFailure:
            # Not even asked: nobody is given up because the gateway is down, and the next time another one goes first.
            Message.objects.filter(pk=message.pk, state=State.SENDING).update(lease_until=later)
            return settled
        match = next((item for item in found if item.key == _attempt_key(message)), None)
        if match is not None:
            Message.objects.filter(pk=message.pk, state=State.SENDING).update(
                state=State.ACCEPTED, provider_id=match.provider_id, provider_group=match.group, lease_until=None
            )
            settled += 1
        elif tried_at < give_up:
            log.warning("message %s is unknown to the gateway", message.pk)
            settled += _settle([message.pk], State.UNKNOWN, "NOT_FOUND", only=(State.SENDING,))
        else:
            Message.objects.filter(pk=message.pk, state=State.SENDING).update(lease_until=later)
    return settled


def follow_accepted() -> int:
    """Ask how far accepted messages came, call by call; returns how many reached an end."""
    wall = dt.datetime.now(dt.UTC)
    due = (
        Message.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=wall), state=State.ACCEPTED)
        .values("provider_group")
        .annotate(tried=Min("tried_at"))
        .order_by("tried")[:50]
    )
    ended = 0
    for group in due:
        name = group["provider_group"]
        try:
            found = gateway.states(name)
        except gateway.TemporaryFailure:
            return ended
        ended += _take_receipts(found)
        left = Message.objects.filter(provider_group=name, state=State.ACCEPTED)
        if group["tried"] < wall - RECEIPT_DEADLINE:
            ended += _settle(list(left.values_list("pk", flat=True)), State.UNKNOWN, "NO_RECEIPT")
        else:  # the older, the less often
            left.update(lease_until=wall + max(dt.timedelta(seconds=3), (wall - group["tried"]) / 4))
    return ended


def _take_receipts(found: Iterable[gateway.GatewayMessage]) -> int:
    """Write states into the rows; a receipt that comes again changes nothing."""
    by_status: dict[str, list[str]] = {}
    for item in found:
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
    """Try again after a pause that grows with the tries; after the last one the message has failed.

    `count=False` for a fault that is not the message's own: it waits as long as the fault lasts.
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
    """What names this try at the gateway: the row, its time (should row numbers ever start again), the attempt."""
    return f"{message.pk}-{int(message.created_at.timestamp())}-{message.attempts}"
