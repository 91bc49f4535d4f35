"""`make bench`: its table, its file of rows, and the comparison with the rows of another run. No time is measured."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import __main__ as bench
from benchmarks import harness, results
from benchmarks.results import Change, Row

THEN = Row("feed", "load of 1,000 lines", "s", 4.0, 2.0, at_most=2.0)


def row(**changes: object) -> Row:
    return Row(**{**vars(THEN), **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at_most", "at_least", "met", "verdict"),
    [(2.0, None, True, "met"), (1.99, None, False, "MISSED"), (None, 2.0, True, "met"), (None, 2.01, False, "MISSED"),
     (None, None, None, "")],
)  # fmt: skip
def test_target_judges_the_ratio(at_most, at_least, met, verdict):
    found = row(at_most=at_most, at_least=at_least)

    assert (found.ratio, found.met, found.verdict) == (2.0, met, verdict)


def test_target_without_a_floor_judges_the_figure():
    assert row(floor=None, ours=256, at_most=256).met
    assert row(floor=None, ours=256.1, at_most=256).met is False


def test_table_has_a_line_for_each_row_with_figures_ratio_target_and_verdict():
    heading, judged, information = results.table([row(), row(name="approval", floor=None, at_most=None)]).splitlines()

    assert heading.split() == ["ours", "floor", "ratio", "target", "met", "row"]
    assert judged.split() == ["4.00", "2.00", "2.00", "at", "most", "2", "met", *"feed: load of 1,000 lines, s".split()]
    assert information.split() == ["4.00", "feed:", "approval,", "s"]


def test_saved_rows_come_back(tmp_path):
    rows = [row(), row(name="한글", floor=None, at_most=None)]
    results.save(tmp_path / "new folder" / "rows.json", rows)

    assert results.saved(tmp_path / "new folder" / "rows.json") == rows


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"rows": [{"colour": 1}]}', '{"rows": [1]}'])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "rows.json").write_text(content)

    with pytest.raises(ValueError):
        results.saved(tmp_path / "rows.json")


@pytest.mark.parametrize(
    ("then", "now", "worse"),
    [
        (row(), row(ours=4.6), False),  # 15 % worse
        (row(), row(ours=4.61), True),
        (row(), row(ours=2.0), False),
        (row(), row(ours=8.0, floor=4.0), False),  # another machine: the ratio counts
        (row(at_most=None, at_least=0.5), row(at_most=None, at_least=0.5, ours=3.48), False),
        (row(at_most=None, at_least=0.5), row(at_most=None, at_least=0.5, ours=3.47), True),
        (row(at_most=None), row(at_most=None, ours=40.0), None),  # information has no worse direction
        (None, row(), None),
        (row(), None, None),
    ],
)
def test_change_is_worse_beyond_the_tolerance(then, now, worse):
    assert Change(then, now).worse is worse


def test_comparison_pairs_rows_by_name_and_names_those_not_measured_again():
    now = [row(ours=8.0), row(name="new")]
    then = [row(name="gone"), row(), row(bench="judge", name="not run this time")]

    text = results.comparison(results.compare(then, now))

    assert [line.split() for line in text.splitlines()[1:]] == [
        ["2.00", "4.00", "WORSE", *"feed: load of 1,000 lines".split()],
        ["not", "measured", "2.00", *"feed: new".split()],
        ["2.00", "not", "measured", *"feed: gone".split()],
    ]


def test_row_of_several_turns_is_the_turn_with_the_median_ratio(tmp_path, monkeypatch, capsys):
    collected = tmp_path / "rows"
    monkeypatch.setenv(harness.COLLECTED, str(collected))
    monkeypatch.setattr(sys, "argv", ["/x/bench_feed.py"])

    assert harness.row("load", [9.0, 4.0, 5.0], [3.0, 2.0, 5.0], unit="s", at_most=1.9) == 1
    assert harness.row("memory", 100, unit="MB", at_most=256) == 0

    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("load: 4.00 s, beside 2.00 s, ratio 2.00, target at most 1.9, MISSED, median of")
    assert [Row(**line) for line in map(json.loads, collected.read_text().splitlines())] == [
        Row("feed", "load", "s", 4.0, 2.0, at_most=1.9),
        Row("feed", "memory", "MB", 100, None, at_most=256),
    ]


def test_acts_take_turns():
    order: list[str] = []

    def act(name: str) -> float:
        order.append(name)
        return len(order)

    assert harness.in_turns(lambda: act("ours"), lambda: act("floor"), turns=2) == [[1, 3], [2, 4]]
    assert order == ["ours", "floor", "ours", "floor"]


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    """A benchmark that measures nothing: the rows and the exit status that a test gives it."""
    given = SimpleNamespace(rows=[THEN], status=0, asked=[])
    real = subprocess.run

    def run(argv, **options):
        if "benchmarks.bench_feed" not in argv:
            return real(argv, **options)
        given.asked.append(argv[3:])
        for one in given.rows:
            line = json.dumps(vars(one))
            with Path(options["env"][harness.COLLECTED]).open("a") as file:
                file.write(line + "\n")
        return SimpleNamespace(returncode=given.status)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(bench, "KEPT", tmp_path / "kept.json")
    return given


def test_bench_prints_the_table_and_keeps_its_rows(benchmark, tmp_path, capsys):
    kept = tmp_path / "rows.json"

    assert bench.main(["feed", "--json", str(kept), "--lines", "1000"]) == 0

    assert benchmark.asked == [["--lines", "1000"]]
    assert results.saved(kept) == [THEN]
    assert "feed: load of 1,000 lines" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "status", "said"),
    [
        ([row(ours=5.0)], 1, "Missed: feed: load of 1,000 lines."),
        ([THEN], 1, "Broken: feed."),
        ([], -9, "Broken: feed."),
        ([row(ours=5.0)], 2, "Missed: feed: load of 1,000 lines.\nBroken: feed."),
    ],
)
def test_bench_names_what_missed_and_what_broke(benchmark, tmp_path, capsys, rows, status, said):
    benchmark.rows, benchmark.status = rows, status

    assert bench.main(["feed"]) == 1

    assert said in capsys.readouterr().err
    assert results.saved(tmp_path / "kept.json") == rows


@pytest.mark.parametrize(("then", "status"), [(row(ours=3.5), 0), (row(ours=3.4), 1)])
def test_bench_against_another_run_fails_when_a_ratio_got_worse(benchmark, tmp_path, capsys, then, status):
    results.save(tmp_path / "then.json", [then])

    assert bench.main(["feed", "--against", str(tmp_path / "then.json")]) == status

    printed = capsys.readouterr()
    assert "ratio then" in printed.out
    assert ("Worse by more than 15 %" in printed.err) is bool(status)


@pytest.mark.parametrize(
    "arguments", [["unheard-of"], ["--lines", "5"], ["--lines"], ["feed", "--against", "no such file"]]
)
def test_bench_refuses_wrong_words_before_it_measures(benchmark, arguments):
    with pytest.raises(SystemExit) as refused:
        bench.main(arguments)

    assert refused.value.code == 2
    assert not benchmark.asked
