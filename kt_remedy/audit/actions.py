"""The registry of the kinds of acts: each application registers its kinds, and `record` refuses other ones."""

from typing import Any

_kinds: dict[str, Any] = {}
_looks: dict[str, Any] = {}
_exports: list[str] = []


def register(kinds: dict[str, Any]) -> None:
    """Register kinds: the first word of an action ("filing" of "filing.submitted") and its label for the auditor.

    Call it in `AppConfig.ready()`. Raises ValueError for a kind that is registered already.
    """
    for kind, label in kinds.items():
        if kind in _kinds:
            raise ValueError(f"{kind} is registered already")
        _kinds[kind] = label


def kind_of(action: str) -> str:
    """Return the kind of an action. Raises LookupError if no application registered it."""
    kind = action.partition(".")[0]
    if kind not in _kinds:
        raise LookupError(f"no application registered the kind of {action}")
    return kind


def labels() -> list[tuple[str, Any]]:
    """Return every kind and its label in the order of registration."""
    return list(_kinds.items())


def label_of(action: str) -> Any:
    """The label of the kind of an action; the action itself if no application registers the kind any more."""
    return _kinds.get(action.partition(".")[0], action)


def register_looks(purposes: dict[str, Any]) -> None:
    """Register actions that are looks at a customer: action and its purpose as the customer reads it (D-92).

    Call it in `AppConfig.ready()`. Raises ValueError for an action that is registered already.
    """
    for action, purpose in purposes.items():
        if action in _looks:
            raise ValueError(f"{action} is registered already")
        _looks[action] = purpose


def register_exports(*names: str) -> None:
    """Register actions that take a list or a file with rows of customers out of the portal.

    The entry of each says in its detail how many rows left (`count`) and by which criteria (`filters`, their names).
    """
    _exports.extend(names)


def exports() -> list[str]:
    """Every action that takes rows out."""
    return list(_exports)


def is_look(action: str) -> bool:
    """True if the action is a look at a customer's data."""
    return action in _looks


def purpose_of(action: str) -> Any:
    """The purpose of a look as the customer reads it. Raises LookupError for another action."""
    if action not in _looks:
        raise LookupError(f"{action} is no look")
    return _looks[action]


def looks() -> list[str]:
    """Every action that is a look."""
    return list(_looks)
