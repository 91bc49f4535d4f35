"""One way to claim rows that wait for a worker: messages, holder checks, shards, acts.

The row, not the broker, is the truth: a worker leases rows in a transaction of its own, works, writes the end state.
A worker that dies leaves a lease that runs out, and the next sweep takes the row again. Leases use the wall clock.
"""

import os
import socket

from django.db import connection, models, transaction
from django.db.models import Q
from django.db.models.functions import Now


class Leased(models.Model):
    """The columns a claimable row needs. `waiting` rows are those the owner selects in the queryset it passes."""

    lease_until = models.DateTimeField(null=True, editable=False)
    attempts = models.IntegerField(default=0, editable=False)
    worker = models.CharField(max_length=80, blank=True, editable=False)

    class Meta:
        abstract = True


def worker_name() -> str:
    """This process, as it stands in the rows it claims."""
    return f"{socket.gethostname()}:{os.getpid()}"[:80]


def claim(waiting: models.QuerySet, *, limit: int, lease_seconds: int) -> list[int | str]:
    """Lease up to `limit` rows of `waiting` for this process and return their primary keys.

    The queryset's order says which come first. One statement with SKIP LOCKED: two workers never get the same row,
    and neither waits for the other. A row whose lease has not run out is passed over. Each claim counts one attempt.
    """
    model = waiting.model
    table, pk = model._meta.db_table, model._meta.pk.column
    free = (
        waiting.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=Now()))
        .select_for_update(skip_locked=True, of=("self",))
        .values("pk")[:limit]
    )
    with transaction.atomic(), connection.cursor() as cursor:
        sql, params = free.query.sql_with_params()
        cursor.execute(
            f'WITH free (pk) AS MATERIALIZED ({sql}) UPDATE "{table}" AS t SET lease_until = '  # noqa: S608
            "clock_timestamp() + make_interval(secs => %s), attempts = t.attempts + 1, worker = %s"
            f' FROM free WHERE t."{pk}" = free.pk RETURNING t."{pk}"',
            [*params, lease_seconds, worker_name()],
        )
        return [row[0] for row in cursor.fetchall()]


def release(rows: models.QuerySet) -> int:
    """Give rows back before their lease runs out, as after a passing fault; returns how many."""
    return rows.update(lease_until=None, worker="")
