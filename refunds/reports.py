"""Figures over all applications: by channel, day, state, reason and age.

Two index-only statements, so that the page answers within a second at the size of the whole programme
(`benchmarks/bench_report.py`).
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _

from kt_remedy.core import clock
from refunds.models.applications import Channel
from refunds.models.states import WAITING_FOR_PERSON, Status

AGES = (0, 1, 3, 6, 10)  # days waited: lower bound of each row of the report


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of applications by each view; `won` is the sum customers saw when they applied."""

    total: int
    won: int
    by_channel: dict[str, int]
    by_day: dict[dt.date, int]
    by_status: dict[str, int]
    by_reason: dict[str, int]
    by_age: list[tuple[str, int]]


def figures(*, today: dt.date | None = None) -> Figures:
    """The figures of this moment. Ages are whole days in Seoul since the case came to its present state, of the
    cases that wait for a person."""
    today = today or clock.today()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT channel, applied_on, status, count(*), coalesce(sum(amount_seen_krw), 0)
            FROM refunds_application GROUP BY status, applied_on, channel
            """
        )
        cells = cursor.fetchall()
        cursor.execute(
            """
            SELECT (a.status_since AT TIME ZONE 'Asia/Seoul')::date, d.code, count(*)
            FROM refunds_application a
            JOIN (
                SELECT DISTINCT ON (application_id) application_id, code FROM refunds_decision
                WHERE to_status = ANY(%(standing)s) AND NOT (from_status = to_status)
                ORDER BY application_id, id DESC
            ) d ON d.application_id = a.id
            WHERE a.status = ANY(%(standing)s)
            GROUP BY 1, 2
            """,
            {"standing": [status.value for status in WAITING_FOR_PERSON]},
        )
        waiting = cursor.fetchall()
    channels: Counter[str] = Counter()
    days: Counter[dt.date] = Counter()
    states: Counter[str] = Counter()
    won = 0
    for channel, day, status, count, cell_won in cells:
        channels[channel] += count
        days[day] += count
        states[status] += count
        won += int(cell_won)
    reasons: Counter[str] = Counter()
    ages: Counter[int] = Counter()
    for since, code, count in waiting:
        reasons[code] += count
        ages[_age((today - since).days)] += count
    return Figures(
        total=channels.total(),
        won=won,
        by_channel={channel.value: channels[channel.value] for channel in Channel},
        by_day=dict(sorted(days.items())),
        by_status={status.value: states[status.value] for status in Status if states[status.value]},
        by_reason=dict(reasons.most_common()),
        by_age=[(_age_label(place), ages[start]) for place, start in enumerate(AGES)],
    )


def _age(days: int) -> int:
    return max(start for start in AGES if start <= max(days, 0))


def _age_label(place: int) -> str:
    """Label of the row at this index of AGES: its range of days."""
    first = AGES[place]
    if not first:
        return _("오늘")
    if place + 1 == len(AGES):
        return _("%(first)s일부터") % {"first": first}
    return _("%(first)s~%(last)s일") % {"first": first, "last": AGES[place + 1] - 1}
