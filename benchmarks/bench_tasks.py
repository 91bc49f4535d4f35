"""Background work at rest and under load: Redis commands and queries a second, and the time from due to started.

A beat and one worker process for all queues run on servers of their own. The rows of the load are batches of messages
without a message, so that the figures show the way from a row to its task and nothing else.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import harness

FLAGS = ("--without-gossip", "--without-mingle")
QUEUES = "money,messages,perks,rest"


def main() -> int:
    """Commands and queries at rest; p50 and p95 from due to started, at rest and with many rows due at once."""
    parser = harness.options(__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="time at rest that is measured")
    parser.add_argument("--rows", type=int, default=10_000, help="rows that fall due at once")
    options = parser.parse_args()
    missed = 0
    # As in production the wall clock is the clock of the portal, which costs no query.
    with harness.portal(REMEDY_NOW="") as servers:
        from kt_remedy.core.models import DatedTask, PeriodicTask
        from kt_remedy.core.tasks import schedule

        schedule.plan()
        DatedTask.objects.update(state=DatedTask.State.DONE)  # at rest no dated task is due
        with _children(servers):
            _wait(lambda: PeriodicTask.objects.exclude(succeeded_at=None).count() >= PeriodicTask.objects.count() > 5)
            time.sleep(5)
            before = _redis_commands(servers), _statements(servers)
            time.sleep(options.seconds)
            after = _redis_commands(servers), _statements(servers)
            seconds = options.seconds
            missed += harness.row(
                "Redis commands a second at rest, one worker process and beat",
                (after[0] - before[0]) / seconds,
                unit="/s",
                at_most=4,
            )
            missed += harness.row(
                "queries a second at rest, one worker process and beat",
                (after[1] - before[1]) / seconds,
                unit="/s",
                at_most=4,
            )
            _log_statements(servers, "none")
            _latency("at rest", _one_by_one(40))
            _latency(f"with {options.rows:,} rows due at once", _at_once(options.rows))
    return missed


@contextmanager
def _children(servers: Any) -> Iterator[None]:
    """A worker process and a beat as production starts them, with every statement in PostgreSQL's log."""
    _log_statements(servers, "all")
    celery = harness.python("-m", "celery", "-A", "kt_remedy")
    root = Path(__file__).resolve().parent.parent
    commands = (
        [*celery, "worker", "-c", "1", "-Q", QUEUES, "-l", "WARNING", *FLAGS],
        [*celery, "beat", "-l", "WARNING", "--pidfile="],
    )
    children = [subprocess.Popen(argv, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}) for argv in commands]
    try:
        yield
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(60)


def _log_statements(servers: Any, which: str) -> None:
    connection = harness.superuser(servers)
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET log_statement = %s", [which])
        cursor.execute("SELECT pg_reload_conf()")
    connection.close()


def _redis_commands(servers: Any) -> int:
    import redis

    with redis.Redis(unix_socket_path=str(servers.redis_socket)) as client:
        return client.info("stats")["total_commands_processed"] - 1  # less this question


def _statements(servers: Any) -> int:
    return servers.postgres.written().count(" LOG:  statement: ")


def _wait(done: Any) -> None:
    until = time.monotonic() + 300
    while not done():
        if time.monotonic() > until:
            raise RuntimeError("the background work does not start")
        time.sleep(0.2)


def _one_by_one(count: int) -> list[float]:
    from kt_remedy.notices.models import MessageBatch

    keys = []
    for number in range(count):
        keys.append(MessageBatch.objects.create().pk)
        time.sleep(0.7 + number % 7 * 0.1)  # at changing distances from the ticks of beat
    return _seconds(keys)


def _at_once(count: int) -> list[float]:
    from kt_remedy.notices.models import MessageBatch

    return _seconds([row.pk for row in MessageBatch.objects.bulk_create([MessageBatch() for _ in range(count)])])


def _seconds(keys: list[int]) -> list[float]:
    from kt_remedy.notices.models import MessageBatch

    batches = MessageBatch.objects.filter(pk__in=keys)
    _wait(lambda: not batches.filter(taken_at=None).exists())
    times = batches.values_list("waiting_since", "taken_at")
    return sorted((taken - since).total_seconds() for since, taken in times if taken)


def _latency(when: str, seconds: list[float]) -> None:
    for share in (0.5, 0.95):
        value = seconds[min(int(len(seconds) * share), len(seconds) - 1)]
        harness.row(f"p{share * 100:.0f} from due to started {when}", value, unit="s")


if __name__ == "__main__":
    raise SystemExit(main())
