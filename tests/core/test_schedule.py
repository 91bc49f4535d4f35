"""The calendar: every dated task once and in order, whatever happens in between; periodic tasks again and again."""

import datetime as dt
import random
import threading

import pytest
from django.db import connection

from kt_remedy.core import clock
from kt_remedy.core.models import DatedTask, PeriodicTask
from kt_remedy.core.tasks import dispatch, rows, schedule
from kt_remedy.core.tasks.base import TaskFailed
from tests.background import due, run_due
from tests.threads import together

pytestmark = pytest.mark.django_db


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


class Task:
    """Stands for a Celery task of a test: its queue, and the work that it hands to the schedule."""

    def __init__(self, name, queue, run, work):
        self.name, self.queue, self.run, self.work = name, queue, run, work

    def __call__(self, key):
        self.run(key, self.work)


@pytest.fixture
def calendar(monkeypatch):
    """An empty calendar that no application is on; `add` puts a task on it."""
    monkeypatch.setattr(schedule, "_entries", {})
    monkeypatch.setattr(dispatch, "_sources", dispatch._sources[:2])  # dated and periodic tasks
    monkeypatch.setattr(dispatch, "queue_of", lambda task: task.queue)
    return schedule


def add(code, work, due, queue="rest", latest=None):
    run = schedule.run_periodic_task if isinstance(due, dt.timedelta) else schedule.run_dated_task
    schedule.register(code, title=code, task=Task(code, queue, run, work), due=due, latest=latest)


def states() -> list[tuple[str, str]]:
    return list(DatedTask.objects.order_by("due_at", "id").values_list("code", "state"))


def test_every_missed_act_runs_once_in_the_order_of_its_time(calendar, at):
    ran = []
    at("2026-01-20T10:00+09:00")
    later, earlier = moment("2026-01-26T10:00+09:00"), moment("2026-01-22T10:00+09:00")
    add("b", lambda act: ran.append(("b", act.due_at)), [later])
    add("a", lambda act: ran.append(("a", act.due_at)), lambda p: [later, earlier])
    assert run_due("rest") == 0
    at("2026-02-10T09:00+09:00")
    assert run_due("rest") == 3
    assert run_due("rest") == 0
    assert ran == [("a", earlier), ("b", later), ("a", later)]
    assert {state for _, state in states()} == {"DONE"}


def test_an_act_waits_for_its_queue_and_holds_back_what_comes_after(calendar, at):
    ran = []
    add("freeze", lambda act: ran.append("freeze"), [moment("2026-01-20T18:00+09:00")], queue="money")
    add(
        "remind",
        lambda act: ran.append("remind"),
        [moment("2026-01-21T10:00+09:00")],
        queue="messages",
    )
    at("2026-01-22T00:00+09:00")
    assert run_due("messages") == 0
    assert run_due("money") == 1
    assert run_due("messages") == 1
    assert ran == ["freeze", "remind"]


def test_a_queue_whose_workers_are_down_holds_the_others_back_for_minutes_only(calendar, at):
    ran = []
    perks, money = moment("2026-01-20T18:00+09:00"), moment("2026-01-20T19:00+09:00")
    add("grant", lambda act: ran.append("grant"), [perks], queue="perks")
    add("freeze", lambda act: ran.append("freeze"), [money], queue="money")
    at("2026-01-20T20:00+09:00")
    assert run_due("money") == 0
    DatedTask.objects.update(seen_at=dt.datetime.now(dt.UTC) - calendar.PATIENCE)
    assert run_due("money") == 1
    assert run_due("perks") == 1
    assert ran == ["freeze", "grant"]


