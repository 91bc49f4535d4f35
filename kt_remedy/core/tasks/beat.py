"""Beat, of which any number may run: the one that holds the lock ticks, the others stand by to take over."""

from typing import Any

from celery.beat import PersistentScheduler
from django.db import DatabaseError, connection

LOCK = (72_403, 0)


class OneBeat(PersistentScheduler):
    """Ticks only while its connection holds an advisory lock, which is gone the moment the process is.

    Two that ticked would do no harm, only twice the work: what is due stands in rows behind locks of their own.
    """

    def tick(self, *args: Any, **kwargs: Any) -> float:
        return super().tick(*args, **kwargs) if _is_ours() else 1.0


def _is_ours() -> bool:
    """True if this process holds the lock, which it takes where it is free. False without a database."""
    try:
        with connection.cursor() as cursor:
            # A session may take its own lock again and again, and would have to give it back as often.
            cursor.execute(
                "SELECT CASE WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND pid = pg_backend_pid() AND classid = %s AND objid = %s) THEN true"
                " ELSE pg_try_advisory_lock(%s, %s) END",
                [*LOCK, *LOCK],
            )
            return cursor.fetchone()[0]
    except DatabaseError:
        connection.close()  # a new one is made at the next tick
        return False
