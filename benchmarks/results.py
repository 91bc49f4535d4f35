"""Results of benchmarks: a table of all rows, a file of them, and the comparison with a saved file.

A ratio is our figure beside its floor of the same run, so that runs of two days and two machines can be compared.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# A ratio that is worse by more is named; below that it may be the machine.
TOLERANCE = 0.15


@dataclass(frozen=True)
class Row:
    """One result. `name` and `bench` identify it in another run; one of the two bounds is its target, if any."""

    bench: str
    name: str
    unit: str
    ours: float
    floor: float | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float:
        """Our figure beside its floor; without a floor the figure itself. This is what a target judges."""
        return self.ours / self.floor if self.floor else self.ours

    @property
    def met(self) -> bool | None:
        """True if the target is met; None without a target."""
        if self.at_most is None and self.at_least is None:
            return None
        return (self.at_most is None or self.ratio <= self.at_most) and (
            self.at_least is None or self.ratio >= self.at_least
        )

    @property
    def target(self) -> str:
        """The target in words, "" without one."""
        if self.at_most is not None:
            return f"at most {self.at_most:,g}"
        return "" if self.at_least is None else f"at least {self.at_least:,g}"

    @property
    def verdict(self) -> str:
        """One word about the target."""
        return {True: "met", False: "MISSED", None: ""}[self.met]

    def __str__(self) -> str:
        parts = [f"{self.name}: {self.ours:,.2f} {self.unit}"]
        if self.floor is not None:
            parts.append(f"beside {self.floor:,.2f} {self.unit}, ratio {self.ratio:.2f}")
        return ", ".join([*parts, *filter(None, [self.target and f"target {self.target}", self.verdict])])


def table(rows: Iterable[Row]) -> str:
    """All rows as text: figures in columns, the name of the row behind them, because names are long."""
    lines = [f"{'ours':>14} {'floor':>14} {'ratio':>7}  {'target':<18} {'met':<6}  row"]
    for row in rows:
        floor = "" if row.floor is None else f"{row.floor:,.2f}"
        ratio = "" if row.floor is None else f"{row.ratio:.2f}"
        lines.append(
            f"{row.ours:>14,.2f} {floor:>14} {ratio:>7}  {row.target:<18} {row.verdict:<6}"
            f"  {row.bench}: {row.name}, {row.unit}"
        )
    return "\n".join(lines)


def save(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSON, with ratio and verdict for other programs; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [asdict(row) | {"ratio": row.ratio, "target": row.target, "met": row.met} for row in rows]
    path.write_text(json.dumps({"rows": kept}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def saved(path: Path) -> list[Row]:
    """The rows of a file that `save` wrote. Raises OSError, and ValueError for any other file."""
    try:
        return [
            Row(**{name: value for name, value in kept.items() if name not in {"ratio", "target", "met"}})
            for kept in json.loads(path.read_text(encoding="utf-8"))["rows"]
        ]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} holds no rows of a benchmark ({type(error).__name__})") from None


@dataclass(frozen=True)
class Change:
    """One row in two runs; None where it was not measured."""

    then: Row | None
    now: Row | None

    @property
    def worse(self) -> bool | None:
        """True if the ratio of now is worse than then by more than the tolerance; None where that cannot be said.

        The target says which direction is worse, so a row without one is shown and not judged.
        """
        then, now = self.then, self.now
        if then is None or now is None or now.met is None:
            return None
        if now.at_most is not None:
            return now.ratio > then.ratio * (1 + TOLERANCE)
        return now.ratio * (1 + TOLERANCE) < then.ratio

    def __str__(self) -> str:
        row = self.now or self.then
        assert row is not None
        then, now = ("not measured" if one is None else f"{one.ratio:,.2f}" for one in (self.then, self.now))
        return f"{then:>14} {now:>14}  {'WORSE' if self.worse else '':<5}  {row.bench}: {row.name}"


def compare(then: Sequence[Row], now: Sequence[Row]) -> list[Change]:
    """The rows of now beside those of then, then the rows of the same benchmarks that were not measured again."""
    before = {(row.bench, row.name): row for row in then}
    changes = [Change(before.pop((row.bench, row.name), None), row) for row in now]
    measured = {row.bench for row in now}
    return changes + [Change(row, None) for row in before.values() if row.bench in measured]


def comparison(changes: Iterable[Change]) -> str:
    """The changes as text."""
    return "\n".join([f"{'ratio then':>14} {'now':>14}  {'':<5}  row", *map(str, changes)])
