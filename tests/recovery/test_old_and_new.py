"""The code of the release before and that of today, side by side on the tables of today, as during an upgrade.

The release before is taken from the history of the repository. Both take applications at the same time, and a round
goes from hand to hand: each of them continues what the other began, and both find the money right.
"""

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from kt_remedy.core import roles
from tests.conftest import ROOT, Process, free_port, wait_until
from tests.recovery.conftest import Place

pytestmark = pytest.mark.soak  # starts servers, a minute for each file

# Moved on with each release, as tests/cases/released.csv.
RELEASE_BEFORE = "594acba441ef8b4213384ac3e36bd69032f4f353"
LINES = 40


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the release before."""
    packed = subprocess.run(["git", "archive", RELEASE_BEFORE], cwd=ROOT, capture_output=True, check=False)
    assert packed.returncode == 0, f"the history does not reach {RELEASE_BEFORE}: git fetch --unshallow"
    folder = tmp_path_factory.mktemp("former")
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Code:
    """One of the two releases, at work on the database of both."""

    def __init__(self, place: Place, folder: Path, database: str) -> None:
        self.place, self.folder = place, folder
        urls = {name: place.env[name] for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL")}
        moved = {name: urlunsplit(urlsplit(url)._replace(path=f"/{database}")) for name, url in urls.items()}
        kept = {name: str(place.folder / name.lower()) for name in ("UPLOADS_DIR", "AUDIT_HEADS_DIR")}  # of both alone
        self.env = place.env | moved | kept | {"PYTHONPATH": str(folder), "REMEDY_ENV": "development"}

    def argv(self, step: str, *argv: str) -> list[str]:
        return [sys.executable, "-m", "tests.recovery.steps", step, *argv]

    def run(self, argv: list[str]) -> str:
        done = subprocess.run(
            argv, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def step(self, name: str, *argv: str) -> str:
        return self.run(self.argv(name, *argv))

    def manage(self, *argv: str) -> str:
        return self.run([sys.executable, "manage.py", *argv])

    def start(self, step: str, *argv: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.argv(step, *argv), cwd=self.folder, env=self.env, stdout=subprocess.PIPE, text=True
        )


@pytest.fixture(scope="module")
def both(place: Place, former: Path) -> Iterator[tuple[Code, Code]]:
    """The release before, at whose tables the upgrade begins, and the code of today, on one database."""
    place.ask("CREATE DATABASE upgraded")
    place.ask(roles.database_sql("upgraded"))
    yield Code(place, former, "upgraded"), Code(place, ROOT, "upgraded")
    place.ask("DROP DATABASE upgraded WITH (FORCE)")


def test_both_releases_work_on_the_tables_of_today(both: tuple[Code, Code]) -> None:
    old, new = both
    old.manage("migrate", "--no-input", "--verbosity=0")
    old.step("approved")
    # The tables change while the old processes work: one of them goes on through it.
    rows = [":".join(row.split()) for row in old.step("prepare", str(LINES)).splitlines()]
    with old.start("file", *rows[: LINES // 2]) as filing:
        new.manage("migrate", "--no-input", "--verbosity=0")
        filed = filing.communicate(timeout=300)[0].split()
    rows = rows[LINES // 2 :]
    with old.start("file", *rows[::2]) as first, new.start("file", *rows[1::2]) as second:
        filed += first.communicate(timeout=300)[0].split() + second.communicate(timeout=300)[0].split()
    assert len(set(filed)) == LINES

    new.step("half_way")  # continues the round that the old one began
    old.step("answered")  # and the old one what the new one made
    for code in both:
        code.manage("verify_money")
    new.manage("verify_audit")
    old.manage("verify_audit")


def test_a_web_server_of_the_release_before_serves_people(both: tuple[Code, Code]) -> None:
    old, new = both
    new.manage("migrate", "--no-input", "--verbosity=0")
    port = free_port()
    web = {"DATABASE_URL": old.env["DATABASE_URL"].replace(roles.WORKER, roles.WEB, 1), "REMEDY_RELOAD": "on"}
    argv = [sys.executable, "-m", "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi"]
    server = Process(argv, env=old.env | web | {"PORT": str(port)}, cwd=old.folder)
    try:

        def ready() -> bool:
            assert server.process.poll() is None, server.log
            try:
                return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200
            except httpx.TransportError:
                return False

        wait_until(ready, what="the old web server on the new tables")
        for path in ("/", "/identity/", "/notices/", "/staff/login/"):
            answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30, follow_redirects=True)
            assert answer.status_code < 500, (path, answer.status_code)
    finally:
        server.stop()
