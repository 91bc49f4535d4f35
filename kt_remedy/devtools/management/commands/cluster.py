"""`make cluster`: on one machine what production has on many, for a look and for the tests."""

import os
import shutil
import sys
import tempfile
import time
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from kt_remedy.core import clock, file_stores
from kt_remedy.devtools import demo_accounts, demo_applications, devservers, starting
from kt_remedy.devtools.cluster import Cluster, plan
from kt_remedy.devtools.demo_content import create_entries
from kt_remedy.devtools.demo_vouchers import create_vouchers
from kt_remedy.devtools.processes import ProcessError

FOLDER = "REMEDY_CLUSTER"  # set when the command has begun again with the settings of its cluster


class Command(BaseCommand):
    help = (
        "Start two web servers behind HAProxy and PgBouncer, two workers of each queue, two beats, a replica, an object"
        " store, Valkey with a sentinel, and figures for Prometheus, with invented data. PORT (8000) and SANDBOX_PORT"
        " (8001) name the ports. Ctrl-C stops everything and throws it away."
    )
    requires_system_checks: list[str] = []  # they would ask the database before it runs

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--lines", type=int, default=600, help="lines of the sample deliveries")
        parser.add_argument("--seed", type=int, default=1, help="what the sample deliveries are drawn from")

    def handle(self, *args: Any, lines: int, seed: int, **options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError("This is a try-out on one machine; docs/operations.md says how production is started.")
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        if not os.environ.get(FOLDER):
            self._begin_again()
        home = Path(os.environ[FOLDER])
        self.began = time.monotonic()
        self.cluster = Cluster(home, devservers.secrets(home))
        try:
            self._run(lines, seed)
        except (devservers.ServerError, ProcessError) as error:
            raise CommandError(f"{error} The logs stay in {home / 'logs'}.") from error
        shutil.rmtree(home, ignore_errors=True)
        self.stdout.write("Stopped; its data are gone.")

    def _begin_again(self) -> None:
        """Draw ports and passwords, and start this command anew with them, because settings are read once."""
        site, stand_ins = starting.port_of("PORT", "8000"), starting.port_of("SANDBOX_PORT", "8001")
        for port, name in ((site, "PORT"), (stand_ins, "SANDBOX_PORT")):
            starting.refuse_taken(port, name, command="make cluster")
        home = Path(tempfile.mkdtemp(prefix="remedy-cluster-"))
        home.chmod(0o711)  # each server enters its own folder below
        now = os.environ.get("REMEDY_NOW", demo_applications.moments()[0].isoformat())
        values = plan(home, site=site, stand_ins=stand_ins, now=now)
        sys.stdout.flush()
        argv = [sys.executable, *sys.argv]
        env = {"LOG_LEVEL": "WARNING", **os.environ, **values, FOLDER: str(home)}  # of this command alone
        os.execve(sys.executable, argv, env)  # noqa: S606

    def _run(self, lines: int, seed: int) -> None:
        cluster = self.cluster
        try:
            with starting.until_stopped():
                self._start(cluster, lines, seed)
                self._tell(cluster)
                cluster.watch(self.stdout.write)
        except starting.Stop:
            self.stdout.write("")
        finally:
            connection.close()
            cluster.processes.stop_all(on_progress=lambda name: self.stdout.write(f"Stopping {name}"))

    def _start(self, cluster: Cluster, lines: int, seed: int) -> None:
        for name, work in {
            "PostgreSQL, the primary": cluster.start_primary,
            "PostgreSQL, a streaming replica": cluster.start_replica,
            "Two Valkeys and a sentinel": cluster.start_valkeys,
            "An object store": cluster.start_store,
            "Tables": self._tables,
            "Style sheets, scripts and fonts": starting.collect_static,
            "PgBouncer and HAProxy": cluster.start_ways,
            "Staff, vouchers and texts for the demonstration": self._people,
            "Sample deliveries": lambda: self._deliveries(cluster.home / "sample", lines, seed),
            "Stand-ins for the outside services": cluster.start_stand_ins,
        }.items():
            starting.step(self.stdout, name, work)
        cluster.start_portal()
        starting.step(self.stdout, "Web servers, workers, beats, figures", cluster.wait_for_portal)

    def _tables(self) -> None:
        starting.migrate()
        self.cluster.limit_the_web(settings.STATEMENT_TIMEOUTS)
        clock.start()

    def _people(self) -> None:
        demo_accounts.create()
        demo_applications.name_duties()
        create_vouchers()
        create_entries()

    def _deliveries(self, folder: Path, lines: int, seed: int) -> None:
        """Write the sample and put it where the billing system would: beat and workers load what is due."""
        call_command("sample_feed", str(folder), lines=lines, seed=seed, stdout=StringIO())
        store = file_stores.at(settings.DELIVERIES_DIR)
        for path in sorted(folder.glob("*/*")):  # the manifest of a day comes behind its files
            store.put_bytes(str(path.relative_to(folder)), path.read_bytes())

    def _tell(self, cluster: Cluster) -> None:
        now = clock.now().astimezone(clock.KST)
        ports = cluster.values
        who = "each process is a user of its own"
        if cluster.users.of("web") is None:
            who = "all processes are yours, because only root may start them as others"
        elif not cluster.portal_users:
            who = (
                "each server is a user of its own; the portal's processes are root's, because no other user can\n"
                "  read the code or the interpreter"
            )
        self.stdout.write(f"""
The cluster runs: http://localhost:{ports["PORT_SITE"]}/   (started in {time.monotonic() - self.began:.1f} s)

  Its clock says {now:%Y-%m-%d %H:%M} in Seoul. The phone's inbox and the staff's authenticator: http://localhost:{ports["SANDBOX_PORT"]}/
  Staff sign in at http://localhost:{ports["PORT_SITE"]}/staff/login/; the page says how.

  HAProxy        site {ports["PORT_SITE"]}, database {ports["PORT_DATABASE"]}
  web servers    {ports["PORT_WEB_1"]}, {ports["PORT_WEB_2"]}
  PgBouncer      {ports["PORT_POOLER_1"]}, {ports["PORT_POOLER_2"]}
  PostgreSQL     primary {ports["PORT_PRIMARY"]}, replica {ports["PORT_REPLICA"]}
  Valkey         {ports["PORT_VALKEY_1"]}, {ports["PORT_VALKEY_2"]}, sentinel {ports["PORT_SENTINEL"]}
  object store   {ports["AWS_ENDPOINT_URL_S3"]}/
  figures        http://127.0.0.1:{ports["PORT_METRICS"]}/metrics
  and two workers of each queue, two beats. A process that ends is started again.

  Users: {who}.
  In the database the web is remedy_web, workers, beats and figures are remedy_worker, the replica is remedy_replica,
  each with a password of its own.
  Settings, processes and logs: {cluster.home}
  Stop with Ctrl-C; the data go with it.
""")
