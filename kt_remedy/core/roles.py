"""The roles of the database: one owns everything, and each process works as one that may do what its work needs.

`remedy_migrate` migrates, rotates keys and owns every table. `remedy_web` and `remedy_worker` read and write rows; the
record of who did what they only read and add to. `remedy_report` reads masked views. What each may do to which table
stands in `grants`. Only the standard library is imported here: the embedded servers make the roles before Django
reads its settings.
"""

from collections.abc import Mapping

MIGRATE = "remedy_migrate"
WEB = "remedy_web"
WORKER = "remedy_worker"
REPORT = "remedy_report"
ALL = (MIGRATE, WEB, WORKER, REPORT)

_ROLES = """
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['{names}'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
    END LOOP;
END
$$;
-- The owner makes what another role owns: the schema of the staging tables.
GRANT {others} TO {owner};
"""
_DATABASE = """
ALTER DATABASE {database} OWNER TO {owner};
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {web}, {worker};
GRANT CONNECT ON DATABASE {database} TO {report};
"""


def roles_sql() -> str:
    """SQL that makes the roles of a server, without passwords; for a superuser, safe to run again."""
    return _ROLES.format(names="', '".join(ALL), others=", ".join(ALL[1:]), owner=MIGRATE)


def limits_sql(limits: Mapping[str, str]) -> str:
    """SQL that gives the role of the web its time limits, by name of the setting: a pooler takes none at the start of
    a connection. For a superuser, safe to run again; it holds for new sessions."""
    return "".join(f"ALTER ROLE {WEB} SET {name} = '{value}';\n" for name, value in limits.items())


def database_sql(database: str) -> str:
    """SQL that gives a database to its owner and lets the other roles in; for a superuser, safe to run again."""
    name = '"' + database.replace('"', '""') + '"'
    return _DATABASE.format(database=name, owner=MIGRATE, web=WEB, worker=WORKER, report=REPORT)
