"""The servers that more than one machine needs, on the loopback interface: PgBouncer, HAProxy, a replica, sentinels.

Each function writes what its server reads into a folder of that server and returns the command that starts it. The
cluster (`kt_remedy.devtools.cluster`) and the tests of machines use the same ones.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from kt_remedy.devtools.devservers import DATABASE, ServerError, Servers

# Nobody has these numbers: Debian gives none of 30000 to 59999 away.
FIRST_USER = 47_001


class Users:
    """A number of a user for each kind of process, where root starts them; nobody is created on the machine."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, kind: str) -> int | None:
        """The number for this kind of process; None where the processes run as the one who starts them."""
        if os.geteuid() != 0:
            return None
        return self._numbers.setdefault(kind, FIRST_USER + len(self._numbers))


def own(folder: Path, user: int | None, *, mode: int = 0o700) -> Path:
    """Make a folder for one user; others enter it only if `mode` says so."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(mode)
    if user is not None:
        os.chown(folder, user, user)
    return folder


def _write(path: Path, text: str, user: int | None) -> Path:
    """Write a file that only one user reads; it may hold passwords."""
    path.touch(mode=0o600)
    path.write_text(text)
    if user is not None:
        os.chown(path, user, user)
    return path


def program(name: str, package: str) -> str:
    """The path of a program of Debian. Raises ServerError with the package that brings it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise ServerError(f"{name} is missing: apt-get install --no-install-recommends {package}")
    return found


def pgbouncer(
    folder: Path, user: int | None, *, port: int, server: str, words: Mapping[str, str], sessions: int
) -> list[str]:
    """PgBouncer in transaction mode before a server, which is named as in its file ("host=… port=…").

    `words` are the passwords by role; without passwords nobody is asked for one. The server sees so many `sessions`.
    """
    users = "".join(f'"{role}" "{word}"\n' for role, word in words.items())
    file = _write(folder / "users.txt", users, user)
    text = f"""
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = {"scram-sha-256" if all(words.values()) else "trust"}
auth_file = {file}
admin_users = pgbouncer
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 100
"""
    return [program("pgbouncer", "pgbouncer"), str(_write(folder / "pgbouncer.ini", text, user))]


def haproxy(
    folder: Path, user: int | None, *, site: int, webs: Sequence[int], database: int, poolers: Sequence[int]
) -> list[str]:
    """HAProxy before the web servers (`site`), and before the poolers (`database`), so that either may be gone.

    A request that reached no server goes to the next one. One that a server began to answer goes there again only if
    it reads: what changes something is never sent twice.
    """
    web = "\n".join(f"    server web-{n} 127.0.0.1:{port}" for n, port in enumerate(webs, 1))
    pooler = "\n".join(f"    server pooler-{n} 127.0.0.1:{port}" for n, port in enumerate(poolers, 1))
    text = f"""
global
    maxconn 500
defaults
    timeout connect 2s
    retries 3
    option redispatch 1
frontend site
    mode http
    bind 127.0.0.1:{site}
    timeout client 75s
    timeout http-request 10s
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    default_backend web
backend web
    mode http
    balance roundrobin
    timeout server 75s
    retry-on conn-failure empty-response 503
    http-request disable-l7-retry unless METH_GET
    option httpchk
    http-check send meth GET uri /readyz hdr Host localhost
    default-server check inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
{web}
listen database
    mode tcp
    bind 127.0.0.1:{database}
    timeout client 1h
    timeout server 1h
    balance leastconn
    default-server check inter 500ms fall 1 rise 1 on-marked-down shutdown-sessions
{pooler}
"""
    return [program("haproxy", "haproxy"), "-db", "-f", str(_write(folder / "haproxy.cfg", text, user))]


def replica(servers: Servers, folder: Path, user: int | None, *, source: str, options: Mapping[str, str]) -> list[str]:
    """A streaming copy of a primary, which is named as libpq takes it. Copies it first; raises ServerError.

    `options` are settings of PostgreSQL: addresses and sizes of this copy.
    """
    binaries, data = servers._postgres_binaries(), folder / "data"
    drop = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    copied = subprocess.run(
        [str(binaries / "pg_basebackup"), "-d", source, "-D", str(data), "-R", "-c", "fast", "--no-sync"],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        **drop,  # type: ignore[call-overload]
    )
    if copied.returncode:
        raise ServerError(f"The primary could not be copied: {copied.stderr.strip()}")
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return [str(binaries / "postgres"), "-D", str(data), *words]


def valkey(servers: Servers, folder: Path, user: int | None, *, port: int, word: str, of: int | None) -> list[str]:
    """A Valkey with a password, or the copy of the one at port `of`; it keeps nothing on disk."""
    lines = [
        *("bind 127.0.0.1", f"port {port}", f"dir {folder}", 'save ""', "maxmemory-policy noeviction"),
        *(f"requirepass {word}", f"masterauth {word}"),
        *([] if of is None else [f"replicaof 127.0.0.1 {of}"]),
    ]
    return [str(servers._valkey_binary()), str(_write(folder / "valkey.conf", "\n".join(lines) + "\n", user))]


def sentinel(
    servers: Servers, folder: Path, user: int | None, *, port: int, word: str, name: str, master: int
) -> list[str]:
    """A sentinel that names the copy as master a second after the master is gone."""
    lines = [
        *("bind 127.0.0.1", f"port {port}", f"dir {folder}", f"requirepass {word}"),
        f"sentinel monitor {name} 127.0.0.1 {master} 1",
        f"sentinel auth-pass {name} {word}",
        f"sentinel down-after-milliseconds {name} 1000",
        f"sentinel failover-timeout {name} 5000",
    ]
    file = _write(folder / "sentinel.conf", "\n".join(lines) + "\n", user)
    return [str(servers._valkey_binary()), str(file), "--sentinel"]


def database_url(role: str, word: str, port: int) -> str:
    """The database of the portal at a port of this machine, as one role."""
    return f"postgres://{role}:{word}@127.0.0.1:{port}/{DATABASE}"
