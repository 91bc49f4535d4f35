"""Messages and acts with a real worker and beat, while brokers and workers are broken on purpose.

Judged by the log of the stand-in for the gateway: nobody gets a message twice, and a person without one stands on
the list of the unreachable.
"""

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from kt_remedy.core import clock
from kt_remedy.core.models import DatedTask, PeriodicTask
from kt_remedy.core.tasks import schedule
from kt_remedy.core.tasks.beat import LOCK
from kt_remedy.notices import sender
from kt_remedy.notices.models import Message
from tests.conftest import QUEUES, Process, wait_until
from tests.faults.broker import Broker, broker  # noqa: F401  (a fixture)
from tests.notices.gateway_stand_in import control, received
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
    """Take the other rooms' acts as done: what they need is not in these tests' databases."""
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


@pytest.fixture
def workers(
    start_process: Callable[..., Process],
    broker: Broker,  # noqa: F811
    tmp_path: Path,
) -> Callable[[str], Process]:
    """Start a worker ("w…") or a beat ("b…") on the test's own broker."""
    env = {
        "REDIS_URL": broker.url,
        "SMS_PER_SECOND": "6",
        "SMS_ASK_AFTER_SECONDS": "1",
        "SMS_UNKNOWN_AFTER_MINUTES": "0",
        "VISIBILITY_TIMEOUT": "5",
    }

    def start(name: str) -> Process:
        if name.startswith("b"):
            return start_process(
                "-m", "celery", "-A", "kt_remedy", "beat", "-l", "WARNING", "-s", str(tmp_path / name), env=env
            )
        return start_process(
            "-m", "celery", "-A", "kt_remedy", "worker", "-c", "2", "-l", "WARNING", *QUEUES, "-n", name, env=env
        )

    return start


def test_a_round_by_itself_through_every_trouble_of_the_broker(sandbox, at, workers, broker):  # noqa: F811
    """Two beats, two workers; the broker emptied, paused and killed, a worker killed, while the round goes out."""
    numbers = people(40, "8101")
    at("2026-01-20T09:59:50+09:00")
    only_reminders()
    first, _second, _b1, _b2 = workers("w1"), workers("w2"), workers("b1"), workers("b2")
    wait_until(
        lambda: PeriodicTask.objects.filter(succeeded_at__isnull=False).count() >= 5, seconds=60, what="the jobs"
    )
    at("2026-01-20T10:00:00+09:00")
    wait_until(lambda: received(sandbox, numbers).total() >= 4, seconds=30, what="the first messages")
    broker.empty()
    first.kill()
    wait_until(lambda: received(sandbox, numbers).total() >= 12, seconds=40, what="messages after the kill")
    broker.pause()
    time.sleep(3)
    broker.resume()
    broker.kill()
    time.sleep(1)
    broker.start_again()
    workers("w3")
    wait_until(lambda: owed(40), seconds=90, what="the whole round")
    nobody_twice_nobody_missed(sandbox, numbers)
    round_one = DatedTask.objects.get(
        code="refunds.reminder", due_at=dt.datetime.fromisoformat("2026-01-20T10:00+09:00")
    )
    assert (round_one.state, round_one.attempts) == (DatedTask.State.DONE, 1)


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
    wait_until(
        lambda: PeriodicTask.objects.filter(succeeded_at__isnull=False).count() >= 5, seconds=60, what="the jobs"
    )
    assert holders() == lock_holders, "the second stands by"
    first.kill()
    wait_until(lambda: holders() not in ([], lock_holders), seconds=30, what="the other beat")
    ran = PeriodicTask.objects.get(code="notices.send").succeeded_at
    wait_until(
        lambda: PeriodicTask.objects.get(code="notices.send").succeeded_at > ran, seconds=30, what="another tick"
    )


KILLS = {
    "after the rows were claimed": "sender._prepare = die",
    "after they were marked, before the call": "gateway.send = die",
    "after the gateway took them": (
        "real = gateway.send\ndef after(*a, **k):\n    real(*a, **k)\n    die()\ngateway.send = after"
    ),
    "while they are written back": "sender._settle = die",
}


@pytest.mark.parametrize("step", KILLS)
def test_a_sender_killed_at_each_step(sandbox, at, settings, start_process, step):
    settings.SMS_ASK_AFTER_SECONDS = 0
    settings.SMS_UNKNOWN_AFTER_MINUTES = 0
    at("2026-01-20T10:00:00+09:00")
    numbers = people(3, f"82{list(KILLS).index(step):02}")
    only_reminders()
    assert schedule.run_next_dated_task("messages")
    assert Message.objects.filter(kind="reminder").count() == 3
    killed = start_process(
        "-c",
        "import os, signal, django; django.setup()\n"
        "from kt_remedy.notices import gateway, sender\n"
        "def die(*a, **k): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{KILLS[step]}\nsender.send_due()",
    )
    assert killed.process.wait(30) == -9, killed.log
    for _ in range(3):  # later
        Message.objects.update(lease_until=None)
        sender.send_due()
        sender.ask_unclear()
    assert owed(3)
    nobody_twice_nobody_missed(sandbox, numbers)
    if "took them" in step or "claimed" in step or "written" in step:
        assert received(sandbox, numbers).total() == 3


def test_a_worker_killed_while_it_starts_the_round(sandbox, at, start_process):
    at("2026-01-20T10:00:00+09:00")
    people(5, "8301")
    only_reminders()
    killed = start_process(
        "-c",
        "import os, signal, django; django.setup()\n"
        "from kt_remedy.core.tasks import schedule\n"
        "from refunds import reminders\n"
        "schedule._finish = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "schedule.run_next_dated_task('messages')",
    )
    assert killed.process.wait(30) == -9, killed.log
    assert DatedTask.objects.get(code="refunds.reminder", due_at__lte=clock.now()).state == "RUNNING"
    wait_until(lambda: not _locks(), what="the lock of the dead worker")
    assert schedule.run_next_dated_task("messages"), "taken up at once"
    act = DatedTask.objects.get(code="refunds.reminder", due_at__lte=clock.now())
    assert (act.state, act.attempts, act.result) == ("DONE", 2, "새로 올린 안내 0명")
    assert Message.objects.filter(kind="reminder").count() == 5


def _locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        return cursor.fetchone()[0]


def test_the_clock_forward_and_back_sends_no_round_twice(sandbox, at, monkeypatch):
    monkeypatch.setattr(schedule, "_planned", None)
    numbers = people(2, "8401")

    def everything() -> None:
        for queue in schedule.QUEUES * 3:
            while schedule.run_next_dated_task(queue):
                pass
        sender.send_due()

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
    assert received(sandbox, numbers) == dict.fromkeys(numbers, 3), "both rounds in between, each once"


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
