"""The figures of a report, kept for a few minutes: to count half a million applications and payments takes a second or
two, and several people read the same figures in the same hour. The page says when they were counted."""

import datetime as dt
from dataclasses import astuple, dataclass

from django.core.cache import cache

from kt_remedy.core import clock, replica
from refunds.reports import answer_days, applications, money
from refunds.reports.selection import Selection

KEPT_FOR = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a report counts, of one moment of business time; a replica that is behind counts an earlier one."""

    counted_at: dt.datetime
    found: applications.Applications
    paid: money.Money
    answers: dict[str, answer_days.AnswerDays]


def figures(chosen: Selection, *, anew: bool = False) -> Figures:
    """The figures of a selection, counted now or in the last minutes; `anew` counts them now."""
    key = "report:" + ":".join(str(part or "") for part in astuple(chosen))
    now = clock.now()
    kept: Figures | None = None if anew else cache.get(key)
    if kept is None or not now - KEPT_FOR < kept.counted_at <= now:
        (found, paid, answers), behind = replica.read(
            lambda: (applications.count(chosen), money.add_up(chosen), answer_days.by_kind(chosen))
        )
        kept = Figures(now - behind, found, paid, answers)
        cache.set(key, kept, KEPT_FOR.total_seconds())
    return kept
