"""The rights of each database role, and the statements that PostgreSQL refuses it by privileges alone."""

import io
from collections.abc import Collection

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.utils import InternalError, ProgrammingError

from kt_remedy.core import grants, programme, roles
from refunds.models.states import Status
from rewards.enrolment.grants import planned_grants
from tests.owner import as_owner
from tests.refunds import make

pytestmark = pytest.mark.django_db

PROCESSES = (roles.WEB, roles.WORKER)
REFUSED_TO_PROCESSES = [
    # the record of acts
    "UPDATE audit_entry SET reason = ''",
    "DELETE FROM audit_entry",
    "TRUNCATE audit_entry, audit_seal",
    "UPDATE audit_seal SET digest = ''",
    "DELETE FROM audit_seal",
    "ALTER TABLE audit_entry DISABLE TRIGGER USER",
    "DROP TABLE audit_seal",
    # what triggers keep as it is: without the privilege switching a trigger off does not help
    "SET LOCAL pgtrigger.ignore = '{public.refunds_decision:append_only}'; UPDATE refunds_decision SET words = ''",
    "DELETE FROM refunds_decision",
    "DELETE FROM refunds_item",
    "DELETE FROM refunds_application",
    "UPDATE refunds_itemevent SET status = 'PAID'",
    "DELETE FROM refunds_batchevent",
    "UPDATE refunds_account SET number_index = ''",
    "DELETE FROM refunds_account",
    "UPDATE eligibility_line_history SET outcome = ''",
    "DELETE FROM eligibility_bill_history",
    "UPDATE django_migrations SET name = ''",
    # the tables themselves
    "TRUNCATE refunds_item",
    "TRUNCATE refunds_batch CASCADE",
    "TRUNCATE rewards_grant",
    "ALTER TABLE refunds_item DISABLE TRIGGER USER",
    "DROP TABLE refunds_item",
    "DROP VIEW money_i1",
    "CREATE TABLE mine (n int)",
    "CREATE VIEW money_i1_of_mine AS SELECT 1",
    "CREATE TABLE rewards_grant_2030_01 PARTITION OF rewards_grant FOR VALUES FROM ('2030-01-01') TO ('2030-02-01')",
    "CREATE TRIGGER mine BEFORE INSERT ON audit_entry EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE SCHEMA mine",
    "SELECT * FROM report.refunds_item",
]
REFUSED = [(role, statement) for role in PROCESSES for statement in REFUSED_TO_PROCESSES] + [
    (roles.WEB, "UPDATE refunds_account SET number_enc = NULL"),
    (roles.WEB, "SELECT 1 FROM refunds_account FOR SHARE"),
    (roles.REPORT, "SELECT empty_withdrawn_accounts('{}', now())"),
    (roles.WEB, "DELETE FROM refunds_chunk"),
    (roles.WEB, "CREATE TABLE staging.mine (n int)"),
    (roles.WEB, "SELECT analyse_register('eligibility_line')"),
    (roles.REPORT, "SELECT holder_name_enc FROM eligibility_customer"),
    (roles.REPORT, "SELECT number_index FROM refunds_account"),
    (roles.REPORT, "SELECT count(*) FROM staff_user"),
    (roles.REPORT, "SELECT count(*) FROM audit_entry"),
    (roles.REPORT, "UPDATE report.refunds_item SET amount_krw = 1"),
    (roles.REPORT, "DELETE FROM report.refunds_item"),
    (roles.REPORT, "CREATE TABLE mine (n int)"),
    (roles.REPORT, "CREATE TABLE report.mine (n int)"),
]
ALLOWED = [
    *(
        (role, statement)
        for role in PROCESSES
        for statement in (
            "INSERT INTO audit_entry (at, actor, action, object, subject, reason, detail)"
            " VALUES (now(), 'system', 'admin.viewed', '', '', '', '{}')",
            "SELECT count(*) FROM audit_seal",
            "SELECT count(*) FROM money_i1",
            "SELECT app FROM django_migrations",
            "SELECT * FROM refunds_application FOR UPDATE",
            "UPDATE refunds_item SET code = '' WHERE false",
            "DELETE FROM refunds_draft",
            "DELETE FROM cache",
            "CREATE TEMPORARY TABLE chosen (n int); ANALYZE chosen",
        )
    ),
    (roles.WEB, "SELECT empty_withdrawn_accounts('{}', now())"),
    (roles.WEB, "SELECT next_case('{REVIEWER}', '', '2026-01-20', 1, '{}', '{}')"),
    (roles.WEB, "SELECT next_case_of_kind('{REVIEWER}', 'LATE', '2026-01-20', 1, '{}', '{}')"),
    (roles.WORKER, "UPDATE refunds_account SET number_enc = NULL WHERE false"),
    (roles.WORKER, "DELETE FROM refunds_chunk"),
    (roles.WORKER, "CREATE UNLOGGED TABLE staging.feed_0_line (n int); ANALYZE staging.feed_0_line"),
    (roles.WORKER, "SELECT analyse_register('eligibility_line')"),
    (roles.REPORT, "SELECT status, count(*), sum(amount_krw) FROM report.refunds_item GROUP BY status"),
    (roles.REPORT, "SELECT count(*) FROM report.eligibility_customer"),
]


