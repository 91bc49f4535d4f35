"""`make cluster`: the whole way on two of each process, calmly and while one of each kind is killed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import dj_database_url
import httpx
import psycopg2
import pytest
from django.core.management import call_command
from django.db import connection

from kt_remedy.devtools import devservers, sample_register
from kt_remedy.devtools.cluster import EACH, QUEUES
from kt_remedy.devtools.processes import start_time
from refunds.models.applications import Filing
from tests.conftest import ROOT, free_port, wait_until
from tests.journeys.test_whole_way import Person, walk

pytestmark = [pytest.mark.soak]

READY = "Stop with Ctrl-C"
# Each is killed at once, between two acts of the way; the next only when the one before works again.
KILLED = [
    ["web-1"],
    ["beat-1"],
    [f"worker-{queue}-1" for queue in QUEUES],
    ["pooler-1"],
    ["valkey-1"],
    ["replica"],
    ["web-2"],
    [f"worker-{queue}-2" for queue in QUEUES],
    ["pooler-2"],
    ["beat-2"],
    ["valkey-2"],
    ["metrics"],
]


class Running:
    """The command as somebody starts it, and what it tells about its processes."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        kept = ("SECRET_KEY", "FIELD_KEYS", "INDEX_KEY", "AUDIT_KEYS")  # the test reads rows with the same keys
        more = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port()), "REMEDY_NOW": "2026-01-15T10:00+09:00"}
        with self.log.open("w") as output:
            self.command = subprocess.Popen(
                [sys.executable, "manage.py", "cluster", "--lines", str(sample_register.smallest())],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **more, **{name: os.environ[name] for name in kept}},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: READY in self.said() or self.command.poll() is not None, seconds=300, what="the cluster")
        assert self.command.poll() is None, self.said()
        self.home = Path(re.search(r"Settings, processes and logs: (\S+)", self.said())[1])
        self.values = devservers.secrets(self.home)
        self.site = f"http://localhost:{self.values['PORT_SITE']}"
        self.stand_ins = f"http://localhost:{self.values['SANDBOX_PORT']}"

    def said(self) -> str:
        return self.log.read_text()

    def processes(self) -> dict[str, dict]:
        return {row["name"]: row for row in json.loads((self.home / "children.json").read_text())}

    def kill(self, name: str) -> None:
        os.killpg(self.processes()[name]["pid"], signal.SIGKILL)

    def works(self, name: str, earlier: dict) -> bool:
        """True once another process of this name than the earlier one is there and does its work."""
        row = self.processes().get(name)
        if row is None or row["pid"] == earlier["pid"]:
            return False
        if name.startswith("worker-"):
            return (self.home / "logs" / f"{name}.log").read_text(errors="replace").count("ready.") > 1
        port = self.values.get(f"PORT_{name.upper().replace('-', '_')}")
        if port is None:
            return True
        if name.startswith("web-"):
            with suppress(httpx.TransportError):
                return httpx.get(f"http://localhost:{port}/readyz", timeout=5).status_code == 200
            return False
        with suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), 1):
            return True
        return False

    def stop(self) -> None:
        """Ctrl-C ends everything and leaves nothing behind."""
        rows = self.processes()
        self.command.send_signal(signal.SIGINT)
        assert self.command.wait(180) == 0, self.said()
        assert [name for name, row in rows.items() if start_time(row["pid"]) == row["born"]] == []
        assert not self.home.exists()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    try:
        yield running
        running.stop()
    finally:
        running.command.kill()


