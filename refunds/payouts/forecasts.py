"""The open rounds as a worker counted them, for pages that must not read every application. No decision uses them."""

import datetime as dt

from django.db import transaction

from kt_remedy.core import clock
from refunds.models.batches import RoundForecast
from refunds.payouts import batches
from refunds.payouts.guards import raise_timeouts

# Business time after which a forecast is not shown any more: the worker counts every minute.
GOOD_FOR = dt.timedelta(minutes=10)


def refresh() -> int:
    """Count every open round as if it closed now, and keep the figures. Safe to run twice; returns the rounds."""
    now = clock.now()
    with transaction.atomic():
        raise_timeouts()
        rows = [
            RoundForecast(pay_on=row.round.pay_on, count=row.count, won=row.won, excluded=row.excluded, counted_at=now)
            for row in batches.projection(at=now)
        ]
        RoundForecast.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["pay_on"],
            update_fields=["count", "won", "excluded", "counted_at"],
        )
    return len(rows)


def current(*, at: dt.datetime | None = None) -> tuple[list[batches.Projection], dt.datetime]:
    """The kept figures of the open rounds and when they were counted; counted now where the worker is behind.

    A batch that is opened again makes its forecast too old to be shown.
    """
    now = at or clock.now()
    rounds = batches.open_rounds(at=now)
    kept = {row.pay_on: row for row in RoundForecast.objects.all()}
    rows = [kept.get(one.pay_on) for one in rounds]
    if any(row is None or not now - GOOD_FOR <= row.counted_at <= now for row in rows):
        return batches.projection(at=now), now
    return [
        batches.Projection(one, row.count, row.won, [tuple(cell) for cell in row.excluded])
        for one, row in zip(rounds, rows, strict=True)
        if row is not None
    ], min((row.counted_at for row in rows if row is not None), default=now)