def run_as(role: str, statement: str) -> None:
    with transaction.atomic(), as_owner(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
        cursor.execute(statement)


@pytest.mark.parametrize(("role", "statement"), REFUSED)
def test_is_refused(role, statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        run_as(role, statement)


@pytest.mark.parametrize(("role", "statement"), ALLOWED)
def test_works(role, statement):
    run_as(role, statement)


def test_the_tests_work_as_the_worker():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (roles.WORKER,)


def test_each_request_works_as_the_web(client):
    seen = []

    def ask(execute, sql, params, many, context):
        with connection.connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            seen.append(cursor.fetchone()[0])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(ask):
        client.get("/readyz")
    assert seen
    assert set(seen) == {roles.WEB}
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (roles.WORKER,)


# The switch of the triggers -------------------------------------------------------------------------------------------


def triggers() -> dict[str, str]:
    """The name of each trigger of pgtrigger -> its table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'pgtrigger%%'")
        return dict(cursor.fetchall())


def ignored(role: str, names: Collection[str]) -> set[str]:
    """The triggers that do not act for a role that asks to ignore them all."""
    with transaction.atomic(), as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', %s, true)", [role])
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{','.join(names)}}}"])
        cursor.execute("SELECT name FROM unnest(%s::text[]) name WHERE _pgtrigger_should_ignore(name)", [list(names)])
        found = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT set_config('pgtrigger.ignore', '', true)")
    return found


def test_no_process_switches_a_trigger_off():
    every = triggers()
    assert len(every) > 50
    assert ignored(roles.MIGRATE, every.keys()) == every.keys()
    assert ignored(roles.WEB, every.keys()) == set()
    assert {every[name] for name in ignored(roles.WORKER, every.keys())} == {"refunds_chunk"}


def test_each_trigger_asks_the_switch_before_it_passes_a_row():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
            " WHERE NOT t.tgisinternal AND p.prosrc LIKE '%%pgtrigger.ignore%%'"
        )
        assert cursor.fetchall() == [], "a trigger that reads the setting by itself"


def test_each_function_reads_the_tables_of_one_schema():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"
            " WHERE p.pronamespace = 'public'::regnamespace AND l.lanname IN ('plpgsql', 'sql')"
            " AND NOT coalesce(p.proconfig, '{}') @> ARRAY['search_path=public, pg_temp']"
        )
        assert cursor.fetchall() == []


@pytest.mark.parametrize("role", PROCESSES)
def test_a_temporary_table_takes_no_history_from_a_trigger(role):
    row = make.application(make.line(make.customer()), status=Status.SUBMITTED)
    run_as(
        role,
        "CREATE TEMPORARY TABLE refunds_applicationevent (LIKE public.refunds_applicationevent INCLUDING ALL)"
        " ON COMMIT DROP; SET LOCAL search_path = pg_temp, public;"
        f" UPDATE public.refunds_application SET hold_until = now() WHERE id = {row.pk}",
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM public.refunds_applicationevent WHERE pgh_obj_id = {row.pk}")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("role", PROCESSES)
def test_a_state_is_guarded_from_a_process_that_asks_to_pass(role):
    row = make.application(make.line(make.customer()), status=Status.SUBMITTED)
    every = ",".join(triggers())
    with pytest.raises(DatabaseError, match="Invalid transition"):
        run_as(role, f"SET LOCAL pgtrigger.ignore = '{{{every}}}'; UPDATE refunds_application SET status = 'REJECTED'")
    row.refresh_from_db()
    assert row.status == Status.SUBMITTED


def test_only_the_owner_holds_what_changes_a_table():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee LIKE 'remedy_%%' AND grantee <> %s"
            " AND privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')"
            " AND table_schema <> %s",
            [roles.MIGRATE, grants.STAGING],
        )
        assert cursor.fetchall() == []


def test_no_report_shows_who_somebody_is():
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'report'"
        )
        columns = cursor.fetchall()
    tables = {table for table, _column, _kind in columns}
    assert {"eligibility_customer", "refunds_application", "refunds_item", "rewards_grant", "audit_entry"} <= tables
    assert [row for row in columns if row[2] in {"bytea", "text", "inet"}] == []
    assert [row for row in columns if row[1] in {"last4", "words", "proof", "detail"}] == []
    assert [row for row in columns if "birth" in row[1] or row[1].endswith(("_enc", "_index"))] == []
    assert not [table for table in tables if table.startswith(("staff_", "auth_", "mfa_", "account_", "django_"))]


def test_the_register_is_analysed_by_name_and_nothing_else_is():
    with pytest.raises(InternalError, match="no table of the register"):
        run_as(roles.WORKER, "SELECT analyse_register('audit_entry')")


def test_every_month_of_the_programme_has_its_partition():
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'rewards_grant'::regclass")
        made = {name for (name,) in cursor.fetchall()}
    months = {month for _perk, month in planned_grants(programme.current())}
    assert months
    assert made == {f"rewards_grant_{month:%Y_%m}" for month in months}


def test_the_administrator_gets_sql_for_this_database_without_passwords():
    told = io.StringIO()
    call_command("database_roles", stdout=told)
    for role in roles.ALL:
        assert role in told.getvalue()
    assert f'ALTER DATABASE "{connection.settings_dict["NAME"]}" OWNER TO {roles.MIGRATE}' in told.getvalue()
    assert "PASSWORD" not in told.getvalue()
