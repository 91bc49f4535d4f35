"""Counts of applications: by day and hour, channel, state and store, what waits, take-up, refusals and objections."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from kt_remedy.core import clock, replica
from refunds import calendar
from refunds.models.states import UNDER_REVIEW, WAITING_FOR_PERSON, Status
from refunds.reports.selection import Selection

# One cell for each combination, then each view of them: half a million rows are read once.
_CELLS = """
    WITH cell AS (
        SELECT a.applied_on, a.channel, a.store_id, a.received_hour, a.status, count(*) AS n
        FROM refunds_application a WHERE {where}
        GROUP BY a.applied_on, a.channel, a.store_id, a.received_hour, a.status
    )
    SELECT applied_on, channel, store_id, received_hour, status, sum(n)::bigint
    FROM cell
    GROUP BY GROUPING SETS ((applied_on, channel), (channel, status), (store_id, status), (received_hour))
    ORDER BY GROUPING(applied_on, channel, store_id, received_hour, status)
"""
_STATES = "SELECT a.status, count(*) FROM refunds_application a WHERE {where} GROUP BY 1"
_WAITING = """
    SELECT d.code, count(*)
    FROM refunds_application a
    JOIN LATERAL (
        SELECT code FROM refunds_decision
        WHERE application_id = a.id AND to_status = ANY(%(standing)s) AND NOT (from_status = to_status)
        ORDER BY id DESC LIMIT 1
    ) d ON true
    WHERE a.status = ANY(%(standing)s) AND {where}
    GROUP BY 1
"""
_ANSWERS = """
    SELECT CASE WHEN p.kind = 'ANSWER' THEN p.day END, COALESCE(p.situation = 'ANSWER_PASSED', false), count(*)
    FROM refunds_application a
    LEFT JOIN LATERAL (
        SELECT kind, day, situation FROM refunds_promise
        WHERE application_id = a.id ORDER BY number DESC LIMIT 1
    ) p ON true
    WHERE a.status = ANY(%(under_review)s) AND {where}
    GROUP BY 1, 2
"""
# Two counts and no outer join: the lines of a few applications are found without reading those of all.
_TAKE_UP = """
    SELECT month, sum(lines)::bigint, sum(applied)::bigint FROM (
        SELECT date_trunc('month', l.terminated_on)::date AS month, count(*) AS lines, 0 AS applied
        FROM eligibility_line l
        WHERE (l.decided_outcome = 'ELIGIBLE' OR (l.decided_outcome = '' AND l.outcome = 'ELIGIBLE'))
        GROUP BY 1
        UNION ALL
        SELECT date_trunc('month', l.terminated_on)::date, 0, count(*)
        FROM eligibility_line l
        WHERE (l.decided_outcome = 'ELIGIBLE' OR (l.decided_outcome = '' AND l.outcome = 'ELIGIBLE'))
          AND EXISTS (
              SELECT FROM refunds_application a
              WHERE a.contract_no = l.contract_no AND a.status <> 'WITHDRAWN' AND {where})
        GROUP BY 1
    ) parts
    GROUP BY 1 ORDER BY 1
"""
# By each reason of the letter that stands, a letter may give several; by the code of the decision where there is none.
_REJECTIONS = """
    SELECT reason.code, count(*)
    FROM refunds_application a
    JOIN LATERAL (
        SELECT d.code, letter.codes FROM refunds_decision d
        LEFT JOIN refunds_letter letter ON letter.decision_id = d.id AND letter.act = 'REJECT'
        WHERE d.application_id = a.id AND d.to_status = 'REJECTED' AND d.from_status <> 'REJECTED'
        ORDER BY d.id DESC LIMIT 1
    ) d ON true
    CROSS JOIN LATERAL jsonb_array_elements_text(
        COALESCE(NULLIF(d.codes, '[]'::jsonb), jsonb_build_array(d.code))) AS reason (code)
    WHERE a.status = 'REJECTED' AND {where}
    GROUP BY 1 ORDER BY 2 DESC, 1
"""
_OBJECTIONS = """
    SELECT o.kind, o.status, count(*)
    FROM refunds_objection o LEFT JOIN refunds_application a ON a.id = o.application_id
    WHERE {where}
    GROUP BY 1, 2
