"""`python -m benchmarks.rehearse`: the whole programme in compressed time, every figure beside an independent count.

A run that was stopped goes on where it was; `--afresh` throws it away first. The exit code is 1 where a figure does not
close or the run cannot go on.
"""

import argparse
import datetime as dt
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import harness
from benchmarks.rehearse import place as places
from benchmarks.rehearse import report
from benchmarks.rehearse.meter import Meter, folder_bytes
from benchmarks.rehearse.place import Place, State, Unfinished
from kt_remedy.core import programme
from kt_remedy.devtools.devservers import ServerError
from kt_remedy.devtools.processes import ProcessError

if TYPE_CHECKING:  # nothing of Django is imported before its settings stand
    from benchmarks.rehearse.stages import Stage

LINES, REFUNDS = 13_000_000, 660_000
SEED = 20
HEARTBEAT_SECONDS = 5


def main(argv: list[str] | None = None) -> int:
    """Rehearse, print the report; returns the exit code."""
    parser = harness.options(__doc__)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--refunds", type=int, help="lines that apply; the share of 660,000 in 13,000,000 by default")
    parser.add_argument("--each-channel", type=int, default=2_000, help="customers on each of the three ways over HTTP")
    parser.add_argument("--months", type=int, default=1, help="months of grants, up to six")
    parser.add_argument("--folder", type=Path, help="of the run; by default .rehearsal/LINES")
    parser.add_argument("--afresh", action="store_true", help="throw the run of this size away first")
    options = parser.parse_args(argv)
    folder = (options.folder or places.RUNS / str(options.lines)).resolve()
    if options.refunds is None:
        options.refunds = options.lines * REFUNDS // LINES
    try:
        if options.afresh:
            places.remove(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = State(folder)
        if not state.stages:
            print(places.require_disk(folder, options.lines, options.months), flush=True)
        _same_sizes(state, options)
        run(folder, state, options)
    except (Unfinished, ServerError, ProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The same command goes on from here.", file=sys.stderr)
        return 130
    said, open_ones = report.write(folder, state.kept)
    print(said)
    return int(bool(open_ones))


def _same_sizes(state: State, options: argparse.Namespace) -> None:
    sizes = {name: getattr(options, name) for name in ("lines", "refunds", "each_channel", "months")}
    kept = {name: state.kept[name] for name in sizes if name in state.kept}
    if kept and kept != sizes:
        raise Unfinished(f"The run that was begun here has other sizes: {kept}. Say --afresh to throw it away.")
    state.save(**sizes, starts=state.kept["starts"] + 1)


def run(folder: Path, state: State, options: argparse.Namespace) -> None:
    """Every stage that has not ended, in its order; what ends is kept at once."""
    opens = programme.current().applications.opens
    start = dt.datetime.combine(opens, dt.time(8), dt.timezone(dt.timedelta(hours=9)))
    with Place(folder, start=start) as place:
        assert place.processes is not None
        last_beat = [0.0]

        def beat() -> None:
            if time.monotonic() - last_beat[0] > HEARTBEAT_SECONDS:
                last_beat[0] = time.monotonic()
                _keep_time(folder)

        with Meter(place.processes) as meter:
            if "deliveries written" not in state.stages:
                meter.begin()
                _write_deliveries(folder, options.lines)
                _keep(state, "deliveries written", meter, place, [])
            _prepare(folder, start)
            place.start_processes()
            meter.beside = beat
            from benchmarks.rehearse.stages import Rehearsal, Sizes

            sizes = Sizes(options.refunds, options.each_channel, options.months)
            for stage in Rehearsal(place, sizes, start=state.kept["starts"]).stages():
                if stage.name not in state.stages:
                    _carry_out(stage, state, meter, place)


def _carry_out(stage: "Stage", state: State, meter: Meter, place: Place) -> None:
    from kt_remedy.core import clock

    meter.begin()
    if clock.now() < stage.at:
        clock.move_to(stage.at)
    stage.act()
    kept = meter.end()
    _keep(state, stage.name, meter, place, [figure.kept() for figure in stage.figures()], kept)


def _keep(
    state: State,
    name: str,
    meter: Meter,
    place: Place,
    figures: list[dict[str, Any]],
    kept: dict[str, Any] | None = None,
) -> None:
    assert place.servers is not None
    kept = kept or meter.end()
    database = folder_bytes(place.servers.place / "postgres")
    disk = {"database": database, "files": folder_bytes(place.folder) - folder_bytes(place.home)}
    state.stages[name] = kept | {"disk": disk, "figures": figures}
    state.save()
    missed = [figure["name"] for figure in figures if not figure["closes"]]
    print(
        f"{name}: {kept['seconds']:,.1f} s" + (f"; DOES NOT CLOSE: {', '.join(missed)}" if missed else ""), flush=True
    )


def _write_deliveries(folder: Path, lines: int) -> None:
    """The sample's deliveries to the end of the programme, with some rows that the register must refuse."""
    from kt_remedy.devtools import sample_register

    draft, done = folder / "deliveries.new", folder / "deliveries"
    if done.exists():
        return
    shutil.rmtree(draft, ignore_errors=True)
    sample_register.write(draft, lines=max(lines, sample_register.smallest()), seed=SEED)
    first = min(draft.glob("????-??-??"))
    with (first / "lines.csv").open("a", encoding="utf-8", newline="\n") as file:
        for n in range(max(3, lines // 100_000)):
            file.write(f"BAD-{n},too,few,fields\n")
    sample_register.write_manifest(first, dt.date.fromisoformat(first.name))
    draft.rename(done)


def _prepare(folder: Path, start: dt.datetime) -> None:
    """Tables, staff, and the business time at which the run was stopped."""
    from kt_remedy.core import clock
    from kt_remedy.devtools import demo_accounts, demo_staff, starting

    starting.migrate()
    try:
        # The time for which everything stood still is no time of the programme.
        stopped = dt.datetime.fromisoformat((folder / "clock.txt").read_text())
        clock._write(stopped + dt.timedelta(seconds=2 * HEARTBEAT_SECONDS) - dt.datetime.now(dt.UTC))
    except FileNotFoundError:
        clock.start(start)
    second = demo_staff.Member("supervisor2", "민하늘", ("supervisor",))
    demo_accounts.create([*demo_staff.STAFF, second])


def _keep_time(folder: Path) -> None:
    """Note the business time, which goes on from here after a stop; called beside the work."""
    from django.db import connection

    from kt_remedy.core import clock

    try:
        draft = folder / "clock.new"
        draft.write_text(clock.now().isoformat())
        draft.replace(folder / "clock.txt")
    finally:
        connection.close()


if __name__ == "__main__":
    raise SystemExit(main())
