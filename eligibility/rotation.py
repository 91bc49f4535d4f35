"""Key rotation: re-encrypt every encrypted value with the active key, in small batches, while the site is up.

docs/operations.md has the procedure. The rotation covers every model of every package that declares columns with
`crypto.Encrypted`. History tables keep the associated data of the register's tables. Blind indexes have a key of their
own and stay as they are.
"""

# ruff: noqa: S608, S610  (names of tables and columns are our own; every value is a parameter)

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pgtrigger
from django.apps import apps
from django.db import connection, models, transaction

from eligibility.models import Customer, CustomerHistory, Line, LineHistory
from kt_remedy.core import crypto

_BATCH_ROWS = 1_000
_HISTORY = {Customer: CustomerHistory, Line: LineHistory}


class Column(NamedTuple):
    """An encrypted column of a model. Its associated data hold the table `origin` and the row's attribute `key`.

    Without a key it is free text (`crypto.EncryptedTextField`), which is stored as base64.
    """

    model: type[models.Model]
    name: str
    key: str
    origin: str

    @property
    def table(self) -> str:
        """The database table of the model."""
        return self.model._meta.db_table

    def outdated_rows(self) -> models.QuerySet[Any]:
        """Rows whose value is encrypted with another key than the active one."""
        qualified = f'"{self.table}"."{self.name}"'
        if self.key:
            rows, value = self.model._base_manager.filter(**{f"{self.name}__isnull": False}), qualified
        else:
            # The first four characters hold the key; the empty text has none.
            rows = self.model._base_manager.exclude(**{self.field.name: ""})
            value = f"decode(left({qualified}, 4), 'base64')"
        return rows.extra(where=[f"get_byte({value}, 0) <> %s"], params=[crypto.active_key()])  # nosec B610

    @property
    def field(self) -> models.Field:
        """The field of the column."""
        return next(field for field in self.model._meta.local_concrete_fields if field.column == self.name)

    def moved(self, row: models.Model) -> bytes | str:
        """The stored value of a row, encrypted anew with the active key."""
        if not self.key:
            return self.field.get_prep_value(getattr(row, self.field.name))
        aad = f"{self.origin}:{self.name}:{getattr(row, self.key)}"
        return crypto.encrypt_bytes(crypto.decrypt_bytes(getattr(row, self.name), aad), aad)


def columns() -> list[Column]:
    """Every encrypted column of the database."""
    encrypted: list[Column] = []
    for model in apps.get_models():
        for attribute in vars(model).values():
            if isinstance(attribute, crypto.Encrypted):
                tables = (model, _HISTORY[model]) if model in _HISTORY else (model,)
                origin = model._meta.db_table
                encrypted += [Column(table, attribute.column, attribute.key, origin) for table in tables]
        encrypted += [
            Column(model, field.column or "", "", model._meta.db_table)
            for field in model._meta.local_concrete_fields
            if isinstance(field, crypto.EncryptedTextField)
        ]
    return encrypted


def rotate(on_progress: Callable[[Column, int], None] = lambda column, moved: None) -> int:
    """Re-encrypt every value that has another key than the active one; returns their number.

    It may be stopped and repeated at any time. `on_progress` gets each column and its number of values done so far.
    Raises `crypto.DecryptError` for a value whose key is not configured.
    """
    total = 0
    for column in columns():
        moved = 0
        for count in _batches(column):
            moved += count
            on_progress(column, moved)
        total += moved
    return total


def remaining() -> int:
    """Number of values that are still encrypted with another key than the active one."""
    return sum(column.outdated_rows().count() for column in columns())


def _batches(column: Column) -> Iterator[int]:
    after: Any = None
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            outdated = column.outdated_rows() if after is None else column.outdated_rows().filter(pk__gt=after)
            rows = list(outdated.order_by("pk").select_for_update(of=("self",))[:_BATCH_ROWS])
            if not rows:
                return
            after = rows[-1].pk
            keys = column.model._meta.pk_fields
            given = [[getattr(row, key.attname) for row in rows] for key in keys]
            names = ", ".join(f"key_{number}" for number in range(len(keys)))
            same = " AND ".join(f"t.{key.column} = v.key_{number}" for number, key in enumerate(keys))
            # The plaintext stays the same, so append-only tables may be rewritten here. Only statements of Django's own
            # cursor are told to ignore triggers.
            with pgtrigger.ignore():
                cursor.execute(
                    f"UPDATE {column.table} t SET {column.name} = v.blob"
                    f" FROM unnest({'%s, ' * len(keys)}%s) v ({names}, blob) WHERE {same}",
                    [*given, [column.moved(row) for row in rows]],
                )
        yield len(rows)
