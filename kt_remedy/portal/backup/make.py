"""Make a base backup, encrypted on its way to the disk, and say how a server archives its log beside it."""

import datetime as dt
import os
import re
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2.extensions
from django.utils import timezone

SUFFIX = ".tar.gz.age"
_STAMP = "%Y%m%dT%H%M%SZ"
_RECIPIENT = re.compile(r"age1[0-9a-z]{58}")
# What libpq reads from its environment, so that a password stands on no command line.
_LIBPQ = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT", "options": "PGOPTIONS",
}  # fmt: skip


class BackupError(Exception):
    """A backup could not be made or read; the message is one sentence without a secret."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A base backup that was made: its file, size in bytes and duration in seconds."""

    path: Path
    size: int
    seconds: float


def recipients_of(text: str) -> list[str]:
    """The public keys of a setting, separated by commas. Raises BackupError for none and for what is no key."""
    keys = [key.strip() for key in text.split(",") if key.strip()]
    if not keys:
        raise BackupError("BACKUP_RECIPIENTS is not set: name the public key whose secret lies in the escrow")
    for key in keys:
        if not _RECIPIENT.fullmatch(key):
            raise BackupError("BACKUP_RECIPIENTS holds something that is no public key of age (age1…)")
    return keys


def base_backup(folder: Path, recipients: Sequence[str], address: str) -> Backup:
    """Copy the whole server at `address` (a role with REPLICATION) into one encrypted file in `folder`.

    The name says when the copy was complete (UTC): the server can be restored to any later time. Nothing stands in the
    folder under that name before it is whole. Raises BackupError.
    """
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "base.new"
    draft.unlink(missing_ok=True)
    copy = ["pg_basebackup", "--pgdata=-", "--format=tar", "--wal-method=fetch", "--compress=gzip:1"]
    copy += ["--checkpoint=fast", "--no-password"]
    seal = ["age", *_words(recipients), "--output", str(draft)]
    broken = pipe(copy, seal, source={"env": _connecting(address)})
    if broken:
        draft.unlink(missing_ok=True)
        raise BackupError(f"no backup was made: {last_line(broken)}")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    path = folder / f"base-{timezone.now().astimezone(dt.UTC):{_STAMP}}{SUFFIX}"
    draft.replace(path)
    return Backup(path, path.stat().st_size, time.monotonic() - began)


def complete_at(path: Path) -> dt.datetime:
    """When a base backup was complete, by its name. Raises ValueError for another file."""
    return dt.datetime.strptime(path.name, f"base-{_STAMP}{SUFFIX}").replace(tzinfo=dt.UTC)


def base_backups(folder: Path) -> list[Path]:
    """The base backups in a folder, the oldest first."""
    return sorted(folder.glob(f"base-*{SUFFIX}"))


def archive_settings(folder: Path, recipients: Sequence[str]) -> str:
    """SQL that lets a server archive its log, encrypted, into `folder`/wal on its machine; for a superuser.

    A segment leaves after a minute at the latest. A file that is there already is never written again. `archive_mode`
    begins with a restart of the server.
    """
    wal = shlex.quote(str(folder / "wal"))
    keys = " ".join(_words(recipients))
    command = f"test ! -e {wal}/%f.age && age {keys} --output {wal}/%f.new %p && mv {wal}/%f.new {wal}/%f.age"
    escaped = command.replace("'", "''")
    return (
        "ALTER SYSTEM SET archive_mode = on;\n"
        "ALTER SYSTEM SET archive_timeout = '60s';\n"
        f"ALTER SYSTEM SET archive_command = '{escaped}';\n"
    )


def pipe(
    first: list[str], second: list[str], *, source: dict[str, Any] | None = None, target: dict[str, Any] | None = None
) -> str:
    """Let one program write into another; returns their complaints, empty once both have ended well.

    `source` and `target` are further arguments for `subprocess`. Raises BackupError when a program is missing.
    """
    try:
        with subprocess.Popen(
            first, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", **(source or {})
        ) as writer:
            reader = subprocess.run(
                second,
                stdin=writer.stdout,
                check=False,
                capture_output=True,
                text=True,
                errors="replace",
                **(target or {}),
            )
            assert writer.stdout is not None
            assert writer.stderr is not None
            writer.stdout.close()
            said = writer.stderr.read()
    except FileNotFoundError as error:
        raise BackupError(f"{error.filename} is not installed (docs/operations.md)") from None
    if writer.returncode or reader.returncode:
        return f"{reader.stderr}\n{said}".strip() or f"{first[0]} or {second[0]} failed"
    return ""


def last_line(text: str) -> str:
    """The last line that says something, for a message."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _words(recipients: Sequence[str]) -> list[str]:
    return [word for key in recipients for word in ("--recipient", key)]


def _connecting(address: str) -> dict[str, str]:
    try:
        parts = psycopg2.extensions.parse_dsn(address)
    except psycopg2.ProgrammingError:
        raise BackupError("BACKUP_DATABASE_URL cannot be read") from None
    named = {_LIBPQ[name]: str(value) for name, value in parts.items() if name in _LIBPQ}
    return {**os.environ, **named}
