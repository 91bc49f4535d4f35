"""The one place where a test works as the owner of the database, as nobody does in production but `migrate`."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import connection
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


@contextmanager
def as_web() -> Iterator[None]:
    """Let the statements inside run as the process that serves pages; the tests work as the worker."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', %s, false)", [roles.WEB])
        yield


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
