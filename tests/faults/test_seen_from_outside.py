"""`celery inspect`, events and Flower beside the page of the calendar, while a real worker carries out real tasks."""

import datetime as dt
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from celery import Celery
from django.db import connection, connections, transaction

from kt_remedy.core.models import DatedTask, PeriodicTask, TaskTiming
from kt_remedy.core.tasks import dispatch, schedule
from tests.conftest import QUEUES, Process, wait_until
from tests.faults.broker import Broker, broker  # noqa: F401  (a fixture)
from tests.refunds import make

pytestmark = pytest.mark.django_db(transaction=True)

DUE = dt.datetime.fromisoformat("2026-01-20T10:00+09:00")
REMINDER = "refunds.tasks.queue_reminders"


@pytest.fixture
def app(broker: Broker) -> Celery:  # noqa: F811
    """A client of the test's own broker, as an operator's shell is one."""
    return Celery("operator", broker=broker.url, set_as_current=False)


@pytest.fixture
def started(start_process: Callable[..., Process], broker: Broker, at) -> Process:  # noqa: F811
    """A worker and a beat while a reminder is due."""
    at("2026-01-20T10:00:00+09:00")
    make.delivered()
    schedule.plan()
    DatedTask.objects.exclude(code="refunds.reminder").update(state=DatedTask.State.DONE)
    env = {"REDIS_URL": broker.url, "LOCK_TIMEOUT": "60s", "STATEMENT_TIMEOUT": "60s", "SANDBOX_PORT": "1"}
    worker = start_process(
        "-m", "celery", "-A", "kt_remedy", "worker", "-c", "2", "-l", "INFO", *QUEUES, "-n", "all@test", env=env
    )
    worker.wait_for("ready.")
    start_process("-m", "celery", "-A", "kt_remedy", "beat", "-l", "INFO", "--pidfile=", env=env)
    return worker


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """The table of the messages takes no row: it is locked by a connection of its own until the event is set."""
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE notices_message IN EXCLUSIVE MODE")
            locked.set()
            release.wait(120)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(20)
    yield release
    release.set()
    thread.join()


def reminder() -> DatedTask:
    return DatedTask.objects.get(code="refunds.reminder", due_at=DUE)


def test_inspect_and_events_tell_the_story_of_the_calendar(app, held, started):
    with Events(app) as events:
        wait_until(lambda: reminder().state == DatedTask.State.RUNNING, what="the reminder")
        inspect = app.control.inspect(timeout=10, limit=1)
        (names,) = inspect.registered().values()
        assert set(names) >= {registration.task.name for registration in schedule.entries()}
        assert set(names) >= {task.name for task in dispatch.tasks()}
        (active,) = inspect.active().values()
        assert [(task["name"], task["args"]) for task in active if task["name"] == REMINDER] == [
            (REMINDER, [reminder().pk])
        ]
        assert set(inspect.reserved()) == {"all@test"}
        held.set()
        wait_until(lambda: reminder().state == DatedTask.State.DONE, what="the end of the reminder")
        wait_until(lambda: TaskTiming.objects.filter(task=REMINDER).exists(), what="its duration")
        wait_until(lambda: ("task-succeeded", REMINDER) in events.seen, what="the event of its end")
        failed = {task for kind, task in events.seen if kind == "task-failed"}
        assert failed == set(), "no task fails on a quiet day"
        assert not TaskTiming.objects.exclude(failures=0).exists()


class Events:
    """The events of the workers, as `celery events` and Flower read them: kind and task name."""

    def __init__(self, app: Celery) -> None:
        self.seen, self.names = set(), {}
        self.connection = app.connection()
        self.receiver = app.events.Receiver(self.connection, handlers={"*": self._note})
        self.thread = threading.Thread(target=self.receiver.capture, kwargs={"wakeup": False})

    def __enter__(self) -> "Events":
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.receiver.should_stop = True
        self.thread.join()
        self.connection.close()

    def _note(self, event: dict) -> None:
        if "uuid" in event:
            name = self.names.setdefault(event["uuid"], event.get("name", ""))
            self.seen.add((event["type"], name))


def test_flower_lists_the_workers_and_the_tasks(started, start_process, broker):  # noqa: F811
    port = _free_port()
    start_process(
        *("-m", "celery", "-A", "kt_remedy", "flower", "--address=127.0.0.1", f"--port={port}"),
        env={"REDIS_URL": broker.url, "FLOWER_UNAUTHENTICATED_API": "true"},
    )

    def tasks() -> set[str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/tasks", timeout=5) as answer:
                return {task["name"] for task in json.load(answer).values()}
        except (urllib.error.URLError, OSError):
            return set()

    def any_task() -> bool:
        PeriodicTask.objects.filter(code="schedule.watch").update(due_at=dt.datetime.now(dt.UTC))
        return "kt_remedy.core.tasks.upkeep.watch" in tasks()

    wait_until(any_task, seconds=90, what="a task that Flower shows")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/workers?refresh=1", timeout=10) as answer:
        assert list(json.load(answer)) == ["all@test"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_log_of_a_quiet_worker_is_quiet(started):
    wait_until(lambda: PeriodicTask.objects.filter(succeeded_at=None).count() == 0, seconds=60, what="the first runs")
    began = dt.datetime.now(dt.UTC)
    wait_until(lambda: (dt.datetime.now(dt.UTC) - began).total_seconds() > 3, what="some ticks")
    lines = [line for line in started.log.splitlines() if line.startswith("{")]
    assert [line for line in lines if json.loads(line)["level"] not in ("info", "debug")] == []
