"""Tags of the frame that all staff pages share."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from kt_remedy.core import console

register = template.Library()


@register.inclusion_tag("partials/staff_nav.html", takes_context=True)
def staff_nav(context: template.Context, *, numbers: bool = True) -> dict[str, Any]:
    """The areas of the console that are open to the reader, with what waits for them; nothing before the sign-in."""
    request: Any = context.get("request")
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"areas": []}
    return {"areas": console.areas(user, request.resolver_match, numbers=numbers)}


@register.filter
def with_labels(cells: Iterable[Any], headers: list[dict[str, Any]]) -> list[SafeString]:
    """The cells of a row of Django's list, each with its role and with the head of its column in `data-l`."""
    roles = {"<td": "cell", "<th": "rowheader"}
    labelled = []
    for cell, header in zip(cells, headers, strict=False):
        start, rest = str(cell)[:3], str(cell)[3:]
        # Django made the cell; only two attributes are added, and the value of the second is escaped. The head of the
        # column of check boxes is a check box, which is no label.
        words = "" if "<" in str(header["text"]) else header["text"]
        attributes = format_html(' role="{}" data-l="{}"', roles[start], words)
        labelled.append(mark_safe(start) + attributes + mark_safe(rest))  # nosec B308, B703  # noqa: S308
    return labelled
