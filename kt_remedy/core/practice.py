"""Aids for people who try the portal out. `devtools` registers them; in production every call gives nothing."""

from collections.abc import Callable, Mapping
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

# By name of the place: a template and a function that adds to its context, or gives None to show nothing.
Extend = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
_panels: dict[str, tuple[str, Extend]] = {}
_form_values: dict[str, Callable[[str], dict[str, Any]]] = {}


def register_panel(place: str, template: str, extend: Extend) -> None:
    """Show `template` at `place` of a page. Raises ValueError where the place is taken."""
    if place in _panels:
        raise ValueError(f"{place} has a panel already")
    _panels[place] = template, extend


def register_form_values(place: str, values: Callable[[str], dict[str, Any]]) -> None:
    """Let `values(key)` fill the form at `place`. Raises ValueError where the place is taken."""
    if place in _form_values:
        raise ValueError(f"{place} has form values already")
    _form_values[place] = values


def panel(place: str, context: Mapping[str, Any]) -> SafeString:
    """The HTML of the panel at `place`, or an empty text."""
    if place not in _panels:
        return SafeString()
    template, extend = _panels[place]
    more = extend(context)
    return SafeString() if more is None else render_to_string(template, {**context, **more})


def form_values(place: str, key: str) -> dict[str, Any]:
    """Values that fill the form at `place` for the invented person `key`; empty where there are none."""
    return _form_values[place](key) if key and place in _form_values else {}
