"""Facts of a promise as `tests/cases/promise.csv` writes them: `key=value` separated by blanks."""

import datetime as dt
from typing import Any

from kt_remedy.core import clock
from refunds.promise.facts import DayKind, Facts, Last, Payment, Reason, Situation


def moment(text: str) -> dt.datetime:
    """2026-01-16T10:00 in Seoul; a day alone is its 10:00."""
    if "T" not in text:
        text += "T10:00"
    return dt.datetime.fromisoformat(text).replace(tzinfo=clock.KST)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def plain(text: str) -> str:
    """A sentence as it is typed: usual blanks, no joiners."""
    return text.replace("\u00a0", " ").replace("\u2060", "")


def facts(written: str, now: dt.datetime) -> Facts:
    """The facts of one row; a key with a dot belongs to its payment (`p.`) or its last promise (`last.`)."""
    values: dict[str, Any] = {"since": now, "applied_on": clock.kst_date(now)}
    payment: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for pair in written.split():
        key, _, text = pair.partition("=")
        if key.startswith("p."):
            payment[key[2:]] = _payment(key[2:], text)
        elif key.startswith("last."):
            last[key[5:]] = text
        elif key in {"since", "hold_until", "held_at", "taken_out_at"}:
            values[key] = moment(text)
        elif key in {"applied_on", "terminated_on", "documents_due_on"}:
            values[key] = day(text)
        elif key.endswith("_krw"):
            values[key] = int(text)
        elif key == "reasons":
            values[key] = tuple(text.split(";"))
        elif key in {"taken_out", "unfrozen"}:
            values[key] = frozenset(map(day, text.split(";")))
        elif key in {"difference", "offline_paid"}:
            on, won = text.split(";")
            values[key] = (day(on), int(won))
        elif text in {"yes", "no"}:
            values[key] = text == "yes"
        else:
            values[key] = text
    if payment:
        base = {"pay_on": payment["value_on"], "won": 100_000, "at": now}
        values["payment"] = Payment(**{**base, **payment})
    if last:
        values["last"] = Last(
            Situation(last["situation"]),
            DayKind(last.get("kind", "PAY")),
            day(last["day"]) if "day" in last else None,
            day(last["previous"]) if "previous" in last else None,
            Reason(last.get("reason", "")),
            moment(last["since"]) if "since" in last else now,
        )
    return Facts(**values)


def _payment(key: str, text: str) -> Any:
    if key in {"value_on", "pay_on"}:
        return day(text)
    if key == "at":
        return moment(text)
    if key == "won":
        return int(text)
    return text == "yes" if text in {"yes", "no"} else text
