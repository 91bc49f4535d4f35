"""Privileges of the database roles, generated from the installed models after every migration.

Privileges stand besides the triggers. TRUNCATE, REFERENCES, TRIGGER and every change of a table are the owner's alone.
So is the switch of `pgtrigger.ignore()`: any session may write that setting, and the triggers ask the function
`_pgtrigger_should_ignore`, which obeys it where the owner works and nowhere else. Each function reads the tables of
`public`: a process may make temporary tables, and one of the same name would else stand before them.
"""

# ruff: noqa: S608  (names of roles, tables and columns are our own)

from collections.abc import Iterable, Iterator
from typing import Any

import pghistory.models
import pgtrigger
from django.apps import apps
from django.db import connections, models, transaction
from django.db.migrations.executor import MigrationExecutor

from kt_remedy.core import roles

PROCESSES = (roles.WEB, roles.WORKER)
STAGING = "staging"
REPORT_SCHEMA = "report"

_ORDINARY = ("SELECT", "INSERT", "UPDATE", "DELETE")
_WITHOUT_MODEL = {"cache": _ORDINARY, "django_migrations": ("SELECT",)}
# Both by the nightly wipe (`refunds.payouts.wipe`): numbers and names of accounts are emptied, bytes of files dropped.
_WIPED = ("number_enc", "holder_name_enc", "holder_birth_enc", "wiped_at")
_BESIDES = (
    (roles.WORKER, f"UPDATE ({', '.join(_WIPED)})", "refunds_account"),
    (roles.WORKER, "DELETE", "refunds_chunk"),
    # Two people let in a line that the base left out (`rewards.enrolment.additions`).
    *((role, "UPDATE (why, perks, added_on)", "rewards_baseline") for role in PROCESSES),
)
# The triggers that the worker passes: the wipe deletes pieces of files, and no row of that table is ever changed.
_PASSED = {"refunds_chunk"}
# The role that works is asked for, not `current_user`: a function that runs as the owner changes nothing in it.
_SWITCH = """
CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name name) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    ignored text := current_setting('pgtrigger.ignore', true);
    working name := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END;
BEGIN
    IF coalesce(ignored, '') IN ('', '{}') OR trigger_name <> ALL (ignored::text[]) THEN
        RETURN false;
    END IF;
    RETURN pg_has_role(working, %(owner)s, 'USAGE')
        OR working = %(worker)s AND trigger_name = ANY (%(passed)s::text[]);
END
$$
"""
# A migration that makes a function again takes the setting from it, so all are given it after each. Functions that are
# made later, beside their models, name it themselves.
_PATH = """
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = current_user::regrole
          AND l.lanname IN ('plpgsql', 'sql')
          AND NOT EXISTS (SELECT FROM unnest(p.proconfig) setting WHERE setting LIKE 'search_path=%')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = public, pg_temp', function);
    END LOOP;
END
$$
"""
# The worker seals: the chain and its heads are no business of the process that serves pages.
_NOT_OF_THE_WEB = (("INSERT", "audit_seal"), ("INSERT", "audit_head"))
# Their triggers let a few columns pass, so the general rule finds them changeable.
_NEVER_CHANGED = {"refunds_account", "rewards_baseline"}
# No trigger guards the former rows of the register, and a load only adds to them.
_APPENDED = {"eligibility_customer_history", "eligibility_line_history", "eligibility_bill_history"}

# The report reads the applications of the programme, not accounts of staff, sessions or second factors.
_REPORTED = ("eligibility", "refunds", "rewards", "notices", "audit")
# Numbers, names and indexes are binary; free text holds what people wrote, messages hold codes.
_MASKED: tuple[type[models.Field], ...] = (models.BinaryField, models.TextField, models.GenericIPAddressField)
# The end of an account number, the words of a bank, how a person was identified, the details of an act.
_MASKED_NAMES = {"last4", "words", "proof", "detail"}


def is_migrated(using: str, signal: dict[str, Any]) -> bool:
    """True if a `post_migrate` signal comes from `migrate`, not from `flush`, and leaves no migration to apply."""
    if "plan" not in signal:
        return False
    executor = MigrationExecutor(connections[using])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def privileges(model: type[models.Model]) -> tuple[str, ...]:
    """Privileges of web and worker on the rows of a model: all, less those that a trigger forbids for every row."""
    table = model._meta.db_table
    if issubclass(model, pghistory.models.Event) or table in _APPENDED:
        return "SELECT", "INSERT"
    forbidden = {"UPDATE"} if table in _NEVER_CHANGED else set()
    for trigger in getattr(model._meta, "triggers", ()):
        if type(trigger) is pgtrigger.Protect and trigger.condition is None:  # ReadOnly is one too, of some columns
            forbidden.update(str(trigger.operation).split(" OR "))
    return tuple(word for word in _ORDINARY if word not in forbidden)


