"""The versions of our texts: what staff wrote, from when, and everything we ever said."""

import time

from django.db import connection

from kt_remedy.notices.models import Text

# A new text is sent by every process within this time; who receives the old one meanwhile still finds it to be ours.
_CACHE_SECONDS = 2.0
_cached: tuple[float, str, dict[str, dict[str, str]]] | None = None


def newest_by_staff() -> dict[str, dict[str, str]]:
    """The newest templates that staff wrote, by kind and language; a kind nobody edited is missing."""
    global _cached
    tick, name = time.monotonic(), str(connection.settings_dict["NAME"])
    if _cached is None or _cached[1] != name or tick - _cached[0] > _CACHE_SECONDS:
        newest = Text.objects.filter(written_by__isnull=False).order_by("kind", "-id").distinct("kind")
        _cached = (tick, name, {row.kind: {"ko": row.ko, "en": row.en} for row in newest})
    return _cached[2]


def all_versions() -> dict[str, list[dict[str, str]]]:
    """All templates there ever were, by kind, newest first."""
    found: dict[str, list[dict[str, str]]] = {}
    for kind, ko, en in Text.objects.order_by("-id").values_list("kind", "ko", "en"):
        found.setdefault(kind, []).append({"ko": ko, "en": en})
    return found


def clear_cache() -> None:
    """Read anew at the next question."""
    global _cached
    _cached = None
