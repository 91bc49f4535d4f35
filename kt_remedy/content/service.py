"""Texts that staff edit."""

import datetime as dt
from typing import Any

from django.db import transaction

from kt_remedy.audit import service as audit
from kt_remedy.content.models import Entry, Place
from kt_remedy.core import clock


def current(place: Place, *, on: dt.date | None = None) -> list[Entry]:
    """The texts of a place in force on a date (today in Seoul unless told), in their order. One query."""
    newest = (
        Entry.objects.filter(place=place, shown_from__lte=on or clock.today())
        .order_by("key", "-shown_from")
        .distinct("key")
    )
    return sorted((entry for entry in newest if entry.title_ko), key=lambda entry: (entry.order, entry.key))


@transaction.atomic
def add_version(*, by: Any, entry: Entry) -> Entry:
    """Add a version. Raises ValueError for a date that has passed: what stood there was read by people."""
    if entry.shown_from < clock.today():
        raise ValueError("a text cannot be put into the past")
    entry.written_by, entry.written_at = by, clock.now()
    entry.save(force_insert=True)
    audit.record(
        actor=audit.actor(by),
        action="content.written",
        object=f"content:{entry.pk}",
        detail={"place": entry.place, "key": entry.key, "shown_from": entry.shown_from.isoformat()},
    )
    return entry
