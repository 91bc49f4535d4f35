"""Lines that `manage.py judge` judges a second, and its time beside Python's csv module reading the same two files.

python -m benchmarks.bench_judge --lines 1000000
"""

import csv
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks import harness
from eligibility.feed.rows import BILL_COLUMNS, LINE_COLUMNS

MEMORY_TARGET = 200  # MB, the largest process
RATE_TARGET = 80_000  # lines a second of one core


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
    """The rate by processor time, the time in turns with plain reading, and the memory of the largest process in MB."""
    parser = harness.options(__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=harness.TURNS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="remedy-bench-") as name:
        folder = Path(name)
        _write(folder, options.lines)
        files = [str(folder / "lines.csv"), str(folder / "bills.csv")]
        rates: list[float] = []

        def judge() -> float:
            before, began = _children(), time.perf_counter()
            subprocess.run(harness.python("manage.py", "judge", *files), stdout=subprocess.DEVNULL, check=True)
            took, after = time.perf_counter() - began, _children()
            rates.append(options.lines / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
            return took

        ours, floor = harness.in_turns(judge, lambda: _read(files), turns=options.turns)
    lines = f"judge of {options.lines:,} lines"
    missed = harness.row(f"{lines}, by processor time", rates, unit="lines a second", at_least=RATE_TARGET)
    harness.row(f"{lines} on all cores, beside csv.reader on one", ours, floor, unit="s")
    return missed | harness.row(
        f"{lines}, largest process", _children().ru_maxrss / 1024, unit="MB", at_most=MEMORY_TARGET
    )


def _children() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_CHILDREN)


def _read(files: list[str]) -> float:
    began = time.perf_counter()
    for file in files:
        with open(file, encoding="utf-8", newline="") as text:
            for _ in csv.reader(text):
                pass
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
