"""The cast of the sample deliveries: people one can play while trying the portal out with stand-ins."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.translation import get_language

from kt_remedy.identity.provider import CARRIERS

# The form asks on whose network an MVNO is; here it is any.
_MVNO = next(code for code in CARRIERS if code.endswith("_MVNO"))


class Role(NamedTuple):
    """A member of the cast and what to type for them."""

    key: str
    name: str
    phone: str
    carrier: str
    born: str
    digit: str
    story: str


def cast() -> list[Role]:
    """The cast that can verify themselves; empty where no stand-in is in use or no sample was written."""
    if not settings.SANDBOX_URL:
        return []
    try:
        people = json.loads((Path(settings.DELIVERIES_DIR) / "people.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    language = "ko" if (get_language() or "ko").startswith("ko") else "en"
    return [
        Role(
            person["key"],
            person["name"],
            person["phone"],
            _MVNO if person["carrier"] == "MVNO" else person["carrier"],
            person["birth_date"][2:].replace("-", ""),
            _digit(person),
            person["story"][language],
        )
        for person in people
        if person["birth_date"] and person["ci"]
    ]


def panel_context(context: Mapping[str, Any]) -> dict[str, Any] | None:
    """Context of the panel on the identity page; None where there is no cast."""
    people = cast()
    return {"cast": people, "sandbox": settings.SANDBOX_URL} if people else None


def form_values(key: str) -> dict[str, Any]:
    """Form values of the member of the cast with this key; empty where there is none."""
    return next((person._asdict() for person in cast() if person.key == key), {})


def _digit(person: dict) -> str:
    """A digit that fits century and nationality."""
    young = person["birth_date"] >= "2000"
    return str(1 + 2 * young + 4 * (person["kind"] == "FOREIGNER"))
