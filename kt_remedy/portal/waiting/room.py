"""The queue in the memory of a web process, and the thread that reads it once a second.

The thread begins with the first request, which is after the fork of a server that loads before it forks. Requests ask
`current` and call `arrive` and `answered`, which touch memory alone; without a database the last queue stays.
"""

import datetime as dt
import os
import threading
import time

import structlog
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection

from kt_remedy.core import health, kept_pages
from kt_remedy.portal.waiting import admission
from kt_remedy.portal.waiting.queue import Queue

# Without news for so long a process says that the entry pauses.
STALE_SECONDS = 5
_FIRST_SECONDS = 2

log = structlog.get_logger(__name__)


class _Memory:
    """What this process knows and has not reported yet."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pid = 0
        self.read_once = threading.Event()
        self.queue: Queue | None = None
        self.read_at = 0.0
        self.away_since: dt.datetime | None = None
        self.counts: dict[int, tuple[int, int, int]] = {}


_memory = _Memory()


def current() -> Queue | None:
    """The queue as of the last second, or None while people go straight in."""
    return _memory.queue


def away_since() -> dt.datetime | None:
    """Since when (wall clock) this process has no news of the queue; None while it has."""
    return _memory.away_since if time.monotonic() - _memory.read_at > STALE_SECONDS else None


def arrive(second: int) -> None:
    """Count one arrival in this second."""
    _add(second, 1, 0, 0)


def answered(seconds: float, *, failed: bool) -> None:
    """Count one answer of the look-up that took so many seconds."""
    _add(int(time.time()), 0, 1, int(failed or seconds * 1000 > settings.WAITING_ROOM_SLOW_MS))


def start() -> None:
    """Start the thread of this process if it has none, and wait a moment for its first look."""
    if _memory.pid == os.getpid():
        return
    with _memory.lock:
        if _memory.pid == os.getpid():
            return
        _memory.pid = os.getpid()
        _memory.read_once.clear()
        threading.Thread(target=_run, name="waiting-room", daemon=True).start()
    _memory.read_once.wait(_FIRST_SECONDS)


def tick(now: dt.datetime) -> None:
    """At `now` (wall clock): report, move the queue on if it is this process's turn, and read it.

    Without a database nothing is lost: what was counted is reported later.
    """
    with _memory.lock:
        counts, _memory.counts = _memory.counts, {}
    try:
        admission.report(counts)
        counts = {}
        admission.step(now)
        was_open, _memory.queue = _memory.queue is not None, admission.read()
        if was_open is (_memory.queue is None):
            kept_pages.forget()  # the home page says whether people wait
        _memory.read_at, _memory.away_since = time.monotonic(), None
    except DatabaseFault as error:
        for second, numbers in counts.items():
            _add(second, *numbers)
        _memory.away_since = _memory.away_since or now
        if not health.database_is_gone(error):
            raise
        connection.close()
    finally:
        _memory.read_once.set()


def forget() -> None:
    """Forget everything, as a process that has just started."""
    global _memory
    _memory = _Memory()


def _run() -> None:
    while True:
        connection.close_if_unusable_or_obsolete()
        try:
            tick(dt.datetime.now(dt.UTC))
        except Exception:  # the thread goes on: nobody would come in without it
            log.exception("waiting room step failed")
        time.sleep(1 - time.time() % 1)


def _add(second: int, arrivals: int, answers: int, slow: int) -> None:
    with _memory.lock:
        had = _memory.counts.get(second, (0, 0, 0))
        _memory.counts[second] = (had[0] + arrivals, had[1] + answers, had[2] + slow)
