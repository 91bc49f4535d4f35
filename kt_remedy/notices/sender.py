"""Send one batch of messages.

A message is sent at most once: it is committed as SENDING before the gateway is called. It is sent again only if the
gateway certainly accepted nothing or certainly could not deliver it. After an unclear call, and after a worker died,
the message is searched at the gateway (`following`).
"""

import datetime as dt
import logging
import time
from collections.abc import Iterable

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Min

from kt_remedy.core import clock, crypto, phones, programme
from kt_remedy.core.tasks import dispatch
from kt_remedy.notices import gateway, pasted, recipients, texts
from kt_remedy.notices.batches import WAITING, may_leave
from kt_remedy.notices.models import Mailing, Message, MessageBatch
from kt_remedy.notices.service import opted_out

log = logging.getLogger(__name__)

State = Message.State
TRIES = 5
BUSY_PAUSE = dt.timedelta(seconds=5)
# The calls for one batch take at most about this long, so a worker can always stop soon. What is left comes later.
CALL_SECONDS = 20
# The first question how far an accepted message came.
FOLLOW_AFTER = dt.timedelta(seconds=3)

_Pair = tuple[Message, gateway.Outgoing]


def send(batch: MessageBatch) -> None:
    """Send the messages of a batch that still wait and may leave; the others wait again, without a batch.

    A second run, after a worker was killed, sends only what the first one had not marked as SENDING.
    """
    if ready := _prepare_all(batch):
        _call(_mark(batch, ready), until=time.monotonic() + CALL_SECONDS)
    Message.objects.filter(batch=batch, state__in=WAITING).update(batch=None)
    close(batch)


def close(batch: MessageBatch, *, answered: bool = True) -> None:
    """Note when to ask about the batch next, or that all of its messages have ended.

    After a question without an answer the pause grows with the attempts.
    """
    on_the_way = Message.objects.filter(batch=batch, state__in=(State.SENDING, State.ACCEPTED))
    next_at = on_the_way.aggregate(at=Min("retry_at"))["at"]
    attempts = 0
    if next_at and not answered:
        next_at, attempts = max(next_at, dt.datetime.now(dt.UTC) + dispatch.pause(batch.attempts)), batch.attempts
    MessageBatch.objects.filter(pk=batch.pk).update(
        state=MessageBatch.State.SENT if next_at else MessageBatch.State.DONE, retry_at=next_at, attempts=attempts
    )


def _prepare_all(batch: MessageBatch) -> list[_Pair]:
    messages = list(Message.objects.filter(may_leave(), batch=batch, state__in=WAITING).order_by("bulk", "id"))
    mailings = {
        (row.kind, row.subject): row
        for row in Mailing.objects.filter(subject__in={message.subject for message in messages if message.bulk})
    }
    leaving = []
    for message in messages:
        mailing = mailings.get((message.kind, message.subject)) if message.bulk else None
        if not mailing or mailing.state == Mailing.State.OPEN:
            leaving.append((message, mailing))
    answers = recipients.look_again([message for message, _mailing in leaving])
    ready = []
    for message, mailing in leaving:
        message.attempts += 1
        if (answer := answers.get(message.pk)) is None:
            retry_later([message], "NOT_PREPARED")
            continue
        try:
            outgoing = _prepare(message, mailing, answer)
        except Exception as error:  # one faulty message must not stop the others
            log.error("message %s not prepared: %s", message.pk, type(error).__name__)
            retry_later([message], "NOT_PREPARED")
            continue
        if outgoing is not None:
            ready.append((message, outgoing))
    return _without_opt_outs(ready)


def _mark(batch: MessageBatch, pairs: list[_Pair]) -> list[_Pair]:
    """Mark messages as SENDING; return those that still belonged to the batch."""
    for message, outgoing in pairs:
        message.to = outgoing.to
    wall = dt.datetime.now(dt.UTC)
    stored = Message._meta.get_field("body").get_prep_value
    with connection.cursor() as cursor:
        # Django's bulk_update takes five times as long.
        cursor.execute(
            """
            UPDATE notices_message m
            SET state = 'SENDING', sent_at = %s, tried_at = %s, retry_at = %s, attempts = t.attempts,
                body = t.body, to_enc = t.to_enc, to_index = t.to_index
            FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::bytea[], %s::bytea[])
                AS t (id, attempts, body, to_enc, to_index)
            WHERE m.id = t.id AND m.state = ANY(%s) AND m.batch_id = %s
            RETURNING m.id
            """,
            [
                clock.now(),
                wall,
                wall + dt.timedelta(seconds=settings.SMS_ASK_AFTER_SECONDS),
                [message.pk for message, _ in pairs],
                [message.attempts for message, _ in pairs],
                [stored(outgoing.text) for _, outgoing in pairs],
                [bytes(message.to_enc or b"") for message, _ in pairs],
                [crypto.blind_index(outgoing.to, "msisdn") for _, outgoing in pairs],
                [str(state) for state in WAITING],
                batch.pk,
            ],
        )
        ours = {key for (key,) in cursor.fetchall()}
    return [pair for pair in pairs if pair[0].pk in ours]


