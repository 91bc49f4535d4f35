"""Time of the perks of two million lines compared with raw INSERT … SELECT: base, and a month's grants with files.

Each measurement carries out the shards of the dated task, on a durable server with the folder of hand-offs on its disk.
The floor writes the same rows into the same indexed table in one statement, alternating with the task. Two workers are
two Celery workers of the queue `perks` with a beat. Their time runs from the first shard that begins until the dated
task is done; beat's ticks before that take as long for one worker. The time for thirteen million lines is estimated
from the two sizes.

python -m benchmarks.bench_rewards --lines 2000000 --fewer 500000
"""

import datetime as dt
import hashlib
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import harness

ALL = 13_000_000
SHARED_LINES = 2_000_000  # with fewer lines there are too few shards to share

# One line in twenty is terminated, one in fifty suspended; all products and ages occur; a person has two lines.
REGISTER = """
    INSERT INTO eligibility_customer (customer_no, person_index, holder_kind, holder_name_enc, name_index, birth_date,
                                      digest, as_of)
    SELECT 'C' || lpad(n::text, 9, '0'), sha256(n::text::bytea),
           CASE WHEN n %% 50 = 0 THEN 'CORPORATE' ELSE 'PERSON' END, '\\x00', sha256('name'::bytea),
           CASE WHEN n %% 50 <> 0 THEN date '1940-01-01' + (n %% 25000)::int END, '\\x00', date '2026-01-14'
    FROM generate_series(1, %(lines)s / 2) AS n;
    INSERT INTO eligibility_line (
        contract_no, customer_no, msisdn_enc, msisdn_index, network, product, opened_at, contract_type, contract_event,
        contract_started_at, commitment_started_at, contract_months, subsidy_krw, extra_subsidy_krw, discount_krw,
        suspended_days, status, terminated_at, termination_reason, opened_on, terminated_on, outcome, reasons,
        expected_penalty_krw, refundable_krw, programme_version, as_of)
    SELECT 'L' || lpad(n::text, 9, '0'), 'C' || lpad((1 + n / 2)::text, 9, '0'),
           '\\x00', sha256(n::text::bytea), CASE WHEN n %% 100 = 1 THEN 'MVNO' ELSE 'KT' END,
           CASE n %% 30 WHEN 2 THEN 'IOT' WHEN 3 THEN 'PREPAID' WHEN 4 THEN 'WATCH' ELSE 'HANDSET' END,
           '2024-03-02+09', 'SUBSIDY', 'NEW', '2024-03-02+09', '2024-03-02+09', 24, 400000, 0, 0, 0,
           CASE WHEN n %% 20 = 5 THEN 'TERMINATED' WHEN n %% 50 = 6 THEN 'SUSPENDED' ELSE 'ACTIVE' END,
           CASE WHEN n %% 20 = 5 THEN timestamptz '2025-11-20+09' END, CASE WHEN n %% 20 = 5 THEN 'CANCEL' ELSE '' END,
           date '2024-03-02', CASE WHEN n %% 20 = 5 THEN date '2025-11-20' END, 'NOT_ELIGIBLE', 'NOT_TERMINATED', 0, 0,
           'bench', date '2026-01-14'
    FROM generate_series(0, %(lines)s - 1) AS n;
"""


def main() -> int:
    """Print all results for the smaller and the larger size."""
    parser = harness.options(__doc__)
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--fewer", type=int, default=500_000)
    options = parser.parse_args()
    missed, took = 0, {}
    with harness.portal(durable=True, REMEDY_NOW="2026-02-02T10:00+09:00"):
        for lines in (options.fewer, options.lines):
            size_missed, took[lines] = _measure(lines)
            missed |= size_missed
    for name in took[options.lines]:
        few, many = (statistics.median(took[lines][name]) for lines in (options.fewer, options.lines))
        each = (many - few) / (options.lines - options.fewer)
        harness.row(
            f"{name}: {options.lines:,} lines beside {options.fewer:,}",
            many,
            few,
            unit="s",
            note=f"13 million would take {(many + each * (ALL - options.lines)) / 60:.1f} min on this machine",
        )
    return missed


