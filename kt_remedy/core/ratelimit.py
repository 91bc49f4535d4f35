"""Rate limits: counters in PostgreSQL, so that emptying Redis resets nothing.

A window starts with the first hit and ends by itself; the wall clock counts, not business time.
"""

import datetime as dt
import hashlib
from typing import NamedTuple

from django.db import connection


class Verdict(NamedTuple):
    """The answer to one try: allowed or not, the number of tries left, and the end of the window."""

    allowed: bool
    left: int
    retry_at: dt.datetime


def consume(key: str, *, limit: int, seconds: int) -> Verdict:
    """Count one try of `key` and say whether it is within `limit` in the running window of `seconds`.

    One statement, so that parallel tries are all counted. The key is stored as a hash. Not part of the caller's
    outcome: call it outside the transaction that may be rolled back.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO limit_counter AS c (key, hits, window_ends)
            VALUES (%(key)s, 1, now() + make_interval(secs => %(seconds)s))
            ON CONFLICT (key) DO UPDATE SET
                hits = CASE WHEN c.window_ends <= now() THEN 1 ELSE c.hits + 1 END,
                window_ends = CASE WHEN c.window_ends <= now() THEN excluded.window_ends ELSE c.window_ends END
            RETURNING hits, window_ends
            """,
            {"key": digest, "seconds": seconds},
        )
        hits, window_ends = cursor.fetchone()
    return Verdict(hits <= limit, max(limit - hits, 0), window_ends)


def peek(key: str, *, limit: int, seconds: int) -> Verdict:
    """True if one more try of `key` would be within `limit`; counts none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT hits, window_ends FROM limit_counter WHERE key = %s AND window_ends > now()",
            [hashlib.sha256(key.encode()).hexdigest()],
        )
        row = cursor.fetchone()
    if row is None:
        return Verdict(True, limit, dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds))
    return Verdict(row[0] < limit, max(limit - row[0], 0), row[1])


def give_back(key: str) -> None:
    """Take one use of `key` back, where what it counted did not happen."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE limit_counter SET hits = hits - 1 WHERE key = %s AND hits > 0 AND window_ends > now()",
            [hashlib.sha256(key.encode()).hexdigest()],
        )


def hold(key: str, *, seconds: int) -> None:
    """Let the window of `key` end `seconds` from now; its uses stay counted until then."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE limit_counter SET window_ends = now() + make_interval(secs => %s) WHERE key = %s",
            [seconds, hashlib.sha256(key.encode()).hexdigest()],
        )


def clear(key: str) -> None:
    """Forget the tries of `key`, as after a success."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM limit_counter WHERE key = %s", [hashlib.sha256(key.encode()).hexdigest()])


def sweep() -> int:
    """Delete counters whose window ended; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM limit_counter WHERE window_ends < now()")
        return cursor.rowcount
