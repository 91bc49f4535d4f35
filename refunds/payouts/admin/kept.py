"""Values that a page keeps for the next one in the session, under a short word that may stand in an address."""

import secrets
from typing import Any

from django.http import HttpRequest

_KEY, _MOST = "console_kept", 20


def keep(request: HttpRequest, kind: str, value: dict[str, Any]) -> str:
    """Keep a value and return its word; the oldest of twenty is forgotten."""
    kept = dict(request.session.get(_KEY, {}))
    word = secrets.token_urlsafe(6)
    kept[word] = [kind, value]
    request.session[_KEY] = dict(list(kept.items())[-_MOST:])
    return word


def read(request: HttpRequest, kind: str, word: str) -> dict[str, Any] | None:
    """The kept value of this kind, or None if the session has it no more."""
    found = request.session.get(_KEY, {}).get(word)
    return found[1] if found and found[0] == kind else None
