"""The one writer of the queue: reports of arrivals, and the number that goes in.

Every web process tries once a second; the lock of the row lets one of them through. Nothing here is lost with a
process: the row and the counts are the whole state.
"""

import datetime as dt
import math
from collections.abc import Iterable, Mapping

import structlog
from django.conf import settings
from django.db import connection, transaction

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme, switches
from kt_remedy.core.models import Switch, WaitingRoom, WaitingSecond
from kt_remedy.portal.waiting.queue import Queue

# Every process has reported the arrivals of a second after so many more.
SETTLED_SECONDS = 2
TURN_MINUTES = 10
_TRAIL_EVERY = dt.timedelta(seconds=10)
_TRAIL_LENGTH = TURN_MINUTES * 6
# After a pause of the whole portal nobody is let in for the time that was lost.
_LONGEST_STEP = dt.timedelta(seconds=5)
_JUDGED_EVERY = dt.timedelta(seconds=5)
_JUDGED_OVER = 10  # seconds
_FEWEST_ANSWERS = 20
_SLOW_PERCENT, _STOP_PERCENT = 5, 50  # 5: the 95th of the answers is slow
# Nobody had to wait for so long: the room closes by itself.
EMPTY_FOR = dt.timedelta(minutes=5)
OPENING_HOUR = dt.time(9)

log = structlog.get_logger(__name__)


