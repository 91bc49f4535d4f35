"""The pace of sending: one worker at a time puts waiting messages into batches, each with a slot of time of its own.

Slots follow each other by the number of their messages and SMS_PER_SECOND, whatever the number of workers, and none
lies in the past. A batch that is late, because no worker was free, leaves soon afterwards; so only a few seconds' worth
of messages are in waiting batches.
"""

import datetime as dt
import math
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Now

from kt_remedy.core import clock, programme
from kt_remedy.core.tasks import rows
from kt_remedy.notices import texts
from kt_remedy.notices.models import Mailing, Message, MessageBatch, Pace

PROVIDER = "SOLAPI"
WAITING = (Message.State.QUEUED, Message.State.FAILED_TEMPORARY)
BATCH = 100
# Batches are formed once a second and published a second later, so the slots reach further ahead than that.
AHEAD = dt.timedelta(seconds=2.5)
# Messages that one run puts into batches; the next run follows within a second.
FORM_LIMIT = 10_000
# A pace is looked at this often even when no message waits: its row then shows whether any worker does so.
LOOK_EVERY = dt.timedelta(seconds=30)

_FIRST = ("retry_at", "id")


def within_hours() -> bool:
    """Whether the business time is within the hours for messages (`[notices]` of the programme)."""
    hours = programme.current().notices
    return hours.send_from <= clock.now().astimezone(clock.KST).time() < hours.send_until


def may_leave() -> Q:
    """Filter of the messages that may leave now: all within the hours, codes and warnings at any hour (D-75)."""
    return Q() if within_hours() else Q(kind__in=texts.urgent_kinds())


def make_pace(**_signal: Any) -> None:
    """Make the row of the provider after a migration. Safe to repeat."""
    if Pace._meta.db_table in connection.introspection.table_names():  # not if migrated back
        Pace.objects.get_or_create(provider=PROVIDER)


def open_paces() -> QuerySet[Pace]:
    """The paces for which a message may be put into a batch now, or that were not looked at for `LOOK_EVERY`."""
    unseen = Q(waiting_since__lte=Now() - LOOK_EVERY)
    if not within_hours():
        return Pace.objects.filter(Exists(_single()) | unseen)
    return Pace.objects.filter(Exists(_single()) | Exists(_mailings()) | unseen)


def form(pace: Pace) -> None:
    """Put messages that wait into batches, as many as have a slot soon: single ones first, then mailing by mailing.

    All or nothing: a worker that is killed leaves the messages waiting.
    """
    with transaction.atomic():
        pace = Pace.objects.select_for_update().get(pk=pace.pk)
        wall = dt.datetime.now(dt.UTC)
        slot = max(pace.next_at, wall)
        size = min(BATCH, settings.SMS_PER_SECOND)
        limit = _room(wall, slot) // size * size
        keys = _next_messages(min(limit, FORM_LIMIT)) if limit > 0 else []
        made = []
        for first in range(0, len(keys), size):
            count = len(keys[first : first + size])
            made.append(MessageBatch(size=count, retry_at=slot))
            slot += dt.timedelta(seconds=count / settings.SMS_PER_SECOND)
        batches = MessageBatch.objects.bulk_create(made)
        _assign(keys, [batch.pk for batch in batches for _message in range(batch.size)])
        pace.next_at, pace.waiting_since = slot, wall
        pace.retry_at, pace.attempts = None if limit > 0 else wall + dt.timedelta(seconds=0.5), 0
        pace.save(update_fields=["next_at", "waiting_since", "retry_at", "attempts"])


def _room(wall: dt.datetime, slot: dt.datetime) -> int:
    """How many messages may be put into batches now: by the slots, and by what waits in late batches."""
    late = MessageBatch.objects.filter(state=MessageBatch.State.WAITING, retry_at__lte=wall)
    behind = rows.unstarted(late).aggregate(messages=Sum("size"))["messages"] or 0
    return math.floor((wall + AHEAD - slot).total_seconds() * settings.SMS_PER_SECOND) - behind


def _single() -> QuerySet[Message]:
    return Message.objects.filter(may_leave(), state__in=WAITING, batch=None, bulk=False, retry_at__lte=Now())


def _bulk(kind: Any, subject: Any) -> QuerySet[Message]:
    return Message.objects.filter(
        state__in=WAITING, batch=None, bulk=True, kind=kind, subject=subject, retry_at__lte=Now()
    )


def _mailings() -> QuerySet[Mailing]:
    """The open mailings with a message to be sent."""
    # PostgreSQL may make a join of EXISTS, and read half a million messages of a held mailing while its statistics are
    # old. A scalar subquery looks into the index once for each open mailing.
    first = Subquery(_bulk(OuterRef("kind"), OuterRef("subject")).order_by(*_FIRST).values("pk")[:1])
    return Mailing.objects.filter(state=Mailing.State.OPEN).alias(first=first).filter(first__isnull=False)


def _next_messages(limit: int) -> list[int]:
    keys = list(_single().order_by(*_FIRST).values_list("pk", flat=True)[:limit])
    if len(keys) < limit and within_hours():
        for mailing in _mailings().order_by("pk"):
            waiting = _bulk(mailing.kind, mailing.subject).order_by(*_FIRST)
            keys += waiting.values_list("pk", flat=True)[: limit - len(keys)]
            if len(keys) == limit:
                break
    return keys


def _assign(keys: list[int], batches: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notices_message m SET batch_id = t.batch"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS t (id, batch)"
            " WHERE m.id = t.id AND m.batch_id IS NULL AND m.state = ANY(%s)",  # one may have been cancelled meanwhile
            [keys, batches, [str(state) for state in WAITING]],
        )
