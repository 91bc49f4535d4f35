"""Reads of reports on a streaming replica, where REPLICA_URL names one. Nothing else reads there.

A replica lags behind and may break the isolation of a snapshot, so no decision about money may see it: only
`refunds.reports` asks here, and a test forbids it to everybody else.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

Result = TypeVar("Result")

PRIMARY, REPLICA = "default", "replica"
# A replica that is further behind is not asked: its figures would be too old for a report of today.
MOST_BEHIND = dt.timedelta(minutes=5)
_CANCELLED = "57014"  # a statement that took too long; on the primary it would take as long

log = structlog.get_logger(__name__)
_reading: ContextVar[bool] = ContextVar("reading from the replica", default=False)


def read(count: Callable[[], Result]) -> tuple[Result, dt.timedelta]:
    """The result of `count`, which only reads, and by how much it is behind; from the replica where there is one.

    The primary answers where there is none, and where it is gone, too far behind or cancels the statement for its own
    upkeep. `count` uses the models, and `connection()` for SQL; it returns no lazy query set.
    """
    if REPLICA not in connections:
        return count(), dt.timedelta()
    try:
        behind = _behind()
        if behind is not None and behind <= MOST_BEHIND:
            with _on_replica():
                return count(), behind
        log.warning("replica.behind", seconds=None if behind is None else behind.total_seconds())
    except (OperationalError, InterfaceError) as error:
        code = getattr(error.__cause__, "pgcode", None)
        if code == _CANCELLED:
            raise
        connections[REPLICA].close()
        log.warning("replica.gone", code=code)
    return count(), dt.timedelta()


def connection() -> BaseDatabaseWrapper:
    """The connection for the SQL of a report: of the replica inside `read`, else of the primary."""
    return connections[REPLICA if _reading.get() else PRIMARY]


class ReportRouter:
    """Sends the models' reads inside `read` to the replica; everything else stays on the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """The replica inside `read`."""
        return REPLICA if _reading.get() else None

    def db_for_write(self, model: Any, **hints: Any) -> str:
        """The primary, always."""
        return PRIMARY

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        """True: both databases hold the same rows."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Only the primary has tables of its own."""
        return db == PRIMARY


def _behind() -> dt.timedelta | None:
    """By how much the replica is behind: none for a server that is no replica, None where it does not know.

    Beat writes rows every few seconds, so a replica that follows has a commit of these seconds.
    """
    with connections[REPLICA].cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN pg_is_in_recovery() THEN now() - pg_last_xact_replay_timestamp() ELSE interval '0' END"
        )
        behind: dt.timedelta | None = cursor.fetchone()[0]
    return None if behind is None else max(behind, dt.timedelta())


@contextmanager
def _on_replica() -> Iterator[None]:
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)