def report(counts: Mapping[int, tuple[int, int, int]]) -> None:
    """Add arrivals, answers and slow answers by second. One statement."""
    if not counts:
        return
    rows = [(second, *numbers) for second, numbers in sorted(counts.items())]
    marks = ", ".join(["(%s, %s, %s, %s)"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO waiting_second AS w (second, arrivals, answers, slow) VALUES {marks}"  # noqa: S608  (marks)
            " ON CONFLICT (second) DO UPDATE SET arrivals = w.arrivals + excluded.arrivals,"
            " answers = w.answers + excluded.answers, slow = w.slow + excluded.slow",
            [value for row in rows for value in row],
        )


def read() -> Queue | None:
    """The queue as the row says; None while the room is closed, or for the moment until its first step."""
    room = WaitingRoom.objects.filter(opened_at__in=_opened()).first()
    if room is None:
        return None
    return Queue(
        opened=_micros(room.opened_at),
        opens=_opens(room),
        counted_to=room.counted_to,
        base_second=room.base_second,
        base=room.base,
        counts=tuple((second, number) for second, number in room.counts),
        over=_over(room),
        serving=room.serving,
        waiting=room.waiting,
        pace=room.pace,
        counted_at=room.advanced_at,
        ahead=_ahead(),
        paused_since=room.paused_since,
    )


def step(now: dt.datetime) -> None:
    """Move the queue on to `now` (wall clock), unless it is closed or another process did so in this second."""
    opened_at = _opened().first()
    if opened_at is None:
        return
    with transaction.atomic():
        WaitingRoom.objects.bulk_create([_new(opened_at, now)], ignore_conflicts=True)
        due = WaitingRoom.objects.select_for_update(skip_locked=True).exclude(
            opened_at=opened_at, advanced_at__gt=now - dt.timedelta(milliseconds=900)
        )
        if (room := due.first()) is None:
            return
        if room.opened_at != opened_at:
            # An earlier opening: its places are refused from now on.
            room = _new(opened_at, now)
            WaitingSecond.objects.filter(second__lt=int(now.timestamp()) - 60).delete()
        advance(room, now, _arrivals(room), _measured(now), settings.WAITING_ROOM_PER_MINUTE)
        room.save(force_update=True)  # a row with its own key would be inserted
        if room.empty_since is not None and now - room.empty_since >= EMPTY_FOR and switches.end(Switch.Code.ENTRY):
            audit.record(actor="system", action="switch.start", object="switch:ENTRY", reason="empty")
            log.info("waiting room closed by itself")


def advance(
    room: WaitingRoom,
    now: dt.datetime,
    arrivals: Iterable[tuple[int, int]],
    measured: tuple[int, int],
    per_minute: int,
) -> None:
    """Change the row as of `now`: who may go in, the pace and its counts; it saves nothing and asks nothing.

    `arrivals`: pairs of second and people from `base_second` on; `measured`: answers of the look-up in the last ten
    seconds and how many of them were slow; `per_minute`: the capacity.
    """
    opens = _opens(room)
    merged: dict[int, int] = {}
    for second, number in arrivals:
        place = second if second >= opens else 0
        merged[place] = merged.get(place, 0) + number
    room.counts = sorted([second, number] for second, number in merged.items() if number)
    # Before the opening hour nothing is counted; then the lot and each second once it is settled.
    room.counted_to = int(now.timestamp()) - SETTLED_SECONDS if now >= room.opens_at else 0
    _judge(room, now, *measured)
    room.pace = per_minute * room.percent // 100
    eligible = room.base + sum(number for second, number in room.counts if max(second, opens) < room.counted_to)
    elapsed = min(now - room.advanced_at, _LONGEST_STEP) // dt.timedelta(milliseconds=1) if room.counted_to else 0
    room.credit += room.pace * elapsed
    people, room.credit = divmod(room.credit, 60_000)
    room.serving = max(room.serving, min(room.serving + people, eligible))
    if now - room.trail_at >= _TRAIL_EVERY:
        room.trail, room.trail_at = [*room.trail, room.serving][-_TRAIL_LENGTH - 1 :], now
    while room.counts and room.base + room.counts[0][1] <= _over(room):
        second, number = room.counts.pop(0)
        room.base, room.base_second = room.base + number, max(second + 1, opens)
    room.waiting = room.base + sum(number for _second, number in room.counts) - room.serving
    empty = room.counted_to > opens and room.serving >= eligible
    room.empty_since = (room.empty_since or now) if empty else None
    room.advanced_at = now


def _judge(room: WaitingRoom, now: dt.datetime, answers: int, slow: int) -> None:
    """Halve the pace where answers of the look-up come slowly, stop it where most do, and raise it again by tenths."""
    if now - room.judged_at < _JUDGED_EVERY:
        return
    share = slow * 100 // answers if answers >= _FEWEST_ANSWERS else 0
    if share > _STOP_PERCENT:
        room.percent = 0
    elif share > _SLOW_PERCENT:
        room.percent = room.percent // 2
    else:
        room.percent = min(room.percent + 10, 100)
    room.judged_at = now
    room.paused_since = (room.paused_since or now) if room.percent == 0 else None


def _over(room: WaitingRoom) -> int:
    """The last number whose turn has ended: the one that went in ten minutes ago, time without a step left out."""
    return room.trail[0] if len(room.trail) > _TRAIL_LENGTH else 0


def _opens(room: WaitingRoom) -> int:
    """The first whole second in which people are ordered by their arrival."""
    return math.ceil(room.opens_at.timestamp())


def _new(opened_at: dt.datetime, now: dt.datetime) -> WaitingRoom:
    opens_at = _opens_at(opened_at)
    return WaitingRoom(opened_at=opened_at, opens_at=opens_at, advanced_at=now, trail_at=now, judged_at=now)


def _opens_at(opened_at: dt.datetime) -> dt.datetime:
    """When the first person goes in, by the wall clock: nine o'clock where the room was opened before it on a day on
    which the look-up or the applications begin, else at once."""
    ahead = _ahead()
    opened = opened_at + ahead
    current, day = programme.current(), clock.kst_date(opened)
    nine = clock.kst(day, OPENING_HOUR)
    if day in (current.lookup_opens, current.applications.opens) and opened < nine:
        return nine - ahead
    return opened_at


def _ahead() -> dt.timedelta:
    """Business time less the wall clock."""
    return clock.now() - dt.datetime.now(dt.UTC) if clock.is_set() else dt.timedelta(0)


def _opened():  # type: ignore[no-untyped-def]  # a query of one column has no short name
    """The time at which the room was opened, as a query; no row while it is closed."""
    return Switch.objects.filter(code=Switch.Code.ENTRY, stopped_at__isnull=False).values_list("stopped_at", flat=True)


def _arrivals(room: WaitingRoom) -> list[tuple[int, int]]:
    # What was reported for the seconds just before this opening belongs to the former one.
    first = room.base_second or int(room.opened_at.timestamp())
    rows = WaitingSecond.objects.filter(second__gte=first, arrivals__gt=0).order_by("second")
    return list(rows.values_list("second", "arrivals"))


def _measured(now: dt.datetime) -> tuple[int, int]:
    first = int(now.timestamp()) - _JUDGED_OVER
    rows = WaitingSecond.objects.filter(second__gte=first).values_list("answers", "slow")
    return sum(answers for answers, _slow in rows), sum(slow for _answers, slow in rows)


def _micros(instant: dt.datetime) -> int:
    return (instant - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(microseconds=1)
