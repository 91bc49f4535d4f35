"""Rows that wait for a Celery task, and the lock that a task holds on its row.

The lock is an advisory lock of PostgreSQL. It belongs to the worker's connection and ends with it, so beat sees at once
that a killed worker no longer holds a row, and no lease has to be guessed. Behind a pooler, workers need session
pooling.
All times here are wall-clock times.
"""

import datetime as dt
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now

from kt_remedy.core import tracing

# A published row that no worker has begun after this time is published again: its message was lost.
PUBLISH_AGAIN_AFTER = dt.timedelta(seconds=30)
# The row of a dead worker is published at the next tick. After so many attempts it may be the row that kills them.
DEATHS_BEFORE_PAUSE, PAUSE_AFTER_DEATH = 3, dt.timedelta(minutes=1)

# Advisory locks of two numbers that are held in this database; the parameter is the first number.
HELD_LOCKS = (
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = %s"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
# The second number of a lock, from an SQL expression of its key.
_NUMBER_OF_KEY = "(hashtext({}) & 2147483647)".format


# True while every change is stopped (`switches`): work then waits, and goes on by itself afterwards.
READ_ONLY = RawSQL(
    "EXISTS (SELECT 1 FROM switch WHERE code = 'READ_ONLY' AND stopped_at IS NOT NULL)",
    [],
    output_field=models.BooleanField(),
)


class Published(models.Model):
    """The columns of a row whose id is published to the broker."""

    published_at = models.DateTimeField(null=True, editable=False)
    taken_at = models.DateTimeField(null=True, editable=False)  # when a worker began

    class Meta:
        abstract = True


class TaskRow(Published):
    """A row that one task carries out, and again from `retry_at` on until the row has reached its end."""

    waiting_since = models.DateTimeField(db_default=Now(), editable=False)
    retry_at = models.DateTimeField(null=True, editable=False)
    attempts = models.IntegerField(default=0, editable=False)
    # The span in which the row was written, so that its task belongs to the same trace; empty without one.
    traceparent = models.CharField(
        max_length=55, default=tracing.traceparent, db_default="", blank=True, editable=False
    )

    class Meta:
        abstract = True


def as_new() -> dict[str, Any]:
    """The values that let a row wait as if it had just been written: it is due at once, and nothing was tried yet."""
    return {
        "waiting_since": Now(),
        "retry_at": None,
        "attempts": 0,
        "published_at": None,
        "taken_at": None,
        "traceparent": tracing.traceparent(),
    }


def publishable(waiting: models.QuerySet) -> models.QuerySet:
    """The rows of `waiting` that beat has to publish: unpublished, lost on the broker, or left by a dead worker."""
    model = waiting.model
    table, pk = model._meta.db_table, model._meta.pk.column
    lost = Q(published_at__lt=Now() - PUBLISH_AGAIN_AFTER) | Q(taken_at__gte=F("published_at"))
    number_of_key = _NUMBER_OF_KEY(f'"{table}"."{pk}"::text')
    free = RawSQL(  # nosec B611  # noqa: S611  (names of our own table and column)
        f"({number_of_key} <> ALL (ARRAY({HELD_LOCKS})))",
        [_number(table)],
        output_field=models.BooleanField(),
    )
    return waiting.filter(Q(published_at__isnull=True) | lost & Q(free))


def due(open_rows: models.QuerySet) -> models.QuerySet:
    """The rows of `open_rows` whose pause, if any, is over; a row whose workers died repeatedly pauses too.

    None is due while every change is stopped.
    """
    return open_rows.filter(Q(retry_at__isnull=True) | Q(retry_at__lte=Now()), ~Q(READ_ONLY)).exclude(
        attempts__gte=DEATHS_BEFORE_PAUSE,
        taken_at__gte=F("published_at"),
        taken_at__gt=Now() - PAUSE_AFTER_DEATH,
        published_at__isnull=False,
    )


def unstarted(due_rows: models.QuerySet) -> models.QuerySet:
    """The rows of `due_rows` that no worker has begun since they fell due."""
    return due_rows.exclude(taken_at__isnull=False, published_at__isnull=False, taken_at__gte=F("published_at"))


@contextmanager
def locked(space: str, key: int | str | UUID) -> Iterator[bool]:
    """True if this connection got the lock of `key` within `space` (for a row: its table). Gives it back afterwards."""
    params: list[int | str] = [_number(space), str(key)]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_lock(%s, {_NUMBER_OF_KEY('%s')})", params)
        ours = cursor.fetchone()[0]
    try:
        yield ours
    finally:
        if ours:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_advisory_unlock(%s, {_NUMBER_OF_KEY('%s')})", params)


def is_locked(space: str, key: int | str | UUID) -> bool:
    """True if any connection holds the lock of `key` within `space`."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_NUMBER_OF_KEY('%s')} = ANY (ARRAY({HELD_LOCKS}))", [str(key), _number(space)])
        return cursor.fetchone()[0]


def _number(space: str) -> int:
    return zlib.crc32(space.encode()) & 0x7FFFFFFF  # PostgreSQL's integer is signed
