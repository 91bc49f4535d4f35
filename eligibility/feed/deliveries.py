"""The folder the billing system leaves its deliveries in: one folder a day, named by the date, two files in each."""

import datetime as dt
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop

from eligibility.feed import load
from eligibility.models import Feed
from kt_remedy.core import clock
from kt_remedy.core.tasks import schedule

ARRIVES_AT = dt.time(5)  # in Seoul, before anybody asks; a delivery tells what happened before its day


class IncompleteDelivery(schedule.NotYet):
    """A delivery whose files are not both there."""


def days() -> list[dt.date]:
    """The days there is a folder for, in order; none where no folder is configured."""
    if not settings.DELIVERIES_DIR:
        return []
    found = []
    for folder in Path(settings.DELIVERIES_DIR).glob("????-??-??"):
        try:
            found.append(dt.date.fromisoformat(folder.name))
        except ValueError:
            continue
    return sorted(found)


def due_times() -> list[dt.datetime]:
    """When each delivery is due to be loaded."""
    return [clock.kst(day, ARRIVES_AT) for day in days()]


def load_day(day: dt.date, *, told: load.OnProgress = lambda phase, percent: None) -> Feed | None:
    """Load the delivery of one day; None where one of that day or a later one is loaded already.

    Raises NotThereYet while one of its files is missing, and what `load.load` raises.
    """
    if Feed.objects.filter(state=Feed.State.LOADED, as_of__gte=day).exists():
        return None
    folder = Path(settings.DELIVERIES_DIR) / str(day)
    files = [folder / "lines.csv", folder / "bills.csv"]
    if not all(file.is_file() for file in files):
        raise IncompleteDelivery(
            f"The delivery of {day} is not complete yet.",
            schedule.result_message(gettext_noop("청구 데이터가 아직 다 오지 않음")),
        )
    return load.load(lines=files[0], bills=files[1], as_of=day, told=told)


def load_due(*, told: load.OnProgress = lambda phase, percent: None) -> list[Feed]:
    """Load every delivery whose time has come, in order; returns the feeds that were loaded now."""
    loaded = [load_day(day, told=told) for day in days() if clock.kst(day, ARRIVES_AT) <= clock.now()]
    return [feed for feed in loaded if feed is not None]
