"""Protection of the money tables by the database, independent of who sends the statement: rows that stay, columns that
stay, states that move along known edges only, history written with the change.
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
    """Refuses a new row in any other state."""
    return pgtrigger.Protect(name="starts", operation=pgtrigger.Insert, condition=pgtrigger.Q(new__status__df=status))


def only_moves(*edges: tuple[str, str]) -> pgtrigger.Trigger:
    """Refuses every other change of `status`. The edges stand in the condition: a function called for each of half a
    million rows costs a third of the statement that moves them."""
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
