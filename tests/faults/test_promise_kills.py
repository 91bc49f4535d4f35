"""kill -9 at every statement of the workers that record promises and tell of them: each change is told once."""

import datetime as dt
import signal

import pytest

from kt_remedy.core import clock
from kt_remedy.core.models import PeriodicTask
from kt_remedy.core.tasks import schedule
from kt_remedy.notices.models import Message
from refunds.models.promises import PromiseNotice, PromiseRecord, PromiseShard
from refunds.payouts import batches, cases
from refunds.promise import service
from tests.background import run_due
from tests.faults.kills import run
from tests.refunds import make
from tests.refunds.payouts import money
from tests.refunds.payouts.money import maker

pytestmark = pytest.mark.django_db(transaction=True)
FEB_5 = dt.date(2026, 2, 5)


@pytest.fixture
def moved(at, monkeypatch):
    """Three people whose payments were taken out of a frozen batch: their promises wait to be recorded and told."""
    only = {"refunds.tell_promises": schedule.entry("refunds.tell_promises")}
    monkeypatch.setattr(schedule, "_entries", only)
    monkeypatch.setattr(service, "SHARD", 2)
    at(money.BEFORE)
    rows = [make.application(make.line(make.customer())) for _n in range(3)]
    service.refresh([row.pk for row in rows], cause="FILED")
    at(money.CUT_OFF)
    batch = batches.freeze(pay_on=dt.date(2026, 1, 22), user=maker())
    work()
    batches.take_out(item_ids=[item.pk for item in money.items(batch)], user=maker(), reason="계좌 확인")
    at("2026-01-21T10:00+09:00")
    return rows


def work() -> None:
    """Beat and worker, until nothing is due."""
    run_due("money", "messages", "rest")


def later() -> None:
    """Let the time pass after which beat publishes anew."""
    past = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=2)
    PromiseShard.objects.exclude(published_at=None).update(published_at=past)
    PromiseShard.objects.exclude(taken_at=None).update(taken_at=past)
    PeriodicTask.objects.update(published_at=None, due_at=past)


def told() -> list[str]:
    return list(Message.objects.filter(kind__startswith="promise.").order_by("to_index").values_list("kind", flat=True))


def told_once(rows) -> None:
    """Each change is one record and one text."""
    for row in rows:
        days = list(PromiseRecord.objects.filter(application=row, day=FEB_5).values_list("situation", flat=True))
        assert days == ["MOVED"]
    assert [notice.told_at is not None for notice in PromiseNotice.objects.all()] == [True] * 3
    assert told() == ["promise.moved"] * 3


def test_at_each_statement(moved):
    kills = 0
    while PromiseShard.objects.exists():
        run(work, kills + 1)
        kills += 1
        later()
        assert told() == []
    # What was recorded late is told ten minutes after it was recorded.
    clock._write(clock.now() + dt.timedelta(minutes=11) - dt.datetime.now(dt.UTC))
    later()
    told_kills = 0
    while len(told()) < 3:
        run(work, told_kills + 1)
        told_kills += 1
        later()
    work()
    assert kills + told_kills > 10, "the kills hit the work itself"
    told_once(moved)


def test_a_worker_that_dies_before_its_commit(moved, start_process):
    work()
    clock._write(clock.now() + dt.timedelta(minutes=11) - dt.datetime.now(dt.UTC))
    killed = start_process(
        "-c",
        "import os, signal, django; django.setup()\n"
        "from refunds.models.promises import PromiseNotice\n"
        "from refunds.promise import notices\n"
        "manager = type(PromiseNotice.objects)\n"
        "manager.bulk_update = lambda *a, **n: os.kill(os.getpid(), signal.SIGKILL)\n"
        "notices.tell_due()",
    )
    assert killed.process.wait(60) == -signal.SIGKILL, killed.log
    assert told() == [], "neither told nor marked"
    assert not PromiseNotice.objects.exclude(told_at=None).exists()
    later()
    work()
    told_once(moved)
    cases.hold(application_id=moved[0].pk, user=maker(), reason="확인 중")
    assert PromiseNotice.objects.filter(told_at=None).count() == 1, "a new change is told anew"
