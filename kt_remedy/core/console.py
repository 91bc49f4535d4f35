"""The parts of the staff console, as data: areas of the navigation, acts of today, sections of the home, index of work.

Each application registers its own in `AppConfig.ready()`; core knows the order of the areas and none of their content.
Everything names the permission that opens it, so that nobody is shown what they may not do.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.urls import NoReverseMatch, ResolverMatch, reverse
from django.utils.translation import gettext_lazy as _

# The areas in the order of the navigation.
AREAS: dict[str, Any] = {
    "work": _("내 업무"),
    "desk": _("고객 응대"),
    "review": _("심사"),
    "payouts": _("지급"),
    "perks": _("혜택"),
    "messages": _("메시지"),
    "reports": _("통계"),
    "calendar": _("일정표"),
    "admin": _("관리"),
}
# The groups of the index of work, in their order.
GROUPS: dict[str, Any] = {
    "customers": _("고객"),
    "review": _("심사"),
    "payouts": _("지급"),
    "match": _("맞추기"),
    "watch": _("알리기와 살피기"),
    "admin": _("관리"),
}
HOME = "admin:index"


@dataclass(frozen=True, slots=True)
class Door:
    """A way into an area, or a line of the index of work: `route` opens for holders of `permission`.

    `count` gives the number shown beside the words, for the signed-in member of staff.
    """

    permission: str
    route: str
    label: Any = ""
    group: str = ""
    count: Callable[[Any], int] | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """An act of today: its words, deadline (None without one), address, and the people who may do it.

    `mine` is True if it waits for the reader. `note` says how much it is about, `button` names the act.
    """

    text: str
    url: str
    until: dt.datetime | None = None
    late: bool = False
    mine: bool = False
    holder: str = ""
    deputy: str = ""
    unnamed: bool = False
    note: str = ""
    button: str = ""


@dataclass(slots=True)
class Area:
    """One area as a page shows it."""

    code: str
    label: Any
    url: str
    here: bool
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Section:
    place: int
    permission: str
    template: str
    context: Callable[[Any], dict[str, Any] | None]


@dataclass(slots=True)
class _Registry:
    doors: dict[str, list[Door]] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    index: list[Door] = field(default_factory=list)
    acts: list[tuple[str, Callable[[Any], list[Act]]]] = field(default_factory=list)
    sections: list[_Section] = field(default_factory=list)
    homes: dict[str, str] = field(default_factory=dict)


_registry = _Registry()


def register_area(code: str, doors: Iterable[Door], *, pages: Iterable[str]) -> None:
    """Add ways into the area `code` (of `AREAS`), the first that opens is taken; `pages` are prefixes of the names of
    its routes. Raises ValueError for an unknown area and for a prefix that has an area already."""
    if code not in AREAS:
        raise ValueError(f"{code} is no area of the console")
    _registry.doors.setdefault(code, []).extend(doors)
    for prefix in pages:
        if prefix in _registry.prefixes:
            raise ValueError(f"pages {prefix} belong to an area already")
        _registry.prefixes[prefix] = code


def register_index(doors: Iterable[Door]) -> None:
    """Add lines to the index of all work, each with its label and group. Raises ValueError for an unknown group."""
    for door in doors:
        if door.group not in GROUPS:
            raise ValueError(f"{door.group} is no group of the index")
        _registry.index.append(door)


def register_acts(permission: str, acts: Callable[[Any], list[Act]]) -> None:
    """Add acts of today for holders of `permission`; `acts` takes the member of staff."""
    _registry.acts.append((permission, acts))


def register_section(
    place: int, permission: str, template: str, context: Callable[[Any], dict[str, Any] | None]
) -> None:
    """Add a section to the home at `place` (small ones first); `context` takes the request, None shows nothing."""
    _registry.sections.append(_Section(place, permission, template, context))


def register_home(role: str, route: str) -> None:
    """Lead a role to `route` after the sign-in instead of to the home of the console."""
    _registry.homes[role] = route


def home_of(roles: Iterable[str]) -> str:
    """The name of the route that somebody with these roles begins at: their own only if each of them begins there."""
    routes = {_registry.homes.get(role, HOME) for role in roles}
    return routes.pop() if len(routes) == 1 else HOME


def area_of(match: ResolverMatch | None) -> str:
    """The area of a page, by the longest registered beginning of the name of its route; "" for none."""
    name = match.view_name if match is not None else ""
    found = [prefix for prefix in _registry.prefixes if name.startswith(prefix)]
    return _registry.prefixes[max(found, key=len)] if found else ""


def areas(user: Any, match: ResolverMatch | None, *, numbers: bool = True) -> list[Area]:
    """The areas open to a member of staff, in their order. Without `numbers` nothing is counted and no query runs."""
    here = area_of(match)
    shown = []
    for code, label in AREAS.items():
        door = next((door for door in _registry.doors.get(code, ()) if user.has_perm(door.permission)), None)
        if door is None or not (url := _address(door.route)):
            continue
        waiting = door.count(user) if numbers and door.count is not None else 0
        shown.append(Area(code, label, url, code == here, waiting))
    return shown


def closed_areas(user: Any) -> list[Any]:
    """The labels of the areas that are not open to a member of staff."""
    return [
        label
        for code, label in AREAS.items()
        if (doors := _registry.doors.get(code)) and not any(user.has_perm(door.permission) for door in doors)
    ]


def index(user: Any) -> list[tuple[Any, list[tuple[Any, str, int | None]]]]:
    """(group, [(label, address, count or None)]) of all work that is open to a member of staff."""
    groups: dict[str, list[tuple[Any, str, int | None]]] = {group: [] for group in GROUPS}
    for door in _registry.index:
        if user.has_perm(door.permission) and (url := _address(door.route)):
            count = door.count(user) if door.count is not None else None
            groups[door.group].append((door.label, url, count))
    return [(GROUPS[group], lines) for group, lines in groups.items() if lines]


def acts(user: Any) -> list[Act]:
    """The acts of today of every application, the reader's own first, then by deadline."""
    every = [act for permission, give in _registry.acts if user.has_perm(permission) for act in give(user)]
    last = dt.datetime.max.replace(tzinfo=dt.UTC)
    return sorted(every, key=lambda act: (not act.mine, act.until or last))


def own_acts(user: Any) -> int:
    """The number of acts of today that wait for a member of staff."""
    return sum(act.mine for act in acts(user))


def sections(request: Any) -> list[tuple[str, dict[str, Any]]]:
    """(template, context) of each section of the reader's home."""
    shown = []
    for section in sorted(_registry.sections, key=lambda section: section.place):
        if request.user.has_perm(section.permission) and (context := section.context(request)) is not None:
            shown.append((section.template, context))
    return shown


def _address(route: str) -> str:
    try:
        return reverse(route)
    except NoReverseMatch:
        return ""
