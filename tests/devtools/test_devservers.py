"""The embedded servers: kept data, kills, stale pid files, orphans, private folders, long paths. All our own."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis

from kt_remedy.core import roles
from kt_remedy.devtools import devservers
from kt_remedy.devtools.processes import start_time, stop_orphans
from tests.conftest import ROOT, wait_until

pytestmark = pytest.mark.slow  # each test starts processes


@pytest.fixture(scope="module")
def open_home() -> Iterator[Path]:
    """A folder that everybody may enter; one cluster for all tests that leave it usable."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-home-"))
    folder.chmod(0o755)
    home = folder / ".local"
    yield home
    devservers.reset(home)
    shutil.rmtree(folder)


@pytest.fixture
def private_home(tmp_path: Path) -> Iterator[Path]:
    """A folder below one that only we may enter, as a clone in /root is."""
    tmp_path.chmod(0o700)
    home = tmp_path / ".local"
    yield home
    devservers.reset(home)


def ask(servers: devservers.Servers, sql: str) -> object:
    word = devservers.secrets(servers.home)["POSTGRES_PASSWORD"]
    connection = psycopg2.connect(host=str(servers.sockets), user=roles.MIGRATE, password=word, dbname="remedy")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql)
        answer = cursor.fetchone()[0] if cursor.description else None
    connection.close()
    return answer


def broker(servers: devservers.Servers) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(servers.redis_socket))


def count(servers: devservers.Servers) -> object:
    return ask(servers, "SELECT count(*) FROM kept")