def test_what_needs_something_that_is_not_there_waits_without_holding_up_others(calendar, at):
    there, ran = [], []

    def base(act):
        if not there:
            raise calendar.NotYet("no delivery of that day")
        ran.append("base")

    add("base", base, [moment("2026-01-14T00:00+09:00")], queue="perks")
    add("grant", lambda act: ran.append("grant"), [moment("2026-01-15T00:00+09:00")], queue="perks")
    add("remind", lambda act: ran.append("remind"), [moment("2026-01-16T00:00+09:00")])
    at("2026-01-20T10:00+09:00")
    for _ in range(4):
        run_due("perks")
        run_due("rest")
    assert ran == ["grant", "remind"]
    waiting = DatedTask.objects.get(code="base")
    assert (waiting.state, waiting.attempts, waiting.result) == ("WAITING", 0, "no delivery of that day")
    there.append(1)
    DatedTask.objects.update(retry_at=None)
    run_due("perks")
    assert ran == ["grant", "remind", "base"]


def test_planning_twice_adds_nothing_and_takes_off_what_left_the_programme(calendar, at):
    at("2026-01-20T10:00+09:00")
    due = [moment("2026-01-21T10:00+09:00"), moment("2026-01-22T10:00+09:00")]
    add("a", lambda act: None, lambda programme: due)
    assert (calendar.plan(), calendar.plan()) == (2, 0)
    del due[0]
    calendar.plan()
    assert list(DatedTask.objects.values_list("due_at", flat=True)) == due


def test_a_failing_act_is_tried_three_times_then_the_rest_goes_on(calendar, at):
    def fail(act):
        raise ValueError("010-1234-5678")

    ran = []
    add("a", fail, [moment("2026-01-20T10:00+09:00")])
    add("b", lambda act: ran.append(1), [moment("2026-01-20T11:00+09:00")])
    at("2026-01-20T12:00+09:00")
    run_due("rest")
    assert states() == [("a", "WAITING"), ("b", "WAITING")]
    assert run_due("rest") == 0, "it pauses before the next try"
    for _ in range(2):
        DatedTask.objects.update(retry_at=None)
        run_due("rest")
    assert states() == [("a", "FAILED"), ("b", "DONE")]
    failed = DatedTask.objects.get(code="a")
    assert failed.attempts == 3
    assert failed.result.startswith("ValueError (test_schedule.py:")
    assert "1234" not in failed.result
    assert calendar.run_again(act_id=failed.pk)
    assert not calendar.run_again(act_id=DatedTask.objects.get(code="b").pk)


def test_an_act_whose_worker_died_is_run_again_and_not_for_ever(calendar, at):
    ran = []
    add("a", lambda act: ran.append(act.attempts), [moment("2026-01-20T10:00+09:00")])
    at("2026-01-20T12:00+09:00")
    calendar.plan()
    DatedTask.objects.update(state="RUNNING", attempts=1)
    assert run_due("rest") == 1
    assert ran == [2]
    DatedTask.objects.update(state="RUNNING", attempts=3)
    run_due("rest")
    assert (ran, states()) == ([2], [("a", "FAILED")])


def test_an_act_found_too_late_is_closed_as_missed(calendar, at):
    ran = []
    add(
        "a",
        lambda act: ran.append(1),
        [moment("2026-01-20T10:00+09:00")],
        latest=dt.timedelta(hours=2),
    )
    at("2026-01-20T09:00+09:00")
    calendar.plan()
    at("2026-01-20T12:01+09:00")
    run_due("rest")
    assert (ran, states()) == ([], [("a", "MISSED")])


def test_what_was_over_before_the_first_plan_is_not_on_the_calendar(calendar, at):
    at("2026-01-20T12:01+09:00")
    hour = dt.timedelta(hours=1)
    add("a", lambda act: None, [moment("2026-01-20T10:00+09:00")], latest=hour)
    add("b", lambda act: None, [moment("2025-12-31T10:00+09:00")])
    run_due("rest")
    assert states() == [("b", "DONE")]


