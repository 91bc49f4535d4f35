"""The kinds of acts that the record knows: each application registers its own, `record` refuses any other."""

from typing import Any

_kinds: dict[str, Any] = {}


def register(kinds: dict[str, Any]) -> None:
    """Name kinds of acts: the first word of an action ("filing" of "filing.submitted") and its label for the auditor.

    Call it in `AppConfig.ready()`. Raises ValueError for a kind that another application registered.
    """
    for kind, label in kinds.items():
        if kind in _kinds:
            raise ValueError(f"{kind} is registered already")
        _kinds[kind] = label


def kind_of(action: str) -> str:
    """The kind of an action. Raises LookupError where no application registered it."""
    kind = action.partition(".")[0]
    if kind not in _kinds:
        raise LookupError(f"no application registered the kind of {action}")
    return kind


def labels() -> list[tuple[str, Any]]:
    """Every kind and its label, in the order of registration."""
    return list(_kinds.items())
