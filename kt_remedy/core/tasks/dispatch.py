"""Publish what is due: beat reads the rows and sends one named task per row, with the id of the row as its argument.

Each application registers its kinds of rows in `AppConfig.ready()`. A tick of beat asks in one query whether any row is
due. It marks such rows as published in one statement for each kind and then sends their tasks. A task takes the lock of
its row first, so a message that was doubled, lost or delayed does no harm (`rows.publishable` finds the lost ones).
"""

import datetime as dt
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import kombu.exceptions
import redis.exceptions
from celery import current_app, current_task
from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, connection, models
from django.db.models import Count, F, Min
from django.db.models.functions import Coalesce, Greatest, Now

from kt_remedy.core import tracing
from kt_remedy.core.models import TaskTiming
from kt_remedy.core.tasks import rows
from kt_remedy.core.tasks.base import TaskFailed, place_of

log = logging.getLogger(__name__)

QUEUES = ("money", "messages", "perks", "rest")
# Rows of one kind that are with the broker and the workers at once: as many as a few workers begin within
# `rows.PUBLISH_AGAIN_AFTER`, so that few are published twice.
PUBLISH_LIMIT = 1000
# A due row that no worker has begun for this long is overdue.
OVERDUE_AFTER = dt.timedelta(minutes=2)
LONGEST_PAUSE_SECONDS = 600

_BROKER_ERRORS = (kombu.exceptions.OperationalError, redis.exceptions.RedisError, OSError)


class Publication(NamedTuple):
    """One task that is due: its Celery task and the row that is its argument."""

    task: Any
    model: type[models.Model]
    pk: int | str


class Waiting(NamedTuple):
    """Due rows of one task that no worker has begun: their number, and since when the oldest is due (wall clock)."""

    task: Any
    rows: int
    since: dt.datetime


@dataclass(frozen=True)
class Source:
    """One kind of rows: `due` selects rows that may have to be published, `mark` marks and returns them.

    `waiting` counts the rows that fell due and have not begun. `task` is None where each row names its own.
    """

    due: Callable[[], models.QuerySet]
    mark: Callable[[], list[Publication]]
    waiting: Callable[[], list[Waiting]]
    task: Any = None


_sources: list[Source] = []


def register(source: Source) -> None:
    """Let beat publish the rows of `source`. Call it in `AppConfig.ready()`."""
    _sources.append(source)


def tasks() -> list[Any]:
    """The tasks of the registered rows, without those of the calendar (`schedule.entries`)."""
    return [source.task for source in _sources if source.task]


def register_rows(task: Any, open_rows: Callable[[], models.QuerySet], *, at_once: int = PUBLISH_LIMIT) -> None:
    """Let beat publish `task` for each row of `open_rows`, a queryset of `TaskRow`s that have not reached their end.

    The order of the queryset, by default that of the primary key, decides which rows come first. At most `at_once` rows
    are with the broker and the workers: slow tasks then do not hold up others of their queue.
    """

    def due() -> models.QuerySet:
        return rows.publishable(rows.due(open_rows()))

    def waiting() -> list[Waiting]:
        found = rows.unstarted(rows.due(open_rows())).aggregate(
            number=Count("pk"), since=Min(Greatest("waiting_since", Coalesce("retry_at", "waiting_since")))
        )
        return [Waiting(task, found["number"], found["since"])] if found["number"] else []

    def mark_due() -> list[Publication]:
        published = open_rows().filter(published_at__isnull=False)
        limit = at_once - published.count() + rows.publishable(published).count()
        return [Publication(task, open_rows().model, pk) for pk in mark(due(), limit)] if limit > 0 else []

    register(Source(due, mark_due, waiting, task))


def waiting() -> list[Waiting]:
    """The due rows of every kind that no worker has begun. One query for each kind."""
    return [item for source in _sources for item in source.waiting()]


def overdue() -> list[str]:
    """Names of the tasks with a row that has been due for `OVERDUE_AFTER` while no run of the task ended in that time.

    It also finds that no beat and no worker runs. The tasks of the calendar are left out:
    `schedule.overdue_periodic_tasks` watches them.
    """
    before = dt.datetime.now(dt.UTC) - OVERDUE_AFTER
    late = {item.task.name for source in _sources if source.task for item in source.waiting() if item.since < before}
    busy = TaskTiming.objects.filter(task__in=late, ended_at__gte=before).values_list("task", flat=True)
    return sorted(late - set(busy))


