"""The states of an application and every edge between them: one table for the service and for the database.

The service follows `EDGES` only. A trigger on the table (`models.Application`) has the same pairs, so the database
refuses other changes by raw SQL too.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """State of an application. "In a batch" and "paid" are read from its payout item, not stored twice."""

    SUBMITTED = "SUBMITTED", _("접수")
    WAITING_FOR_BILL = "WAITING_FOR_BILL", _("청구 대기")
    ON_HOLD_UNPAID = "ON_HOLD_UNPAID", _("납부 대기")
    NEED_ACCOUNT = "NEED_ACCOUNT", _("계좌 확인 필요")
    NEED_DOCS = "NEED_DOCS", _("서류 필요")
    REVIEW = "REVIEW", _("심사 중")
    LATE = "LATE", _("기간 뒤 접수")
    APPROVED = "APPROVED", _("승인")
    REJECTED = "REJECTED", _("거절")
    WITHDRAWN = "WITHDRAWN", _("철회")


# Answers of the decision table (`decision.decide`).
DECIDABLE = (
    Status.LATE,
    Status.REVIEW,
    Status.NEED_ACCOUNT,
    Status.SUBMITTED,
    Status.WAITING_FOR_BILL,
    Status.ON_HOLD_UNPAID,
    Status.APPROVED,
)
# The table decides these anew after a feed, a change by the customer or the bank's answer about the holder.
REEVALUATED = (
    Status.SUBMITTED,
    Status.WAITING_FOR_BILL,
    Status.ON_HOLD_UNPAID,
    Status.NEED_ACCOUNT,
    Status.NEED_DOCS,
)
# A reviewer or a supervisor decides these.
UNDER_REVIEW = (Status.REVIEW, Status.LATE)
# These states change only when a person acts; the others change automatically or are final.
WAITING_FOR_PERSON = (Status.REVIEW, Status.LATE, Status.NEED_DOCS, Status.NEED_ACCOUNT)
# A line has at most one application in these states; the other states are final.
LIVE = tuple(status for status in Status if status not in (Status.REJECTED, Status.WITHDRAWN))

EDGES: frozenset[tuple[Status, Status]] = frozenset(
    {(a, b) for a in REEVALUATED for b in DECIDABLE}
    # A reviewer answers the question that the table left open; the rest of the table (account, bill, payment) still
    # applies.
    | {(a, b) for a in UNDER_REVIEW for b in DECIDABLE if b not in UNDER_REVIEW}
    | {(a, b) for a in UNDER_REVIEW for b in (Status.REJECTED, Status.NEED_DOCS)}
    | {(Status.SUBMITTED, Status.NEED_DOCS)}
    # Undo is a new decision; an upheld objection opens the case again.
    | {(Status.REJECTED, Status.REVIEW), (Status.APPROVED, Status.REVIEW)}
    # A returned payment.
    | {(Status.APPROVED, Status.NEED_ACCOUNT)}
    | {(a, Status.WITHDRAWN) for a in LIVE}
) - {(status, status) for status in Status}
