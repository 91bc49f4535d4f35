"""A streaming standby beside the server of these tests, which the server waits for at each commit."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kt_remedy.devtools import devservers
from kt_remedy.devtools.processes import Process
from tests.conftest import wait_until
from tests.recovery.conftest import Place, restart


@contextmanager
def standby_of(place: Place) -> Iterator[Path]:
    """The folder of the sockets of a streaming standby, which the primary waits for at each commit."""
    servers = place.servers
    data, sockets = servers.place / "standby", servers.place / "s"
    for folder in (data, sockets):
        servers._own(folder)
    place.ask("SELECT pg_create_physical_replication_slot('standby')")
    word = devservers.secrets(servers.home)["POSTGRES_PASSWORD"]
    dsn = f"host={servers.sockets} user=postgres password={word} application_name=standby"
    copied = servers._run([
        f"{place.programs}/pg_basebackup", "--pgdata", str(data), "--dbname", dsn, "--slot=standby",
        "--write-recovery-conf", "--checkpoint=fast",
    ])  # fmt: skip
    assert copied.returncode == 0, copied.stderr
    argv = [f"{place.programs}/postgres", "-D", str(data)]
    options = {"listen_addresses": "", "unix_socket_directories": str(sockets), "archive_mode": "off"}
    argv += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    child: Process = servers.processes.spawn(
        "standby", argv, cwd=data.parent, user=servers.user, group=servers.group, stop_signal=signal.SIGINT
    )
    # As docs/operations.md says it.
    place.ask("ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (standby)'")
    place.ask("SELECT pg_reload_conf()")
    state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"
    wait_until(lambda: place.ask(state) == 1, what="the standby")
    try:
        yield sockets
    finally:
        servers.processes.stop(child)
        # The primary comes back without waiting for a standby that is gone.
        auto = servers.data / "postgresql.auto.conf"
        kept = [line for line in auto.read_text().splitlines() if not line.startswith("synchronous_standby_names")]
        auto.write_text("\n".join(kept) + "\n")
        restart(servers)
        place.ask("SELECT pg_drop_replication_slot('standby')")
        shutil.rmtree(data)


def send(child: Process, number: signal.Signals) -> None:
    """Send a signal to a server and to each of its processes, which lead sessions of their own."""
    argv = ["ps", "-o", "pid=", "--ppid", str(child.process.pid)]
    listed = subprocess.run(argv, check=False, capture_output=True, text=True)
    for pid in (child.process.pid, *map(int, listed.stdout.split())):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_primary(place: Place) -> None:
    """kill -9 of the server and of each of its processes, as when the machine is gone."""
    child = place.servers.postgres
    assert child is not None
    send(child, signal.SIGKILL)
    child.process.wait()
