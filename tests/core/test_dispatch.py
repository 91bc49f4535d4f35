"""Rows and their tasks: published once, again when lost, carried out under the lock of the row."""

import datetime as dt
import logging

import pytest
from django.db import DatabaseError

from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import dispatch, metrics, rows
from kt_remedy.core.tasks.base import TaskFailed
from tests.background import due
from tests.threads import together

pytestmark = pytest.mark.django_db

DUE = dt.datetime(2026, 1, 20, tzinfo=dt.UTC)


class Task:
    """Stands for a Celery task; keeps what is sent, and raises `fault` after so many."""

    name = "tests.tasks.work"

    def __init__(self):
        self.sent, self.fault, self.after = [], None, 0

    def apply_async(self, *, args, producer, retry):
        if self.fault and len(self.sent) >= self.after:
            raise self.fault
        self.sent.append(args)


@pytest.fixture
def task(monkeypatch):
    """A kind of rows that nothing else is registered beside: the dated tasks that wait, whatever their code."""
    task = Task()
    monkeypatch.setattr(dispatch, "_sources", [])
    monkeypatch.setattr(dispatch, "queue_of", lambda task: "rest")
    dispatch.register_rows(task, waiting)
    return task


def waiting():
    return DatedTask.objects.filter(state=DatedTask.State.WAITING)


def row(code="a", **values):
    return DatedTask.objects.create(code=code, due_at=DUE, **values)


def ago(**span):
    return dt.datetime.now(dt.UTC) - dt.timedelta(**span)


def finish(item):
    DatedTask.objects.filter(pk=item.pk).update(state=DatedTask.State.DONE)


def test_each_due_row_is_published_once_in_order(task):
    keys = [row(code).pk for code in "abc"]
    row("d", retry_at=ago(seconds=-60))
    row("e", state=DatedTask.State.DONE)
    publications = due()
    assert [publication.pk for publication in publications] == keys
    assert due() == []
    assert dispatch.publish(publications) == 3
    assert task.sent == [(key,) for key in keys]


def test_the_order_of_the_rows_is_that_of_their_queryset(task):
    keys = [row(code).pk for code in "bca"]
    assert dispatch.mark(waiting().order_by("-code"), 2) == [keys[1], keys[0]]
    assert dispatch.mark(waiting().filter(published_at=None)) == [keys[2]]


@pytest.mark.parametrize(
    ("published", "taken", "again"),
    [
        (None, None, True),
        ({"seconds": 5}, None, False),
        ({"seconds": 31}, None, True),
        ({"seconds": 5}, {"seconds": 4}, True),  # a worker began and holds no lock any more
        ({"seconds": 5}, {"seconds": 50}, False),  # an earlier run, before this message
        ({"seconds": 31}, {"seconds": 50}, True),
    ],
)
def test_a_row_is_published_again_when_its_message_was_lost(task, published, taken, again):
    row(published_at=published and ago(**published), taken_at=taken and ago(**taken))
    assert bool(due()) == again


def test_a_row_whose_workers_died_repeatedly_pauses(task):
    item = row(published_at=ago(seconds=3), taken_at=ago(seconds=2), attempts=2)
    assert len(due()) == 1
    DatedTask.objects.filter(pk=item.pk).update(published_at=ago(seconds=3), attempts=3)
    assert due() == []
    DatedTask.objects.filter(pk=item.pk).update(published_at=ago(seconds=63), taken_at=ago(seconds=62))
    assert len(due()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_row_is_not_published_while_a_worker_holds_it(task):
    item = row(published_at=ago(hours=1), taken_at=ago(minutes=59))
    seen = []

    def beat():
        seen.append(due())

    def worker():
        with rows.locked("act", item.pk) as ours:
            assert ours
            together(beat)

    together(worker)
    assert seen == [[]]
    assert [publication.pk for publication in due()] == [item.pk]


def test_a_broker_that_does_not_answer_leaves_the_rest_for_the_next_tick(task, caplog, django_assert_num_queries):
    keys = [row(code).pk for code in "abc"]
    task.fault, task.after = OSError("no route to 10.0.0.1"), 1
    publications = due()
    with django_assert_num_queries(1):
        assert dispatch.publish(publications) == 1
    assert "10.0.0.1" not in caplog.text
    task.fault = None
    assert [publication.pk for publication in due()] == keys[1:]


def test_a_run_counts_the_attempt_and_ends_the_row(task):
    item = row(published_at=ago(seconds=1))
    assert dispatch.run(waiting(), item.pk, finish)
    item.refresh_from_db()
    assert (item.attempts, item.state, item.published_at) == (1, "DONE", None)
    assert item.taken_at > ago(seconds=20)
    assert not dispatch.run(waiting(), item.pk, finish), "a second copy of the task"


def test_a_row_that_pauses_is_not_run(task):
    item = row(retry_at=ago(seconds=-60))
    assert not dispatch.run(waiting(), item.pk, finish)
    item.refresh_from_db()
    assert (item.attempts, item.taken_at) == (0, None)


@pytest.mark.parametrize("fault", [ValueError("010-1234-5678"), DatabaseError("Key (msisdn)=(01012345678)")])
def test_a_failed_run_names_the_row_and_the_place_and_pauses(task, caplog, fault):
    def work(item):
        raise fault

    caplog.set_level(logging.INFO)
    item = row()
    for pause in (15, 45, 135, 405, 600, 600):
        DatedTask.objects.update(retry_at=None)
        with pytest.raises(TaskFailed, match=rf"core.DatedTask {item.pk}: {type(fault).__name__} \(test_dispatch.py:"):
            dispatch.run(waiting(), item.pk, work)
        item.refresh_from_db()
        assert item.published_at is None
        assert abs((item.retry_at - dt.datetime.now(dt.UTC)).total_seconds() - pause) < 10
    assert "1234" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_copies_of_a_task_at_once_run_the_row_once(task):
    item = row()
    ran = []

    def work(item):
        ran.append(item.pk)
        finish(item)

    together(*[lambda: dispatch.run(waiting(), item.pk, work)] * 4)
    assert ran == [item.pk]


def test_waiting_rows_are_counted_from_the_time_they_fell_due(task):
    row("a", waiting_since=ago(minutes=3))
    row("b", waiting_since=ago(minutes=9), retry_at=ago(minutes=1))
    row("c", waiting_since=ago(minutes=9), retry_at=ago(minutes=-1))
    row("d", waiting_since=ago(minutes=9), published_at=ago(seconds=9), taken_at=ago(seconds=8))
    ((found, number, since),) = dispatch.waiting()
    assert (found, number) == (task, 2)
    assert abs((ago(minutes=3) - since).total_seconds()) < 10
    DatedTask.objects.all().delete()
    assert dispatch.waiting() == []


def test_a_kind_that_can_have_no_row_is_never_due(task):
    dispatch.register_rows(task, DatedTask.objects.none)
    row()
    assert len(dispatch.due_sources()) == 1


def test_a_row_is_overdue_while_its_task_ends_nowhere(task):
    row(waiting_since=ago(minutes=1))
    assert dispatch.overdue() == []
    row("b", waiting_since=ago(minutes=3))
    assert dispatch.overdue() == [task.name]
    metrics.record(task.name, milliseconds=1, failed=False)
    assert dispatch.overdue() == [], "a long queue that workers take from"