def test_data_survive_a_stop_and_a_start(open_home):
    with devservers.Servers(open_home) as servers:
        ask(servers, "DROP TABLE IF EXISTS kept")
        ask(servers, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        broker(servers).set("kept", "yes")
    with devservers.Servers(open_home) as servers:
        assert count(servers) == 1000
        assert broker(servers).get("kept") == b"yes"


def test_data_survive_kill_9_of_both_servers(open_home):
    with devservers.Servers(open_home) as servers:
        ask(servers, "DROP TABLE IF EXISTS kept")
        ask(servers, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        broker(servers).set("kept", "yes")
        wait_until(lambda: broker(servers).info("persistence")["aof_pending_bio_fsync"] == 0)
        for child in (servers.postgres, servers.valkey):
            child.process.send_signal(signal.SIGKILL)
    with devservers.Servers(open_home) as servers:
        assert count(servers) == 1000
        assert broker(servers).get("kept") == b"yes"


def test_a_password_is_needed_and_the_application_is_no_superuser(open_home):
    with devservers.Servers(open_home) as servers:
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(host=str(servers.sockets), user="remedy", dbname="remedy")
        assert ask(servers, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


def test_a_private_parent_stays_private(private_home):
    parent = private_home.parent
    with devservers.Servers(private_home) as servers:
        assert ask(servers, "SELECT 1") == 1
        assert servers.postgres.process.poll() is None
    assert stat.S_IMODE(parent.stat().st_mode) == 0o700


def test_a_pid_file_that_names_another_process_is_no_obstacle(open_home):
    with devservers.Servers(open_home) as servers:
        data = servers.data
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    with devservers.Servers(open_home) as servers:
        assert ask(servers, "SELECT 1") == 1


def test_a_pid_file_that_names_a_zombie_is_no_obstacle(open_home):
    with devservers.Servers(open_home) as servers:
        data = servers.data
    zombie = subprocess.Popen(["true"])
    wait_until(lambda: start_time(zombie.pid) == "", what="the zombie")
    (data / "postmaster.pid").write_text(f"{zombie.pid}\n{data}\n")
    with devservers.Servers(open_home) as servers:
        assert ask(servers, "SELECT 1") == 1
    zombie.wait()


def test_an_empty_pid_file_is_no_obstacle(open_home):
    with devservers.Servers(open_home) as servers:
        data = servers.data
    (data / "postmaster.pid").write_text("")
    with devservers.Servers(open_home) as servers:
        assert ask(servers, "SELECT 1") == 1


def test_a_killed_first_start_leaves_no_half_cluster(private_home):
    with devservers.Servers(private_home) as servers:
        place = servers.place
    (place / "postgres").rename(place / "postgres.new")
    (place / "postgres.new" / "PG_VERSION").unlink()
    with devservers.Servers(private_home) as servers:
        assert ask(servers, "SELECT 1") == 1


def test_what_a_killed_command_left_is_stopped_by_the_next(open_home):
    code = f"""
import time
from pathlib import Path
from kt_remedy.devtools import devservers, processes
processes._die_with_parent = lambda number: None  # as on systems without that signal
with devservers.Servers(Path({str(open_home)!r})):
    print("up", flush=True)
    time.sleep(60)
"""
    command = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert command.stdout.readline() == b"up\n"
    command.kill()
    command.wait()
    rows = json.loads((open_home / "children.json").read_text())
    assert all(start_time(row["pid"]) == row["born"] for row in rows), "they outlived the command"

    assert stop_orphans(open_home / "children.json") == ["postgres", "valkey"]

    assert all(start_time(row["pid"]) != row["born"] for row in rows)
    with devservers.Servers(open_home) as servers:
        assert ask(servers, "SELECT 1") == 1


def test_an_orphan_without_a_record_is_stopped_too(open_home):
    orphan = devservers.Servers(open_home)
    with orphan:
        with devservers.Servers(open_home) as servers:
            assert ask(servers, "SELECT 1") == 1
        assert orphan.postgres.process.poll() is not None


def test_children_of_a_killed_command_stop_by_themselves(open_home):
    code = f"""
import time
from pathlib import Path
from kt_remedy.core import roles
from kt_remedy.devtools import devservers
with devservers.Servers(Path({str(open_home)!r})):
    print("up", flush=True)
    time.sleep(60)
"""
    command = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert command.stdout.readline() == b"up\n"
    rows = json.loads((open_home / "children.json").read_text())
    command.kill()
    command.wait()
    wait_until(lambda: all(start_time(row["pid"]) != row["born"] for row in rows), what="the children's end")


def test_a_long_path_gets_a_short_socket_folder(open_home):
    home = open_home.joinpath(*["a-rather-long-folder-name"] * 5)
    try:
        with devservers.Servers(home) as servers:
            assert len(str(servers.sockets)) < 60
            assert stat.S_IMODE(servers.sockets.stat().st_mode) == 0o700
            assert ask(servers, "SELECT 1") == 1
    finally:
        shutil.rmtree(servers.sockets)


def test_secrets_are_made_once_and_private(tmp_path):
    first = devservers.secrets(tmp_path)
    assert devservers.secrets(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert len(first["SECRET_KEY"]) >= 50


def test_lost_secrets_are_told_in_one_sentence(open_home):
    with devservers.Servers(open_home):
        pass
    kept = (open_home / "secrets.json").rename(open_home / "kept-secrets.json")
    with pytest.raises(devservers.ServerError, match="does not fit the database beside it"):
        devservers.Servers(open_home).__enter__()
    kept.replace(open_home / "secrets.json")


def test_damaged_secrets_are_told_in_one_sentence(tmp_path):
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(devservers.ServerError, match="is not valid JSON"):
        devservers.secrets(tmp_path)


def test_a_cluster_of_another_version_is_told_in_one_sentence(open_home):
    with devservers.Servers(open_home) as servers:
        data = servers.data
    made = (data / "PG_VERSION").read_text()
    (data / "PG_VERSION").write_text("12\n")
    with pytest.raises(devservers.ServerError, match="was made by PostgreSQL 12"):
        devservers.Servers(open_home).__enter__()
    (data / "PG_VERSION").write_text(made)


def test_only_one_command_holds_the_state(tmp_path):
    with (
        devservers.exclusive(tmp_path, purpose="the first"),
        pytest.raises(devservers.ServerError, match=r"the first \(process \d+\) is using"),
    ):
        devservers.exclusive(tmp_path, purpose="the second")
    devservers.exclusive(tmp_path, purpose="the third").close()


def test_reset_refuses_while_a_command_runs_and_then_removes_everything(private_home):
    with devservers.Servers(private_home) as servers, devservers.exclusive(private_home, purpose="a run"):
        place = servers.place
        with pytest.raises(devservers.ServerError, match="a run"):
            devservers.reset(private_home)
    devservers.reset(private_home)
    assert not private_home.exists()
    assert not place.exists()


def test_throw_away_servers_leave_nothing():
    with devservers.Servers(throw_away=True) as servers:
        home, sockets = servers.home, servers.sockets
        assert redis.Redis(unix_socket_path=str(servers.redis_socket)).ping()
    assert not home.exists()
    assert not sockets.exists()
