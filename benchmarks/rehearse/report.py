"""The report of a rehearsal, as text and as JSON: time, memory and disk of each stage, every figure with its count."""

import json
from pathlib import Path
from typing import Any


def write(folder: Path, kept: dict[str, Any]) -> tuple[str, list[str]]:
    """Write `report.txt` and `report.json`; returns the text and the names of the figures that do not close."""
    open_ones = [
        f"{name}: {figure['name']}"
        for name, stage in kept["stages"].items()
        for figure in stage["figures"]
        if not figure["closes"]
    ]
    said = text(kept, open_ones)
    (folder / "report.txt").write_text(said, encoding="utf-8")
    (folder / "report.json").write_text(
        json.dumps(kept | {"open_figures": open_ones}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    return said, open_ones


def text(kept: dict[str, Any], open_ones: list[str]) -> str:
    """The report as a person reads it."""
    stages = kept["stages"]
    names = sorted({name for stage in stages.values() for name in stage["memory_mb"]})
    lines = [
        f"Rehearsal of {kept['lines']:,} lines and {kept['refunds']:,} refunds, started {kept['starts']} time(s)",
        "",
        "Stage".ljust(32) + "s".rjust(9) + "".join(f"{name} MB".rjust(14) for name in names)
        + "database GB".rjust(14) + "files GB".rjust(10),
    ]  # fmt: skip
    for name, stage in stages.items():
        memory = "".join(f"{stage['memory_mb'].get(one, 0):,}".rjust(14) for one in names)
        disk = f"{stage['disk']['database'] / 1e9:,.2f}".rjust(14) + f"{stage['disk']['files'] / 1e9:,.2f}".rjust(10)
        lines.append(f"{name:<32}{stage['seconds']:>9,.1f}{memory}{disk}")
    lines += [f"{'all':<32}{sum(stage['seconds'] for stage in stages.values()):>9,.1f}", ""]
    for name, stage in stages.items():
        if stage["figures"]:
            lines.append(name)
        for figure in stage["figures"]:
            sign = "=" if figure["closes"] else "DOES NOT CLOSE WITH"
            lines.append(
                f"  {figure['name']}: {figure['value']:,} ({figure['ours']}) {sign} {figure['count']:,}"
                f" ({figure['beside']})"
            )
    number = sum(len(stage["figures"]) for stage in stages.values())
    lines += ["", f"{number} figures, {len(open_ones)} that do not close.", *(f"  {name}" for name in open_ones)]
    return "\n".join(lines) + "\n"
