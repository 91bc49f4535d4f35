"""`make run`: the whole portal on one machine, its servers and processes as children of this command."""

import datetime as dt
import json
import os
import shutil
import sys
import time
import unicodedata
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError, connection, transaction

from eligibility.feed import deliveries
from eligibility.feed.deliveries import IncompleteDelivery
from eligibility.feed.load import LoadRefusedError
from eligibility.feed.records import FeedError
from eligibility.models import Line
from kt_remedy import checks
from kt_remedy.core import clock, roles
from kt_remedy.devtools import demo_accounts, demo_applications, devservers, starting
from kt_remedy.devtools.demo_content import create_entries
from kt_remedy.devtools.demo_vouchers import create_vouchers
from kt_remedy.devtools.processes import Process, ProcessError, ProcessGroup, stop_orphans
from kt_remedy.devtools.sources import Sources
from kt_remedy.staff import service
from kt_remedy.staff.models import User

QUEUES = "rest,money,messages,perks"
# What runs the portal's code, as name and arguments of `python -m`; `make dev` starts these again when code is saved.
WEB = ("web", "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi")
# One worker for all queues: four would take some 400 MB and ten seconds of every start for a demonstration.
WORKER = (
    *("worker", "celery", "-A", "kt_remedy", "worker", "-c", "2", "-Q", QUEUES, "-l", "INFO"),
    *("--without-gossip", "--without-mingle"),
)
CAST_SHOWN = 8
ADDRESSES = ("DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL")


