"""`make load`: the launch morning on this machine: the capacity of look-up and filing, and the waiting room under load.

The portal's own web server works on a database of its own with the sample register. Locust plays the people, on the
loopback interface alone. Identity verification is an outside service, so people come with a session that it has made;
their bank is asked of the stand-in, which shares the cores.

1. Capacity C: as many people as the cores carry look their lines up (home, start, lines), then file.
2. Four times C arrive while the room lets three quarters of C in: times of those inside, faults, places kept.
3. With `--people`, the arrivals of the first half hour of a day of so many people (40 of 100 come in it), likewise.
4. With `--room`, so many people through the room until it is drained and closes itself.

make load ARGS="--people 2000000", make load ARGS="--room 20000"
"""

import argparse
import datetime as dt
import io
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks import harness

ROOT = Path(__file__).resolve().parent.parent
FILES_OF = 3  # one of so many visitors files: 660,000 of two million
FIRST_HALF_HOUR = 0.40  # of a day's people (the vaccine bookings of 2021)
SHARE_LET_IN = 0.75  # of the capacity
# People who ask at once, as the kept connections of a proxy; more of them measure the queue of the sockets.
AT_ONCE = 16
Figures = dict[str, Any]


def main() -> int:
    """Print and write the figures; 1 where there was a fault of the server or a place was lost."""
    parser = harness.options(__doc__)
    parser.add_argument("--lines", type=int, default=20_000, help="lines of the sample register")
    parser.add_argument("--seconds", type=int, default=30, help="of each phase")
    parser.add_argument("--people", type=int, default=100_000, help="people of the day, for the arrivals")
    parser.add_argument("--room", type=int, default=0, help="only so many people through the room until it is empty")
    parser.add_argument("--json", type=Path, default=Path("load.json"), help="where the figures go")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="remedy-load-") as folder,
        harness.portal(durable=True, SANDBOX_PORT=str(harness.free_port()), QA_SAMPLE_PERCENT="0") as _servers,
    ):
        figures = _room(options, Path(folder)) if options.room else _morning(options, Path(folder))
    options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    return int(bool(figures["server_errors"] or figures["places_lost"] or figures.get("not_drained")))


def _morning(options: argparse.Namespace, folder: Path) -> Figures:
    people = _people(options.lines)
    with _web(folder, stand_ins=True) as port:
        lookups = _play(port, folder, {"kind": "lookup", "people": people["lookup"]}, seconds=options.seconds)
        half = people["filing"][::2]
        filings = _play(port, folder, {"kind": "filing", "people": half}, seconds=options.seconds)
    per_second = 1 / (1 / lookups["per_second"] + 1 / FILES_OF / filings["per_second"])
    figures: Figures = {
        "capacity_lookups_a_second": lookups["per_second"],
        "capacity_lookup_p99_ms": lookups["p99_ms"],
        "capacity_filings_a_second": filings["per_second"],
        "capacity_filing_p99_ms": filings["p99_ms"],
        "people_an_hour": int(per_second * 3600),
        "server_errors": lookups["server_errors"] + filings["server_errors"],
        "places_lost": 0,
    }
    rest = people["filing"][1::2]
    model = options.people * FIRST_HALF_HOUR / 1800
    for name, rate, filers in (("four_times", 4 * per_second, rest[::2]), ("model", model, rest[1::2])):
        plan = {"kind": "queue", "people": people["lookup"], "filing": filers, "rate": rate, "files_of": FILES_OF}
        with _web(folder, stand_ins=True, per_minute=int(per_second * SHARE_LET_IN * 60)) as port:
            _open_room()
            seen = _play(port, folder, plan, seconds=options.seconds)
            _close_room()
        figures[name] = seen
        figures["server_errors"] += seen["server_errors"]
        figures["places_lost"] += seen["places_lost"]
    figures["hours_for_the_people_of_the_day"] = round(options.people / figures["people_an_hour"], 1)
    return figures


