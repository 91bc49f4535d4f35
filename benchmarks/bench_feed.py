"""Time of `load_feed` compared with a raw COPY of the same rows into the same indexed tables.

The load is the whole command on a durable server: check, encrypt, judge and merge, with one process for each core. The
floor empties the tables after the load and copies their rows back with COPY, with indexes and in one transaction. Both
begin behind a checkpoint. Memory counts the command and its workers; shared pages count once.

python -m benchmarks.bench_feed --lines 1000000
"""

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks import harness
from kt_remedy.devtools import devservers

TABLES = ("eligibility_customer", "eligibility_line", "eligibility_bill")


def main() -> int:
    """Seconds of the load and of COPY in turns, and the peak memory of the load in MB."""
    parser = harness.options(__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--turns", type=int, default=harness.TURNS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="remedy-load-") as folder, harness.portal(durable=True) as servers:
        from kt_remedy.devtools import sample_contracts, sample_register

        sample_register.write(Path(folder), lines=options.lines, seed=1)
        day = sample_contracts.DELIVERIES[0]
        megabytes: list[float] = []

        def load() -> float:
            _empty_register()
            harness.checkpoint(servers)
            seconds, peak = _load(Path(folder) / str(day), str(day), options.processes)
            megabytes.append(peak)
            return seconds

        def copy() -> float:
            return _copy(Path(folder), servers)

        ours, floor = harness.in_turns(load, copy, turns=options.turns)
    missed = harness.row(f"load_feed of {options.lines:,} lines, beside COPY", ours, floor, unit="s", at_most=2)
    return missed | harness.row(
        f"peak memory of load_feed of {options.lines:,} lines", max(megabytes), unit="MB", at_most=400
    )


def _empty_register() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)}, eligibility_feed CASCADE")  # the same delivery is loaded again


def _load(delivery: Path, day: str, processes: int | None) -> tuple[float, float]:
    command = ["manage.py", "load_feed", str(delivery / "lines.csv"), str(delivery / "bills.csv"), "--as-of", day]
    if processes is not None:
        command += ["--processes", str(processes)]
    began, peak = time.perf_counter(), 0.0
    process = subprocess.Popen(harness.python(*command), stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        peak = max(peak, harness.memory_mb(process.pid))
        time.sleep(0.1)
    seconds = time.perf_counter() - began
    assert process.stdout is not None
    output = process.stdout.read().strip()
    if process.returncode:
        raise SystemExit(f"load_feed ended with {process.returncode}: {output}")
    return seconds, peak


def _copy(folder: Path, servers: devservers.Servers) -> float:
    from django.db import connection, transaction

    from eligibility.feed.load import disable_timeouts

    with connection.cursor() as cursor:
        disable_timeouts(cursor)
        for table in TABLES:
            with (folder / table).open("wb") as file:
                cursor.copy_expert(f"COPY {table} TO STDOUT", file, size=1 << 16)
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        harness.checkpoint(servers)
        began = time.perf_counter()
        with transaction.atomic():
            for table in TABLES:
                with (folder / table).open("rb") as file:
                    cursor.copy_expert(f"COPY {table} FROM STDIN", file, size=1 << 16)
        return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