class Command(BaseCommand):
    help = "Start PostgreSQL, Valkey, web server, worker, beat and stand-ins; stop them all on Ctrl-C."
    requires_system_checks: list[str] = []  # they would ask the database before it runs

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--lines", type=int, default=5000, help="lines of the sample deliveries (first start)")
        parser.add_argument("--seed", type=int, default=1, help="what the sample deliveries are drawn from")
        parser.add_argument("--reload", action="store_true", help="serve what is saved (`make dev`)")

    def handle(self, *args: Any, lines: int, seed: int, reload: bool, **options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError(
                "This is a try-out on one machine; production starts its processes one by one (docs/operations.md)."
            )
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)  # progress is shown in a file or a pipe too
        self.began = time.monotonic()
        self.reload = reload
        _refuse_other_machines()
        port, sandbox_port = starting.port_of("PORT", "8000"), starting.port_of("SANDBOX_PORT", "8001")
        if port == sandbox_port:
            raise CommandError(f"PORT and SANDBOX_PORT are both {port}: set one of them to another port.")
        try:
            self._run(port, sandbox_port, lines, seed)
        except (devservers.ServerError, ProcessError) as error:
            raise CommandError(str(error)) from error

    def _run(self, port: int, sandbox_port: int, lines: int, seed: int) -> None:
        with devservers.exclusive(purpose=f"`make run` on port {port}"):
            orphans = stop_orphans(devservers.HOME / "children.json")
            if orphans:
                self.stdout.write(f"Stopped what a killed run had left behind: {', '.join(orphans)}.")
            for number, name in ((port, "PORT"), (sandbox_port, "SANDBOX_PORT")):
                starting.refuse_taken(number, name, command="make run")
            processes = ProcessGroup(record=devservers.HOME / "children.json", logs=devservers.HOME / "logs")
            servers = devservers.Servers(devservers.HOME, processes=processes)
            self._settle(servers, sandbox_port)
            try:
                with starting.until_stopped():
                    self._start(processes, servers, port, sandbox_port, lines, seed)
                    self._watch(processes)
            except starting.Stop:
                self.stdout.write("")
            finally:
                connection.close()
                processes.stop_all(on_progress=lambda name: self.stdout.write(f"Stopping {name}"))
            self.stdout.write("Stopped.")

    def _settle(self, servers: devservers.Servers, sandbox_port: int) -> None:
        """Keep secrets and addresses where every command reads them; begin again when they are new to this one."""
        values = {
            "REMEDY_NOW": os.environ.get("REMEDY_NOW", demo_applications.start().isoformat()),
            "SANDBOX_PORT": str(sandbox_port),
        }
        values |= {"DATABASE_URL": servers.database_url(), "REDIS_URL": servers.redis_url}
        values |= {"MIGRATE_DATABASE_URL": servers.database_url(roles.MIGRATE)}
        if os.environ.get("DATABASE_URL"):  # a server of one's own has an owner of its own
            values |= {"MIGRATE_DATABASE_URL": os.environ["DATABASE_URL"]}
        values |= {name: os.environ[name] for name in ADDRESSES if os.environ.get(name)}
        if devservers.save_secrets(values):
            sys.stdout.flush()
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606  (settings are read once)

    # the steps

    def _start(
        self, processes: ProcessGroup, servers: devservers.Servers, port: int, sandbox_port: int, lines: int, seed: int
    ) -> None:
        python = sys.executable
        env = {**os.environ, "PYTHONUNBUFFERED": "1", "PORT": str(port), "SANDBOX_PORT": str(sandbox_port)}
        env.setdefault("REMEDY_ENV", "development")
        if self.reload:
            env["REMEDY_RELOAD"] = "true"

        # The web server signs in with the role of its own; everything else here works as the worker.
        address = os.environ.get("DATABASE_URL") or servers.database_url(roles.WEB)

        def spawn(name: str, *argv: str) -> Process:
            more = {"DATABASE_URL": address} if name == WEB[0] else {}
            return processes.spawn(name, [python, "-m", *argv], env=env | more, cwd=devservers.ROOT)

        self.spawn = spawn
        if not os.environ.get("DATABASE_URL"):
            starting.step(self.stdout, "PostgreSQL", servers.start_postgres)
        else:
            starting.step(self.stdout, "Your PostgreSQL (DATABASE_URL)", _database_answers)
            _refuse_database_in_use()
        if not os.environ.get("REDIS_URL"):
            starting.step(self.stdout, "Valkey", servers.start_valkey)
        else:
            starting.step(self.stdout, "Your Redis (REDIS_URL)", _redis_answers)
        sandbox = spawn("stand-ins", "kt_remedy.devtools.sandbox")
        starting.step(self.stdout, "Tables", self._migrate)
        if not self.reload:
            starting.step(self.stdout, "Style sheets, scripts and fonts", starting.collect_static)
        web = spawn(*WEB)
        people = starting.step(self.stdout, "Staff for the demonstration", demo_accounts.create)
        demo_applications.name_duties()
        starting.step(self.stdout, "Vouchers for the demonstration", create_vouchers)
        starting.step(self.stdout, "Partners, plans and insurer for the demonstration", create_entries)
        starting.step(self.stdout, "Sample deliveries", lambda: self._deliveries(lines, seed))
        starting.step(
            self.stdout,
            "Stand-ins for the outside services",
            lambda: starting.answers(sandbox, f"http://127.0.0.1:{sandbox_port}/"),
        )
        starting.step(self.stdout, "Sample applications of the first days", self._applications)
        worker = spawn(*WORKER)
        spawn("beat", "celery", "-A", "kt_remedy", "beat", "-l", "INFO", "--pidfile=")
        starting.step(self.stdout, "Web server", lambda: starting.answers(web, f"http://127.0.0.1:{port}/readyz"))
        starting.step(self.stdout, "Worker and beat", lambda: starting.says(worker, "ready."))
        self._tell(port, sandbox_port, people)

    def _migrate(self) -> None:
        starting.migrate()
        # Before the demonstration begins, some people of the sample apply, each on a morning of their own.
        clock.start(min(_demo_start(), demo_applications.moments()[0] - dt.timedelta(hours=1)))

    def _deliveries(self, lines: int, seed: int) -> None:
        """Write the sample once and put in what is due; the calendar loads the rest when its day comes."""
        folder = Path(settings.DELIVERIES_DIR)
        if not folder.exists():
            draft = folder.with_name(folder.name + ".new")
            shutil.rmtree(draft, ignore_errors=True)
            call_command("sample_feed", str(draft), lines=lines, seed=seed, stdout=StringIO())
            draft.rename(folder)
        self._load_due()

    def _applications(self) -> None:
        """Let the sample's people apply, then set the clock to where the demonstration begins."""
        start = _demo_start()
        moments = [moment for moment in demo_applications.moments() if moment < start]
        for part, moment in enumerate(moments):
            if clock.now() < moment:
                clock.move_to(moment)
                demo_applications.apply_early(part, len(moments))
        if clock.now() < start:
            clock.move_to(start)
        self._load_due()

    def _load_due(self) -> None:
        try:
            deliveries.load_due()
        except (FeedError, LoadRefusedError, IncompleteDelivery) as error:
            raise CommandError(f"A sample delivery cannot be loaded: {error} `make reset` starts afresh.") from error

    def _watch(self, processes: ProcessGroup) -> None:
        """Wait until a child ends by itself, which ends everything.

        With `--reload`, code that was saved starts web server and worker again. Where it does not even load, they end,
        and the next save gives them another try.
        """
        sources = Sources(devservers.ROOT) if self.reload else None
        while True:
            if sources is not None and (saved := sources.saved()):
                self.stdout.write(f"Saved {saved}: web server and worker start again.")
                for name, *argv in (WEB, WORKER):
                    for child in [child for child in processes.children if child.name == name]:
                        processes.stop(child)
                    self.spawn(name, *argv)
            dead = processes.dead()
            if dead is not None and sources is not None and dead.name in {WEB[0], WORKER[0]}:
                self.stdout.write(f"{dead.name} ended and waits for the next save: {dead.last_line()} ({dead.log})")
                processes.stop(dead)
            elif dead is not None:
                raise ProcessError(
                    f"{dead.name} ended by itself (status {dead.process.returncode}), so the portal stopped:"
                    f" {dead.last_line()} (log: {dead.log})"
                )
            time.sleep(0.5)

    def _tell(self, port: int, sandbox_port: int, people: list[demo_accounts.DemoAccount]) -> None:
        now = clock.now().astimezone(clock.KST)
        cast = json.loads((Path(settings.DELIVERIES_DIR) / "people.json").read_text(encoding="utf-8"))
        customers = "\n".join(
            f"    {_padded(p['name'], 16)}{p['birth_date']:12}{p['phone']:13}{p['carrier']:6}{p['story']['en']}"
            for p in cast[:CAST_SHOWN]
        )
        members = "\n".join(
            f"    {p.username:12}{_padded(p.name, 8)}{', '.join(p.roles)}{f' ({p.store})' if p.store else ''}"
            for p in people
        )
        self.stdout.write(f"""
The portal runs: http://localhost:{port}/   (started in {time.monotonic() - self.began:.1f} s)

  Its clock says {now:%Y-%m-%d %H:%M} in Seoul; the bar on each page moves it forward.
  The phone's inbox (codes, messages) and the staff's authenticator: http://localhost:{sandbox_port}/

  Customers prove who they are with name, birth date, number and carrier; the code is in the inbox:
{customers}
    … and {len(cast) - CAST_SHOWN} more, whose stories stand in docs/walkthrough.md.

  Staff sign in at http://localhost:{port}/staff/login/ with the password {people[0].password}
  and the code the authenticator page shows for them:
{members}

  Logs: {devservers.HOME / "logs"}
  Stop with Ctrl-C; the data stay. `make reset` throws them away.
""")


