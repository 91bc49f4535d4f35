"""Messages and acts with a real worker and beat, while brokers and workers are broken on purpose.

Judged by the log of the stand-in for the gateway: nobody gets a message twice, and a person without one stands on
the list of the unreachable.
"""

import datetime as dt
import os
import signal
import time
from collections.abc import Callable

import pytest
from django.db import connection

from kt_remedy.core.models import DatedTask, PeriodicTask
from kt_remedy.core.tasks import schedule
from kt_remedy.core.tasks.beat import LOCK
from kt_remedy.notices import service
from kt_remedy.notices.models import Message, MessageBatch
from refunds.tasks import queue_reminders
from tests.background import due, run_due
from tests.conftest import Process, wait_until
from tests.faults.broker import Broker, broker  # noqa: F401  (a fixture)
from tests.notices.gateway_stand_in import control, received
from tests.notices.sending import ask_unclear, end_pauses, send_due
from tests.refunds import make

pytestmark = pytest.mark.django_db(transaction=True)

State = Message.State
FINAL = {State.ACCEPTED, State.DELIVERED, State.FAILED, State.UNKNOWN, State.CANCELLED}


def people(count: int, prefix: str) -> list[str]:
    """So many people who could apply and have not; gives the numbers they are reached on."""
    numbers = [f"010{prefix}{n:04d}" for n in range(count)]
    for number in numbers:
        line = make.line(make.customer())
        line.contact_msisdn = number
        line.save()
    return numbers


def only_reminders() -> None:
    """Take the acts of other applications as done, because these tests have no data for them; the delivery is there."""
    make.delivered()
    schedule.plan()
    DatedTask.objects.exclude(code="refunds.reminder").update(state=DatedTask.State.DONE)


def owed(count: int) -> bool:
    """True if every message of the mailing is in a final state."""
    rows = Message.objects.filter(kind="reminder")
    return rows.count() == count and not rows.exclude(state__in=FINAL).exists()


def nobody_twice_nobody_missed(sandbox: str, numbers: list[str]) -> None:
    got = received(sandbox, numbers)
    assert set(got.values()) <= {1}, "somebody got it twice"
    silent = set(numbers) - set(got)
    listed = Message.objects.filter(kind="reminder", state=State.UNKNOWN).count()
    assert len(silent) == listed, "somebody got nothing and is on no list"


def first_round() -> DatedTask:
    return DatedTask.objects.get(code="refunds.reminder", due_at=dt.datetime.fromisoformat("2026-01-20T10:00+09:00"))


ALL = "rest,money,messages,perks"
# The queues of two workers: both take everything, or each has its own.
SHARES = [(ALL, ALL), ("messages", "money,perks,rest")]


@pytest.fixture
def workers(start_process: Callable[..., Process], broker: Broker) -> Callable[..., Process]:  # noqa: F811
    """Start a worker ("w…") of some queues or a beat ("b…") on the test's own broker."""
    env = {
        "REDIS_URL": broker.url,
        "SMS_PER_SECOND": "6",
        "SMS_ASK_AFTER_SECONDS": "1",
        "SMS_UNKNOWN_AFTER_MINUTES": "0",
    }

    def start(name: str, queues: str = ALL) -> Process:
        if name.startswith("b"):
            return start_process("-m", "celery", "-A", "kt_remedy", "beat", "-l", "WARNING", "--pidfile=", env=env)
        return start_process(
            "-m", "celery", "-A", "kt_remedy", "worker", "-c", "2", "-l", "WARNING", "-Q", queues, "-n", name, env=env
        )

    return start


def jobs_ran() -> bool:
    return PeriodicTask.objects.filter(succeeded_at__isnull=False).count() >= 5


@pytest.mark.parametrize("shares", SHARES, ids=["the same queues", "queues of their own"])
def test_a_round_by_itself_through_every_trouble_of_the_broker(sandbox, at, workers, broker, shares):  # noqa: F811
    """Two beats, two workers; the broker emptied, paused and killed, a worker killed, while the round goes out."""
    numbers = people(40, f"81{SHARES.index(shares):02}")
    at("2026-01-20T09:59:50+09:00")
    only_reminders()
    first, _second, _b1, _b2 = workers("w1", shares[0]), workers("w2", shares[1]), workers("b1"), workers("b2")
    wait_until(jobs_ran, seconds=60, what="the jobs")
    at("2026-01-20T10:00:00+09:00")
    wait_until(lambda: received(sandbox, numbers).total() >= 4, seconds=30, what="the first messages")
    broker.empty()
    first.kill()
    workers("w3", shares[0])
    wait_until(lambda: received(sandbox, numbers).total() >= 12, seconds=60, what="messages after the kill")
    broker.pause()
    time.sleep(3)
    broker.resume()
    broker.kill()
    time.sleep(1)
    broker.start_again()
    workers("w4", shares[0])
    wait_until(lambda: owed(40), seconds=120, what="the whole round")
    nobody_twice_nobody_missed(sandbox, numbers)
    assert (first_round().state, first_round().attempts) == (DatedTask.State.DONE, 1)


