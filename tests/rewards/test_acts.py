"""The dated tasks of base and grants: shards with tasks of their own, the closing, failures and lost workers."""

import datetime as dt
from functools import partial

import pytest

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import rows, schedule
from kt_remedy.core.tasks.base import TaskFailed
from rewards import tasks
from rewards.enrolment import base, grants, shards, working
from rewards.models import BaseLine, Grant, Shard
from tests import background
from tests.rewards import running
from tests.threads import together

FEBRUARY, MARCH = dt.date(2026, 2, 1), dt.date(2026, 3, 1)


@pytest.fixture(autouse=True)
def calendar(db, monkeypatch):
    """Only the dated tasks of base and grants, beside a periodic task of another queue; shards of three lines."""
    monkeypatch.setattr(base, "SHARD_ROWS", 3)
    only = {code: schedule.entry(code) for code in (working.BASE, working.GRANTS, "limits.sweep")}
    monkeypatch.setattr(schedule, "_entries", only)


@pytest.fixture
def register(make_line, delivery):
    from tests.refunds import make

    holder = make.customer()
    return sorted(make_line(holder).pk for _ in range(7))


def act(code: str, month: dt.date | None = None) -> DatedTask:
    found = DatedTask.objects.filter(code=code).order_by("due_at")
    return next(task for task in found if month is None or grants.month_of(task) == month)


def publish_again() -> None:
    """Let the time pass after which a dated task looks again for open shards."""
    DatedTask.objects.filter(state="RUNNING").update(retry_at=dt.datetime.now(dt.UTC))


def test_base_and_grants_run_by_themselves(register, at):
    at("2026-01-14T09:00+09:00")
    background.run_due("perks")
    done = act(working.BASE)
    assert (done.state, done.result_messages[0][1]) == ("DONE", {"lines": 7, "shards": 3})
    assert sorted(BaseLine.objects.values_list("pk", flat=True)) == register
    assert AuditEntry.objects.filter(action="rewards.base").count() == 1
    at("2026-03-01T00:05+09:00")
    background.run_due("perks")
    for month in (FEBRUARY, MARCH):
        assert act(working.GRANTS, month).state == "DONE"
        assert act(working.GRANTS, month).result_messages[0][1] == {"rows": 7, "granted": 7}
    assert Grant.objects.count() == 14


def test_a_dated_task_runs_until_the_task_of_its_last_shard_closes_it(register, at):
    at("2026-01-14T09:00+09:00")
    schedule.plan()
    background.due("perks")
    tasks.record_base(act(working.BASE).pk)
    for shard in Shard.objects.order_by("pk"):
        assert act(working.BASE).state == "RUNNING"
        assert not AuditEntry.objects.filter(action="rewards.base").exists()
        tasks.run_shard(shard.pk)
    assert act(working.BASE).state == "DONE"
    tasks.run_shard(Shard.objects.first().pk)  # a doubled message
    tasks.record_base(act(working.BASE).pk)
    assert AuditEntry.objects.filter(action="rewards.base").count() == 1
    assert set(Shard.objects.values_list("attempts", flat=True)) == {1}


def test_the_next_month_waits_for_the_shards_of_this_one(register, at):
    at("2026-01-14T09:00+09:00")
    background.run_due("perks")
    at("2026-03-01T00:05+09:00")
    schedule.plan()
    first, second = act(working.GRANTS, FEBRUARY), act(working.GRANTS, MARCH)
    background.due("perks")
    tasks.grant_month(first.pk)
    tasks.grant_month(second.pk)
    assert not Shard.objects.filter(kind="GRANT", month=MARCH).exists()
    running.run_shards()
    tasks.grant_month(second.pk)
    assert Shard.objects.filter(kind="GRANT", month=MARCH).count() == 3


def test_a_base_without_its_delivery_waits_and_says_so(at, make_line):
    make_line()
    at("2026-01-14T09:00+09:00")
    background.run_due("perks")
    waits = act(working.BASE)
    assert (waits.state, waits.attempts) == ("WAITING", 0)
    assert "청구 데이터를 기다림" in waits.result
    assert not Shard.objects.exists()


def test_a_worker_that_died_before_the_closing_leaves_it_to_the_next_look(register, at, monkeypatch):
    at("2026-01-14T09:00+09:00")
    schedule.plan()
    tasks.record_base(act(working.BASE).pk)
    for shard in Shard.objects.all():
        working.run(shard)  # the rows are written, and the worker dies
    assert act(working.BASE).state == "RUNNING"
    background.run_due("perks")
    assert act(working.BASE).state == "RUNNING", "it looks again after a minute"
    publish_again()
    background.run_due("perks")
    assert act(working.BASE).state == "DONE"


def fail_three_times(monkeypatch) -> None:
    """Let the second shard of February fail until its dated task is closed."""
    write = grants.run
    monkeypatch.setattr(grants, "run", lambda shard, perk: 1 / 0 if shard.number == 2 else write(shard, perk))
    for _ in range(shards.ATTEMPTS_BEFORE_ALARM):
        assert act(working.GRANTS, FEBRUARY).state in ("WAITING", "RUNNING")
        background.run_due("perks")
        Shard.objects.update(retry_at=None)


