"""The delivery folder of the billing system: one subfolder a day, named by its date, with lines.csv and bills.csv."""

import datetime as dt
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop

from eligibility.feed import load
from eligibility.models import Feed
from kt_remedy.core import clock
from kt_remedy.core.tasks import schedule

LOAD_TIME = dt.time(5)  # KST, before customers ask; a delivery holds the facts up to the end of the day before


class IncompleteDelivery(schedule.NotYet):
    """One of the two files of a delivery is missing. The dated task runs again later."""


def days() -> list[dt.date]:
    """The dates of the subfolders in order; empty if no delivery folder is configured."""
    if not settings.DELIVERIES_DIR:
        return []
    dates = []
    for folder in Path(settings.DELIVERIES_DIR).glob("????-??-??"):
        try:
            dates.append(dt.date.fromisoformat(folder.name))
        except ValueError:
            continue
    return sorted(dates)


def due_times() -> list[dt.datetime]:
    """The time at which each delivery is due to be loaded."""
    return [clock.kst(day, LOAD_TIME) for day in days()]


def load_day(day: dt.date, *, on_progress: load.OnProgress = lambda phase, percent: None) -> Feed | None:
    """Load the delivery of one day; returns None if a delivery of that day or a later one is loaded already.

    Raises IncompleteDelivery while one of its files is missing, and the exceptions of `load.load`.
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
    return load.load(lines=files[0], bills=files[1], as_of=day, on_progress=on_progress)


def load_due(*, on_progress: load.OnProgress = lambda phase, percent: None) -> list[Feed]:
    """Load every delivery that is due, in order; returns the feeds of this call."""
    feeds = [load_day(day, on_progress=on_progress) for day in days() if clock.kst(day, LOAD_TIME) <= clock.now()]
    return [feed for feed in feeds if feed is not None]
