"""The calendar: every dated act once and in order, whatever happens in between; jobs again and again."""

import datetime as dt
import threading

import pytest
from django.db import connection

from kt_remedy.core import clock
from kt_remedy.core.models import DatedTask, PeriodicTask
from kt_remedy.core.tasks import schedule
from tests.threads import together

pytestmark = pytest.mark.django_db


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.fixture
def calendar(monkeypatch):
    """An empty calendar that no other room is on."""
    monkeypatch.setattr(schedule, "_entries", {})
    monkeypatch.setattr(schedule, "_planned", None)
    return schedule


def states() -> list[tuple[str, str]]:
    return list(DatedTask.objects.order_by("due_at", "id").values_list("code", "state"))


def test_every_missed_act_runs_once_in_the_order_of_its_time(calendar, at):
    ran = []
    at("2026-01-20T10:00+09:00")
    later, earlier = moment("2026-01-26T10:00+09:00"), moment("2026-01-22T10:00+09:00")
    calendar.register("b", title="b", task=lambda act: ran.append(("b", act.due_at)), due=[later])
    calendar.register("a", title="a", task=lambda act: ran.append(("a", act.due_at)), due=lambda p: [later, earlier])
    assert calendar.sweep("rest") == 0
    at("2026-02-10T09:00+09:00")
    assert calendar.sweep("rest") == 3
    assert calendar.sweep("rest") == 0
    assert ran == [("a", earlier), ("b", later), ("a", later)]
    assert {state for _, state in states()} == {"DONE"}


def test_an_act_waits_for_its_queue_and_holds_back_what_comes_after(calendar, at):
    ran = []
    calendar.register(
        "freeze", title="", task=lambda act: ran.append("freeze"), due=[moment("2026-01-20T18:00+09:00")], queue="money"
    )
    calendar.register(
        "remind",
        title="",
        task=lambda act: ran.append("remind"),
        due=[moment("2026-01-21T10:00+09:00")],
        queue="messages",
    )
    at("2026-01-22T00:00+09:00")
    assert calendar.sweep("messages") == 0
    assert calendar.sweep("money") == 1
    assert calendar.sweep("messages") == 1
    assert ran == ["freeze", "remind"]


def test_a_queue_whose_workers_are_down_holds_the_others_back_for_minutes_only(calendar, at):
    ran = []
    perks, money = moment("2026-01-20T18:00+09:00"), moment("2026-01-20T19:00+09:00")
    calendar.register("grant", title="", task=lambda act: ran.append("grant"), due=[perks], queue="perks")
    calendar.register("freeze", title="", task=lambda act: ran.append("freeze"), due=[money], queue="money")
    at("2026-01-20T20:00+09:00")
    assert calendar.sweep("money") == 0
    DatedTask.objects.update(seen_at=dt.datetime.now(dt.UTC) - calendar.PATIENCE)
    assert calendar.sweep("money") == 1
    assert calendar.sweep("perks") == 1
    assert ran == ["freeze", "grant"]


def test_what_needs_something_that_is_not_there_waits_without_holding_up_others(calendar, at):
    there, ran = [], []

    def base(act):
        if not there:
            raise calendar.NotYet("no delivery of that day")
        ran.append("base")

    calendar.register("base", title="", task=base, due=[moment("2026-01-14T00:00+09:00")], queue="perks")
    calendar.register(
        "grant", title="", task=lambda act: ran.append("grant"), due=[moment("2026-01-15T00:00+09:00")], queue="perks"
    )
    calendar.register("remind", title="", task=lambda act: ran.append("remind"), due=[moment("2026-01-16T00:00+09:00")])
    at("2026-01-20T10:00+09:00")
    for _ in range(4):
        calendar.sweep("perks")
        calendar.sweep("rest")
    assert ran == ["grant", "remind"]
    waiting = DatedTask.objects.get(code="base")
    assert (waiting.state, waiting.attempts, waiting.result) == ("WAITING", 0, "no delivery of that day")
    there.append(1)
    DatedTask.objects.update(retry_at=None)
    calendar.sweep("perks")
    assert ran == ["grant", "remind", "base"]


def test_planning_twice_adds_nothing_and_takes_off_what_left_the_programme(calendar, at):
    at("2026-01-20T10:00+09:00")
    due = [moment("2026-01-21T10:00+09:00"), moment("2026-01-22T10:00+09:00")]
    calendar.register("a", title="", task=lambda act: None, due=lambda programme: due)
    assert (calendar.plan(), calendar.plan()) == (2, 0)
    del due[0]
    calendar.plan()
    assert list(DatedTask.objects.values_list("due_at", flat=True)) == due


