"""Models from statements written by hand, for the few places where building a query costs more than running it."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)


@cache
def columns(alias: str, model: type[Model]) -> str:
    """Every column of `model` as a SELECT lists it, in the order that `read` takes them in."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def read(model: type[M], row: Sequence[Any], start: int = 0) -> M:
    """The instance whose columns begin at `start` of a fetched row; fields that convert what they read do not here."""
    names = _names(model)
    return model.from_db(connection.alias, names, row[start : start + len(names)])


def width(*models: type[Model]) -> int:
    """How many columns of a row these models take."""
    return sum(len(_names(model)) for model in models)


@cache
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]
