"""Time of `manage.py judge` compared with Python's csv module reading the same two files.

python -m benchmarks.bench_judge --lines 1000000
"""

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import harness
from eligibility.feed.rows import BILL_COLUMNS, LINE_COLUMNS

MEMORY_TARGET = 200  # MB, the largest process


def _write(folder: Path, lines: int) -> None:
    """Write lines with varied dates and amounts, and 1.3 times as many bills in another order."""
    with open(folder / "lines.csv", "w", encoding="utf-8") as out:
        out.write(",".join(LINE_COLUMNS) + "\n")
        for n in range(lines):
            start = f"{2023 + n % 2}-{n % 12 + 1:02d}-{n % 28 + 1:02d}T{n % 24:02d}:{n % 60:02d}:07+09:00"
            end = f"2025-{9 + n % 4:02d}-{n % 30 + 1:02d}T{n % 24:02d}:{n % 60:02d}:31+09:00"
            out.write(
                f"C{n},U{n},{n:086d}==,,PERSON,홍길동,19{n % 80 + 10}-03-02,010{n % 10**8:08d},,KT,HANDSET,{start},"
                f"DISCOUNT,NEW,{start},{start},24,0,0,{n % 300_000},0,TERMINATED,{end},PORT_OUT,{end},\n"
            )
    with open(folder / "bills.csv", "w", encoding="utf-8") as out:
        out.write(",".join(BILL_COLUMNS) + "\n")
        for n in range(lines * 13 // 10):
            out.write(f"C{n * 7_919 % lines},DISCOUNT_CLAWBACK,2026-01-{n // lines + 10},{n % 9_999},{n % 9_999},0,0\n")


def main() -> int:
    """Print the time compared with plain reading, and the memory of the largest process in MB."""
    parser = harness.options(__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="remedy-bench-") as name:
        folder = Path(name)
        _write(folder, options.lines)
        files = [str(folder / "lines.csv"), str(folder / "bills.csv")]
        began = time.perf_counter()
        for file in files:
            with open(file, encoding="utf-8", newline="") as text:
                for _ in csv.reader(text):
                    pass
        floor = time.perf_counter() - began
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "manage.py", "judge", *files], stdout=subprocess.DEVNULL, check=True)
        took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    cores = len(os.sched_getaffinity(0))
    print(
        f"judge: {options.lines / cpu:,.0f} lines per second of one core, {options.lines / took:,.0f} on {cores} cores"
    )
    missed = harness.row(f"judge of {options.lines:,} lines beside csv.reader", took, floor, unit="s")
    return missed or harness.row(
        "judge, largest process", after.ru_maxrss / 1024, None, unit="MB", at_most=MEMORY_TARGET
    )


if __name__ == "__main__":
    raise SystemExit(main())
