"""The days of the sample register in the calendar of the programme file, and what its stories say of them.

The sample is written for a waiver from 1 September 2025 to 13 January 2026 that tells of leavers from 31 December on.
`moved` finds the day of the programme for each of its days: the three days above become the programme's own, the days
between them keep their order, and earlier and later ones keep their distance. Commitments keep their length that way.
"""

import calendar
import re
from datetime import date, timedelta
from itertools import pairwise

from kt_remedy.core import clock, programme
from kt_remedy.identity.provider import CARRIER_NAMES
from refunds.calendar import payout_rounds

_PROGRAMME = programme.current()
_WAIVER = _PROGRAMME.waiver
_ANCHORS = (
    (date(2025, 9, 1), _WAIVER.terminated_from),
    (date(2025, 12, 31), _WAIVER.forward_from),
    (date(2026, 1, 13), _WAIVER.terminated_to),
)

# Leavers of the last row of the table of pay days have their bill in six days that end before its cut-off (D-61).
EARLY_FROM: date | None = None
EARLY_BILLS = _WAIVER.terminated_to
if _PROGRAMME.payouts and _PROGRAMME.payouts[-1].terminated_from > _WAIVER.terminated_from:
    EARLY_FROM = _PROGRAMME.payouts[-1].terminated_from
    EARLY_BILLS = clock.kst_date(_PROGRAMME.payouts[-1].cut_off) - timedelta(days=8)

# Where the cast are customers today: the programme's carrier, and two that they moved to.
OWN_CARRIER = next((code for code, name in CARRIER_NAMES.items() if name == _PROGRAMME.carrier.short_name), "MVNO")
OTHER_CARRIER, THIRD_CARRIER = [code for code in sorted(CARRIER_NAMES, reverse=True) if code != OWN_CARRIER][:2]

NEWS_BEFORE = timedelta(days=7)  # `rewards.sms_campaigns` tells of a perk so long before its day

_MARK = re.compile(r"\{([dmD]):(\d{4}-\d\d-\d\d)\}")


def moved(day: date | str) -> date:
    """The day of the programme that a day of the sample stands for."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    first, last = _ANCHORS[0], _ANCHORS[-1]
    if day <= first[0]:
        return first[1] + (day - first[0])
    if day >= last[0]:
        return last[1] + (day - last[0])
    for (start, own_start), (end, own_end) in pairwise(_ANCHORS):
        if day < end:
            return own_start + timedelta(days=(day - start).days * (own_end - own_start).days // (end - start).days)
    raise AssertionError("unreachable")


def moved_moment(moment: str) -> str:
    """The same for a moment such as 2025-12-31T10:00."""
    return f"{moved(moment[:10])}{moment[10:]}"


def deliveries() -> tuple[date, ...]:
    """A day for each act that needs a delivery: look-up, base, reminders, cut-offs, grants, lists, news of perks."""
    days = {_PROGRAMME.lookup_opens, _PROGRAMME.rewards.base_date + timedelta(days=1)}
    days |= {reminder.send_on for reminder in _PROGRAMME.reminders}
    rounds = [clock.kst_date(item.cut_off) for item in payout_rounds(_PROGRAMME)]
    days |= set(rounds)
    weekly = rounds[len(_PROGRAMME.payouts) :]
    if weekly:
        days |= {weekly[0] + timedelta(weeks=n) for n in range((weekly[-1] - weekly[0]).days // 7 + 1)}
    if EARLY_FROM:
        days.add(EARLY_BILLS + timedelta(days=6))
    days |= set(_first_days())
    days |= {perk.starts - NEWS_BEFORE for perk in _PROGRAMME.perks if perk.automatic_from_age is not None}
    days |= {perk.choose_until - NEWS_BEFORE for perk in _PROGRAMME.perks if perk.choose_until}
    return tuple(sorted(day for day in days if day >= _PROGRAMME.lookup_opens))


def _first_days() -> list[date]:
    """The first day of each month after the base date in which a perk starts by itself or has just ended."""
    ends = [
        perk.ends or _month_after(perk.starts, perk.months or 0)
        for perk in _PROGRAMME.perks
        if perk.mode == "AUTOMATIC"
    ]
    found, day = [], _month_after(_PROGRAMME.rewards.base_date, 1)
    while ends and day <= _month_after(max(ends), 1):
        found.append(day)
        day = _month_after(day, 1)
    return found


def _month_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def told(story: str, language: str) -> str:
    """A story with its marks as words: {d:2026-01-12} is a day, {m:2026-01-12} its month, {D:2026-01-12} its number."""

    def words(match: re.Match[str]) -> str:
        day = moved(match[2])
        if language == "ko":
            return {"d": f"{day.month}월 {day.day}일", "m": f"{day.month}월", "D": f"{day.day}일"}[match[1]]
        month = calendar.month_name[day.month]
        return {"d": f"{day.day} {month}", "m": month, "D": str(day.day)}[match[1]]

    return _MARK.sub(words, story)
