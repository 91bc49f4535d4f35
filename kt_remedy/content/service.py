"""Read and add content entries."""

import datetime as dt
from typing import Any

from django.db import transaction

from kt_remedy.audit import service as audit
from kt_remedy.content.models import Entry, Place
from kt_remedy.core import clock


def current(place: Place, *, on: dt.date | None = None) -> list[Entry]:
    """Return the entries of a place in force on a KST date (default: today), in their order. One query."""
    newest = (
        Entry.objects.filter(place=place, shown_from__lte=on or clock.today())
        .order_by("key", "-shown_from")
        .distinct("key")
    )
    return sorted((entry for entry in newest if entry.title_ko), key=lambda entry: (entry.order, entry.key))


@transaction.atomic
def add_version(*, by: Any, entry: Entry) -> Entry:
    """Add a version. Raises ValueError for a past date, because readers have seen the text of that day."""
    if entry.shown_from < clock.today():
        raise ValueError("the date of an entry must not be in the past")
    entry.written_by, entry.written_at = by, clock.now()
    entry.save(force_insert=True)
    audit.record(
        actor=audit.actor(by),
        action="content.written",
        object=f"content:{entry.pk}",
        detail={"place": entry.place, "key": entry.key, "shown_from": entry.shown_from.isoformat()},
    )
    return entry
