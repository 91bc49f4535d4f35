"""Write the state of applications, with a decision that records each change. Nothing else writes it."""

import datetime as dt
from typing import Any

from kt_remedy.core import clock, errors
from refunds.models.applications import Application, Decision
from refunds.models.states import EDGES, Status
from refunds.promise import service as promise


class Refused(errors.Refused):
    """An act on an application, a filing or an objection that is not possible now."""


def create(filed: list[tuple[Application, Status, str]], *, actor: str, at: dt.datetime) -> None:
    """Insert new applications, each with the state and the reason code that the decision table gave it.

    Two decisions are recorded for each: filed by `actor`, then decided by the system. Rows are inserted in bulk.
    """
    rows = [row for row, _to, _code in filed]
    Application.objects.bulk_create(rows)
    decisions = [
        Decision(application=row, to_status=Status.SUBMITTED, actor=actor, code="FILED", decided_at=at) for row in rows
    ]
    decided = [(row, to, code) for row, to, code in filed if to != Status.SUBMITTED]
    decisions += [
        Decision(application=row, from_status=Status.SUBMITTED, to_status=to, actor="system", code=code, decided_at=at)
        for row, to, code in decided
    ]
    Decision.objects.bulk_create(decisions)
    for status in {to for _row, to, _code in decided}:
        moving = [row for row, to, _code in decided if to == status]
        Application.objects.filter(pk__in=[row.pk for row in moving]).update(status=status)
        for row in moving:
            row.status = status
    promise.refresh([row.pk for row in rows], cause="FILED")


def transition(
    application: Application,
    to: Status,
    *,
    code: str,
    actor: str,
    reason: str = "",
    at: dt.datetime | None = None,
    **columns: Any,
) -> None:
    """Move one application, locked by the caller, to another state and record the decision; set `columns` with it.

    The same state again records no decision unless a `reason` is given. Raises Refused EDGE if no edge leads to `to`.
    """
    at = at or clock.now()
    before = application.status
    if before != to and (Status(before), Status(to)) not in EDGES:
        raise Refused("EDGE", f"{before} to {to}")
    if before != to:
        columns |= {"status": to, "status_since": at}
    if columns:
        for name, value in columns.items():
            setattr(application, name, value)
        application.save(update_fields=list(columns))
    if before != to or reason:
        Decision.objects.create(
            application=application,
            from_status=before,
            to_status=to,
            actor=actor,
            code=code,
            words=reason,
            decided_at=at,
        )
    # The message of an approval names the day.
    promise.refresh([application.pk], cause=code, told=before != to == Status.APPROVED)


def record_decision(application: Application, *, code: str, actor: str) -> None:
    """Record a decision that does not change the state; the customer's timeline shows it."""
    Decision.objects.create(
        application=application,
        from_status=application.status,
        to_status=application.status,
        actor=actor,
        code=code,
        decided_at=clock.now(),
    )
