"""The place of a rehearsal: its folder, its servers and processes, and what of the run has ended.

A run has a folder of its own, named by its lines. What ended stands in `state.json`, so that a run that was stopped, by
Ctrl-C or by a kill, goes on where it was. Nothing of Django is imported before its settings stand.
"""

import datetime as dt
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from benchmarks import harness
from kt_remedy.core import roles
from kt_remedy.devtools import devservers
from kt_remedy.devtools.processes import Process, ProcessError, ProcessGroup, stop_orphans

RUNS = devservers.ROOT / ".rehearsal"
# A worker for each queue, as in production; messages and perks wait for nobody but the database.
QUEUES = {"rest": 1, "money": 1, "messages": 1, "perks": 2}
# Bytes that a line needs, as seen at 200,000 lines: of deliveries, of the database, and there for each month of grants.
# Whatever the size, the log of the database grows to four gigabytes.
DELIVERY_BYTES, DATABASE_BYTES, GRANT_BYTES, LEAST_BYTES = 325, 1_500, 180, 5_000_000_000


class Unfinished(Exception):
    """The run cannot go on; the message is one sentence that says why."""


def bytes_needed(lines: int, months: int) -> tuple[int, int]:
    """Bytes of disk that a run of so many lines and months of grants needs: of deliveries, of the database."""
    return lines * DELIVERY_BYTES, lines * (DATABASE_BYTES + months * GRANT_BYTES) + LEAST_BYTES


def require_disk(folder: Path, lines: int, months: int, *, free: int | None = None) -> str:
    """Say what disk a run needs. Raises Unfinished where the disk of `folder` has less; `free` stands in for it."""
    deliveries, database = bytes_needed(lines, months)
    free = shutil.disk_usage(folder).free if free is None else free
    needs = (
        f"{lines:,} lines need about {_gb(deliveries)} GB of deliveries and {_gb(database)} GB of database;"
        f" {_gb(free)} GB are free in {folder}"
    )
    if free < deliveries + database:
        raise Unfinished(f"{needs}: too little. Free the rest, or rehearse with fewer --lines.")
    return f"{needs}."


def _gb(size: int) -> str:
    return f"{size / 1e9:,.1f}"


class State:
    """What of a run has ended, with its figures, kept in one file that is replaced whole."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.json"
        try:
            self.kept: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self.kept = {"starts": 0, "stages": {}}

    @property
    def stages(self) -> dict[str, dict[str, Any]]:
        """The stages that ended, by name: seconds, memory, disk, figures."""
        return self.kept["stages"]

    def save(self, **values: Any) -> None:
        """Keep more values."""
        self.kept |= values
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(self.kept, ensure_ascii=False, indent=1), encoding="utf-8")
        draft.replace(self.path)


class Place:
    """Folder, servers and processes of a run; a context manager that starts the servers and stops everything.

    Raises Unfinished, devservers.ServerError and processes.ProcessError.
    """

    def __init__(self, folder: Path, *, start: dt.datetime) -> None:
        self.folder, self.start = folder, start
        self.home = folder / "home"
        self.port, self.sandbox_port = harness.free_port(), harness.free_port()
        self.processes: ProcessGroup | None = None
        self.servers: devservers.Servers | None = None
        self._lock: TextIO | None = None

    @property
    def sandbox(self) -> str:
        """Address of the stand-ins for the outside services."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def site(self) -> str:
        """Address of the web server."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Place":
        self.home.mkdir(parents=True, exist_ok=True)
        self._lock = devservers.exclusive(self.home, purpose="`make rehearse`")
        stop_orphans(self.home / "children.json")
        self.processes = ProcessGroup(record=self.home / "children.json", logs=self.folder / "logs")
        self.servers = devservers.Servers(self.home, processes=self.processes)
        try:
            self.servers.start_valkey()
            self.servers.start_postgres()
            harness.set_up(
                self.servers,
                self.folder,
                roles.WORKER,
                REMEDY_NOW=self.start.isoformat(),
                SANDBOX_PORT=str(self.sandbox_port),
                PORT=str(self.port),
                ROUNDS_NEED_APPROVAL="true",
                SMS_PER_SECOND="100000",
                PYTHONUNBUFFERED="1",
            )
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        assert self.processes is not None
        self.processes.stop_all()
        if self._lock is not None:
            self._lock.close()

    def start_processes(self) -> None:
        """Start the stand-ins, the web server, a worker for each queue and beat; returns once the pages are served."""
        from kt_remedy.devtools import starting  # needs the settings

        assert self.servers is not None
        python = [sys.executable, "-m"]
        stand_ins = self.spawn("stand-ins", *python, "kt_remedy.devtools.sandbox")
        web = self.spawn(
            "web",
            *(*python, "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi"),
            DATABASE_URL=self.servers.database_url(roles.WEB),
            REMEDY_PROCESS="web",
            # Static files that need no collecting.
            DJANGO_SETTINGS_MODULE="benchmarks.site_settings",
        )
        celery = (*python, "celery", "-A", "kt_remedy")
        for queue, number in QUEUES.items():
            options = ("-Q", queue, "-c", str(number), "-n", f"{queue}@rehearsal", "--without-gossip")
            self.spawn(f"worker-{queue}", *celery, "worker", *options, "--without-mingle")
        self.spawn("beat", *celery, "beat", "--pidfile=")
        starting.answers(stand_ins, self.sandbox)
        starting.answers(web, f"{self.site}/readyz")

    def spawn(self, name: str, *argv: str, **environment: str) -> Process:
        """Start a process with the environment of the run."""
        assert self.processes is not None
        return self.processes.spawn(name, argv, env={**os.environ, **environment}, cwd=devservers.ROOT)

    def wait(self, done: Callable[[], object], what: str, *, seconds: float = 24 * 3600, every: float = 0.3) -> None:
        """Wait until `done` is true. Raises Unfinished where a process ended by itself, or after `seconds`."""
        assert self.processes is not None
        deadline = time.monotonic() + seconds
        while not done():
            if dead := self.processes.dead():
                raise ProcessError(f"{dead.name} ended by itself: {dead.last_line()} (log: {dead.log})")
            if time.monotonic() > deadline:
                raise Unfinished(f"{what} did not come within {seconds:.0f} seconds.")
            time.sleep(every)


def remove(folder: Path) -> None:
    """Throw a run away, with the servers that a kill left behind."""
    if folder.exists():
        devservers.reset(folder / "home")
        shutil.rmtree(folder)
