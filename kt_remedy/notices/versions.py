"""The stored versions of texts, with a short cache of the newest ones."""

import time

from django.db import connection

from kt_remedy.notices.models import Text

# Every process sends a new text after at most this time. An old text sent meanwhile is still recognised as ours.
_CACHE_SECONDS = 2.0
_cached: tuple[float, str, dict[str, dict[str, str]]] | None = None


def newest_by_staff() -> dict[str, dict[str, str]]:
    """Return the newest templates by staff, by kind and language; kinds without an edit are missing."""
    global _cached
    tick, name = time.monotonic(), str(connection.settings_dict["NAME"])
    if _cached is None or _cached[1] != name or tick - _cached[0] > _CACHE_SECONDS:
        newest = Text.objects.filter(written_by__isnull=False).order_by("kind", "-id").distinct("kind")
        _cached = (tick, name, {row.kind: {"ko": row.ko, "en": row.en} for row in newest})
    return _cached[2]


def all_versions() -> dict[str, list[dict[str, str]]]:
    """Return all stored templates by kind, newest first."""
    by_kind: dict[str, list[dict[str, str]]] = {}
    for kind, ko, en in Text.objects.order_by("-id").values_list("kind", "ko", "en"):
        by_kind.setdefault(kind, []).append({"ko": ko, "en": en})
    return by_kind


def clear_cache() -> None:
    """Make the next call read the database."""
    global _cached
    _cached = None