def _room(options: argparse.Namespace, folder: Path) -> Figures:
    """All of them come within the time of a phase, and the room lets them in within two."""
    people = _people(options.lines)
    per_minute = max(options.room * 30 // options.seconds, 60)
    plan = {
        "kind": "queue", "people": people["lookup"], "filing": [], "rate": options.room / options.seconds,
        "most": options.room, "files_of": FILES_OF, "only_enter": True,
    }  # fmt: skip
    with _web(folder, stand_ins=False, per_minute=per_minute) as port:
        _open_room()
        seen = _play(port, folder, plan, seconds=options.seconds * 4 + 90)
        waiting = _waiting()
        _close_room()
    return {
        "people": options.room, "per_minute": per_minute, "not_drained": waiting, **seen,
    }  # fmt: skip


def _people(lines: int) -> dict[str, list[dict[str, str]]]:
    """Load the sample register, and give sessions of its customers: of all, and of those who can file for a line."""
    from django.conf import settings
    from django.contrib.sessions.backends.base import SessionBase
    from django.core.management import call_command

    from eligibility.feed import deliveries
    from eligibility.models import Line
    from kt_remedy.core import clock
    from kt_remedy.core.session_store import SessionStore
    from kt_remedy.identity import service as identity
    from kt_remedy.identity.service import Person

    clock.start()
    call_command("sample_feed", settings.DELIVERIES_DIR, lines=lines, seed=1, stdout=io.StringIO())
    deliveries.load_due()
    seen: dict[str, list[dict[str, str]]] = {"lookup": [], "filing": []}
    found: set[bytes] = set()
    rows = Line.objects.filter(customer__holder_kind="PERSON", customer__birth_date__lt=dt.date(1990, 1, 1))
    can_file, others = rows.filter(outcome="ELIGIBLE"), rows.exclude(outcome="ELIGIBLE")
    for line in [*can_file.select_related("customer")[:4000], *others.select_related("customer")[:1000]]:
        holder = line.customer
        key = bytes(holder.person_index)
        if key in found:
            continue
        found.add(key)
        assert holder.birth_date is not None
        session: SessionBase = SessionStore()
        verified = dt.datetime.now(dt.UTC)
        phone = f"0105555{len(found) % 9000:04}"
        identity.write_person(session, Person(key, holder.holder_name or "", holder.birth_date, phone, False, verified))
        session.save()
        person = {
            "session": session.session_key or "",
            "line": line.pk,
            "number": f"110{len(found):09}",
            "name": holder.holder_name or "",
        }
        seen["filing" if line.outcome == "ELIGIBLE" else "lookup"].append(person)
    return seen


@contextmanager
def _web(folder: Path, *, stand_ins: bool, per_minute: int = 600) -> Iterator[int]:
    """The portal's own web server on a port of the loopback interface, with the bank's stand-in where it is needed."""
    from kt_remedy.devtools.management.commands.run import WEB

    port = harness.free_port()
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "benchmarks.site_settings",
        "PORT": str(port),
        "WAITING_ROOM_PER_MINUTE": str(per_minute),
    }
    processes = [subprocess.Popen(harness.python("-m", *WEB[1:]), env=env, cwd=ROOT)]
    if stand_ins:
        processes.append(
            subprocess.Popen(harness.python("-m", "kt_remedy.devtools.sandbox"), env=env, cwd=ROOT,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )  # fmt: skip
    try:
        _wait(port)
        if stand_ins:
            _wait(int(os.environ["SANDBOX_PORT"]))
        yield port
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _play(port: int, folder: Path, plan: Figures, *, seconds: int) -> Figures:
    """Let Locust play the plan for so many seconds; what the people saw."""
    if filers := plan["people"] if plan["kind"] == "filing" else plan.get("filing"):
        _name_accounts(filers)
    source, result = folder / "plan.json", folder / "result.json"
    source.write_text(json.dumps(plan))
    result.unlink(missing_ok=True)
    done = subprocess.run(
        harness.python(
            "-m", "locust", "-f", str(ROOT / "benchmarks/launch_people.py"), "--headless", "--only-summary",
            "--users", str(AT_ONCE), "--spawn-rate", str(AT_ONCE), "--run-time", f"{seconds}s", "--stop-timeout", "10",
            "--host", f"http://127.0.0.1:{port}", "--loglevel", "ERROR", "--exit-code-on-error", "0",
        ),
        env={**os.environ, "LAUNCH_PLAN": str(source), "LAUNCH_RESULT": str(result)},
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode or not result.exists():
        raise RuntimeError(f"Locust failed: {done.stderr[-2000:]}")
    seen: Figures = json.loads(result.read_text())
    if "done" in seen and not seen["done"]:
        raise RuntimeError(f"nobody came through: {seen['faults']}")
    return seen


def _name_accounts(people: list[dict[str, str]]) -> None:
    """Tell the stand-in of the bank whose account each number is."""
    address = f"http://127.0.0.1:{os.environ['SANDBOX_PORT']}/portone/control"
    holders = {person["number"]: person["name"] for person in people}
    httpx.post(address, json={"holders": holders}, timeout=30).raise_for_status()


def _open_room() -> None:
    from kt_remedy.core import switches

    switches.stop("ENTRY", by="load", reason="load")
    time.sleep(2.5)  # every process has read it


def _close_room() -> None:
    from kt_remedy.core import switches

    switches.end("ENTRY")


def _waiting() -> int:
    from kt_remedy.portal.waiting import admission

    queue = admission.read()
    return queue.waiting if queue else 0


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"nothing listens on port {port}")


if __name__ == "__main__":
    raise SystemExit(main())
