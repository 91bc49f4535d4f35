"""Filters of the payout pages."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django import template

from eligibility.presenters import item_name
from kt_remedy.core import clock
from kt_remedy.core.templatetags.remedy import krw

register = template.Library()


@register.filter
def wall_time(value: dt.datetime) -> str:
    """A moment of the wall clock as day and hour in Seoul."""
    return f"{value.astimezone(clock.KST):%Y-%m-%d %H:%M}"


@register.filter
def paired(cells: Iterable[Any], heads: Iterable[Any]) -> list[tuple[Any, Any]]:
    """(head of the column, cell) of each cell of a row."""
    return list(zip(heads, cells, strict=True))


@register.filter
def grouped(digest: str) -> str:
    """A digest in groups of four signs, as it is read aloud."""
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


@register.filter
def signed(value: int) -> str:
    """+1,234 or -1,234."""
    return f"{value:+,}"


@register.filter
def signed_krw(value: int) -> str:
    """+1,234원 or -1,234원, in English +₩1,234."""
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{krw(abs(value))}"


@register.filter
def bill_item(code: str) -> str:
    """A kind of bill row in words."""
    return item_name(code)


@register.filter
def minus_krw(value: int) -> str:
    """A sum that is taken away: − 1,234원, and 0원 for nothing."""
    return f"− {krw(value)}" if value else krw(0)


@register.filter
def without_sign(value: int) -> int:
    """The size of a sum."""
    return abs(value)
