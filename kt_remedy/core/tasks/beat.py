"""Celery's beat: reads each second what is due and publishes it. It keeps no schedule of its own, and no file.

Any number of beats may run. The one whose connection holds an advisory lock publishes, the others stand by.
"""

import logging
import time
from typing import Any

from celery.beat import Scheduler
from django.db import DatabaseError, connection

from kt_remedy.core.tasks import dispatch, rows, schedule

log = logging.getLogger(__name__)

LOCK = (72_403, 0)
TICK_SECONDS = 1.0
PLAN_EVERY_SECONDS = 60

# A session may take its own lock again and again, and would have to give it back as often.
_HOLDS_LOCK = (
    f"CASE WHEN EXISTS ({rows.HELD_LOCKS} AND pid = pg_backend_pid() AND objid = %s)"
    " THEN true ELSE pg_try_advisory_lock(%s, %s) END"
)


class RowScheduler(Scheduler):
    """Publishes the rows that are due. A tick is no task: it costs one query where nothing is due."""

    _planned_at: float | None = None

    def setup_schedule(self) -> None:
        """Nothing: the rows are the schedule."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Publish what is due; returns the seconds until the next tick. Without a database nothing is due."""
        began = time.monotonic()
        try:
            if self._planned_at is None or began - self._planned_at > PLAN_EVERY_SECONDS:
                schedule.plan()
                self._planned_at = began
            sources = dispatch.due_sources(_HOLDS_LOCK, [*LOCK, *LOCK])
            for source in sources:
                dispatch.publish(source.mark())
        except DatabaseError as error:
            log.warning("beat could not read what is due: %s", type(error).__name__)
            connection.close()  # a new one is made at the next tick
        return max(0.0, TICK_SECONDS - (time.monotonic() - began))
