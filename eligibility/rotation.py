"""Encrypted values moved to the active key, in small batches, while everybody works.

Add the new key in front of FIELD_KEYS, restart, run this, then take the old key out. Every model of every room is
covered that declares its columns with `crypto.Encrypted`; the register's history keeps the register's associated data.
Blind indexes have a key of their own, which this does not touch.
"""

# ruff: noqa: S608, S610  (names of tables and columns are our own; every value is a parameter)

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pgtrigger
from django.apps import apps
from django.db import connection, models, transaction
from psycopg2.extras import execute_values

from eligibility.models import Customer, CustomerHistory, Line, LineHistory
from kt_remedy.core import crypto

_AT_ONCE = 1_000
_HISTORY = {Customer: CustomerHistory, Line: LineHistory}


class Column(NamedTuple):
    """An encrypted column of a model. Its associated data name the table `origin` and the row's attribute `key`."""

    model: type[models.Model]
    name: str
    key: str
    origin: str

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    def behind(self) -> models.QuerySet[Any]:
        """The rows whose value is under another key than the active one."""
        place = f'"{self.table}"."{self.name}"'
        rows = self.model._base_manager.filter(**{f"{self.name}__isnull": False})
        return rows.extra(where=[f"get_byte({place}, 0) <> %s"], params=[crypto.active_key()])

    def aad(self, row: models.Model) -> str:
        """The associated data of a row's value."""
        return f"{self.origin}:{self.name}:{getattr(row, self.key)}"


def columns() -> list[Column]:
    """Every encrypted column of the database."""
    found: list[Column] = []
    for model in apps.get_models():
        for attribute in vars(model).values():
            if isinstance(attribute, crypto.Encrypted):
                tables = (model, _HISTORY[model]) if model in _HISTORY else (model,)
                origin = model._meta.db_table
                found += [Column(table, attribute.column, attribute.key, origin) for table in tables]
    return found


def rotate(told: Callable[[Column, int], None] = lambda column, moved: None) -> int:
    """Re-encrypt whatever is not under the active key; returns how many values were. Safe to stop and to repeat.

    `told` hears the column and how many of its values are done. Raises `crypto.DecryptError` for a value whose key is
    not configured.
    """
    total = 0
    for column in columns():
        moved = 0
        for count in _batches(column):
            moved += count
            told(column, moved)
        total += moved
    return total


def remaining() -> int:
    """How many values are still under another key than the active one."""
    return sum(column.behind().count() for column in columns())


def _batches(column: Column) -> Iterator[int]:
    after: Any = None
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            behind = column.behind() if after is None else column.behind().filter(pk__gt=after)
            rows = list(behind.order_by("pk").select_for_update(of=("self",))[:_AT_ONCE])
            if not rows:
                return
            after = rows[-1].pk
            moved = []
            for row in rows:
                clear = crypto.decrypt_bytes(getattr(row, column.name), column.aad(row))
                moved.append((row.pk, crypto.encrypt_bytes(clear, column.aad(row))))
            # The clear value stays what it was, so rows that may not be changed may be rewritten like this.
            with pgtrigger.ignore():
                execute_values(
                    cursor.cursor,
                    f"UPDATE {column.table} t SET {column.name} = v.blob FROM (VALUES %s) v (key, blob)"
                    f" WHERE t.{column.model._meta.pk.column} = v.key",
                    moved,
                )
        yield len(rows)
