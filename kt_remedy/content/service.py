"""Read and add content entries."""

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.content.models import RELEASED, Entry, Place, Release
from kt_remedy.core import clock, kept_pages
from kt_remedy.core.errors import Refused


def current(place: Place, *, on: dt.date | None = None) -> list[Entry]:
    """Return the entries of a place in force on a KST date (default: today), in their order. One query."""
    entries = Entry.objects.filter(place=place, shown_from__lte=on or clock.today())
    if place in RELEASED:
        entries = entries.filter(release__isnull=False)
    newest = entries.order_by("key", "-shown_from").distinct("key")
    return sorted((entry for entry in newest if entry.title_ko), key=lambda entry: (entry.order, entry.key))


@transaction.atomic
def add_version(*, by: Any, entry: Entry) -> Entry:
    """Add a version. Raises ValueError for a past date, because readers have seen the text of that day."""
    if entry.shown_from < clock.today():
        raise ValueError("the date of an entry must not be in the past")
    entry.written_by, entry.written_at = by, clock.now()
    entry.save(force_insert=True)
    transaction.on_commit(kept_pages.forget)
    audit.record(
        actor=audit.actor(by),
        action="content.written",
        object=f"content:{entry.pk}",
        detail={"place": entry.place, "key": entry.key, "shown_from": entry.shown_from.isoformat()},
    )
    return entry


@transaction.atomic
def release(*, by: Any, entry: Entry) -> None:
    """Put a text of a place in `RELEASED` on the site. Raises Refused: ROLE, PLACE, DONE, SAME_PERSON."""
    if not by.has_perm("content.release_entry"):
        raise Refused("ROLE", _("이 글을 내보낼 권한이 없습니다."))
    if entry.place not in RELEASED:
        raise Refused("PLACE", _("이 자리의 글은 승인 없이 올라갑니다."))
    writer = entry.written_by
    if writer.pk == by.pk or (by.person_index and by.person_index == writer.person_index):
        raise Refused("SAME_PERSON", _("쓴 사람은 자기 글을 내보낼 수 없습니다."))
    _row, made = Release.objects.get_or_create(entry=entry, defaults={"by": by, "at": clock.now()})
    if not made:
        raise Refused("DONE", _("이미 내보낸 글입니다."))
    transaction.on_commit(kept_pages.forget)
    audit.record(actor=audit.actor(by), action="content.released", object=f"content:{entry.pk}")
