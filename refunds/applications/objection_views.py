"""Objections as their customer reads them, on the card of a line, on the status page and in the timeline."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from eligibility import presenters
from kt_remedy.core import clock, masking, programme
from refunds.applications import queries, window
from refunds.applications.objections import can_object
from refunds.applications.transitions import Refused
from refunds.models.applications import Objection
from refunds.promise import rules
from refunds.promise.facts import Promise, Situation


@dataclass(frozen=True, slots=True)
class ObjectionView:
    """An objection with the promise of its answer, None once it was answered or taken back."""

    row: Objection
    promise: Promise | None

    @property
    def can_be_read(self) -> bool:
        """True if the page of the objection is open: not while a person decides the line anew."""
        return can_object(self.row.line)

    @property
    def line_name(self) -> str:
        """휴대폰 010-****-1234."""
        line = self.row.line
        return f"{presenters.product_name(line.product)} {masking.phone(line.msisdn or '')}"


def promise_of(row: Objection, *, now: dt.datetime) -> Promise | None:
    """The promise of the answer to an open objection; past its day the next one, with an apology."""
    if row.status != Objection.Status.OPEN:
        return None
    return rules.answer(
        Situation.OBJECTION, since=row.received_at, day=row.answer_by, now=now, programme=programme.current()
    )


def of_lines(contract_nos: Iterable[str], *, at: dt.datetime | None = None) -> dict[str, list[ObjectionView]]:
    """The objections to the decisions on these lines by line, the earliest first. One query."""
    now = at or clock.now()
    found: dict[str, list[ObjectionView]] = {}
    rows = Objection.objects.filter(line__in=list(contract_nos)).select_related("line").order_by("received_at")
    for row in rows:
        found.setdefault(row.line_id, []).append(ObjectionView(row, promise_of(row, now=now)))
    return found


def of_person(person_index: bytes) -> list[ObjectionView]:
    """The last objection to each line of a person and of their wards, the latest first."""
    own = Q(line__customer__person_index=person_index) | Q(line__customer__guardian_ci_index=person_index)
    rows = Objection.objects.filter(own).select_related("line").order_by("-received_at")
    latest: dict[str, Objection] = {}
    for row in rows:
        latest.setdefault(row.line_id, row)
    return [ObjectionView(row, promise_of(row, now=clock.now())) for row in latest.values()]


def to_apply_for(rows: Iterable[Objection]) -> set[str]:
    """Contract numbers of the lines that an upheld objection made refundable and that nobody has applied for; none on a
    day on which nobody can apply."""
    upheld = [
        row.line_id
        for row in rows
        if row.status == Objection.Status.UPHELD and row.line.effective_outcome in {"ELIGIBLE", "REVIEW"}
    ]
    if not upheld:
        return set()
    try:
        window.lateness(clock.today(), programme.current())
    except Refused:
        return set()
    return set(upheld) - queries.live_applications(upheld).keys()
