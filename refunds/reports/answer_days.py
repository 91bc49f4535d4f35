"""Days that people needed to answer: from the start of a review, or the receipt of an objection, to its answer."""

from dataclasses import dataclass
from typing import Any

from kt_remedy.core import replica
from refunds.models.states import UNDER_REVIEW
from refunds.reports.applications import objections_where
from refunds.reports.selection import Selection

OBJECTION = "OBJECTION"
# An answer is a decision of a person that ends a review. The review began with the last decision that led into it. The
# median of an even number is the lower of the two in the middle, so that it is a whole number of days.
_REVIEWS = """
    SELECT d.from_status, count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY days.n), max(days.n)
    FROM refunds_decision d
    JOIN refunds_application a ON a.id = d.application_id
    CROSS JOIN LATERAL (
        SELECT decided_at FROM refunds_decision
        WHERE application_id = d.application_id AND id < d.id AND to_status = ANY(%(under_review)s)
          AND to_status IN ('NEED_ACCOUNT', 'NEED_DOCS', 'REVIEW', 'LATE') AND NOT (from_status = to_status)
        ORDER BY id DESC LIMIT 1
    ) began
    CROSS JOIN LATERAL (
        SELECT (d.decided_at AT TIME ZONE 'Asia/Seoul')::date - (began.decided_at AT TIME ZONE 'Asia/Seoul')::date AS n
    ) days
    WHERE d.actor::text LIKE 'staff:%%' AND d.from_status = ANY(%(under_review)s)
      AND NOT (d.to_status = ANY(%(under_review)s)) AND d.to_status <> 'WITHDRAWN' AND {where}
    GROUP BY 1
"""
_OBJECTIONS = """
    SELECT 'OBJECTION', count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY days.n), max(days.n)
    FROM refunds_objection o LEFT JOIN refunds_application a ON a.id = o.application_id
    CROSS JOIN LATERAL (
        SELECT (o.answered_at AT TIME ZONE 'Asia/Seoul')::date - (o.received_at AT TIME ZONE 'Asia/Seoul')::date AS n
    ) days
    WHERE o.answered_at IS NOT NULL AND {where}
    HAVING count(*) > 0
"""


@dataclass(frozen=True, slots=True)
class AnswerDays:
    """Answers and the KST days from the beginning to them: the median and the longest."""

    answers: int
    median: int
    longest: int


def by_kind(chosen: Selection) -> dict[str, AnswerDays]:
    """Days of the answers by the state that they ended (REVIEW, LATE) and `OBJECTION`; a kind without any is left out.

    Objections are chosen as in `applications.count`.
    """
    params: dict[str, Any] = {**chosen.params(), "under_review": [status.value for status in UNDER_REVIEW]}
    where, own = objections_where(chosen)
    with replica.connection().cursor() as cursor:
        cursor.execute(_REVIEWS.format(where=chosen.where()), params)
        rows = cursor.fetchall()
        cursor.execute(_OBJECTIONS.format(where=where), own)
        rows += cursor.fetchall()
    return {kind: AnswerDays(answers, median, longest) for kind, answers, median, longest in rows}