def test_a_shard_that_fails_again_and_again_fails_its_month_and_the_next_one_goes_on(register, at, monkeypatch):
    at("2026-01-14T09:00+09:00")
    background.run_due("perks")
    at("2026-02-01T00:05+09:00")
    with monkeypatch.context() as broken:
        fail_three_times(broken)
        failed = act(working.GRANTS, FEBRUARY)
        assert failed.state == "FAILED"
        assert "GRANT DATA_100GB 2026-02-01 #2: ZeroDivisionError (test_acts.py" in failed.result
        assert "ZeroDivisionError" in Shard.objects.get(kind="GRANT", number=2).fault
    at("2026-03-01T00:05+09:00")
    Shard.objects.update(retry_at=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5))
    background.run_due("perks")
    assert act(working.GRANTS, MARCH).state == "DONE"
    assert act(working.GRANTS, FEBRUARY).state == "FAILED"
    # The shard is tried again all the same, and then February is done.
    Shard.objects.update(retry_at=None)
    background.run_due("perks")
    assert act(working.GRANTS, FEBRUARY).state == "DONE"
    assert act(working.GRANTS, FEBRUARY).result_messages[0][1] == {"rows": 7, "granted": 7}
    assert Grant.objects.count() == 14


def test_run_again_makes_failed_shards_due_at_once_with_new_attempts(register, at, monkeypatch):
    at("2026-01-14T09:00+09:00")
    background.run_due("perks")
    at("2026-02-01T00:05+09:00")
    with monkeypatch.context() as broken:
        fail_three_times(broken)
        Shard.objects.update(retry_at=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5))
        assert schedule.run_again(act_id=act(working.GRANTS, FEBRUARY).pk)
        background.run_due("perks")
        tried = Shard.objects.get(kind="GRANT", number=2)
        assert tried.attempts == 1
        assert act(working.GRANTS, FEBRUARY).state == "RUNNING"
        publish_again()
        background.run_due("perks")
        tried.refresh_from_db()
        assert tried.attempts == 1, "a further look at a running task leaves the pause of a shard alone"
    Shard.objects.update(retry_at=None)
    background.run_due("perks")
    assert act(working.GRANTS, FEBRUARY).state == "DONE"


def test_a_shard_that_takes_its_worker_down_fails_its_month_too(register, at):
    at("2026-01-14T09:00+09:00")
    background.run_due("perks")
    at("2026-02-01T00:05+09:00")
    schedule.plan()
    tasks.grant_month(act(working.GRANTS, FEBRUARY).pk)
    Shard.objects.filter(kind="GRANT", number=2).update(attempts=shards.ATTEMPTS_BEFORE_ALARM)  # begun, never ended
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grants, "run", lambda shard, perk: seen.append(act(working.GRANTS, FEBRUARY).state))
        tasks.run_shard(Shard.objects.get(kind="GRANT", number=2).pk)
    assert seen == ["FAILED"]
    assert "worker lost" in act(working.GRANTS, FEBRUARY).result
    # The worker dies once more, after the rows and before the closing: the sweep closes what is done.
    for shard in Shard.objects.filter(done_at=None):
        working.run(shard)
    working.sweep()
    assert act(working.GRANTS, FEBRUARY).state == "DONE"


def test_the_sweep_leaves_a_failed_month_with_open_shards_alone(register, at, monkeypatch):
    at("2026-01-14T09:00+09:00")
    background.run_due("perks")
    at("2026-02-01T00:05+09:00")
    fail_three_times(monkeypatch)
    working.sweep()
    assert act(working.GRANTS, FEBRUARY).state == "FAILED"


def test_an_error_of_the_closing_is_an_error_of_the_dated_task(register, at, monkeypatch):
    at("2026-01-14T09:00+09:00")
    schedule.plan()
    tasks.record_base(act(working.BASE).pk)
    monkeypatch.setattr(base.audit, "record", lambda **entry: 1 / 0)
    *others, last = Shard.objects.order_by("pk")
    for shard in others:
        tasks.run_shard(shard.pk)
    with pytest.raises(TaskFailed, match="ZeroDivisionError"):
        tasks.run_shard(last.pk)
    for _ in range(schedule.ATTEMPTS):
        assert act(working.BASE).state in ("RUNNING", "WAITING")
        DatedTask.objects.update(retry_at=None)
        background.run_due("perks")
    assert act(working.BASE).state == "FAILED"


@pytest.mark.django_db(transaction=True)
def test_shards_that_end_together_close_their_dated_task_once(register, at):
    at("2026-01-14T09:00+09:00")
    schedule.plan()
    tasks.record_base(act(working.BASE).pk)
    keys = list(Shard.objects.values_list("pk", flat=True))
    results = together(*[partial(tasks.run_shard, pk) for pk in keys * 2])
    assert results == [None] * 6
    assert act(working.BASE).state == "DONE"
    assert AuditEntry.objects.filter(action="rewards.base").count() == 1
    assert BaseLine.objects.count() == 7
    assert not rows.due(shards.open_shards()).exists()