def _prepare(message: Message, mailing: Mailing | None, answer: recipients.Recipient) -> gateway.Outgoing | None:
    """Build the outgoing message; return None and settle the row if it must not or cannot be sent.

    A message of a checked mailing carries the checked text.
    """
    if not answer.due:
        settle([message.pk], State.CANCELLED, "NO_LONGER_DUE", only=WAITING)
        return None
    number = phones.key(answer.number or "")
    if not number:
        settle([message.pk], State.FAILED, "NO_NUMBER", only=WAITING)
        return None
    body = (
        message.body
        or (mailing and getattr(mailing, message.language))
        or texts.render(message.kind, message.language, {})
    )
    subject = None
    if texts.is_long(body):
        subject = pasted.subject("ko" if message.language == "ko" else "en")
    return gateway.Outgoing(attempt_key(message), number, body, subject)


def _without_opt_outs(ready: list[_Pair]) -> list[_Pair]:
    indexes = {
        message.pk: {crypto.blind_index(outgoing.to, "msisdn"), message.person_index}
        for message, outgoing in ready
        if texts.kind(message.kind).optional
    }
    unwilling = opted_out(list(set().union(*indexes.values()))) if indexes else set()
    stopped = [pk for pk, values in indexes.items() if values & unwilling]
    settle(stopped, State.CANCELLED, "OPTED_OUT", only=WAITING)
    return [pair for pair in ready if pair[0].pk not in stopped]


def _call(pairs: list[_Pair], *, until: float) -> None:
    """Hand marked messages to the gateway in one call and write its answer back."""
    if not pairs:
        return
    if time.monotonic() > until:
        _wait_for_gateway(pairs)
        return
    sender = programme.current().notices.sender
    try:
        answers = gateway.send([outgoing for _, outgoing in pairs], sender=sender)
    except gateway.TemporaryFailure as error:
        log.warning("the message gateway accepted nothing: %s", error)
        _wait_for_gateway(pairs)
    except gateway.PermanentFailure as error:
        if len(pairs) == 1:
            settle([pairs[0][0].pk], State.FAILED, str(error))
            return
        for pair in pairs:  # one message is bad: send each alone to find it
            _call([pair], until=until)
    except gateway.UnknownOutcome as error:
        log.warning("unknown whether %s messages were sent: %s", len(pairs), error)
    else:
        _write_back(pairs, answers)


def _write_back(pairs: list[_Pair], answers: list[gateway.GatewayMessage]) -> None:
    by_key = {answer.key: answer for answer in answers}
    accepted = [(message.pk, by_key[outgoing.key]) for message, outgoing in pairs if outgoing.key in by_key]
    refused = [message.pk for message, outgoing in pairs if outgoing.key not in by_key]
    with transaction.atomic(), connection.cursor() as cursor:
        # Only `following` may change a row in state SENDING meanwhile, and its result is equally right.
        settle(refused, State.FAILED, "REFUSED", only=(State.SENDING,))
        cursor.execute(
            """
            UPDATE notices_message m
            SET state = 'ACCEPTED', provider_id = t.provider_id, provider_group = t.provider_group, settled_at = NULL,
                retry_at = %s
            FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS t (id, provider_id, provider_group)
            WHERE m.id = t.id AND m.state IN ('SENDING', 'UNKNOWN')
            """,
            [
                dt.datetime.now(dt.UTC) + FOLLOW_AFTER,
                [key for key, _ in accepted],
                [answer.provider_id for _, answer in accepted],
                [answer.group for _, answer in accepted],
            ],
        )


def _wait_for_gateway(pairs: list[_Pair]) -> None:
    """Let messages that the gateway did not accept wait for another batch. They lose no try, however long it lasts."""
    Message.objects.filter(pk__in=[message.pk for message, _ in pairs], batch_id=pairs[0][0].batch_id).update(
        state=State.QUEUED,
        reason="GATEWAY_BUSY",
        batch=None,
        retry_at=dt.datetime.now(dt.UTC) + BUSY_PAUSE,
        attempts=F("attempts") - 1,
    )


def retry_later(messages: Iterable[Message], reason: str) -> None:
    """Let messages wait for another batch, after a pause that grows with each try; after the last one they are FAILED.

    `message.attempts` counts the try that went wrong.
    """
    wall = dt.datetime.now(dt.UTC)
    for message in messages:
        if message.attempts >= TRIES:
            settle([message.pk], State.FAILED, reason)
            continue
        Message.objects.filter(pk=message.pk, batch_id=message.batch_id).update(
            state=State.FAILED_TEMPORARY,
            reason=reason[:40],
            batch=None,
            retry_at=wall + dt.timedelta(seconds=30 * 4**message.attempts),
            attempts=message.attempts,
        )


def settle(keys: list[int], state: str, reason: str, *, only: tuple[str, ...] | None = None) -> int:
    """Write the end state of messages, where they are in one of the states `only`; return their number."""
    if not keys:
        return 0
    rows = Message.objects.filter(pk__in=keys)
    if only:
        rows = rows.filter(state__in=only)
    return rows.update(state=state, reason=reason[:40], settled_at=clock.now())


def attempt_key(message: Message) -> str:
    """The key of this attempt at the gateway: row, time of creation (ids may restart), attempt."""
    return f"{message.pk}-{int(message.created_at.timestamp())}-{message.attempts}"
