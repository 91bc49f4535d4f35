"""The work that a member of staff leaves behind: passed on when an account is closed or moves to another store.

The packages that give people work register how it is passed on; it happens in the transaction of the change.
"""

from collections.abc import Callable

from kt_remedy.staff.models import User

Handler = Callable[[User], object]
_handlers: list[Handler] = []


def register(handler: Handler) -> None:
    """Add a handler that passes the work of an account on, or gives it back to those who may take it."""
    _handlers.append(handler)


def pass_on(user: User) -> None:
    """Pass everything on that the account holds; part of the caller's transaction. Safe to run twice."""
    for handler in _handlers:
        handler(user)