"""


# Rows of the ageing of reviews by their promised answer day.
PASSED, TODAY, SOON, LATER, NOT_SAID = "PASSED", "TODAY", "SOON", "LATER", "NOT_SAID"
AGES = (PASSED, TODAY, SOON, LATER, NOT_SAID)
SOON_DAYS = 3  # business days


@dataclass(frozen=True, slots=True)
class Applications:
    """Counts of the chosen applications; keys are codes, KST days and hours in Seoul."""

    by_day: Counter[tuple[dt.date, str]] = field(default_factory=Counter)  # (day, channel)
    by_hour: Counter[int] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    by_channel: Counter[tuple[str, str]] = field(default_factory=Counter)  # (channel, state)
    by_store: Counter[tuple[int, str]] = field(default_factory=Counter)  # (store, state)
    waiting: Counter[str] = field(default_factory=Counter)  # by the code of the reason
    answers: Counter[str] = field(default_factory=Counter)  # by row of AGES
    take_up: list[tuple[dt.date, int, int]] = field(default_factory=list)  # (first of the month, lines, applied for)
    rejections: list[tuple[str, int]] = field(default_factory=list)  # (code of a letter or decision, count), most first
    objections: Counter[tuple[str, str]] = field(default_factory=Counter)  # (kind, state)

    @property
    def total(self) -> int:
        """The number of applications."""
        return self.by_status.total()


def count(chosen: Selection, *, today: dt.date | None = None) -> Applications:
    """Count the chosen applications as they are now.

    Objections are chosen by their day of receipt and, where a channel, store or round is, by their application. The
    lines of the take-up are all with a refund due, whatever is chosen.
    """
    found = Applications(
        take_up=[(month, lines, applied) for month, lines, applied in _rows(_TAKE_UP, chosen) if month],
        rejections=_rows(_REJECTIONS, chosen),
        waiting=Counter(dict(_rows(_WAITING, chosen))),
        answers=_ages(_rows(_ANSWERS, chosen), today or clock.today()),
        objections=Counter({(kind, state): n for kind, state, n in _objections(chosen)}),
    )
    for day, channel, store, hour, status, n in _rows(_CELLS, chosen):
        if day is not None:
            found.by_day[day, channel] += n
        elif hour is not None:
            found.by_hour[hour] += n
        elif channel is not None:
            found.by_channel[channel, status] += n
            found.by_status[status] += n
        elif store is not None:
            found.by_store[store, status] += n
    return found


def count_states(chosen: Selection) -> Counter[str]:
    """The chosen applications by state alone."""
    return Counter(dict(_rows(_STATES, chosen)))


def decided(states: Counter[str]) -> tuple[int, int]:
    """(approved, decided) of counts by state: those withdrawn and those that wait are no decision."""
    approved = states[Status.APPROVED]
    return approved, approved + states[Status.REJECTED]


def _rows(sql: str, chosen: Selection, **params: Any) -> list[Any]:
    values = {
        **chosen.params(),
        "standing": [status.value for status in WAITING_FOR_PERSON],
        "under_review": [status.value for status in UNDER_REVIEW],
        **params,
    }
    with replica.connection().cursor() as cursor:
        cursor.execute(sql.format(where=chosen.where()), values)
        return cursor.fetchall()


def objections_where(chosen: Selection) -> tuple[str, dict[str, Any]]:
    """SQL conditions on `refunds_objection o` and its application `a`, and their values."""
    by_application = Selection(channel=chosen.channel, store_id=chosen.store_id, pay_on=chosen.pay_on)
    where = [by_application.where()]
    params = chosen.params()
    if chosen.first:
        where.append("o.received_at >= %(begins)s")
        params["begins"] = clock.kst(chosen.first)
    if chosen.last:
        where.append("o.received_at < %(ends)s")
        params["ends"] = clock.kst(chosen.last + dt.timedelta(days=1))
    return " AND ".join(where), params


def _objections(chosen: Selection) -> list[Any]:
    where, params = objections_where(chosen)
    with replica.connection().cursor() as cursor:
        cursor.execute(_OBJECTIONS.format(where=where), params)
        return cursor.fetchall()


def _ages(rows: list[Any], today: dt.date) -> Counter[str]:
    soon = calendar.business_days_after(today, SOON_DAYS)
    ages: Counter[str] = Counter()
    for day, passed, n in rows:
        if passed or (day is not None and day < today):
            ages[PASSED] += n
        elif day is None:
            ages[NOT_SAID] += n
        else:
            ages[TODAY if day == today else SOON if day <= soon else LATER] += n
    return ages