def mark(due: models.QuerySet, limit: int = PUBLISH_LIMIT) -> list[Any]:
    """Mark the first rows of `due` as published, in one statement; returns their keys in order.

    The first ones are those of the queryset's order, by default that of the primary key.
    """
    model = due.model
    table, pk = model._meta.db_table, model._meta.pk.column
    ordered = due if due.query.order_by else due.order_by("pk")
    sql, params = ordered.values("pk")[:limit].query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH first AS (SELECT key, row_number() OVER () AS place FROM ({sql}) AS ordered (key)),"  # noqa: S608
            f' marked AS (UPDATE "{table}" SET published_at = clock_timestamp() FROM first WHERE "{pk}" = first.key'
            " RETURNING first.key, first.place)"
            " SELECT key FROM marked ORDER BY place",
            params,
        )
        return [row[0] for row in cursor.fetchall()]


def due_sources(condition: str = "true", params: Iterable[Any] = ()) -> list[Source]:
    """The sources with due rows, none where the SQL `condition` is false. One query."""
    parts, values = [f"SELECT {condition}"], list(params)
    for source in _sources:
        try:
            sql, own = source.due().order_by().values("pk")[:1].query.sql_with_params()
        except EmptyResultSet:  # a queryset that can have no row has no SQL
            parts.append("false")
            continue
        parts.append(f"EXISTS ({sql})")
        values += own
    with connection.cursor() as cursor:
        cursor.execute(", ".join(parts), values)
        holds, *found = cursor.fetchone()
    return [source for source, exists in zip(_sources, found, strict=True) if exists] if holds else []


def publish(publications: Iterable[Publication]) -> int:
    """Send the tasks to the broker; returns their number.

    Where the broker does not answer, the rest is unmarked again, so that the next tick publishes it.
    """
    waiting = list(publications)
    sent = 0
    try:
        with current_app.producer_or_acquire() as producer:
            for publication in waiting:
                publication.task.apply_async(args=(publication.pk,), producer=producer, retry=False)
                sent += 1
    except _BROKER_ERRORS as error:
        log.warning("the broker took %s of %s tasks: %s", sent, len(waiting), type(error).__name__)
        unsent: dict[type[models.Model], list[int | str]] = {}
        for publication in waiting[sent:]:
            unsent.setdefault(publication.model, []).append(publication.pk)
        for model, keys in unsent.items():
            model._default_manager.filter(pk__in=keys).update(published_at=None)
    return sent


def run(open_rows: models.QuerySet, pk: int | str, work: Callable[[Any], None]) -> bool:
    """Carry out one row under its lock: count the attempt, call `work` with the row. True if it ran.

    Does nothing where the row has reached its end, is not due yet, or is held by another worker. `work` writes the end
    state or a later `retry_at`. Raises TaskFailed after an error of `work`; the row is then due again after a pause
    that grows with its attempts.
    """
    model = open_rows.model
    with rows.locked(model._meta.db_table, pk) as ours:
        due = rows.due(open_rows).filter(pk=pk)
        if not ours or not due.update(taken_at=Now(), attempts=F("attempts") + 1):
            return False
        own = model._default_manager.filter(pk=pk)
        row = own.get()
        try:
            with tracing.span(_name(model), "CONSUMER", parent=row.traceparent, remedy_row=str(pk)):
                work(row)
        except Exception as error:
            place = place_of(error)
            log.error("task failed: %s %s %s", model._meta.label, pk, place)
            try:
                own.update(published_at=None, retry_at=Now() + pause(row.attempts))
            except DatabaseError:  # the lock ends with the broken connection, which makes the row due
                connection.close()
            raise TaskFailed(f"{model._meta.label} {pk}: {place}") from None
        own.update(published_at=None)
        return True


def _name(model: type[models.Model]) -> str:
    """The task that runs now, or the kind of its row where somebody called it directly."""
    return current_task.name if current_task else model._meta.label


def pause(attempts: int) -> dt.timedelta:
    """The pause after so many failed attempts: 15 s, 45 s, … up to ten minutes."""
    return dt.timedelta(seconds=min(5 * 3 ** min(attempts, 9), LONGEST_PAUSE_SECONDS))


def queue_of(task: Any) -> str:
    """The queue to which Celery's routes send `task`."""
    return current_app.amqp.router.route({}, task.name)["queue"].name
