"""`make bench`: every row in a process of its own, one after the other; `make bench ARGS="feed --lines 100000"` one."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    """0 when every row ran and met its target."""
    names = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    if arguments and arguments[0] not in names:
        print(f"There is no row {arguments[0]!r}. There are: {', '.join(names)}.", file=sys.stderr)
        return 2
    failed = []
    for name in [arguments[0]] if arguments else names:
        argv = [sys.executable, "-m", f"benchmarks.bench_{name}", *arguments[1:]]
        if subprocess.run(argv, cwd=FOLDER.parent, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"Missed or broken: {', '.join(failed)}.", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
