"""Protection of the money tables by the database against any statement.

Rows and columns that never change, states that change along known edges only, and history that is written with each
change.
"""

from typing import Any

import pghistory
import pgtrigger
from django.conf import settings

STAY = pgtrigger.Protect(name="stays", operation=pgtrigger.Delete)
APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
# One statement may move half a million items: their history is written by one statement too.
HISTORY: dict[str, Any] = {
    "level": pgtrigger.Statement,
    "append_only": True,
    "context_field": None,
    "obj_field": pghistory.ObjForeignKey(related_name="events"),
}
STAFF = settings.AUTH_USER_MODEL


def changed(columns: tuple[str, ...]) -> str:
    """SQL of a trigger: one of the columns changes."""
    old, new = (", ".join(f'{row}."{name}"' for name in columns) for row in ("OLD", "NEW"))
    return f"({old}) IS DISTINCT FROM ({new})"


def starts_as(status: str) -> pgtrigger.Protect:
    """Trigger that refuses a new row in any other state."""
    return pgtrigger.Protect(name="starts", operation=pgtrigger.Insert, condition=pgtrigger.Q(new__status__df=status))


def only_moves(*edges: tuple[str, str]) -> pgtrigger.Trigger:
    """Trigger that refuses every other change of `status`.

    The edges are part of the condition, because calling a function for each of half a million rows takes a third of the
    time of the statement.
    """
    pairs = ", ".join(f"('{before}', '{after}')" for before, after in edges)
    return pgtrigger.Trigger(
        name="edges",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            f"OLD.status IS DISTINCT FROM NEW.status AND (OLD.status, NEW.status) NOT IN ({pairs})"
        ),
        func="RAISE EXCEPTION 'no way leads from % to % in %', OLD.status, NEW.status, TG_TABLE_NAME;",
    )
