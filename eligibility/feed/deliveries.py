"""The delivery folder of the billing system: one subfolder a day, named by its date, with lines.csv and bills.csv.

A delivery counts once `manifest.json`, which is written last, is there (D-93).
"""

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop

from eligibility import register_clock
from eligibility.feed import load
from eligibility.models import Feed
from kt_remedy.core import clock
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

    Raises IncompleteDelivery while its manifest or a file is missing, WrongDigest, and the exceptions of `load.load`.
    """
    if Feed.objects.filter(state=Feed.State.LOADED, as_of__gte=day).exists():
        return None
    lines, bills = _files(Path(settings.DELIVERIES_DIR) / str(day), day)
    return load.load(lines=lines, bills=bills, as_of=day, on_progress=on_progress)


def _files(folder: Path, day: dt.date) -> list[Path]:
    """The two files of a complete delivery. Raises IncompleteDelivery, WrongDigest."""
    stated = _manifest(folder / MANIFEST)
    if stated is None or stated.get("as_of") != str(day):
        raise IncompleteDelivery(day)
    paths = [folder / name for name in FILES]
    for path in paths:
        file = stated["files"].get(path.name)
        if not isinstance(file, dict) or not path.is_file():
            raise IncompleteDelivery(day)
        # The size first: the digest of a large file takes long, and a task that waits looks again and again.
        if path.stat().st_size != file.get("bytes") or _sha256(path) != str(file.get("sha256")).lower():
            raise WrongDigest(day)
    return paths


def _manifest(path: Path) -> dict[str, Any] | None:
    """The manifest as it is written; None where it is missing or is none yet."""
    try:
        stated = json.loads(path.read_bytes())
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
