"""Productivity: filings that each member of staff entered and decisions that each made, in a period of KST days."""

import datetime as dt
from dataclasses import dataclass

from kt_remedy.core import clock, replica
from kt_remedy.staff.models import User
from refunds.reports.selection import Selection

_DECIDED = """
    SELECT d.actor, CASE d.to_status WHEN 'REJECTED' THEN 'rejected' WHEN 'NEED_DOCS' THEN 'asked' ELSE 'approved' END,
           count(*)
    FROM refunds_decision d
    WHERE d.actor::text LIKE 'staff:%%' AND d.decided_at >= %(begins)s AND d.decided_at < %(ends)s
      AND (d.to_status IN ('REJECTED', 'NEED_DOCS') OR d.code LIKE 'REVIEWED_%%')
    GROUP BY 1, 2
"""
_ENTERED = """
    SELECT f.filed_by_id, count(*)
    FROM refunds_filing f
    WHERE f.filed_by_id IS NOT NULL AND f.received_at >= %(begins)s AND f.received_at < %(ends)s
      AND (%(store_id)s::bigint IS NULL OR f.store_id = %(store_id)s)
    GROUP BY 1
"""
_ANSWERED = """
    SELECT o.answered_by_id, count(*)
    FROM refunds_objection o
    WHERE o.answered_by_id IS NOT NULL AND o.answered_at >= %(begins)s AND o.answered_at < %(ends)s
    GROUP BY 1
"""


@dataclass(slots=True)
class Work:
    """Acts of one member of staff in the period."""

    user: User
    filings: int = 0
    approved: int = 0  # let through; bill or account may still be awaited
    rejected: int = 0
    asked: int = 0  # for documents
    objections: int = 0

    @property
    def total(self) -> int:
        """All acts."""
        return self.filings + self.approved + self.rejected + self.asked + self.objections


def by_person(chosen: Selection) -> list[Work]:
    """The work of each member of staff, most first. A store chooses those who entered filings there; channel and round
    choose nothing, because a person works for all of them."""
    params = {
        "begins": clock.kst(chosen.first or dt.date(2000, 1, 1)),
        "ends": clock.kst((chosen.last or clock.today()) + dt.timedelta(days=1)),
        "store_id": chosen.store_id,
    }
    with replica.connection().cursor() as cursor:
        cursor.execute(_ENTERED, params)
        entered = dict(cursor.fetchall())
        cursor.execute(_DECIDED, params)
        decided = [(int(actor.removeprefix("staff:")), act, n) for actor, act, n in cursor.fetchall()]
        cursor.execute(_ANSWERED, params)
        answered = dict(cursor.fetchall())
    wanted = set(entered) if chosen.store_id else {*entered, *answered, *(key for key, _act, _n in decided)}
    rows = {key: Work(user) for key, user in User.objects.select_related("store").in_bulk(wanted).items()}
    for key, row in rows.items():
        row.filings, row.objections = entered.get(key, 0), answered.get(key, 0)
    for key, act, n in decided:
        if key in rows:
            setattr(rows[key], act, n)
    return sorted(rows.values(), key=lambda row: (-row.total, row.user.username))
