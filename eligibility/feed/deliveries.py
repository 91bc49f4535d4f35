"""The delivery folder of the billing system: one subfolder a day, named by its date, with lines.csv and bills.csv.

A delivery counts once `manifest.json`, which is written last, is there (D-93).
"""

import datetime as dt
import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop

from eligibility import register_clock
from eligibility.feed import load
from eligibility.models import Feed
from kt_remedy.core import clock, file_stores
from kt_remedy.core.tasks import schedule

LOAD_TIME = dt.time(5)  # KST, before customers ask; a delivery holds the facts up to the end of the day before


FILES = ("lines.csv", "bills.csv")
MANIFEST = "manifest.json"


class IncompleteDelivery(schedule.NotYet):
    """A delivery is not there yet, as its manifest says. The dated task runs again later."""

    def __init__(self, day: dt.date, text: str = gettext_noop("청구 데이터가 아직 다 오지 않음")) -> None:
        super().__init__(f"The delivery of {day} is not complete yet.", schedule.result_message(text))


class WrongDigest(IncompleteDelivery):
    """The files of a delivery are not those of its manifest: an alarm until they are sent again."""

    def __init__(self, day: dt.date) -> None:
        super().__init__(day, register_clock.WRONG_DIGEST)


def days() -> list[dt.date]:
    """The dates of the subfolders in order; empty if no delivery folder is configured. Raises OSError."""
    if not settings.DELIVERIES_DIR:
        return []
    dates = []
    for name in file_stores.at(settings.DELIVERIES_DIR).names()[0]:
        try:
            date = dt.date.fromisoformat(name)
        except ValueError:
            continue
        if str(date) == name:
            dates.append(date)
    return sorted(dates)


def due_times() -> list[dt.datetime]:
    """The time at which each delivery is due to be loaded."""
    return [clock.kst(day, LOAD_TIME) for day in days()]


def load_day(day: dt.date, *, on_progress: load.OnProgress = lambda phase, percent: None) -> Feed | None:
    """Load the delivery of one day; returns None if a delivery of that day or a later one is loaded already.

    Raises IncompleteDelivery while its manifest or a file is missing, WrongDigest, and the exceptions of `load.load`.
    """
    if Feed.objects.filter(state=Feed.State.LOADED, as_of__gte=day).exists():
        return None
    with ExitStack() as copies:
        lines, bills = _files(file_stores.at(settings.DELIVERIES_DIR), day, copies)
        return load.load(lines=lines, bills=bills, as_of=day, on_progress=on_progress)


def _files(store: file_stores.FileStore, day: dt.date, copies: ExitStack) -> list[Path]:
    """The two files of a complete delivery on this machine, as long as `copies` is open.

    Raises IncompleteDelivery, WrongDigest.
    """
    stated = _manifest(store, f"{day}/{MANIFEST}")
    if stated is None or stated.get("as_of") != str(day):
        raise IncompleteDelivery(day)
    paths = []
    for name in FILES:
        file = stated["files"].get(name)
        try:
            size = store.size(f"{day}/{name}")
        except FileNotFoundError:
            raise IncompleteDelivery(day) from None
        if not isinstance(file, dict):
            raise IncompleteDelivery(day)
        # The size first: the digest of a large file takes long, and a task that waits looks again and again.
        if size != file.get("bytes"):
            raise WrongDigest(day)
        paths.append(copies.enter_context(store.at_hand(f"{day}/{name}")))
        if _sha256(paths[-1]) != str(file.get("sha256")).lower():
            raise WrongDigest(day)
    return paths


def _manifest(store: file_stores.FileStore, name: str) -> dict[str, Any] | None:
    """The manifest as it is written; None where it is missing or is none yet."""
    try:
        stated = json.loads(store.read(name))
    except (OSError, ValueError):
        return None
    return stated if isinstance(stated, dict) and isinstance(stated.get("files"), dict) else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_due(*, on_progress: load.OnProgress = lambda phase, percent: None) -> list[Feed]:
    """Load every delivery that is due, in order; returns the feeds of this call."""
    feeds = [load_day(day, on_progress=on_progress) for day in days() if clock.kst(day, LOAD_TIME) <= clock.now()]
    return [feed for feed in feeds if feed is not None]