@pytest.fixture
def rows(cluster: Running, django_db_blocker) -> Iterator[None]:
    """Let this process read the rows of the cluster as a worker does."""
    with django_db_blocker.unblock():
        connection.close()
        before = dict(connection.settings_dict)
        address = dj_database_url.parse(cluster.values["DATABASE_URL"])
        connection.settings_dict |= {name: address[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
        yield
        connection.close()
        connection.settings_dict |= before


@pytest.fixture
def faults() -> list[str]:
    """Answers of 500 and above, and requests without an answer, that somebody met."""
    return []


@pytest.fixture
def someone(browser, cluster: Running, faults: list[str]) -> Iterator[Callable[[], Person]]:
    opened = []

    def open_one() -> Person:
        one = Person(browser, cluster.site, cluster.stand_ins)
        one.context.on(
            "response", lambda answer: faults.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None
        )
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        one.context.close()


@pytest.fixture
def visitors(cluster: Running, faults: list[str]) -> Iterator[list[float]]:
    """Two people who look at public pages all the time; gives the seconds of each answer."""
    over, seconds = threading.Event(), []

    def look() -> None:
        with httpx.Client(base_url=cluster.site, timeout=30) as http:
            while not over.wait(0.1):
                for path in ("/", "/identity/", "/my/"):
                    began = time.monotonic()
                    try:
                        answer = http.get(path)
                    except httpx.TransportError as error:
                        faults.append(f"{type(error).__name__} {path}")
                        continue
                    seconds.append(time.monotonic() - began)
                    if answer.status_code >= 500:
                        faults.append(f"{answer.status_code} {path}")

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield seconds
    over.set()
    for thread in threads:
        thread.join(60)


@pytest.mark.parametrize("killed", [[], KILLED], ids=["calmly", "one-of-each-kind-killed"])
def test_the_whole_way_on_the_cluster(
    cluster: Running, rows: None, someone, visitors: list[float], faults: list[str], tmp_path: Path, killed: list
) -> None:
    assert two_of_each(cluster)
    waiting, before = list(killed), {}

    def between() -> None:
        for name, earlier in before.items():
            wait_until(lambda name=name, earlier=earlier: cluster.works(name, earlier), seconds=120, what=name)
        before.clear()
        if waiting:
            for name in waiting.pop(0):
                before[name] = cluster.processes()[name]
                cluster.kill(name)

    walk(someone, tmp_path, between)
    assert waiting == []
    between()
    print(f"{len(visitors):,} looks beside it, the slowest {max(visitors):.1f} s")
    assert faults == []
    # Nothing is lost or paid twice.
    assert Filing.objects.count() == 2
    call_command("verify_money")
    wait_until(lambda: httpx.get(f"{cluster.site}/pulsez").status_code == 200, seconds=180, what="the pulse")
    figures = httpx.get(f"http://127.0.0.1:{cluster.values['PORT_METRICS']}/metrics", timeout=30).text
    assert "remedy_database_up 1.0" in figures
    assert "django_http_requests_total_by_view" in figures
    wait_until(lambda: on_the_replica(cluster, "SELECT count(*) FROM refunds_filing") == 2, what="the replica")


def two_of_each(cluster: Running) -> bool:
    """Each kind of process is there twice, and the servers are users of their own where root started them."""
    kinds = ["web", "beat", "pooler", "valkey", *(f"worker-{queue}" for queue in QUEUES)]
    found = cluster.processes()
    assert {f"{kind}-{n}" for kind in kinds for n in range(1, EACH + 1)} <= set(found)
    if os.geteuid() == 0:
        servers = ("postgres", "pooler-1", "proxy", "replica", "sentinel", "valkey-1")
        owners = {name: Path(f"/proc/{found[name]['pid']}").stat().st_uid for name in servers}
        assert len(set(owners.values()) - {0}) == len(servers), owners
    return True


def on_the_replica(cluster: Running, sql: str) -> object:
    url = cluster.values["DATABASE_URL"].replace(cluster.values["PORT_PRIMARY"], cluster.values["PORT_REPLICA"])
    session = psycopg2.connect(url)
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery()")
            assert cursor.fetchone() == (True,)
            cursor.execute(sql)
            return cursor.fetchone()[0]
    finally:
        session.close()


def test_a_taken_port_is_named() -> None:
    """One sentence, before anything is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "manage.py", "cluster"], cwd=ROOT, env={"PATH": os.environ["PATH"], "PORT": port},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"Port {port} cannot be used" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
