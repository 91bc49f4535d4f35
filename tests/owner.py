"""The roles of the database in tests: a test works as the worker, each request as the web, few statements as the owner.

Nobody works as the owner in production but `migrate`.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.core.handlers.base import BaseHandler
from django.db import connection
from django.db.backends.signals import connection_created
from psycopg2 import InterfaceError, OperationalError
from psycopg2.extensions import TRANSACTION_STATUS_INERROR

from kt_remedy.core import roles


@contextmanager
def as_owner() -> Iterator[None]:
    """Let the statements inside run as the owner: TRUNCATE, DISABLE TRIGGER, a change that no process may make."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW role")
        (before,) = cursor.fetchone()
        cursor.execute("SET ROLE NONE")
    try:
        yield
    finally:
        # The end of a transaction that failed takes the change of the role back by itself.
        if connection.connection and connection.connection.get_transaction_status() != TRANSACTION_STATUS_INERROR:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('role', %s, false)", [before])


_thread = threading.local()  # `serves` is true while the thread answers a request


@contextmanager
def as_web() -> Iterator[None]:
    """Let the statements inside run as the process that serves pages.

    The role changes below Django's cursors, so that no test counts the statement.
    """
    outer, before = getattr(_thread, "serves", False), _become(roles.WEB)
    _thread.serves = True
    try:
        yield
    finally:
        _thread.serves = outer
        _become(before)


def serve_as_web() -> None:
    """Let each request of the test client and of the live server run as the web, as in production."""
    answer = BaseHandler.get_response

    def as_in_production(handler: BaseHandler, request: Any) -> Any:
        with as_web():
            return answer(handler, request)

    BaseHandler.get_response = as_in_production  # type: ignore[method-assign]
    connection_created.connect(_opened_in_a_request, weak=False)


def _opened_in_a_request(**_signal: Any) -> None:
    if getattr(_thread, "serves", False):
        _become(roles.WEB)


def _become(role: str) -> str:
    """Take a role on the open connection of this thread, if there is one; returns the role before."""
    opened = connection.connection
    if opened is None or opened.closed or opened.get_transaction_status() == TRANSACTION_STATUS_INERROR:
        return roles.WORKER
    try:
        with opened.cursor() as cursor:
            cursor.execute("SELECT current_setting('role'), set_config('role', %s, false)", [role])
            return str(cursor.fetchone()[0])
    except (InterfaceError, OperationalError):  # a test has broken the connection
        return roles.WORKER


@contextmanager
def without(*triggers: str) -> Iterator[None]:
    """Let the owner pass triggers, by their names in the database.

    The setting belongs to the session, because `pgtrigger.ignore` rewrites statements and breaks those with a `%`.
    """
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, false)", [f"{{{','.join(triggers)}}}"])
        try:
            yield
        finally:
            cursor.execute("SELECT set_config('pgtrigger.ignore', '{}', false)")


def emptying() -> AbstractContextManager[None]:
    """Let the owner truncate the record of acts as well, as the flush between tests does."""
    from django.apps import apps  # need Django to be set up

    from kt_remedy.audit.models import NO_TRUNCATE

    kept = [model for model in apps.get_app_config("audit").get_models() if NO_TRUNCATE in model._meta.triggers]
    return without(*(NO_TRUNCATE.get_pgid(model) for model in kept))


def two_accounts_of_one_person() -> AbstractContextManager[None]:
    """Let one person have roles that nobody holds together, over two accounts: the next guard behind the trigger."""
    from kt_remedy.staff.models import User

    return without(next(trigger for trigger in User._meta.triggers if trigger.name == "apart").get_pgid(User))
