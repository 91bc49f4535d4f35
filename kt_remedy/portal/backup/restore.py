"""Restore a backup into a server of its own on this machine, which nobody else reaches and which is deleted afterwards.

PostgreSQL's own programs run as direct children on a unix socket, as `nobody` where root asks, because they refuse
root. Settings of the copied server are not used: they may name folders and libraries of another machine.
"""

import datetime as dt
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import psycopg2

from kt_remedy.core import roles
from kt_remedy.portal.backup.make import BackupError, base_backups, complete_at, last_line, pipe

# What an escrow holds: the secret of the backups, and the keys without which the database cannot be read.
IDENTITY = "BACKUP_IDENTITY"
KEYS = ("FIELD_KEYS", "INDEX_KEY", "AUDIT_KEYS")
_SEGMENT = re.compile(r"[0-9A-F]{24}")
# Not the answers to ourselves, who ask whether it has started.
_COMPLAINT = re.compile(r"(FATAL|PANIC): (?!\s*the database system)")
_START_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Escrow:
    """Keys as two people keep them apart from the servers."""

    identity: str
    keys: dict[str, str]


def read_escrow(path: Path) -> Escrow:
    """The escrow in a file of lines NAME=value. Raises BackupError naming what is missing, never a value."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BackupError(f"the escrow {path} cannot be read: {error.strerror}") from None
    found = {name.strip(): value.strip(' "') for name, mark, value in (line.partition("=") for line in lines) if mark}
    missing = [name for name in (IDENTITY, *KEYS) if not found.get(name)]
    if missing:
        raise BackupError(f"the escrow holds no {', no '.join(missing)}")
    return Escrow(found[IDENTITY], {name: found[name] for name in KEYS})


def newest(folder: Path, until: dt.datetime | None) -> Path:
    """The last base backup that was complete before `until`, or the last of all. Raises BackupError for none."""
    found = [path for path in base_backups(folder) if until is None or complete_at(path) <= until]
    if not found:
        before = f" from before {until.isoformat()}" if until else ""
        raise BackupError(f"{folder} holds no base backup{before}")
    return found[-1]


class Scratch:
    """A restored server: a context manager that decrypts, restores and starts it, and removes it at the end.

    `until` is the time up to which commits count (None: all that was archived). Raises BackupError; a wrong identity
    is named.
    """

    def __init__(
        self, base: Path, identity: str, *, database: str, until: dt.datetime | None = None, programs: str = ""
    ) -> None:
        self.base, self.identity, self.database, self.until, self.programs = base, identity, database, until, programs
        self.wal = base.parent / "wal"
        self.process: subprocess.Popen[bytes] | None = None
        self.place = Path(tempfile.mkdtemp(prefix="remedy-restore-"))
        self.data, self.sockets, self.log = self.place / "data", self.place / "sockets", self.place / "log"

    def url(self, role: str) -> str:
        """The address of the restored database for a role, in the form of dj-database-url."""
        return f"postgres://{role}@{quote(str(self.sockets), safe='')}/{self.database}"

    def size(self) -> int:
        """Bytes of the restored data folder."""
        return sum(path.stat().st_size for path in self.data.rglob("*") if path.is_file())

    def __enter__(self) -> "Scratch":
        try:
            self._own(self.place)
            for folder in (self.data, self.sockets):
                folder.mkdir(mode=0o700)
                self._own(folder)
            self._keep_identity()
            self._unpack()
            self._configure()
            self._start()
            self._refuse_an_early_end()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    # steps

    def _keep_identity(self) -> None:
        path = self.place / "identity"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{self.identity}\n")
        self._own(path)

    def _unpack(self) -> None:
        """Decrypt the base backup straight into the data folder; no copy in clear stands beside it."""
        opened = ["age", "--decrypt", "--identity", str(self.place / "identity"), str(self.base)]
        unpack = ["tar", "--extract", "--gzip", "--directory", str(self.data)]
        broken = pipe(opened, unpack, target=_drop())
        if "no identity matched" in broken or "malformed secret key" in broken:
            raise BackupError(
                f"{IDENTITY} of the escrow does not open {self.base.name}: it is the key of other backups"
            )
        if broken:
            raise BackupError(f"{self.base.name} cannot be unpacked: {last_line(broken)}")

    def _configure(self) -> None:
        identity, wal = shlex.quote(str(self.place / "identity")), shlex.quote(str(self.wal))
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "shared_buffers": "256MB",
            "max_wal_size": "4GB",
            "fsync": "off",  # what is lost here is restored again
            "hot_standby": "off",
            "archive_mode": "off",
            "timezone": "UTC",
            "lc_messages": "C",
            "restore_command": f'age --decrypt --identity {identity} --output "%p" {wal}/%f.age',
            "recovery_target_action": "promote",
        }
        if self.until is not None:
            settings["recovery_target_time"] = self.until.isoformat()
        text = "".join(f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items())
        files = {
            "postgresql.conf": text,
            "postgresql.auto.conf": "",
            "pg_hba.conf": "local all all trust\n",
            "pg_ident.conf": "",
            "recovery.signal": "",
        }
        for name, content in files.items():
            (self.data / name).write_text(content, encoding="utf-8")
            self._own(self.data / name)
        for name in ("postmaster.pid", "standby.signal"):
            (self.data / name).unlink(missing_ok=True)

    def _start(self) -> None:
        """Start the server and wait until it has replayed the log and takes writes."""
        argv = [_server(self.programs, (self.data / "PG_VERSION").read_text().strip()), "-D", str(self.data)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.data,
                start_new_session=True, **_drop(),
            )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while not self._takes_writes():
            if self.process.poll() is not None:
                raise BackupError(f"the restored server did not start: {self._complaint()}")
            if time.monotonic() > deadline:
                raise BackupError(f"the restored server did not start within {_START_SECONDS // 60} minutes")
            time.sleep(0.1)

    def _takes_writes(self) -> bool:
        """True once it lets somebody in: without `hot_standby` it does so after the recovery alone."""
        try:
            psycopg2.connect(host=str(self.sockets), dbname=self.database, user=roles.MIGRATE).close()
        except psycopg2.OperationalError as error:
            if "does not exist" in str(error) and "socket" not in str(error):
                raise BackupError(f"the backup holds no database {self.database}") from None
            return False
        return True

    def _complaint(self) -> str:
        lines = [line for line in self._written().splitlines() if _COMPLAINT.search(line)]
        said = lines[0] if lines else last_line(self._written())
        if "before configured recovery target" in said:
            return "the archive of the log ends before the wanted time, or its files belong to another key"
        return said

    def _refuse_an_early_end(self) -> None:
        """A file of the log that cannot be opened ends recovery silently; only the names that were read show it."""
        archived = sorted(path.name[:24] for path in self.wal.glob("*.age") if _SEGMENT.match(path.name))
        read = sorted(re.findall(r'restored log file "([0-9A-F]{24})"', self._written()))
        begins = re.findall(r"[0-9A-F]{24}", self._label())
        wanted = [name for name in archived if not begins or name >= begins[0]]
        if self.until is None and wanted and (not read or read[-1] < wanted[-1]):
            last = read[-1] if read else "its beginning"
            raise BackupError(f"the archive of the log could be read only up to {last}, not to {wanted[-1]}")

    def _label(self) -> str:
        for name in ("backup_label.old", "backup_label"):
            if (self.data / name).exists():
                return (self.data / name).read_text()
        return ""

    def _written(self) -> str:
        return self.log.read_text(errors="replace")

    def _own(self, path: Path) -> None:
        if drop := _drop():
            os.chown(path, drop["user"], drop["group"])

    def _remove(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.place, ignore_errors=True)


def _drop() -> dict[str, Any]:
    """How a child of root becomes an unprivileged user; nothing for everybody else."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _server(programs: str, version: str) -> str:
    """The `postgres` of the version that the backup needs: in `programs`, where Debian puts it, or on the path."""
    places = [programs] if programs else [f"/usr/lib/postgresql/{version}/bin", *os.get_exec_path()]
    for place in places:
        path = Path(place) / "postgres"
        if path.exists():
            said = subprocess.run([str(path), "--version"], check=False, capture_output=True, text=True).stdout
            if f" {version}" in said:
                return str(path)
    raise BackupError(f"no PostgreSQL {version} is installed here; name the folder of its programs with --programs")
