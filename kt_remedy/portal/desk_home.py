"""The own queue of a clerk or agent: drafts of today, promised calls, cards to see, matters handed up, what changed."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, masking
from kt_remedy.staff.models import User
from refunds.applications import call_backs, desk_sessions, store_actions
from refunds.models.applications import Decision, Note
from refunds.models.desk import DeskSession
from refunds.models.states import Status

# Days back in which a change is news, and in which the filing that changed was received.
NEWS_DAYS, FILED_DAYS = 2, 120
LAST = 20


@dataclass(frozen=True, slots=True)
class Kept:
    """An ended session of today whose draft waits, with the masked name of its customer."""

    row: DeskSession
    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an application that this member of staff filed, and the day its documents are due, if any."""

    decision: Decision
    name: str
    documents_due_on: dt.date | None


def queue(user: User) -> dict[str, Any]:
    """Everything of the queue, each list short; names are masked."""
    now = clock.now()
    return {
        "kept": [Kept(row, masking.name(row.customer.holder_name or "")) for row in desk_sessions.kept_of(user)],
        "calls": call_backs.due(user, until=now + dt.timedelta(days=1))[:LAST],
        "seconds": desk_sessions.waiting_for_second(user),
        "handed_up": _handed_up(user),
        "changes": _changes(user),
        "mine": store_actions.filings_of_store(user.store_id, day=clock.today())[:LAST] if user.store_id else [],
        "now": now,
    }


def _handed_up(user: User) -> list[Note]:
    """Calls that this member of staff handed to a supervisor and that are open, or were made in the last days."""
    since = clock.now() - dt.timedelta(days=NEWS_DAYS)
    notes = Note.objects.filter(written_by=user).exclude(escalated_for="").select_related("customer", "owner")
    return [note for note in notes.order_by("-id")[:LAST] if note.called_at is None or note.called_at >= since]


def _changes(user: User) -> list[Change]:
    """Decisions of other people, and of the bank, on own filings of the last days; the newest of each application."""
    now = clock.now()
    rows = (
        Decision.objects.filter(
            application__filing__filed_by=user,
            application__filing__received_at__gte=now - dt.timedelta(days=FILED_DAYS),
            decided_at__gte=now - dt.timedelta(days=NEWS_DAYS),
        )
        .exclude(from_status__in=["", Status.SUBMITTED])
        .exclude(actor=audit.actor(user))
        .select_related("application__filing__customer")
        .order_by("-id")[: 3 * LAST]
    )
    newest: dict[int, Decision] = {}
    for decision in rows:
        newest.setdefault(decision.application_id, decision)
    return [
        Change(
            decision,
            masking.name(decision.application.filing.customer.holder_name or ""),
            decision.application.documents_due_on if decision.to_status == Status.NEED_DOCS else None,
        )
        for decision in list(newest.values())[:LAST]
    ]
