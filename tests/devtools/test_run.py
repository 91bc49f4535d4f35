"""`make run` on a fresh copy of the source: starts, answers, refuses a second, survives kill -9, stops in order."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kt_remedy.devtools.processes import start_time
from tests.conftest import ROOT, free_port, wait_until

pytestmark = pytest.mark.slow  # each test starts processes

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".local", "static_root", "__pycache__", "tests", ".*_cache", ".hypothesis"
)
READY = "Stop with Ctrl-C"


class Copy:
    """A fresh copy of the source with our interpreter, an empty environment and ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "source"
        shutil.copytree(ROOT, self.folder, ignore=LEFT_OUT)
        self.ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
        self.log = folder / "log"
        self.command: subprocess.Popen | None = None

    def env(self, **more: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "REMEDY_ENV": "development", **self.ports, **more}

    def start(self, *more: str) -> float:
        """Start and wait until it says so; returns the seconds that took."""
        began = time.monotonic()
        argv = [sys.executable, "manage.py", "run", "--lines", "600", *more]
        with self.log.open("w") as output:
            self.command = subprocess.Popen(
                argv, cwd=self.folder, env=self.env(), stdout=output, stderr=subprocess.STDOUT
            )
        wait_until(
            lambda: READY in self.said() or self.command.poll() is not None, seconds=300, what="the portal's start"
        )
        assert self.command.poll() is None, self.said()
        return time.monotonic() - began

    def said(self) -> str:
        return self.log.read_text()

    def once(self, *argv: str, **env: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *argv], cwd=self.folder, env=self.env(**env), capture_output=True, text=True, check=False
        )

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.command.send_signal(number)
        return self.command.wait(60)

    def children(self) -> list[dict]:
        return json.loads((self.folder / ".local" / "children.json").read_text())

    def lines(self) -> int:
        """Number of lines in the register, as a command beside the running portal reads it."""
        code = "from eligibility.models import Line; print(Line.objects.count())"
        return int(self.once("manage.py", "shell", "--no-imports", "-c", code).stdout)

    def roles(self) -> set[str]:
        """The database roles of the processes that have a session at this moment."""
        sql = "SELECT DISTINCT usename FROM pg_stat_activity WHERE usename LIKE %s AND pid <> pg_backend_pid()"
        code = f"from django.db import connection as c; k = c.cursor(); k.execute({sql!r}, ['remedy%']);"
        code += " print(*(name for (name,) in k.fetchall()))"
        return set(self.once("manage.py", "shell", "--no-imports", "-c", code).stdout.split())

    def ask(self, path: str) -> tuple[int, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['PORT']}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def copy() -> Iterator[Copy]:
    yield from run_copy(Copy)


def run_copy(kind: type[Copy]) -> Iterator[Copy]:
    """A copy in a folder of its own, stopped and thrown away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-copy-"))
    folder.chmod(0o755)
    made = kind(folder)
    yield made
    if made.command and made.command.poll() is None:
        made.stop()
    subprocess.run(
        [sys.executable, "-m", "kt_remedy.devtools.devservers", "reset"], cwd=made.folder, env=made.env(), check=False
    )
    shutil.rmtree(folder)


def test_the_portal_starts_serves_and_keeps_its_data(copy):
    copy.start()
    said = copy.said()
    assert f"http://localhost:{copy.ports['PORT']}/" in said
    assert f"http://localhost:{copy.ports['SANDBOX_PORT']}/" in said
    assert "2026-01-20" in said
    assert "홍길동" in said
    for role in ("clerk", "store_manager", "agent", "reviewer", "supervisor", "maker", "checker", "auditor", "admin"):
        assert role in said
    assert copy.ask("/readyz")[0] == 200
    status, home = copy.ask("/")
    assert status == 200
    assert "/static/" in home

    wait_until(lambda: copy.roles() == {"remedy_web", "remedy_worker"}, what="a session of each role and no other")

    second = copy.once("manage.py", "run", PORT=str(free_port()), SANDBOX_PORT=str(free_port()))
    assert second.returncode == 1
    assert f"`make run` on port {copy.ports['PORT']}" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1

    reset = copy.once("-m", "kt_remedy.devtools.devservers", "reset")
    assert reset.returncode == 1
    assert "Stop it first" in reset.stderr

    lines = copy.lines()
    assert lines > 500
    rows = copy.children()
    assert [row["name"] for row in rows][:2] == ["postgres", "valkey"]
    assert copy.stop() == 0
    said = copy.said()
    assert said.index("Stopping worker") < said.index("Stopping valkey") < said.index("Stopping postgres")
    assert all(start_time(row["pid"]) != row["born"] for row in rows)

    copy.start()
    assert copy.lines() == lines


def test_a_killed_portal_starts_again(copy):
    rows = copy.children()
    copy.command.kill()
    copy.command.wait()
    copy.start()
    assert copy.ask("/readyz")[0] == 200
    assert all(start_time(row["pid"]) != row["born"] for row in rows)


def test_a_child_that_dies_stops_everything(copy):
    rows = {row["name"]: row for row in copy.children()}
    os.kill(rows["valkey"]["pid"], signal.SIGKILL)
    assert copy.command.wait(120) == 1
    assert "valkey ended by itself" in copy.said()
    assert all(start_time(row["pid"]) != row["born"] for row in rows.values())


def test_what_is_saved_is_served_without_a_restart(copy):
    def edit(name: str, before: str, after: str) -> None:
        path = copy.folder / name
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after, 1))

    def serves(path: str, text: str) -> bool:
        try:
            return text in copy.ask(path)[1]
        except OSError:  # the web server starts again
            return False

    copy.start("--reload")
    edit("templates/base.html", "</main>", "<!-- an edit --></main>")
    assert serves("/", "<!-- an edit -->")
    edit("static/css/frame.css", ":root", "/* an edit */ :root")
    assert serves("/static/css/frame.css", "/* an edit */")
    edit("kt_remedy/wsgi.py", "import os", "import os, no_such_module")
    wait_until(lambda: "web ended and waits" in copy.said(), seconds=60, what="the end of what does not load")
    edit("kt_remedy/wsgi.py", "import os, no_such_module", "import os")
    edit("kt_remedy/core/health.py", '{"status": "ok"}', '{"status": "an edit"}')
    wait_until(lambda: serves("/livez", "an edit"), seconds=60, what="the edited view")
    assert copy.stop() == 0


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_taken_port_is_told_in_one_sentence(copy, name):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = copy.once("manage.py", "run", **{name: str(port)})
    assert done.returncode == 1
    assert f"Port {port} cannot be used" in done.stderr
    assert f"`make run {name}=" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"PORT": "http"}, "PORT is 'http'"),
        ({"PORT": "8000", "SANDBOX_PORT": "8000"}, "PORT and SANDBOX_PORT are both 8000"),
        (
            {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"},
            "DATABASE_URL names a PostgreSQL that does not answer",
        ),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "REDIS_URL names a Redis that does not answer"),
        (
            {"DATABASE_URL": "postgres://remedy@db.example.kr/remedy", "REDIS_URL": "rediss://:word@10.0.0.7/0"},
            "DATABASE_URL and REDIS_URL name a server on another machine",
        ),
    ],
)
def test_a_wrong_environment_is_told_in_one_sentence(copy, env, sentence):
    done = copy.once("manage.py", "run", **env)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_reset_throws_the_data_away(copy):
    done = copy.once("-m", "kt_remedy.devtools.devservers", "reset")
    assert done.returncode == 0
    assert not (copy.folder / ".local").exists()
