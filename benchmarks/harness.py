"""Parts of every benchmark: servers of its own with migrated tables, and one way to print a result.

A row is a module `benchmarks/bench_<name>.py` that runs by itself, `python -m benchmarks.bench_<name> --size …`:

    from benchmarks import harness

    def main() -> int:
        \"\"\"One sentence: what is measured beside what.\"\"\"
        parser = harness.options(__doc__)
        parser.add_argument("--lines", type=int, default=1_000_000)
        options = parser.parse_args()
        with harness.portal():
            ours, floor = harness.in_turns(load, copy)
        return harness.row("load_feed of 1,000,000 lines", ours, floor, unit="s", at_most=5)

    if __name__ == "__main__":
        raise SystemExit(main())

Sizes are options with defaults. Both figures come from this machine in this run, so that only the ratio is judged.
`row` is the only way to print a figure: `benchmarks.__main__` collects the rows for its table, its file and its
comparison. The name of a row says sizes that were chosen, never figures that were measured: rows of two runs are
compared by their names.
"""

import argparse
import base64
import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.results import Row
from kt_remedy.core import roles
from kt_remedy.devtools import devservers

# Ours and the floor take turns, because the machine is not equally fast at all times.
TURNS = 5
# A file that each row is added to as a line of JSON.
COLLECTED = "BENCH_ROWS"


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


def in_turns(*acts: Callable[[], float], turns: int = TURNS) -> list[list[float]]:
    """The figures of each act, in `turns` rounds in which the acts follow each other."""
    figures: list[list[float]] = [[] for _ in acts]
    for _ in range(turns):
        for act, found in zip(acts, figures, strict=True):
            found.append(act())
    return figures


def row(
    name: str,
    figure: float | Sequence[float],
    floor: float | Sequence[float] | None = None,
    *,
    unit: str,
    at_most: float | None = None,
    at_least: float | None = None,
    note: str = "",
) -> int:
    """Print and collect one result: figure, floor, ratio and target; returns 1 when the target is missed.

    Figures of several turns stand for the turn with the median ratio: both sides of one turn, so that other work on
    the machine weighs on both. Without a floor the target judges the figure itself; without a target the row is
    information.
    """
    ours = [figure] if isinstance(figure, int | float) else list(figure)
    floors = [None] * len(ours) if floor is None else [floor] if isinstance(floor, int | float) else list(floor)
    turns = sorted(zip(ours, floors, strict=True), key=lambda turn: turn[0] / (turn[1] or 1))
    one, beside = turns[len(turns) // 2]
    found = Row(bench_name(), name, unit, one, beside, at_most, at_least)
    if len(ours) > 1:
        seen = (f"{a:,.4g}" if b is None else f"{a:,.4g}/{b:,.4g}" for a, b in zip(ours, floors, strict=True))
        note = "; ".join(filter(None, [f"median of the turns {' '.join(seen)}", note]))
    print(f"{found}{f', {note}' if note else ''}", flush=True)
    if path := os.environ.get(COLLECTED):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(found), ensure_ascii=False) + "\n")
    return int(found.met is False)


def bench_name() -> str:
    """The name of the benchmark that this process runs, as `make bench ARGS=…` takes it."""
    return Path(sys.argv[0]).stem.removeprefix("bench_")


def checkpoint(servers: devservers.Servers) -> None:
    """Write out what was changed, so that no act pays for the pages of the one before it."""
    connection = superuser(servers)
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    connection.close()


def superuser(servers: devservers.Servers) -> Any:
    """A connection of the server's own superuser, each statement in a transaction of its own."""
    import psycopg2

    word = "" if servers.throw_away else devservers.secrets(servers.home)["POSTGRES_PASSWORD"]
    connection = psycopg2.connect(host=str(servers.sockets), user="postgres", password=word, dbname="postgres")
    connection.autocommit = True
    return connection


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