def test_a_job_repeats_by_the_wall_clock_and_counts_its_failures(calendar, at):
    outcome = [None]

    def work(job):
        if outcome[0]:
            raise outcome[0]
        return "3"

    add("j", work, dt.timedelta(seconds=30))
    assert run_due("rest") == 1
    assert run_due("rest") == 0, "not due yet"
    job = PeriodicTask.objects.get()
    assert (job.result, job.failures) == ("3", 0)
    assert dt.timedelta(seconds=25) < job.due_at - dt.datetime.now(dt.UTC) <= dt.timedelta(seconds=30)
    outcome[0] = OSError()
    PeriodicTask.objects.update(due_at=job.started_at)
    with pytest.raises(TaskFailed, match="j: OSError"):
        due()[0].task("j")
    job.refresh_from_db()
    assert job.failures == 1
    assert job.result.startswith("OSError")


def test_a_job_that_stopped_succeeding_is_overdue(calendar, at):
    add("j", lambda job: None, dt.timedelta(minutes=1))
    run_due("rest")
    assert calendar.overdue_periodic_tasks() == []
    PeriodicTask.objects.update(succeeded_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=6))
    assert [job.code for job in calendar.overdue_periodic_tasks()] == ["j"]


def test_the_calendar_refuses_a_second_owner(calendar):
    add("a", lambda act: None, [])
    with pytest.raises(ValueError, match="already"):
        add("a", lambda act: None, [])


def test_a_message_lost_on_the_broker_is_published_again(calendar, at):
    add("a", lambda act: None, [moment("2026-01-20T10:00+09:00")])
    add("j", lambda job: None, dt.timedelta(seconds=30))
    at("2026-01-20T12:00+09:00")
    calendar.plan()
    assert {publication.pk for publication in due()} == {DatedTask.objects.get().pk, "j"}
    assert due() == [], "both are on the broker"
    for model in (DatedTask, PeriodicTask):
        model.objects.update(published_at=dt.datetime.now(dt.UTC) - rows.PUBLISH_AGAIN_AFTER)
    assert len(due()) == 2


@pytest.mark.django_db(transaction=True)
def test_a_running_task_is_not_published_again_and_one_of_a_dead_worker_is(calendar, at):
    add("a", lambda act: None, [moment("2026-01-20T10:00+09:00")])
    add("j", lambda job: None, dt.timedelta(seconds=30))
    at("2026-01-20T12:00+09:00")
    calendar.plan()
    assert len(due()) == 2
    long_ago = dt.datetime.now(dt.UTC) - 3 * rows.PUBLISH_AGAIN_AFTER
    for model in (DatedTask, PeriodicTask):
        model.objects.update(published_at=long_ago, taken_at=long_ago + dt.timedelta(seconds=1))
    held, release = threading.Event(), threading.Event()

    def worker():
        with rows.locked("dated tasks of a queue", "rest") as dated, rows.locked("job", "j") as periodic:
            assert (dated, periodic) == (True, True)
            held.set()
            release.wait(20)

    def beat():
        held.wait(20)
        try:
            assert due() == []
        finally:
            release.set()

    assert together(worker, beat) == [None, None]
    assert len(due()) == 2


def test_a_second_copy_of_a_task_finds_its_end_and_does_nothing(calendar, at):
    ran = []
    add("a", lambda act: ran.append("a"), [moment("2026-01-20T10:00+09:00")])
    add("j", lambda job: ran.append("j"), dt.timedelta(seconds=30))
    at("2026-01-20T12:00+09:00")
    calendar.plan()
    for publication in due() * 2:
        publication.task(publication.pk)
    assert ran == ["a", "j"]


def test_a_task_that_arrives_before_its_turn_waits_for_the_earlier_one(calendar, at):
    ran = []
    add("a", lambda act: ran.append(act.code), [moment("2026-01-20T10:00+09:00")])
    add("b", lambda act: ran.append(act.code), [moment("2026-01-20T11:00+09:00")])
    at("2026-01-20T12:00+09:00")
    calendar.plan()
    late = DatedTask.objects.get(code="b")
    calendar.entry("b").task(late.pk)
    assert ran == []
    assert run_due("rest") == 2
    assert ran == ["a", "b"]


