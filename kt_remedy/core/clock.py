"""Business time: the only reader of it (docs/architecture.md#clocks, D-01).

Rules, deadlines and dates on screen ask `now()` and `today()`. Sessions, codes, task rows, back-off and
rate limits use the wall clock and never come here.

In production business time is the wall clock. Where `REMEDY_NOW` is set (a demonstration, a test) it is the
wall clock plus an offset kept in one database row, so that web processes, workers and commands agree; the
row is read through a cache of one second and can only be moved forward.
"""

import datetime as dt
import time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

KST = ZoneInfo("Asia/Seoul")

_CACHE_SECONDS = 1.0
_cached: tuple[float, dt.timedelta] | None = None


def is_set() -> bool:
    """True if business time differs from the wall clock by configuration."""
    return settings.REMEDY_NOW is not None


def now() -> dt.datetime:
    """Business time as an aware datetime in UTC."""
    wall = dt.datetime.now(dt.UTC)
    return wall + _offset() if is_set() else wall


def today() -> dt.date:
    """The calendar date in Seoul, by which every rule of the programme is judged (D-01)."""
    return kst_date(now())


def kst_date(instant: dt.datetime) -> dt.date:
    """The calendar date in Seoul of an aware datetime."""
    if instant.tzinfo is None:
        raise ValueError("a naive datetime has no date in Seoul")
    return instant.astimezone(KST).date()


def kst(date: dt.date, time_of_day: dt.time = dt.time.min) -> dt.datetime:
    """The instant at which `time_of_day` strikes in Seoul on `date`."""
    return dt.datetime.combine(date, time_of_day, tzinfo=KST)


def move_to(instant: dt.datetime) -> None:
    """Move business time forward to `instant`. Raises ValueError for a step back or where no clock is set."""
    if not is_set():
        raise ValueError("no clock is set, so it cannot be moved")
    if instant <= now():
        raise ValueError("the clock only moves forward")
    _write(instant - dt.datetime.now(dt.UTC))


def start(at: dt.datetime | None = None) -> None:
    """Create the offset row from `at` or `REMEDY_NOW` where there is none yet; a running clock is left alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM clock_offset")
        if cursor.fetchone() is None:
            _write((at or _start()) - dt.datetime.now(dt.UTC))


def _offset() -> dt.timedelta:
    global _cached
    tick = time.monotonic()
    if _cached is None or tick - _cached[0] > _CACHE_SECONDS:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ahead FROM clock_offset")
            row = cursor.fetchone()
        ahead = row[0] if row else _start() - dt.datetime.now(dt.UTC)
        _cached = (tick, ahead)
    return _cached[1]


def _start() -> dt.datetime:
    if settings.REMEDY_NOW is None:
        raise ValueError("no clock is set")
    return settings.REMEDY_NOW


def _write(ahead: dt.timedelta) -> None:
    global _cached
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clock_offset (id, ahead) VALUES (1, %s) ON CONFLICT (id) DO UPDATE SET ahead = excluded.ahead",
            [ahead],  # type: ignore[list-item]  # psycopg2 takes an interval; the stubs do not know
        )
    _cached = None