def test_a_failing_act_is_tried_three_times_then_the_rest_goes_on(calendar, at):
    def fail(act):
        raise ValueError("010-1234-5678")

    ran = []
    calendar.register("a", title="", task=fail, due=[moment("2026-01-20T10:00+09:00")])
    calendar.register("b", title="", task=lambda act: ran.append(1), due=[moment("2026-01-20T11:00+09:00")])
    at("2026-01-20T12:00+09:00")
    calendar.sweep("rest")
    assert states() == [("a", "WAITING"), ("b", "WAITING")]
    assert calendar.sweep("rest") == 0, "it pauses before the next try"
    for _ in range(2):
        DatedTask.objects.update(retry_at=None)
        calendar.sweep("rest")
    assert states() == [("a", "FAILED"), ("b", "DONE")]
    failed = DatedTask.objects.get(code="a")
    assert failed.attempts == 3
    assert failed.result.startswith("ValueError (test_schedule.py:")
    assert "1234" not in failed.result
    assert calendar.run_again(act_id=failed.pk)
    assert not calendar.run_again(act_id=DatedTask.objects.get(code="b").pk)


def test_an_act_whose_worker_died_is_run_again_and_not_for_ever(calendar, at):
    ran = []
    calendar.register("a", title="", task=lambda act: ran.append(act.attempts), due=[moment("2026-01-20T10:00+09:00")])
    at("2026-01-20T12:00+09:00")
    calendar.plan()
    DatedTask.objects.update(state="RUNNING", attempts=1)
    assert calendar.sweep("rest") == 1
    assert ran == [2]
    DatedTask.objects.update(state="RUNNING", attempts=3)
    calendar.sweep("rest")
    assert (ran, states()) == ([2], [("a", "FAILED")])


def test_an_act_found_too_late_is_closed_as_missed(calendar, at):
    ran = []
    calendar.register(
        "a",
        title="",
        task=lambda act: ran.append(1),
        due=[moment("2026-01-20T10:00+09:00")],
        latest=dt.timedelta(hours=2),
    )
    at("2026-01-20T09:00+09:00")
    calendar.plan()
    at("2026-01-20T12:01+09:00")
    calendar.sweep("rest")
    assert (ran, states()) == ([], [("a", "MISSED")])


def test_what_was_over_before_the_first_plan_is_not_on_the_calendar(calendar, at):
    at("2026-01-20T12:01+09:00")
    hour = dt.timedelta(hours=1)
    calendar.register("a", title="", task=lambda act: None, due=[moment("2026-01-20T10:00+09:00")], latest=hour)
    calendar.register("b", title="", task=lambda act: None, due=[moment("2025-12-31T10:00+09:00")])
    calendar.sweep("rest")
    assert states() == [("b", "DONE")]


def test_a_job_repeats_by_the_wall_clock_and_counts_its_failures(calendar, at):
    outcome = [None]

    def work(job):
        if outcome[0]:
            raise outcome[0]
        return "3"

    calendar.register("j", title="", task=work, due=dt.timedelta(seconds=30))
    assert calendar.sweep("rest") == 1
    assert calendar.sweep("rest") == 0, "not due yet"
    job = PeriodicTask.objects.get()
    assert (job.result, job.failures) == ("3", 0)
    assert dt.timedelta(seconds=25) < job.due_at - dt.datetime.now(dt.UTC) <= dt.timedelta(seconds=30)
    outcome[0] = OSError()
    PeriodicTask.objects.update(due_at=job.started_at)
    assert calendar.sweep("rest") == 1
    job.refresh_from_db()
    assert job.failures == 1
    assert job.result.startswith("OSError")


def test_a_job_that_stopped_succeeding_is_overdue(calendar, at):
    calendar.register("j", title="", task=lambda job: None, due=dt.timedelta(minutes=1))
    calendar.sweep("rest")
    assert calendar.overdue_periodic_tasks() == []
    PeriodicTask.objects.update(succeeded_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=6))
    assert [job.code for job in calendar.overdue_periodic_tasks()] == ["j"]


def test_the_calendar_refuses_a_second_owner_and_an_unknown_queue(calendar):
    calendar.register("a", title="", task=lambda act: None, due=[])
    with pytest.raises(ValueError, match="already"):
        calendar.register("a", title="", task=lambda act: None, due=[])
    with pytest.raises(ValueError, match="queue"):
        calendar.register("b", title="", task=lambda act: None, due=[], queue="mony")


@pytest.mark.django_db(transaction=True)
def test_many_sweeps_at_once_run_each_act_once(calendar, at):
    ran, running, most = [], [0], [0]
    guard = threading.Lock()

    def task(act):
        with guard:
            running[0] += 1
            most[0] = max(most[0], running[0])
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.01)")
        with guard:
            running[0] -= 1
            ran.append(act.due_at)

    first = moment("2026-01-20T10:00+09:00")
    due = [first + dt.timedelta(hours=n) for n in range(20)]
    calendar.register("a", title="", task=task, due=due)
    at("2026-02-01T10:00+09:00")
    calendar.plan()

    def sweeps():
        for _ in range(30):
            calendar.run_next_dated_task("rest")

    together(*[sweeps] * 4)
    while calendar.run_next_dated_task("rest"):
        pass
    assert ran == due
    assert most[0] == 1
    assert clock.now() > due[-1]