class Shares:
    """A dated task of three shares, and one that comes after it."""

    def __init__(self):
        self.open, self.ran, self.fault = {1, 2, 3}, [], None
        schedule.register(
            "shared", title="", task=Task("shared", "rest", self.run, None), due=[moment("2026-01-20T10:00+09:00")]
        )
        add("next", lambda act: self.ran.append("next"), [moment("2026-01-20T11:00+09:00")])

    @property
    def act(self):
        return DatedTask.objects.get(code="shared")

    def run(self, key, _work):
        schedule.run_shared_task(key, lambda act: self.ran.append("plan"), self.outcome)

    def outcome(self, act):
        if self.open:
            raise schedule.NotYet("shares are open")
        self.ran.append("close")
        return "3"

    def end(self, share):
        self.open.discard(share)
        return schedule.close(self.act.pk, self.outcome)


@pytest.fixture
def shares(calendar, at):
    shares = Shares()
    at("2026-01-20T12:00+09:00")
    run_due("rest")
    return shares


def test_a_shared_task_runs_until_its_last_share_closes_it(shares):
    assert (shares.ran, shares.act.state) == (["plan"], "RUNNING")
    assert [shares.end(1), shares.end(2)] == [False, False]
    DatedTask.objects.update(seen_at=dt.datetime.now(dt.UTC) - schedule.PATIENCE)
    assert run_due("rest") == 0, "the next one of the queue waits, however long it takes"
    assert [shares.end(3), shares.end(3)] == [True, False]
    assert run_due("rest") == 1
    assert (shares.ran, shares.act.result) == (["plan", "close", "next"], "3")


def test_a_shared_task_that_no_share_could_close_is_looked_at_again(shares):
    shares.open.clear()  # the worker of the last share died before it closed the task
    DatedTask.objects.update(retry_at=None)
    assert run_due("rest") == 2
    assert shares.ran == ["plan", "close", "next"]


def test_a_shared_task_with_a_failing_share_lets_the_next_one_go_on_and_can_still_end(shares):
    assert schedule.fail(shares.act.pk, "ValueError (base.py:1)")
    assert not schedule.fail(shares.act.pk, "twice")
    assert run_due("rest") == 1
    assert (shares.ran, shares.act.state) == (["plan", "next"], "FAILED")
    shares.open.clear()
    assert shares.end(3)
    assert (shares.act.state, shares.act.result) == ("DONE", "3")


@pytest.mark.django_db(transaction=True)
def test_of_shares_that_end_at_once_one_closes_the_task(calendar, at):
    shares = Shares()
    at("2026-01-20T12:00+09:00")
    run_due("rest")
    closed = []
    together(*[lambda share=share: closed.append(shares.end(share)) for share in (1, 2, 3)])
    assert closed.count(True) == 1
    assert shares.ran.count("close") == 1


@pytest.mark.django_db(transaction=True)
def test_copies_of_tasks_in_any_order_run_each_dated_task_once_and_in_its_turn(calendar, at):
    ran, running, most = [], [0], [0]
    guard = threading.Lock()

    def work(act):
        with guard:
            running[0] += 1
            most[0] = max(most[0], running[0])
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.01)")
        with guard:
            running[0] -= 1
            ran.append(act.due_at)

    first = moment("2026-01-20T10:00+09:00")
    moments = [first + dt.timedelta(hours=n) for n in range(20)]
    add("a", work, moments)
    at("2026-02-01T10:00+09:00")
    calendar.plan()
    keys = list(DatedTask.objects.values_list("pk", flat=True))
    task = calendar.entry("a").task

    def copies(seed):
        chance = random.Random(seed)
        for _ in range(4):
            for key in chance.sample(keys, len(keys)):
                task(key)

    together(*[lambda seed=seed: copies(seed) for seed in range(4)])
    run_due("rest")
    assert ran == moments
    assert most[0] == 1
    assert clock.now() > moments[-1]
