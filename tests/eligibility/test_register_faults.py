"""Loads with worker processes, killed loads and parallel loads: a delivery is loaded completely or not at all."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from django.db import connection, transaction
from django.db.models import Count, Sum

from eligibility.feed import load, staging, workers
from eligibility.models import Bill, Customer, Feed, Line
from kt_remedy.devtools import sample_contracts, sample_register
from tests.conftest import Process, wait_until

LINES = 3_000
DAY = sample_contracts.DELIVERIES[0]


@pytest.fixture(scope="module")
def delivery(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    sample_register.write(folder, lines=LINES, seed=11)
    return folder / str(DAY)


@pytest.fixture
def start_load(start_process, delivery: Path) -> Callable[..., Process]:
    def start(*more: str) -> Process:
        files = [str(delivery / "lines.csv"), str(delivery / "bills.csv")]
        return start_process("manage.py", "load_feed", *files, "--as-of", str(DAY), "--processes", "2", *more)

    return start


@pytest.fixture
def blocked() -> Iterator[Callable[[], None]]:
    """Lock the bills, which a merge writes last, so that a merge waits until the returned function is called."""
    settings = connection.get_connection_params()
    wanted = ("dbname", "user", "password", "host", "port")
    other = psycopg2.connect(**{key: settings[key] for key in wanted if key in settings})
    other.cursor().execute("LOCK TABLE eligibility_bill IN SHARE MODE")
    yield other.rollback
    other.close()


def register_totals() -> tuple:
    """Totals of the register after a load, to compare loads."""
    return (
        Line.objects.aggregate(Count("pk"), Sum("refundable_krw"), Sum("expected_penalty_krw")),
        sorted(Line.objects.values_list("outcome").annotate(Count("pk"))),
        Customer.objects.count(),
        Bill.objects.aggregate(Count("billed_on"), Sum("paid_krw")),
    )


def finish(process: Process) -> None:
    assert process.process.wait(60) == 0, process.log


def children_of(process: Process) -> list[int]:
    pid = process.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_killed_load_is_run_again(start_load, blocked) -> None:
    # The first load is killed while rows are read and staged.
    first = start_load()
    wait_until(lambda: len(children_of(first)) == 2, seconds=60, what="two workers")
    orphans = children_of(first)
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    wait_until(lambda: not any(map(alive, orphans)), what="orphaned workers to end")
    assert not Line.objects.exists()

    # The second load is killed inside the merge, after the lines and before the bills.
    second = start_load()
    wait_until(lambda: Feed.objects.filter(state="RUNNING", phase="merge").exists(), seconds=60)
    time.sleep(0.5)
    os.kill(second.process.pid, signal.SIGKILL)
    second.process.wait()
    blocked()
    wait_until(lambda: not Line.objects.exists())

    # The third load runs to its end.
    finish(start_load())
    whole = register_totals()
    assert whole[0]["pk__count"] > LINES - 80  # some lines are opened later
    assert sorted(Feed.objects.values_list("state", "fault")) == [
        ("FAILED", "interrupted"),
        ("FAILED", "interrupted"),
        ("LOADED", ""),
    ]
    assert not staging.existing()

    # The same files again change nothing.
    finish(start_load())
    assert (register_totals(), Feed.objects.count()) == (whole, 3)


def test_a_second_load_is_refused_while_one_runs(start_load, blocked, delivery, monkeypatch) -> None:
    first = start_load()
    wait_until(lambda: Feed.objects.filter(state="RUNNING", phase="merge").exists(), seconds=60)

    monkeypatch.setattr(load, "_LOCK_PATIENCE_SECONDS", 0)
    with pytest.raises(load.LoadRefusedError, match="Another delivery is being loaded"):
        load.load(lines=delivery / "lines.csv", bills=delivery / "bills.csv", as_of=DAY)

    blocked()
    finish(first)
    assert Feed.objects.get().state == Feed.State.LOADED


def test_with_and_without_workers_the_same_is_stored(start_load, delivery) -> None:
    finish(start_load())
    by_workers = register_totals()

    with transaction.atomic():
        for model in (Bill, Line, Customer, Feed):
            model.objects.all().delete()
        load.load(lines=delivery / "lines.csv", bills=delivery / "bills.csv", as_of=DAY, processes=0)
        alone = register_totals()

    assert alone == by_workers


def test_a_worker_of_the_calendar_may_have_workers(monkeypatch) -> None:
    """A process of a Celery worker is a daemon, and multiprocessing lets no daemon start a process."""
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)

    with workers.worker_pool(2, lambda: lambda batch: 2 * batch) as pool:
        assert sorted(pool.run([1, 2, 3])) == [2, 4, 6]


def test_page_time_limits_do_not_end_a_load(start_process, delivery: Path) -> None:
    files = [str(delivery / "lines.csv"), str(delivery / "bills.csv")]
    process = start_process(
        "manage.py", "load_feed", *files, "--as-of", str(DAY), env={"STATEMENT_TIMEOUT": "20ms", "LOCK_TIMEOUT": "20ms"}
    )

    finish(process)
    assert Line.objects.count() > LINES - 80
