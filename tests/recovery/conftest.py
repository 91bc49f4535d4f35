"""A durable server of its own with the tables of the portal, whose log is archived encrypted."""

import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from kt_remedy.core import roles
from kt_remedy.devtools import devservers
from kt_remedy.portal.backup import make, restore
from tests.conftest import ROOT, wait_until


def key_pair() -> tuple[str, str]:
    """Public key and secret of `age`."""
    made = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout
    public = next(line for line in made.splitlines() if line.startswith("# public key: "))
    return public.removeprefix("# public key: "), made.splitlines()[-1]


@dataclass
class Place:
    """The server, its folders and the environment of a process that works on it."""

    servers: devservers.Servers
    folder: Path
    env: dict[str, str]
    identity: str

    @property
    def programs(self) -> str:
        return str(self.servers._postgres_binaries())

    def run(self, *argv: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run our interpreter in the environment of the server."""
        return subprocess.run(
            [sys.executable, *argv],
            cwd=ROOT,
            env=self.env | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def step(self, name: str, *argv: str, **more: str) -> str:
        """Carry out a step of `tests.recovery.steps`; returns what it printed."""
        done = self.run("-m", "tests.recovery.steps", name, *argv, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, sql: str, sockets: Path | None = None, database: str = devservers.DATABASE) -> object:
        """One statement as the superuser; returns its first value."""
        word = devservers.secrets(self.servers.home)["POSTGRES_PASSWORD"]
        host = str(sockets or self.servers.sockets)
        connection = psycopg2.connect(host=host, user="postgres", password=word, dbname=database)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchone()[0] if cursor.description else None
        finally:
            connection.close()

    def now(self) -> str:
        """The time of the server between two commits."""
        return self.ask("SELECT clock_timestamp()").astimezone(dt.UTC).isoformat()

    def archive(self) -> None:
        """Wait until everything that was committed lies in the archive."""
        segment = self.ask("SELECT pg_walfile_name(pg_switch_wal())")
        wait_until((self.folder / "backups/wal" / f"{segment}.age").exists, what=f"{segment} in the archive")

    def escrow(self, **changes: str) -> str:
        """A file with the keys, some of them changed."""
        names = {restore.IDENTITY: self.identity, **{name: self.env[name] for name in restore.KEYS}}
        path = self.folder / "escrow"
        path.write_text("".join(f"{name}={value}\n" for name, value in (names | changes).items()))
        return str(path)

    def drill(self, *argv: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        """`manage.py backup_drill` with a changed escrow."""
        return self.run("manage.py", "backup_drill", "--escrow", self.escrow(**changes), *argv)


@pytest.fixture(scope="package")
def place() -> Iterator[Place]:
    """A migrated server of its own that archives its log; PostgreSQL's programs stand on the path of its processes."""
    folder = Path(tempfile.mkdtemp(prefix="remedy-recovery-"))
    folder.chmod(0o755)
    public, identity = key_pair()
    try:
        with devservers.Servers(folder / ".local") as servers:
            wal = folder / "backups/wal"
            wal.mkdir(parents=True)
            if servers.user is not None:
                os.chown(wal, servers.user, servers.group)
            word = devservers.secrets(servers.home)["POSTGRES_PASSWORD"]
            sockets = str(servers.sockets).replace("/", "%2F")
            env = {
                **os.environ,
                "PATH": f"{servers._postgres_binaries()}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "DATABASE_URL": servers.database_url(),
                "MIGRATE_DATABASE_URL": servers.database_url(roles.MIGRATE),
                "REDIS_URL": servers.redis_url,
                "UPLOADS_DIR": str(folder / "uploads"),
                "AUDIT_HEADS_DIR": str(folder / "heads"),
                "BACKUP_DIR": str(folder / "backups"),
                "BACKUP_RECIPIENTS": public,
                "BACKUP_DATABASE_URL": f"postgres://postgres:{word}@{sockets}/postgres",
            }
            made = Place(servers, folder, env, identity)
            printed = made.run("manage.py", "backup", "--archiving")
            assert printed.returncode == 0, printed.stderr
            for statement in printed.stdout.splitlines():
                made.ask(statement)
            restart(servers)
            migrated = made.run("manage.py", "migrate", "--verbosity=0", "--no-input")
            assert migrated.returncode == 0, migrated.stderr
            made.ask("CREATE DATABASE fresh TEMPLATE remedy")
            made.ask(roles.database_sql("fresh"))
            yield made
    finally:
        devservers.reset(folder / ".local")
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Archive:
    """A backup, and the moment between the hand-over of the first file and the answer of the bank."""

    place: Place
    base: Path
    half_way: str


@pytest.fixture(scope="package")
def archive(place: Place) -> Archive:
    place.step("approved")
    made = place.run("manage.py", "backup")
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"base-\d{8}T\d{6}Z\.tar\.gz\.age: [\d,]+ bytes in [\d.]+ s\n", made.stdout)
    place.step("half_way")
    moment = place.now()
    place.step("answered")
    place.archive()
    (base,) = make.base_backups(place.folder / "backups")
    return Archive(place, base, moment)


def restart(servers: devservers.Servers) -> None:
    """Stop PostgreSQL, if it still runs, and start it again."""
    servers.processes.stop(servers.postgres)
    servers.start_postgres()