def test_a_round_whose_tasks_are_lost_doubled_and_reordered(sandbox, at, workers, broker):  # noqa: F811
    """Beat publishes while the workers stand still; the tasks that wait on the broker are then changed."""
    numbers = people(40, "8110")
    at("2026-01-20T09:59:50+09:00")
    only_reminders()
    pair = [workers("w1", "messages"), workers("w2", "money,perks,rest")]
    workers("b1")
    wait_until(jobs_ran, seconds=60, what="the jobs")
    at("2026-01-20T10:00:00+09:00")
    changed = {"lose": 0, "double": 0, "reorder": 0}

    def trouble(*steps: str) -> None:
        """Let tasks gather on the broker, change some, and let the workers go on."""

        def change(step: str) -> int:
            found = sum(getattr(broker, step)(queue) for queue in schedule.QUEUES)
            changed[step] += found
            return found

        for worker in pair:
            os.killpg(worker.process.pid, signal.SIGSTOP)
        time.sleep(2.5)
        for step in steps:
            # A task that a stopped worker holds already is published again after thirty seconds.
            wait_until(lambda step=step: change(step), seconds=60, what=f"tasks to {step}")
        for worker in pair:
            os.killpg(worker.process.pid, signal.SIGCONT)

    trouble("double", "reorder")  # also the task that starts the round
    wait_until(lambda: received(sandbox, numbers).total() >= 6, seconds=60, what="the first messages")
    trouble("lose")
    wait_until(lambda: received(sandbox, numbers).total() >= 18, seconds=90, what="messages after the loss")
    trouble("double", "reorder")
    wait_until(lambda: owed(40), seconds=120, what="the whole round")
    nobody_twice_nobody_missed(sandbox, numbers)
    assert received(sandbox, numbers).total() == 40, "the gateway did nothing wrong"
    assert all(changed.values()), changed
    assert (first_round().state, first_round().attempts) == (DatedTask.State.DONE, 1)


def test_a_single_message_leaves_within_two_ticks(sandbox, at, workers):
    """At one tick it gets its batch, at the next one the batch leaves; a person may be waiting for a code."""
    at("2026-01-20T10:00:00+09:00")
    only_reminders()
    workers("w1"), workers("b1")
    wait_until(jobs_ran, seconds=60, what="the jobs")
    seconds = []
    for n in range(4):
        number = f"0108120{n:04d}"
        began = time.monotonic()
        service.queue(kind="filing.received_open", subject=str(n), person=bytes([n]), to=number)
        wait_until(lambda number=number: received(sandbox, [number]), seconds=20, what="the message")
        seconds.append(time.monotonic() - began)
    assert sorted(seconds)[1] < 2.5, seconds


def test_of_two_beats_one_ticks_and_the_other_takes_over(workers):
    def holders() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                [LOCK[0]],
            )
            return [pid for (pid,) in cursor.fetchall()]

    workers("w1")
    first = workers("b1")
    wait_until(holders, seconds=60, what="a beat with the lock")
    lock_holders = holders()
    workers("b2")
    wait_until(jobs_ran, seconds=60, what="the jobs")
    assert holders() == lock_holders, "the second stands by"
    first.kill()
    wait_until(lambda: holders() not in ([], lock_holders), seconds=30, what="the other beat")
    now = dt.datetime.now(dt.UTC)
    PeriodicTask.objects.update(due_at=now)
    wait_until(
        lambda: PeriodicTask.objects.filter(succeeded_at__gt=now).exists(), seconds=30, what="a task of its tick"
    )


KILLS = {
    "while batches are formed": "batches._assign = die",
    "after batches were formed": "sender.send = die",
    "while they are prepared": "sender._prepare = die",
    "after they were marked, before the call": "gateway.send = die",
    "after the gateway took them": (
        "real = gateway.send\ndef after(*a, **k):\n    real(*a, **k)\n    die()\ngateway.send = after"
    ),
    "while they are written back": "sender.settle = die",
    "before the end of the batch is written": "sender.close = die",
}


