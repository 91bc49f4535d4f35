"""The letters of decisions: reasons are codes, and their texts in both languages are what the customer reads.

`letters.toml` holds codes and texts. Nothing here changes a state; `reviews` and `objections` keep a letter with the
decision that it tells.
"""

import datetime as dt
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from eligibility.models import Line
from kt_remedy.core import clock, programme
from kt_remedy.core.templatetags.remedy import kdate_long
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Decision, Objection
from refunds.models.reviews import Letter

FILE = Path(__file__).with_name("letters.toml")
LANGUAGES = ("ko", "en")


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason that a reviewer picks: its code, the decision it belongs to, and its texts by language."""

    code: str
    act: str
    kinds: tuple[str, ...]
    labels: Mapping[str, str]
    texts: Mapping[str, str]
    asks: Mapping[str, str] = field(default_factory=dict)
    day_from: str = ""

    @property
    def label(self) -> str:
        """Its name for staff, in the active language."""
        return self.labels[_active()]

    @property
    def question(self) -> str:
        """The question for the date of its text; empty if it has none."""
        return self.asks.get(_active(), "")


@dataclass(frozen=True, slots=True)
class Form:
    """The heading, opening and closing of the letters of one act, by language."""

    titles: Mapping[str, str]
    openings: Mapping[str, str]
    closings: Mapping[str, str]


def _active() -> str:
    return "en" if (get_language() or "ko").startswith("en") else "ko"


@cache
def _read() -> tuple[str, dict[str, Form], dict[str, Reason]]:
    data = tomllib.loads(FILE.read_text())

    def both(row: dict[str, Any], name: str) -> dict[str, str]:
        return {language: row[f"{name}_{language}"] for language in LANGUAGES if f"{name}_{language}" in row}

    forms = {row["act"]: Form(both(row, "title"), both(row, "opening"), both(row, "closing")) for row in data["letter"]}
    reasons = {
        row["code"]: Reason(
            row["code"],
            row["act"],
            tuple(row["kinds"]),
            both(row, "label"),
            {language: row[language] for language in LANGUAGES},
            both(row, "asks"),
            row.get("from", ""),
        )
        for row in data["reason"]
    }
    return data["version"], forms, reasons


def reasons_for(act: str, kind: str = "") -> list[Reason]:
    """The reasons of an act; those that fit the kind of a case stand first."""
    return sorted((r for r in _read()[2].values() if r.act == act), key=lambda reason: kind not in reason.kinds)


def labels(codes: Iterable[str]) -> str:
    """The names of reasons for staff, joined; an unknown code is its own name."""
    known = _read()[2]
    return ", ".join(known[code].label if code in known else code for code in codes)


def chosen(act: str, codes: Iterable[str]) -> list[Reason]:
    """The reasons of these codes. Raises Refused: REASONS for none and for one of another act."""
    known = _read()[2]
    rows = [known[code] for code in codes if code in known]
    if not rows or any(reason.act != act for reason in rows):
        raise Refused("REASONS", _("이유를 하나 이상 골라 주세요"))
    return rows


def days_of(line: Line, reasons: Iterable[Reason]) -> dict[str, dt.date]:
    """The dates that the texts of these reasons start with, by code, as the register knows them."""
    found = {reason.code: getattr(line, reason.day_from, None) for reason in reasons if reason.day_from}
    return {code: clock.kst_date(day) if isinstance(day, dt.datetime) else day for code, day in found.items() if day}


def write(
    *,
    act: str,
    codes: Iterable[str],
    days: Mapping[str, dt.date],
    values: Mapping[str, Mapping[str, str]],
    language: str,
    sent_by: str,
    application: Application | None = None,
    objection: Objection | None = None,
    decision: Decision | None = None,
) -> Letter:
    """Keep the letter of a decision as it is sent, in both languages.

    `days` are dates by code; `values` are further figures by language. Raises Refused: REASONS, DAY (a text asks for a
    date that is not given).
    """
    version, forms, _all = _read()
    codes = list(codes)
    reasons = chosen(act, codes) if codes or not forms[act].openings or act == "ASK_DOCUMENTS" else []
    for reason in reasons:
        if reason.asks and reason.code not in days:
            raise Refused("DAY", _("%(question)s을 적어 주세요") % {"question": reason.question})
    form = forms[act]
    titles, bodies = {}, {}
    for one in LANGUAGES:
        with translation.override(one):
            figures = {**_programme(), **values.get(one, {})}
            texts = [reason.texts[one].format(**figures, day=kdate_long(days.get(reason.code))) for reason in reasons]
            if act == "ASK_DOCUMENTS":
                texts = ["\n".join(f"- {text}" for text in texts)]
            parts = [form.openings.get(one, "").format(**figures), *texts, form.closings[one].format(**figures)]
            titles[one], bodies[one] = form.titles[one], "\n\n".join(part for part in parts if part)
    return Letter.objects.create(
        application=application,
        objection=objection,
        decision=decision,
        act=act,
        codes=codes,
        values={code: day.isoformat() for code, day in days.items()},
        version=version,
        language=language,
        title_ko=titles["ko"],
        body_ko=bodies["ko"],
        title_en=titles["en"],
        body_en=bodies["en"],
        sent_by=sent_by,
        sent_at=clock.now(),
    )


def _programme() -> dict[str, str]:
    current = programme.current()
    return {
        "hotline": current.hotline,
        "before": kdate_long(current.waiver.contract_before),
        "first": kdate_long(current.waiver.terminated_from),
        "last": kdate_long(current.waiver.terminated_to),
    }


def told(decision: Decision) -> str:
    """What the customer was told of a decision, in the active language; its words for one without a letter."""
    letter = getattr(decision, "letter", None)
    return decision.words if letter is None else letter.body(_active())
