"""Reports read a streaming replica; nothing that decides about money does."""

import inspect
import re
import subprocess
from pathlib import Path

import psycopg2
import pytest
from django.db import OperationalError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.urls import reverse

from kt_remedy.core import replica, roles
from kt_remedy.devtools import machines
from refunds.models.applications import Application
from refunds.reports import kept
from refunds.reports.selection import Selection
from tests.conftest import ROOT, environment, wait_until
from tests.machines.conftest import as_superuser
from tests.refunds import make
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db(transaction=True)
EVERYTHING = Selection(first=None, last=None, channel="", store_id=None, pay_on=None)


@pytest.fixture
def standby(transactional_db, own_servers, folder, start_server):
    """A streaming replica of the server of the run; gives the folder of its socket."""
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "shared_buffers": "32MB",
        "max_connections": "200",  # not below the primary's
        "fsync": "off",
    }
    source = f"host={own_servers.sockets} user=postgres"
    process = start_server(machines.replica(own_servers, folder, own_servers.user, source=source, options=options))

    def answers() -> bool:
        assert process.process.poll() is None, process.log
        try:
            psycopg2.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    wait_until(answers, what="the replica")
    yield folder
    process.stop()


def use(address: dict[str, object]) -> None:
    primary = connections["default"].settings_dict
    connections.settings["replica"] = {**primary, **address, "OPTIONS": {}}


@pytest.fixture
def replica_at(transactional_db, monkeypatch):
    """Let the settings name a replica: `replica_at({"HOST": …})`; gone with the test."""
    # Django guards the databases that a test does not name when it begins.
    guarded = inspect.getclosurevars(BaseDatabaseWrapper.ensure_connection).nonlocals
    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", guarded["real_ensure_connection"])
    yield use
    if "replica" in connections.settings:
        connections["replica"].close()
        del connections["replica"]
        del connections.settings["replica"]


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The connections that the reports asked for SQL, by alias."""
    seen: list[str] = []
    connection = replica.connection

    def watched():
        seen.append(connection().alias)
        return connection()

    monkeypatch.setattr(replica, "connection", watched)
    return seen


def caught_up(own_servers, standby: Path) -> bool:
    # The servers of tests commit before they write, so what was inserted counts, not what was written.
    [(now,)] = as_superuser(own_servers, "SELECT pg_current_wal_insert_lsn()")
    with psycopg2.connect(host=str(standby), user="postgres", dbname="postgres") as session, session.cursor() as cursor:
        cursor.execute("SELECT pg_last_wal_replay_lsn() >= %s", [now])
        return cursor.fetchone()[0]


def test_reports_are_counted_on_the_replica_and_their_page_says_of_when(
    at, own_servers, standby, replica_at, asked
) -> None:
    at("2026-01-16T10:00+09:00")
    for _ in range(3):
        make.application(make.line(make.customer()))
    wait_until(lambda: caught_up(own_servers, standby), what="the replica to follow")
    replica_at({"HOST": str(standby), "USER": roles.WEB})
    figures = kept.figures(EVERYTHING, anew=True)
    assert figures.found.total == 3
    assert set(asked) == {"replica"}
    page = as_staff(Client(), staff_user("supervisor")).get(reverse("refunds:report") + "?anew=1")
    assert page.status_code == 200
    assert set(asked) == {"replica"}
    # What follows is written on the primary, which alone takes writes.
    Application.objects.update(status="REVIEW")
    with pytest.raises(Exception, match="read-only"):
        Application.objects.using("replica").update(status="APPROVED")


def test_the_primary_counts_where_the_replica_is_gone_or_far_behind(
    at, own_servers, standby, replica_at, asked
) -> None:
    at("2026-01-16T10:00+09:00")
    make.application(make.line(make.customer()))
    replica_at({"HOST": "127.0.0.1", "PORT": 1})
    assert kept.figures(EVERYTHING, anew=True).found.total == 1
    assert set(asked) == {"default"}
    connections["replica"].close()
    del connections["replica"]

    wait_until(lambda: caught_up(own_servers, standby), what="the replica to follow")
    replica_at({"HOST": str(standby), "USER": roles.WEB})
    with psycopg2.connect(host=str(standby), user="postgres", dbname="postgres") as session, session.cursor() as cursor:
        cursor.execute("SELECT pg_wal_replay_pause()")
    make.application(make.line(make.customer()))
    assert kept.figures(EVERYTHING, anew=True).found.total == 1, "the replica stands still and is young enough"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replica, "MOST_BEHIND", -replica.MOST_BEHIND)
        assert kept.figures(EVERYTHING, anew=True).found.total == 2, "the primary"


def test_a_count_that_takes_too_long_is_not_counted_twice(own_servers, standby, replica_at) -> None:
    make.customer()
    wait_until(lambda: caught_up(own_servers, standby), what="the replica to follow")
    replica_at({"HOST": str(standby), "USER": roles.WEB})
    counted = []

    def slow() -> None:
        counted.append(replica.connection().alias)
        with replica.connection().cursor() as cursor:
            cursor.execute("SET statement_timeout = '50ms'; SELECT pg_sleep(5)")

    with pytest.raises(OperationalError):
        replica.read(slow)
    assert counted == ["replica"]


def test_models_are_read_there_inside_a_report_alone(replica_at) -> None:
    inside = replica.ReportRouter()
    assert (inside.db_for_read(Application), inside.db_for_write(Application)) == (None, "default")
    with replica._on_replica():
        assert (inside.db_for_read(Application), inside.db_for_write(Application)) == ("replica", "default")
    assert not inside.allow_migrate("replica", "refunds")
    assert router.db_for_read(Application) == "default"


def test_no_code_but_the_reports_reads_the_replica() -> None:
    users = set()
    for folder in ("kt_remedy", "eligibility", "refunds", "rewards"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if re.search(r"core(\.| import [^\n]*\b)replica\b|using\(.replica|connections\[.replica", text):
                users.add(str(path.relative_to(ROOT)))
    assert users - {"kt_remedy/settings.py"} == {
        f"refunds/reports/{name}.py" for name in ("answer_days", "applications", "kept", "money", "tables", "work")
    }


def test_the_setting_adds_the_replica_and_its_router() -> None:
    code = (
        "import django; django.setup(); from django.conf import settings;"
        "print(settings.DATABASES['replica']['HOST'], settings.DATABASE_ROUTERS)"
    )
    env = {**environment(), "REPLICA_URL": "postgres://remedy_web@replica.example.kr/remedy"}
    done = subprocess.run(
        [str(ROOT / ".venv/bin/python"), "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "replica.example.kr ['kt_remedy.core.replica.ReportRouter']"


def test_a_payout_goes_its_way_while_the_replica_is_dead(at, settings, replica_at) -> None:
    """From the freeze to the answer of the bank, nothing asks for it."""
    from tests.refunds.payouts import money

    settings.DATABASE_ROUTERS = ["kt_remedy.core.replica.ReportRouter"]
    replica_at({"HOST": "127.0.0.1", "PORT": 1})
    make.delivered()
    at(money.CUT_OFF)
    batch, file = money.handed_over()
    money.load(money.pain002(file, [(item, "ACSC", "") for item in money.items(batch)]))
    assert {item.status for item in money.items(batch)} == {"PAID"}
    assert money.broken() == {}
    assert not hasattr(connections._connections, "replica"), "nobody asked for it"
