"""The portal on one machine as production has it on many: two of each process, and the servers between them.

Everything lies in a new folder that goes with the cluster, because the stand-in for the object store keeps its files
in memory. A process that ends by itself is started again after a second, as systemd does; the primary alone is not,
because a person decides which server is the primary.
"""

import os
import secrets as random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg2
from psycopg2 import sql

from kt_remedy.core import roles
from kt_remedy.devtools import devservers, machines, starting
from kt_remedy.devtools.processes import Process, ProcessError, ProcessGroup

QUEUES = ("money", "messages", "perks", "rest")
EACH = 2
BUCKET, MASTER, REPLICATION = "remedy", "remedy", "remedy_replica"
FOLDERS = {"DELIVERIES_DIR": "deliveries", "HAND_OFF_DIR": "hand-off", "AUDIT_HEADS_DIR": "heads", "UPLOADS_DIR": "up"}
AGAIN_AFTER_SECONDS = 1.0
MOST_STARTS = 20  # of one process: something is wrong with it
_PORTS = ("PRIMARY", "REPLICA", "DATABASE", "STORE", "METRICS", "SENTINEL")
_SEVERAL = ("WEB", "POOLER", "VALKEY")
# What each kind of process is given; the web has neither the key of the audit nor a way to Redis.
_COMMON = (
    *("REMEDY_ENV", "REMEDY_NOW", "SANDBOX_PORT", "SECRET_KEY", "FIELD_KEYS", "INDEX_KEY", *FOLDERS),
    *("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"),
)
_WORKS = ("DATABASE_URL", "AUDIT_KEYS", "REDIS_URL", "REDIS_SENTINEL_MASTER", "REDIS_SENTINEL_PASSWORD")


def plan(home: Path, *, site: int, stand_ins: int, now: str) -> dict[str, str]:
    """Draw passwords and free ports, and keep them with the settings that follow in `<home>/secrets.json`."""
    names = [*_PORTS, *(f"{name}_{number}" for name in _SEVERAL for number in range(1, EACH + 1))]
    with ExitStack() as stack:  # all at once, so that no two are the same
        probes = [stack.enter_context(socket.socket()) for _ in names]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        ports = {f"PORT_{name}": str(probe.getsockname()[1]) for name, probe in zip(names, probes, strict=True)}
    words = {f"WORD_{name}": random.token_hex(16) for name in (*roles.ALL, REPLICATION, "VALKEY")}
    primary = int(ports["PORT_PRIMARY"])
    values = {
        **ports,
        **words,
        "PORT_SITE": str(site),
        "SANDBOX_PORT": str(stand_ins),
        "SANDBOX_DIR": str(home / "stand-ins"),
        "REMEDY_ENV": "development",
        "REMEDY_NOW": now,
        "DATABASE_URL": machines.database_url(roles.WORKER, words[f"WORD_{roles.WORKER}"], primary),
        "MIGRATE_DATABASE_URL": machines.database_url(roles.MIGRATE, words[f"WORD_{roles.MIGRATE}"], primary),
        "REDIS_URL": f"sentinel://:{words['WORD_VALKEY']}@127.0.0.1:{ports['PORT_SENTINEL']}/0",
        "REDIS_SENTINEL_MASTER": MASTER,
        "REDIS_SENTINEL_PASSWORD": words["WORD_VALKEY"],
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{ports['PORT_STORE']}",
        "AWS_ACCESS_KEY_ID": "cluster",
        "AWS_SECRET_ACCESS_KEY": "cluster",
        "AWS_DEFAULT_REGION": "us-east-1",
        **{name: f"s3://{BUCKET}/{folder}" for name, folder in FOLDERS.items()},
    }
    given = ("SECRET_KEY", "FIELD_KEYS", "INDEX_KEY", "AUDIT_KEYS")
    values |= {name: os.environ[name] for name in given if os.environ.get(name)}
    devservers.save_secrets(values, home)
    return devservers.secrets(home)


@dataclass(frozen=True)
class Start:
    """How one process is started, the first time and again."""

    argv: list[str]
    env: dict[str, str]
    user: int | None
    stop_signal: signal.Signals = signal.SIGTERM


