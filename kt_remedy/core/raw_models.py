"""Model instances from raw SQL, for the few places where building a query costs more than running it."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

from kt_remedy.core.crypto import BlindIndexField

M = TypeVar("M", bound=Model)


@cache
def columns(alias: str, model: type[Model]) -> str:
    """Every column of `model` as a SELECT lists it, in the order that `read` takes them in."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def read(model: type[M], row: Sequence[Any], start: int = 0) -> M:
    """The instance whose columns begin at `start` of a fetched row. Of the fields that convert what they read, only
    blind indexes do here."""
    names = _names(model)
    values = list(row[start : start + len(names)])
    for place in _blind_indexes(model):
        if values[place] is not None:
            values[place] = bytes(values[place])
    return model.from_db(connection.alias, names, values)


def width(*models: type[Model]) -> int:
    """Number of columns of a row that these models take."""
    return sum(len(_names(model)) for model in models)


@cache
def _blind_indexes(model: type[Model]) -> list[int]:
    return [place for place, field in enumerate(model._meta.concrete_fields) if isinstance(field, BlindIndexField)]


@cache
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]