@pytest.mark.parametrize("step", KILLS)
def test_a_sender_killed_at_each_step(sandbox, at, settings, start_process, step):
    settings.SMS_ASK_AFTER_SECONDS = 0
    settings.SMS_UNKNOWN_AFTER_MINUTES = 0
    at("2026-01-20T10:00:00+09:00")
    numbers = people(3, f"82{list(KILLS).index(step):02}")
    only_reminders()
    queue_reminders(first_round().pk)
    assert Message.objects.filter(kind="reminder").count() == 3
    killed = start_process(
        "-c",
        "import os, signal, django; django.setup()\n"
        "from kt_remedy.notices import batches, gateway, sender\n"
        "from tests.notices.sending import send_due\n"
        "def die(*a, **k): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{KILLS[step]}\nsend_due()",
    )
    assert killed.process.wait(30) == -9, killed.log
    wait_until(lambda: not _locks(), what="the lock of the dead worker")
    for _ in range(3):  # later
        end_pauses()
        send_due()
        ask_unclear()
    assert owed(3)
    assert not MessageBatch.objects.filter(state="WAITING").exists()
    nobody_twice_nobody_missed(sandbox, numbers)
    if step != "after they were marked, before the call":
        assert received(sandbox, numbers).total() == 3


def test_a_worker_killed_while_it_starts_the_round(sandbox, at, start_process):
    at("2026-01-20T10:00:00+09:00")
    people(5, "8301")
    only_reminders()
    (published,) = [publication for publication in due("messages") if publication.model is DatedTask]
    killed = start_process(
        "-c",
        "import os, signal, django; django.setup()\n"
        "from kt_remedy.core.tasks import schedule\n"
        "from refunds.tasks import queue_reminders\n"
        "schedule._finish = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"queue_reminders({published.pk})",
    )
    assert killed.process.wait(30) == -9, killed.log
    assert first_round().state == "RUNNING"
    wait_until(lambda: not _locks(), what="the lock of the dead worker")
    assert published in due("messages"), "taken up at once"
    queue_reminders(published.pk)
    act = first_round()
    assert (act.state, act.attempts, act.result) == ("DONE", 2, "새로 올린 안내 0명")
    assert Message.objects.filter(kind="reminder").count() == 5


def _locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        return cursor.fetchone()[0]


def test_the_clock_forward_and_back_sends_no_round_twice(sandbox, at):
    numbers = people(2, "8401")

    def everything() -> None:
        run_due("messages")
        send_due()

    at("2026-01-20T10:00:00+09:00")
    only_reminders()
    everything()
    at("2026-01-19T10:00:00+09:00")
    only_reminders()
    everything()
    at("2026-01-20T11:00:00+09:00")
    everything()
    assert received(sandbox, numbers) == dict.fromkeys(numbers, 1)
    at("2026-01-30T11:00:00+09:00")
    everything()
    # Two rounds fell due in between: the later one supersedes the earlier, so nobody is told twice at once (D-68).
    assert received(sandbox, numbers) == dict.fromkeys(numbers, 2)
    assert Message.objects.filter(kind="reminder.last", state__in=FINAL).count() == len(numbers)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_random_kills_and_a_failing_gateway(sandbox, at, workers, broker, seed):  # noqa: F811
    """A minute of a bad day, three times."""
    import random

    chance = random.Random(seed)
    numbers = people(120, f"85{seed:02}")
    at("2026-01-20T09:59:58+09:00")
    only_reminders()
    alive = [workers(f"w{n}") for n in range(2)]
    workers("b1"), workers("b2")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(chance.uniform(1, 3))
        match chance.choice(["worker", "empty", "pause", "gateway", "gateway"]):
            case "worker":
                alive.pop(0).kill()
                alive.append(workers(f"w{chance.random()}"))
            case "empty":
                broker.empty()
            case "pause":
                broker.pause()
                time.sleep(2)
                broker.resume()
            case "gateway":
                control(sandbox, chance.choice(["accept_hang", "accept_500", "500", "hang", "busy", "garbled"]), 1)
    control(sandbox, "ok")
    wait_until(lambda: owed(120), seconds=240, what="the whole round")
    nobody_twice_nobody_missed(sandbox, numbers)
