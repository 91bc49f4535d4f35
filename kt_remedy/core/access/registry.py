"""Permissions as data: which roles hold which permission.

Each application registers its own in a module `permissions.py`, loaded at start-up; core lists none. A code is written
`app.verb_noun`, as Django writes it, so that `user.has_perm` and `{{ perms }}` read the same registry.
"""

import re
from collections.abc import Iterable, Mapping

_CODE = re.compile(r"[a-z]+\.[a-z]+(_[a-z]+)+")
_roles: set[str] = set()
_permissions: dict[str, frozenset[str]] = {}


def register_roles(roles: Iterable[str]) -> None:
    """Add the names of the roles that permissions may be given to."""
    _roles.update(roles)


def register(permissions: Mapping[str, Iterable[str]]) -> None:
    """Add permissions, code → roles. Raises ValueError on a malformed or repeated code and on one without a role."""
    for code, roles in permissions.items():
        if not _CODE.fullmatch(code) or code in _permissions:
            raise ValueError(f"permission {code!r} is malformed or registered twice")
        if isinstance(roles, str) or not (holders := frozenset(roles)):
            raise ValueError(f"permission {code!r} names no roles")
        _permissions[code] = holders


def check_roles() -> None:
    """Raise ValueError if a permission names a role nobody registered. Called once all applications are loaded."""
    for code, roles in _permissions.items():
        if unknown := roles - _roles:
            raise ValueError(f"permission {code!r} names unknown roles: {sorted(unknown)}")


def permissions() -> dict[str, frozenset[str]]:
    """All permissions, code → roles, sorted by code."""
    return dict(sorted(_permissions.items()))


def roles_of(code: str) -> frozenset[str]:
    """The roles that hold a permission. Raises LookupError on an unregistered code: a misspelt one is a defect."""
    try:
        return _permissions[code]
    except KeyError:
        raise LookupError(f"permission {code!r} is not registered") from None
