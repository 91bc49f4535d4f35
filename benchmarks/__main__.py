"""`make bench`: every row in a process of its own, one after the other; `make bench ARGS="feed --lines 100000"` one.

At the end all rows stand in one table and in a file; `ARGS="--against FILE"` compares them with such a file of another
run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import harness, results
from benchmarks.results import Row

FOLDER = Path(__file__).resolve().parent
KEPT = FOLDER.parent / ".local" / "bench.json"


def main(arguments: list[str]) -> int:
    """0 when every row ran and met its target, and none is worse than in the run it is compared with."""
    names = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    parser = argparse.ArgumentParser("make bench", description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("bench", nargs="?", choices=names, help="one of them, with its options behind it")
    parser.add_argument("--json", type=Path, metavar="FILE", default=KEPT, help="all rows go there (%(default)s)")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with the rows of another run")
    options, own = parser.parse_known_args(arguments)
    if own and not options.bench:
        parser.error(f"name the benchmark that takes {' '.join(own)}")
    try:
        then = results.saved(options.against) if options.against else []
    except (OSError, ValueError) as error:
        parser.error(str(error))
    rows, broken = run([options.bench] if options.bench else names, own)
    results.save(options.json, rows)
    print(f"\n{results.table(rows)}\nKept in {options.json}", flush=True)
    missed = [f"{row.bench}: {row.name}" for row in rows if row.met is False]
    worse = []
    if options.against:
        changes = results.compare(then, rows)
        print(f"\n{results.comparison(changes)}", flush=True)
        worse = [str(change).strip() for change in changes if change.worse]
    for what, found in (("Missed", missed), ("Broken", broken), ("Worse by more than 15 %", worse)):
        if found:
            print(f"{what}: {'; '.join(found)}.", file=sys.stderr)
    return int(bool(missed or broken or worse))


def run(names: list[str], own: list[str]) -> tuple[list[Row], list[str]]:
    """Run benchmarks with options of their own; returns their rows, and the names of those that came to no end."""
    rows: list[Row] = []
    broken = []
    for name in names:
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as collected:
            status = subprocess.run(
                [sys.executable, "-m", f"benchmarks.bench_{name}", *own],
                cwd=FOLDER.parent,
                env=os.environ | {harness.COLLECTED: collected.name},
                check=False,
            ).returncode
            found = [Row(**json.loads(line)) for line in collected]
        rows += found
        # A row that missed its target ends its benchmark with 1, and so does an exception.
        if status and (status != 1 or not any(row.met is False for row in found)):
            broken.append(name)
    return rows, broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