class Cluster:
    """The processes of the cluster below one folder, from what `plan` has drawn."""

    def __init__(self, home: Path, values: dict[str, str]) -> None:
        self.home, self.values = home, values
        self.processes = ProcessGroup(record=home / "children.json", logs=home / "logs")
        self.servers = devservers.Servers(home, processes=self.processes, port=self.port("PRIMARY"), durable=False)
        self.users = machines.Users()
        self.portal_users = self._may_read_the_code()
        self._starts: dict[str, Start] = {}
        self._times: dict[str, int] = {}

    def port(self, name: str) -> int:
        """The port of a server, as "REPLICA" or "WEB_2"."""
        return int(self.values[f"PORT_{name}"])

    def ports(self, name: str) -> list[int]:
        """The ports of all servers of a kind."""
        return [self.port(f"{name}_{number}") for number in range(1, EACH + 1)]

    def _may_read_the_code(self) -> bool:
        """Whether another user than root can load the portal: not where code or interpreter lie in a private folder."""
        user = self.users.of("web")
        if user is None:
            return False
        drop: dict[str, Any] = {"user": user, "group": user, "extra_groups": []}
        argv = [sys.executable, "-c", "import django, kt_remedy"]
        try:
            done = subprocess.run(argv, cwd=devservers.ROOT, check=False, capture_output=True, env={}, **drop)
        except OSError:
            return False
        return done.returncode == 0

    # servers

    def start_primary(self) -> None:
        """The primary, and a password of its own for each role."""
        self.servers.start_postgres()
        with self.as_superuser() as session, session.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN REPLICATION").format(sql.Identifier(REPLICATION)))
            for role in (*roles.ALL, REPLICATION):
                alter = sql.SQL("ALTER ROLE {} PASSWORD {}")
                cursor.execute(alter.format(sql.Identifier(role), sql.Literal(self.values[f"WORD_{role}"])))
        session.close()

    def as_superuser(self) -> Any:
        """A session of the superuser of the primary, through its private socket."""
        word = devservers.secrets(self.home)["POSTGRES_PASSWORD"]
        return psycopg2.connect(
            host=str(self.servers.sockets), port=self.port("PRIMARY"), user="postgres", password=word, dbname="postgres"
        )

    def limit_the_web(self, limits: dict[str, str]) -> None:
        """Give the role of the web its time limits, because a pooler takes none."""
        with self.as_superuser() as session, session.cursor() as cursor:
            cursor.execute(roles.limits_sql(limits))
        session.close()

    def start_replica(self) -> None:
        """A streaming copy of the primary, for reports."""
        folder, user = self._place("replica")
        word = self.values[f"WORD_{REPLICATION}"]
        source = f"host=127.0.0.1 port={self.port('PRIMARY')} user={REPLICATION} password={word}"
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.values["PORT_REPLICA"],
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "fsync": "off",
        }
        argv = machines.replica(self.servers, folder, user, source=source, options=options)
        child = self._start("replica", Start(argv, {"PATH": os.environ["PATH"]}, user, signal.SIGINT))
        self._listens(child, self.port("REPLICA"))

    def start_valkeys(self) -> None:
        """Two of them, the second a copy of the first, and the sentinel that chooses."""
        word, first = self.values["WORD_VALKEY"], self.port("VALKEY_1")
        for number, port in enumerate(self.ports("VALKEY"), 1):
            folder, user = self._place(f"valkey-{number}", "valkey")
            of = None if number == 1 else first
            argv = machines.valkey(self.servers, folder, user, port=port, word=word, of=of)
            self._listens(self._start(f"valkey-{number}", Start(argv, {}, user)), port)
        folder, user = self._place("sentinel")
        port = self.port("SENTINEL")
        argv = machines.sentinel(self.servers, folder, user, port=port, word=word, name=MASTER, master=first)
        self._listens(self._start("sentinel", Start(argv, {}, user)), port)

    def start_store(self) -> None:
        """The stand-in for an object store, which keeps its files in memory, and the bucket in it."""
        argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", self.values["PORT_STORE"]]
        child = self._start_ours("store", argv, {"MOTO_ALLOW_NONEXISTENT_REGION": "true"})
        self._listens(child, self.port("STORE"))
        boto3.client("s3").create_bucket(Bucket=BUCKET)

    def start_stand_ins(self) -> None:
        """The stand-ins for telephone and bank."""
        more = {name: self.values[name] for name in ("SANDBOX_PORT", "SANDBOX_DIR")}
        more["DELIVERIES_DIR"] = str(self.home / "sample")
        child = self._start_ours("stand-ins", [sys.executable, "-m", "kt_remedy.devtools.sandbox"], more)
        starting.answers(child, f"http://127.0.0.1:{self.values['SANDBOX_PORT']}/")

    def start_ways(self) -> None:
        """PgBouncer and HAProxy: the ways to database and site."""
        for number, port in enumerate(self.ports("POOLER"), 1):
            folder, user = self._place(f"pooler-{number}", "pooler")
            argv = machines.pgbouncer(
                folder,
                user,
                port=port,
                server=f"host=127.0.0.1 port={self.port('PRIMARY')}",
                words={roles.WEB: self.values[f"WORD_{roles.WEB}"]},
                sessions=10,
            )
            self._listens(self._start(f"pooler-{number}", Start(argv, {}, user)), port)
        folder, user = self._place("proxy")
        argv = machines.haproxy(
            folder,
            user,
            site=self.port("SITE"),
            webs=self.ports("WEB"),
            database=self.port("DATABASE"),
            poolers=self.ports("POOLER"),
        )
        self._listens(self._start("proxy", Start(argv, {}, user)), self.port("DATABASE"))

    # the portal

    def start_portal(self) -> None:
        """Web servers, two workers of each queue, two beats, figures; they come up side by side."""
        figures = machines.own(self.home / "figures", self.users.of("web") if self.portal_users else None, mode=0o755)
        word = self.values[f"WORD_{roles.WEB}"]
        web = {
            "DATABASE_URL": machines.database_url(roles.WEB, word, self.port("DATABASE")),
            "DATABASE_POOLED": "on",
            "REPLICA_URL": machines.database_url(roles.WEB, word, self.port("REPLICA")),
            "BEHIND_PROXY": "on",
            "WEB_WORKERS": "1",
            "PROMETHEUS_MULTIPROC_DIR": str(figures),
        }
        works = {name: self.values[name] for name in _WORKS}
        for number, port in enumerate(self.ports("WEB"), 1):
            self._start_portal(
                f"web-{number}", "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi",
                kind="web", env=web | {"PORT": str(port)},
            )  # fmt: skip
        for number in range(1, EACH + 1):
            self._start_portal(
                f"beat-{number}", "celery", "-A", "kt_remedy", "beat", "--pidfile=", kind="beat", env=works
            )
            for queue in QUEUES:
                self._start_portal(
                    f"worker-{queue}-{number}", "celery", "-A", "kt_remedy", "worker", "-Q", queue, "-c", "1",
                    "-n", f"{queue}-{number}@%h", "-l", "INFO", "--without-gossip", "--without-mingle",
                    kind="worker", env=works,
                )  # fmt: skip
        bind = {"METRICS_BIND": f"127.0.0.1:{self.port('METRICS')}", "PROMETHEUS_MULTIPROC_DIR": str(figures)}
        self._start_ours(
            "metrics", [sys.executable, "manage.py", "serve_metrics"], self._common() | works | bind, kind="metrics"
        )

    def wait_for_portal(self) -> None:
        """Wait until the site answers through the proxy, each web server is ready and each worker takes tasks."""
        for child in list(self.processes.children):
            if child.name.startswith("worker-"):
                starting.says(child, "ready.")
            elif child.name.startswith("web-"):
                starting.answers(child, f"http://127.0.0.1:{self.port(child.name.upper().replace('-', '_'))}/readyz")
        (proxy,) = (child for child in self.processes.children if child.name == "proxy")
        starting.answers(proxy, f"http://localhost:{self.port('SITE')}/readyz")

    def _common(self) -> dict[str, str]:
        return {name: self.values[name] for name in _COMMON}

    def _start_portal(self, name: str, *argv: str, kind: str, env: dict[str, str]) -> Process:
        return self._start_ours(name, [sys.executable, "-m", *argv], self._common() | env, kind=kind)

    def _start_ours(self, name: str, argv: list[str], env: dict[str, str], *, kind: str = "") -> Process:
        """Start Python on our own code, as a user of its own where that user can read it."""
        user = self.users.of(kind or name) if self.portal_users else None
        folder = machines.own(self.home / name, user)
        basics = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return self._start(name, Start(argv, {**basics, "HOME": str(folder), "TMPDIR": str(folder), **env}, user))

    # starting, and starting again

    def _place(self, name: str, kind: str = "") -> tuple[Path, int | None]:
        """The folder of a server, and its user."""
        user = self.users.of(kind or name)
        return machines.own(self.home / name, user), user

    def _start(self, name: str, start: Start) -> Process:
        self._starts[name] = start
        self._times[name] = self._times.get(name, 0) + 1
        return self.processes.spawn(
            name,
            start.argv,
            env=start.env,
            cwd=devservers.ROOT,
            user=start.user,
            group=start.user,
            stop_signal=start.stop_signal,
        )

    def _listens(self, child: Process, port: int) -> None:
        def asked() -> bool:
            with socket.socket() as probe:
                probe.settimeout(2)
                return probe.connect_ex(("127.0.0.1", port)) == 0

        starting.until(child, asked, "did not listen")

    def watch(self, say: Callable[[str], Any]) -> None:
        """Start again what ends by itself, for ever. Raises ProcessError where the primary ends, or one ends often."""
        while True:
            time.sleep(0.2)
            dead = self.processes.dead()
            if dead is None:
                continue
            if dead.name not in self._starts or self._times[dead.name] >= MOST_STARTS:
                raise ProcessError(f"{dead.name} ended by itself: {dead.last_line()} (log: {dead.log})")
            say(f"{dead.name} ended (status {dead.process.returncode}) and starts again.")
            self.processes.stop(dead)  # what it left behind
            time.sleep(AGAIN_AFTER_SECONDS)
            self._start(dead.name, self._starts[dead.name])
