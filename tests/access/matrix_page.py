"""The page docs/access-matrix.md, written from tests/cases/access.csv: `python -m tests.access.matrix_page`."""

import csv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES, PAGE = ROOT / "tests/cases/access.csv", ROOT / "docs/access-matrix.md"
HEAD = """# Who may open which route

Written by `python -m tests.access.matrix_page` from `tests/cases/access.csv`, whose every cell is tested
(`tests/access/test_matrix.py`). ● is let in; an empty cell is kept out. Methods with the same answer share a row.
"""


def page() -> str:
    """The text of the page."""
    with CASES.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    visitors = header[2:]
    merged: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for route, method, *cells in rows:
        merged.setdefault((route, tuple(cells)), []).append(method)
    lines = [f"| route | method | {' | '.join(visitors)} |", f"|{'---|' * (len(visitors) + 2)}"]
    for (route, cells), methods in merged.items():
        marks = " | ".join("●" if cell else " " for cell in cells)
        lines.append(f"| `{route}` | {', '.join(methods)} | {marks} |")
    return "\n".join([HEAD, *lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
