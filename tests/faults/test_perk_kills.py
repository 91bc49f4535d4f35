"""kill -9 at every statement of the perks' bulk work: a rerun ends with exactly the eligible set."""

import datetime as dt
from collections import Counter
from collections.abc import Callable

import pytest

from eligibility.models import Feed, Line
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from rewards.enrolment import base, working
from rewards.models import BaseLine, Grant, HandOff, Shard
from tests import background
from tests.faults.kills import run
from tests.refunds import make
from tests.rewards import running

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def register(at, monkeypatch, settings, tmp_path):
    """Seven lines in seven shards: five in service (one of them suspended), one gone, one of another operator."""
    monkeypatch.setattr(base, "SHARD_ROWS", 1)
    only = {code: schedule.entry(code) for code in (working.BASE, working.GRANTS, "limits.sweep")}
    monkeypatch.setattr(schedule, "_entries", only)
    settings.HAND_OFF_DIR = str(tmp_path)
    holder = make.customer()
    facts = {"terminated": "", "outcome": "NOT_ELIGIBLE", "product": "HANDSET", "refundable_krw": 0}
    lines = [make.line(holder, **facts) for _ in range(6)]
    make.line(holder, **facts | {"terminated": "2025-11-20T10:00+09:00", "status": "TERMINATED"})
    Line.objects.filter(pk=lines[0].pk).update(network="MVNO")
    Line.objects.filter(pk=lines[1].pk).update(status="SUSPENDED")
    Feed.objects.create(as_of=dt.date(2026, 1, 14), state="LOADED", started_at=dt.datetime(2026, 1, 14, tzinfo=dt.UTC))
    at("2026-01-14T09:00+09:00")
    return [line.pk for line in lines]


def beat_and_worker() -> None:
    """Publish and carry out what is due, until nothing is."""
    background.run_due("perks")


def later() -> None:
    """Let half a minute pass for what was published and a minute for the next look.

    A dated task that took its worker down three times has failed, and a person lets it run again.
    """
    past = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    for model in (DatedTask, Shard, HandOff):
        model.objects.exclude(published_at=None).update(published_at=past)
        model.objects.exclude(taken_at=None).update(taken_at=past)
        model.objects.exclude(retry_at=None).update(retry_at=past)
    for task in DatedTask.objects.filter(state="FAILED"):
        schedule.run_again(act_id=task.pk)


def end(code: str, look: Callable[[], None]) -> int:
    """Kill beat and worker at each statement in turn until the dated task is done; returns the number of kills."""
    kills = 0
    while not run(beat_and_worker, kills + 1) or states(code) != {"DONE"}:
        kills += 1
        later()
        look()
    return kills


def states(code: str) -> set[str]:
    """The states of the dated tasks that are due."""
    return set(DatedTask.objects.filter(code=code, due_at__lte=clock.now()).values_list("state", flat=True))


def test_base(register):
    def look() -> None:
        done = Shard.objects.exclude(done_at=None)
        # What is there belongs to shards that ended; there is no half of one.
        assert BaseLine.objects.count() == sum(done.values_list("rows", flat=True))

    kills = end(working.BASE, look)
    assert kills > 20
    assert AuditEntry.objects.filter(action="rewards.base").count() == 1
    assert Counter(BaseLine.objects.values_list("why", flat=True)) == {"IN_SERVICE": 5, "NETWORK": 1, "TERMINATED": 1}
    before = list(BaseLine.objects.order_by("pk").values_list())
    running.record_base()
    assert list(BaseLine.objects.order_by("pk").values_list()) == before


def test_grants_and_their_files(register, at, tmp_path):
    beat_and_worker()
    make.delivered("2026-02-01")
    at("2026-02-01T00:05+09:00")

    def look() -> None:
        granted = Grant.objects.filter(state="GRANTED").count()
        assert granted == sum(HandOff.objects.values_list("rows", flat=True))

    kills = end(working.GRANTS, look)
    assert kills > 25
    assert Counter(Grant.objects.values_list("state", flat=True)) == {"GRANTED": 4, "SUSPENDED": 1}
    written = sorted((tmp_path / "data").glob("*.csv"))
    assert len(written) == HandOff.objects.filter(state="SENT").count() == 7
    keys = [key for path in written for key in path.read_text().splitlines()[1:]]
    assert sorted(keys) == sorted(Grant.objects.filter(state="GRANTED").values_list("contract_no", flat=True))


def test_workers_that_die_leave_nothing_to_the_others_but_work(register, at):
    """A worker is killed at each of its statements; another one ends what was only planned, without beat."""
    base.plan()
    kills = 0
    while not run(running.run_shards, kills + 1):
        kills += 1
    assert kills > 5
    assert base.is_complete()
    assert BaseLine.objects.count() == 7
