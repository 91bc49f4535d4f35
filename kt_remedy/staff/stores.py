"""Stores by place, name or code: for customers who look for one, and for staff who name one without a list of 2,000."""

from django.db.models import Q, QuerySet

from kt_remedy.core import text
from kt_remedy.staff.models import Store

MOST_WORDS = 6


def search(words: str, *, closed: bool = False) -> QuerySet[Store]:
    """Stores of which each word stands in region, address, name or code, by region and name; none without a word.

    Closed stores are found with `closed` only.
    """
    parts = text.clean(words).split()[:MOST_WORDS]
    if not parts:
        return Store.objects.none()
    found = Store.objects.all() if closed else Store.objects.filter(closed=False)
    for part in parts:
        found = found.filter(
            Q(code__icontains=part) | Q(name__icontains=part) | Q(region__icontains=part) | Q(address__icontains=part)
        )
    return found.order_by("region", "name", "code")


def named(words: str) -> Store | None:
    """The one store with this code or name, closed ones too; None for no store or several."""
    words = text.clean(words)
    by_code = Store.objects.filter(code__iexact=words).first()
    if by_code is not None or not words:
        return by_code
    called = list(Store.objects.filter(name__iexact=words)[:2])
    return called[0] if len(called) == 1 else None


def regions() -> list[str]:
    """The regions that have an open store, in order."""
    filled = Store.objects.filter(closed=False).exclude(region="")
    return list(filled.order_by("region").values_list("region", flat=True).distinct())