def reported(model: type[models.Model]) -> list[str]:
    """The columns of a model that the report may read: no encrypted value, no index, no free text, no birth date.

    Customer and contract numbers stay, so that rows can be counted by person and line.
    """
    return [
        str(field.column)
        for field in model._meta.concrete_fields
        if not isinstance(field, _MASKED) and field.name not in _MASKED_NAMES and "birth" not in field.name
    ]


def let_read(using: str, views: Iterable[str]) -> None:
    """Let web and worker read views, where the server has the roles."""
    with connections[using].cursor() as cursor:
        if _missing(cursor):
            return
        for view in views:
            cursor.execute(f"GRANT SELECT ON {view} TO {', '.join(PROCESSES)}")


def let_call(using: str, function: str, role: str) -> None:
    """Let one role call a function, where the server has the roles."""
    with connections[using].cursor() as cursor:
        if not _missing(cursor):
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {role}")


def drop_report(using: str, plan: list[Any], **_signal: Any) -> None:
    """Drop the report's views before a migration: a view keeps the columns it reads from being changed."""
    if plan:
        with connections[using].cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {REPORT_SCHEMA} CASCADE")


def grant(using: str, **signal: Any) -> None:
    """Make the schemas, keep the switch of the triggers to the owner and the functions to the tables of `public`, and
    give the roles what they need and no more.

    All of it is one transaction. On a server without the roles none is given a right, and `migrate` says so.
    """
    if not is_migrated(using, signal):
        return
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {STAGING}")
        _keep_switch(cursor, _models(using))
        cursor.execute(_PATH)
        if missing := _missing(cursor):
            if signal["verbosity"]:
                names = ", ".join(missing)
                print(f"  {names}: no such role, so no right was granted (see `manage.py database_roles`).")
            return
        cursor.execute("".join(f"{statement};\n" for statement in _statements(_models(using))))


def _keep_switch(cursor: Any, installed: list[type[models.Model]]) -> None:
    """Replace the function that each trigger of pgtrigger asks first; migrations put the library's own one back."""
    passed = [
        trigger.get_pgid(model)
        for model in installed
        if model._meta.db_table in _PASSED
        for trigger in model._meta.triggers  # type: ignore[attr-defined]
    ]
    cursor.execute("SELECT current_user")
    [owner] = cursor.fetchone()
    cursor.execute(_SWITCH, {"owner": owner, "worker": roles.WORKER, "passed": passed})


def _missing(cursor: Any) -> list[str]:
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(roles.ALL)])
    existing = {name for (name,) in cursor.fetchall()}
    return [name for name in roles.ALL if name not in existing]


def _statements(installed: list[type[models.Model]]) -> Iterator[str]:
    processes = ", ".join(PROCESSES)
    yield f"ALTER SCHEMA {STAGING} OWNER TO {roles.WORKER}"
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {processes}, {roles.REPORT}"
    yield f"GRANT USAGE ON SCHEMA public TO {processes}"
    tables = {model._meta.db_table: privileges(model) for model in installed} | _WITHOUT_MODEL
    for table, granted in tables.items():
        yield f'GRANT {", ".join(granted)} ON "{table}" TO {processes}'
    for privilege, table in _NOT_OF_THE_WEB:
        yield f'REVOKE {privilege} ON "{table}" FROM {roles.WEB}'
    for role, privilege, table in _BESIDES:
        yield f'GRANT {privilege} ON "{table}" TO {role}'
    yield f"DROP SCHEMA IF EXISTS {REPORT_SCHEMA} CASCADE"
    yield f"CREATE SCHEMA {REPORT_SCHEMA}"
    yield f"GRANT USAGE ON SCHEMA {REPORT_SCHEMA} TO {roles.REPORT}"
    for model in installed:
        if model._meta.app_label in _REPORTED:
            table = model._meta.db_table
            columns = ", ".join(f'"{column}"' for column in reported(model))
            yield f'CREATE VIEW {REPORT_SCHEMA}."{table}" AS SELECT {columns} FROM public."{table}"'
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {REPORT_SCHEMA} TO {roles.REPORT}"


def _models(using: str) -> list[type[models.Model]]:
    """The models with a table: some packages read from a query."""
    tables = set(connections[using].introspection.table_names())
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.db_table in tables and not model._meta.proxy]
