"""Parts of every benchmark: servers of its own with migrated tables, and one way to print a result.

A row is a module `benchmarks/bench_<name>.py` that runs by itself, `python -m benchmarks.bench_<name> --size …`:

    from benchmarks import harness

    def main() -> int:
        \"\"\"One sentence: what is measured beside what.\"\"\"
        parser = harness.options(__doc__)
        parser.add_argument("--lines", type=int, default=1_000_000)
        options = parser.parse_args()
        with harness.portal():
            ours, floor = …
        return harness.row("load_feed of 1,000,000 lines", ours, floor, unit="s", at_most=5)

    if __name__ == "__main__":
        raise SystemExit(main())

Sizes are options with defaults. Both figures come from this machine in this run, so that only the ratio is judged.
`make bench` runs all rows one after the other, `make bench ARGS="feed --lines 100000"` one with its options.
"""

import argparse
import base64
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kt_remedy.core import roles
from kt_remedy.devtools import devservers


def options(description: str | None) -> argparse.ArgumentParser:
    """A parser for one row's sizes; the first line of the module's docstring describes it."""
    return argparse.ArgumentParser(description=(description or "").partition("\n")[0])


@contextmanager
def portal(*, durable: bool = False, **environment: str) -> Iterator[devservers.Servers]:
    """PostgreSQL and Valkey of our own, Django set up on them, tables made; all gone at the end.

    `durable=True` keeps fsync and the log on, as in production: for rows that measure writing. Further settings come
    by name. Servers that the environment names are never used: a benchmark fills and empties tables.
    """
    with tempfile.TemporaryDirectory(prefix="remedy-bench-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / ".local"
        servers = devservers.Servers(home) if durable else devservers.Servers(throw_away=True)
        try:
            with servers:
                # It fills and empties tables, so it works as their owner.
                set_up(servers, Path(folder), roles.MIGRATE, **environment)
                from django.core.management import call_command

                call_command("migrate", verbosity=0)
                yield servers
        finally:
            if durable:
                devservers.reset(home)


def set_up(servers: devservers.Servers, folder: Path, role: str, **environment: str) -> None:
    """Set Django up on these servers as a role of the database, with its files below `folder`.

    The environment of this process changes, so that its children work with the same servers, keys and folders.
    """
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "kt_remedy.settings",
            "REMEDY_ENV": "development",
            "DATABASE_URL": servers.database_url(role),
            "MIGRATE_DATABASE_URL": servers.database_url(roles.MIGRATE),
            "REDIS_URL": servers.redis_url,
            "SECRET_KEY": "bench-" + "0123456789abcdef" * 4,
            "FIELD_KEYS": "1:" + base64.b64encode(bytes(range(32))).decode(),
            "INDEX_KEY": base64.b64encode(bytes(range(32, 64))).decode(),
            "AUDIT_KEYS": "1:" + base64.b64encode(bytes(range(64, 96))).decode(),
            "REMEDY_NOW": "2026-01-20T10:00+09:00",
            "DELIVERIES_DIR": f"{folder}/deliveries",
            "HAND_OFF_DIR": f"{folder}/hand-off",
            "UPLOADS_DIR": f"{folder}/uploads",
            "AUDIT_HEADS_DIR": f"{folder}/audit-heads",
            "SANDBOX_DIR": f"{folder}/sandbox",
            "LOG_LEVEL": "ERROR",
            **environment,
        }
    )
    import django

    django.setup()


def row(
    name: str,
    figure: float,
    floor: float | None = None,
    *,
    unit: str,
    at_most: float | None = None,
    at_least: float | None = None,
    note: str = "",
) -> int:
    """Print one result: our figure, the floor beside it, the ratio and its target; returns 1 when the target is missed.

    Without a floor the target judges the figure itself; without a target the row is printed as information.
    """
    judged = figure if floor is None else figure / floor
    parts = [f"{name}: {figure:,.2f} {unit}"]
    if floor is not None:
        parts.append(f"beside {floor:,.2f} {unit}, ratio {judged:.2f}")
    missed = (at_most is not None and judged > at_most) or (at_least is not None and judged < at_least)
    if at_most is not None:
        parts.append(f"target at most {at_most:g}")
    if at_least is not None:
        parts.append(f"target at least {at_least:g}")
    if at_most is None and at_least is None:
        parts.append("for information")
    else:
        parts.append("MISSED" if missed else "met")
    if note:
        parts.append(note)
    print(", ".join(parts), flush=True)
    return int(missed)


def peak_memory_mb(pid: int) -> float:
    """The largest resident memory a running process has had, in MB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def memory_mb(pid: int) -> float:
    """Memory of a process and its children now, in MB; a shared page counts once (Linux). 0 once it has ended."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    own = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0) / 1024
    return own + sum(memory_mb(int(child)) for child in children)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def python(*arguments: str) -> list[str]:
    """The command line of this interpreter, for a row that measures a process of its own."""
    return [sys.executable, *arguments]
