"""What a process knows of the queue: numbers of people and the moment, as of the last second. Pure."""

import datetime as dt
from bisect import bisect_left
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate

from kt_remedy.portal.waiting.places import Place


class State(Enum):
    """What a place means now."""

    LOT = "lot"  # before the opening hour: drawn by lot then
    COUNTED = "counted"  # came a moment ago: its second is not counted yet
    WAIT = "wait"
    TURN = "turn"
    OVER = "over"  # its turn came and was not used in time


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue as of one second.

    `opened` names the opening (microseconds since 1970). Seconds are those of the wall clock since 1970. Everybody who
    came before `opens` stands in second 0, so that the lot alone orders them. `counts` are pairs of a second and its
    arrivals, in order; `base` people came before the first of them. `over` is the last number whose turn has ended,
    `serving` the last one that may go in, `pace` people a minute.
    """

    opened: int
    opens: int
    counted_to: int
    base_second: int
    base: int
    counts: tuple[tuple[int, int], ...]
    over: int
    serving: int
    waiting: int
    pace: int
    counted_at: dt.datetime  # wall clock
    ahead: dt.timedelta  # business time less the wall clock
    paused_since: dt.datetime | None  # wall clock
    _seconds: tuple[int, ...] = field(init=False)
    _before: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_seconds", tuple(second for second, _number in self.counts))
        before = tuple(accumulate((number for _second, number in self.counts), initial=self.base))
        object.__setattr__(self, "_before", before)

    def number(self, place: Place) -> int | None:
        """The number of a place, from 1; None while its second is not counted, 0 where its turn is long over.

        People of the same second, and all of the lot, are ordered by what the server drew for them.
        """
        if max(place.second, self.opens) >= self.counted_to:
            return None
        second = place.second if place.second >= self.opens else 0
        if second < self.base_second:
            return 0
        index = bisect_left(self._seconds, second)
        counted = self.counts[index][1] if index < len(self.counts) and self._seconds[index] == second else 1
        # Uncounted where its process died within the second: it stands with the next one.
        return self._before[index] + place.rank(max(counted, 1)) + 1

    def state(self, place: Place, number: int | None) -> State:
        """What this place means, given its number."""
        if number is None:
            return State.LOT if place.second < self.opens else State.COUNTED
        if number <= self.over:
            return State.OVER
        return State.TURN if number <= self.serving else State.WAIT

    def minutes(self, number: int) -> tuple[int, int]:
        """Fewest and most minutes until a number goes in at the present pace; (0, 1) for less than a minute."""
        seconds = (number - self.serving) * 60 // max(self.pace, 1)
        return seconds * 4 // 300, max(1, -(-seconds * 6 // 300))
