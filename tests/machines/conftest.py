"""Servers of more than one machine, started beside those of the run. Imports are inside: Django is set up first."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pytest

from tests import conftest
from tests.conftest import Process, free_port, wait_until


@pytest.fixture
def own_servers():
    """The throw-away servers of this run; a server of one's own is not rebuilt for a test."""
    if conftest.servers is None:
        pytest.skip("these tests need the servers that the run starts itself")
    return conftest.servers


@pytest.fixture
def folder(own_servers) -> Iterator[Path]:
    """A folder that the user of the servers may write to; PostgreSQL and PgBouncer do not run as root."""
    place = Path(tempfile.mkdtemp(prefix="remedy-machine-"))
    if own_servers.user is not None:
        shutil.chown(place, own_servers.user, own_servers.group)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def start_server(own_servers) -> Iterator[Callable[..., Process]]:
    """Start a server as the user of the servers: `start_server(argv)`; all end with the test."""
    started: list[Process] = []

    def start(argv: list[str]) -> Process:
        user = {} if own_servers.user is None else {"user": own_servers.user, "group": own_servers.group}
        started.append(Process(argv, **user))
        return started[-1]

    yield start
    for process in reversed(started):
        process.stop()


def as_superuser(own_servers, sql: str) -> list[tuple]:
    """Run one statement on the server of the run as its superuser; returns its rows."""
    connection = psycopg2.connect(host=str(own_servers.sockets), user="postgres", dbname="postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@pytest.fixture
def pooler(transactional_db, own_servers, folder, start_server) -> Iterator[SimpleNamespace]:
    """PgBouncer in transaction mode before the test database, with fewer sessions than clients, and the role's limits
    as `manage.py database_roles` sets them."""
    from django.conf import settings
    from django.db import connection

    from kt_remedy.core import roles
    from kt_remedy.devtools import machines

    port = free_port()
    argv = machines.pgbouncer(
        folder,
        own_servers.user,
        port=port,
        server=f"host={own_servers.sockets}",
        words={roles.WEB: "", "pgbouncer": ""},
        sessions=3,
    )
    as_superuser(own_servers, roles.limits_sql(settings.STATEMENT_TIMEOUTS))
    process = start_server(argv)
    name = connection.settings_dict["NAME"]
    url = f"postgres://{roles.WEB}@127.0.0.1:{port}/{name}"

    def answers() -> bool:
        assert process.process.poll() is None, process.log
        try:
            psycopg2.connect(url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    wait_until(answers, what="PgBouncer")
    yield SimpleNamespace(url=url, port=port, process=process)
    process.stop()
    as_superuser(own_servers, f"ALTER ROLE {roles.WEB} RESET ALL")
