"""Calls to people whom no text about a changed promise reached: a call-back of the call centre with its time (D-69)."""

import datetime as dt

from django.db import transaction

from kt_remedy.core import clock
from kt_remedy.notices import unreached
from refunds import calendar
from refunds.models.applications import Note
from refunds.models.promises import PromiseNotice

# A call that is found by this hour of a business day is due on the same day.
SAME_DAY_BEFORE, DUE_BY = dt.time(15), dt.time(18)
AT_ONCE = 500


def due_at(found_at: dt.datetime) -> dt.datetime:
    """When a call is due: the end of this business day, or of the next one if the day is late."""
    local = found_at.astimezone(clock.KST)
    day = local.date()
    if local.time() >= SAME_DAY_BEFORE:
        day += dt.timedelta(days=1)
    return clock.kst(calendar.next_business_day(day), DUE_BY)


def call_unreached() -> int:
    """Ask for a call for each text about a promise that did not arrive; returns how many. Once for each text."""
    asked = Note.objects.filter(message__isnull=False).values("message")
    lost = unreached.rows().filter(subject__startswith="promise:").exclude(pk__in=asked).order_by("pk")[:AT_ONCE]
    now = clock.now()
    count = 0
    for message in lost:
        told = PromiseNotice.objects.filter(subject=message.subject).select_related("application__line__customer")
        notice = told.order_by("pk").first()
        if notice is None:
            continue
        with transaction.atomic():
            note = Note(
                person_index=message.person_index,
                customer=notice.application.line.customer,
                written_at=now,
                message=message,
                call_back_at=due_at(now),
            )
            note.words = message.body
            note.save()
        count += 1
    return count