def _measure(lines: int) -> tuple[int, dict[str, list[float]]]:
    from eligibility.models import Feed
    from kt_remedy.core import clock, programme
    from rewards.enrolment import grants
    from rewards.perks.periods import grant_months

    february = grant_months(grants.monthly(programme.current())[0])[0]
    _run("SET statement_timeout = 0")
    _run(
        "TRUNCATE eligibility_line, eligibility_customer, eligibility_feed, rewards_baseline, rewards_grant,"
        " rewards_shard CASCADE"
    )
    for day in (dt.date(2026, 1, 14), dt.date(2026, 12, 31)):  # for the base, and for the grants of every month
        Feed.objects.create(as_of=day, state=Feed.State.LOADED, started_at=clock.now())
    _run(REGISTER.replace("%(lines)s", str(lines)).replace("%%", "%"))
    _run("VACUUM ANALYZE eligibility_customer, eligibility_line")
    missed, took = 0, {}

    task_seconds, rerun_seconds, floor_seconds, sums = [], [], [], set()
    for _ in range(harness.TURNS):
        _run("TRUNCATE rewards_baseline, rewards_shard CASCADE")
        task_seconds.append(_seconds(_record_base))
        sums.add(_digest("rewards_baseline"))
        rerun_seconds.append(_seconds(_record_base))
        sums.add(_digest("rewards_baseline"))
        assert _one("SELECT count(*) FROM rewards_baseline") == lines, "every line has a row"
        floor_seconds.append(_floor("rewards_baseline", "rewards_baseline"))
    assert len(sums) == 1, "a rerun changes nothing"
    took["base"] = task_seconds
    missed |= _rows(
        f"base and automatic enrolment of {lines:,} lines", task_seconds, floor_seconds, rerun_seconds, at_most=1.3
    )

    _run("ANALYZE rewards_baseline")
    task_seconds, rerun_seconds, floor_seconds, sums = [], [], [], set()
    where, part = f"WHERE month = '{february}'", f"rewards_grant_{february:%Y_%m}"
    for _ in range(harness.TURNS):
        _reset_grants(february)
        task_seconds.append(_seconds(lambda: _grant(february)))
        sums.add(_digest("rewards_grant", where))
        rerun_seconds.append(_seconds(lambda: _grant(february)))
        sums.add(_digest("rewards_grant", where))
        granted = _one(f"SELECT count(*) FROM rewards_grant {where} AND state = 'GRANTED'")  # noqa: S608
        assert _rows_in_files() == granted, "every granted line is in a file, once"
        floor_seconds.append(_floor(part, "rewards_grant"))
    assert len(sums) == 1, "a rerun changes nothing"
    exact = sums.pop()
    took["a month's grants with their files"] = task_seconds
    missed |= _rows(
        f"a month's grants of {lines:,} lines with their files", task_seconds, floor_seconds, rerun_seconds, at_most=2.5
    )

    return missed | _shared(lines, february, exact, granted), took


def _shared(lines: int, month: dt.date, exact: str, granted: int) -> int:
    """Two workers beside one, in turns: both are measured in the same minute. Prints the row; 1 if it missed."""
    seconds: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    with _celery(2) as second_works:
        for turn in range(1 + harness.TURNS):  # one worker and two take turns; the first turn warms both up
            for workers in (1, 2):
                second_works(workers == 2)
                _reset_grants(month)
                found = _seconds_of_dated_task(month)
                assert _digest("rewards_grant", f"WHERE month = '{month}'") == exact, "the sum is exact"
                assert _rows_in_files() == granted, "every granted line is in a file, once"
                seconds[workers] += [found] if turn else []
    # Without beat, which would give the shards to the workers.
    alone, shared = harness.in_turns(lambda: _bare_seconds(month, 1), lambda: _bare_seconds(month, 2))
    one, two = ([list(column) for column in zip(*seconds[workers], strict=True)] for workers in (1, 2))
    grants = f"grants of {lines:,} lines"
    missed = harness.row(
        f"{grants} with one worker, beside two; the sum is exact",
        one[0],
        two[0],
        unit="s",
        at_least=1.4 if lines >= SHARED_LINES else None,
    )
    harness.row(f"{grants} with one worker, beside two, with the ticks of beat before", one[1], two[1], unit="s")
    harness.row(f"{grants} on one connection without Celery, beside two", alone, shared, unit="s")
    return missed


def _rows(
    name: str, task_seconds: list[float], floor_seconds: list[float], rerun_seconds: list[float], *, at_most: float
) -> int:
    """Print the task compared with the raw statement, and its rerun compared with the task."""
    return harness.row(name, task_seconds, floor_seconds, unit="s", at_most=at_most) | harness.row(
        f"rerun of {name}, which changes nothing, beside the first run",
        rerun_seconds,
        task_seconds,
        unit="s",
        at_most=1,
    )


def _floor(source: str, target: str) -> float:
    """Seconds of the raw statement, which copies the same rows into the emptied table."""
    _run(f"CREATE TABLE finished AS SELECT * FROM {source}")  # noqa: S608
    _run(f"TRUNCATE {source}")
    seconds = _seconds(lambda: _run(f"INSERT INTO {target} SELECT * FROM finished"))  # noqa: S608
    _run("DROP TABLE finished")
    return seconds


