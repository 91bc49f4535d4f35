"""The one place that writes an application's state, and the record of why."""

import datetime as dt
from typing import Any

from kt_remedy.core import clock
from refunds.models.applications import Application, Decision
from refunds.models.states import EDGES, Status


class Refused(Exception):
    """An act that is not possible now. `code` is a fixed word, the text says why to the person who tried."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(text or code)
        self.code = code


def begin(filed: list[tuple[Application, Status, str]], *, actor: str, at: dt.datetime) -> None:
    """Write new applications, each with the state the table gave it and the word why.

    Each is filed by `actor` and then decided by the system: two decisions, as for any other move. The rows of all lines
    go in together.
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


def move(
    application: Application,
    to: Status,
    *,
    code: str,
    actor: str,
    words: str = "",
    at: dt.datetime | None = None,
    **columns: Any,
) -> None:
    """Move one application, locked by the caller, along an edge and record the decision; `columns` change with it.

    Staying where it is writes no decision unless there are words. Raises Refused for an edge that does not exist.
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
    if before != to or words:
        Decision.objects.create(
            application=application,
            from_status=before,
            to_status=to,
            actor=actor,
            code=code,
            words=words,
            decided_at=at,
        )


def note(application: Application, *, code: str, actor: str) -> None:
    """Record a decision that leaves an application where it is, for its customer's timeline."""
    Decision.objects.create(
        application=application,
        from_status=application.status,
        to_status=application.status,
        actor=actor,
        code=code,
        decided_at=clock.now(),
    )