def _demo_start() -> dt.datetime:
    assert settings.REMEDY_NOW is not None, "the command has kept one before"
    return settings.REMEDY_NOW


def _padded(text: str, columns: int) -> str:
    """Fill up to `columns` columns of a terminal, where Hangul takes two."""
    taken = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
    return text + " " * max(1, columns - taken)


def _refuse_other_machines() -> None:
    """The demonstration has staff whose passwords everybody can read: it lands on this machine alone."""
    away = [name for name in ADDRESSES if os.environ.get(name) and not checks.is_of_this_machine(os.environ[name])]
    if away:
        raise CommandError(
            f"{' and '.join(away)} name a server on another machine: a try-out writes its accounts on this one alone."
        )


def _refuse_database_in_use() -> None:
    """A database with people and without the demonstration's accounts is somebody's, whatever REMEDY_ENV says."""
    try:
        with transaction.atomic():
            in_use = User.objects.exists() or Line.objects.exists()
    except ProgrammingError:
        return  # no tables yet
    if in_use and not service.has_demonstration_accounts():
        raise CommandError(
            "DATABASE_URL names a database that holds accounts or lines and was made by no try-out: name an empty one."
        )


def _database_answers() -> None:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise CommandError(f"DATABASE_URL names a PostgreSQL that does not answer: {str(error).strip()}") from None
    if connection.connection.server_version < 150000:
        raise CommandError("DATABASE_URL names a PostgreSQL that is too old: 15 or later is needed.")


def _redis_answers() -> None:
    from kombu import Connection

    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=5) as broker:
            broker.ensure_connection(max_retries=1, timeout=5)
    except Exception as error:
        raise CommandError(f"REDIS_URL names a Redis that does not answer: {error}") from None