def _reset_grants(month: dt.date) -> None:
    """Delete all grants, their shards and files."""
    _run(f"TRUNCATE rewards_grant_{month:%Y_%m}")
    _run("DELETE FROM rewards_handoff; DELETE FROM rewards_shard WHERE kind = 'GRANT'")
    shutil.rmtree(_provider_folder(), ignore_errors=True)


def _record_base() -> None:
    from rewards.enrolment import base

    base.plan()
    _run_shards()
    base.record_result()


def _grant(month: dt.date) -> None:
    from rewards import tasks
    from rewards.enrolment import grants
    from rewards.providers import files

    grants.plan_month(month)
    _run_shards()
    for pk in list(files.waiting().order_by("pk").values_list("pk", flat=True)):
        tasks.write_hand_off(pk)
    grants.month_results(month)


def _run_shards() -> None:
    from rewards import tasks
    from rewards.enrolment import shards

    for pk in list(shards.open_shards().order_by("pk").values_list("pk", flat=True)):
        tasks.run_shard(pk)


@contextmanager
def _celery(workers: int) -> Iterator[Callable[[bool], None]]:
    """A beat and that many workers of the queue `perks` with one process each; nothing of the calendar is due.

    Yields a function that lets the last worker take tasks or lie idle.
    """
    from celery import current_app

    from kt_remedy.core.models import DatedTask, PeriodicTask
    from kt_remedy.core.tasks import schedule
    from kt_remedy.core.tasks.beat import LOCK

    schedule.plan()
    DatedTask.objects.update(state=DatedTask.State.DONE)
    PeriodicTask.objects.update(due_at=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    celery = harness.python("-m", "celery", "-A", "kt_remedy")
    commands = [[*celery, "worker", "-Q", "perks", "-c", "1", "-n", f"{number}@bench"] for number in range(workers)]
    processes = [
        subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for argv in [*commands, [*celery, "beat"]]
    ]

    def last_works(takes_tasks: bool) -> None:
        control, last = current_app.control, [f"{workers - 1}@bench"]
        act = control.add_consumer if takes_tasks else control.cancel_consumer
        _wait(lambda: act("perks", destination=last, reply=True))

    try:
        _wait(lambda: len(current_app.control.ping(timeout=0.5)) == workers)
        _wait(lambda: _one(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = {LOCK[0]}"))  # noqa: S608
        yield last_works
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _seconds_of_dated_task(month: dt.date) -> tuple[float, float]:
    """Seconds until the grants of `month` are done: since the first shard began, since they fell due.

    Waits for their files too.
    """
    from django.db.models import Min

    from kt_remedy.core.models import DatedTask
    from rewards.enrolment import grants, working
    from rewards.models import Shard
    from rewards.providers import files

    pk = next(task.pk for task in DatedTask.objects.filter(code=working.GRANTS) if grants.month_of(task) == month)
    task = DatedTask.objects.filter(pk=pk)

    def fall_due_and_end() -> None:
        task.update(state=DatedTask.State.WAITING, attempts=0, seen_at=None, retry_at=None, published_at=None)
        _wait(lambda: task.get().state == DatedTask.State.DONE)

    seconds = _seconds(fall_due_and_end)
    ended = dt.datetime.now(dt.UTC)
    began = Shard.objects.filter(kind=Shard.Kind.GRANT, month=month).aggregate(first=Min("taken_at"))["first"]
    _wait(lambda: not files.waiting().exists())
    return (ended - began).total_seconds(), seconds


def _bare_seconds(month: dt.date, number: int) -> float:
    """Seconds for the shards of `month` by that many connections without Celery: what the database itself gains."""
    from django.db import connections

    from rewards.enrolment import grants, shards, working

    _reset_grants(month)
    grants.plan_month(month)
    planned = list(shards.open_shards().order_by("pk"))

    def run(part: list) -> None:
        for shard in part:
            working.run(shard)
        connections.close_all()

    def run_all() -> None:
        threads = [threading.Thread(target=run, args=(planned[first::number],)) for first in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return _seconds(run_all)


def _wait(done: Callable[[], object], *, at_most: int = 900) -> None:
    deadline = time.monotonic() + at_most
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit("The workers did not end in time.")
        time.sleep(0.05)


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _provider_folder() -> Path:
    from django.conf import settings

    return Path(settings.HAND_OFF_DIR) / "data"


def _rows_in_files() -> int:
    keys = [line for path in _provider_folder().glob("*.csv") for line in path.read_text().splitlines()[1:]]
    assert len(set(keys)) == len(keys), "no line twice"
    return len(keys)


def _digest(table: str, where: str = "") -> str:
    rows, total = _row(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t {where}")  # noqa: S608
    return hashlib.sha256(f"{rows}:{total}".encode()).hexdigest()


def _run(sql: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql)


def _one(sql: str) -> int:
    return _row(sql)[0]


def _row(sql: str) -> tuple:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


if __name__ == "__main__":
    raise SystemExit(main())
