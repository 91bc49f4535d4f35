"""kill -9 at every statement of the perks' bulk work: a rerun ends with exactly the eligible set."""

import datetime as dt
from collections import Counter

import pytest

from eligibility.models import Feed, Line
from kt_remedy.core import programme
from rewards.enrolment import base, grants, working
from rewards.models import BaseLine, Grant, HandOff, Shard
from rewards.perks.periods import grant_months
from rewards.providers import files
from tests.faults.test_payout_kills import run
from tests.refunds import make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def register(at, monkeypatch, settings, tmp_path):
    """Seven lines in three shards: five in service (one of them suspended), one gone, one of another operator."""
    monkeypatch.setattr(base, "SHARD_ROWS", 3)
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


def lapse() -> None:
    """Let the lease of the dead worker run out."""
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    Shard.objects.filter(done_at=None).update(lease_until=past)
    HandOff.objects.exclude(lease_until=None).update(lease_until=past)


def february() -> str:
    perk = grants.monthly(programme.current())[0]
    return grants.run_month(perk, grant_months(perk)[0])


def test_base(register):
    kills = 0
    while not run(base.run_all, kills + 1):
        kills += 1
        lapse()
        done = Shard.objects.exclude(done_at=None)
        # What is there belongs to shards that ended; there is no half of one.
        assert BaseLine.objects.count() == sum(done.values_list("rows", flat=True))
    assert kills > 8
    assert Counter(BaseLine.objects.values_list("why", flat=True)) == {"IN_SERVICE": 5, "NETWORK": 1, "TERMINATED": 1}
    before = list(BaseLine.objects.order_by("pk").values_list())
    base.run_all()
    assert list(BaseLine.objects.order_by("pk").values_list()) == before


def test_grants_and_their_files(register, at, tmp_path):
    base.run_all()
    at("2026-02-01T00:05+09:00")

    def month() -> None:
        february()
        while files.deliver_open("DATA"):
            pass

    kills = 0
    while not run(month, kills + 1):
        kills += 1
        lapse()
        granted = Grant.objects.filter(state="GRANTED").count()
        assert granted == sum(HandOff.objects.values_list("rows", flat=True))
    assert kills > 15
    assert Counter(Grant.objects.values_list("state", flat=True)) == {"GRANTED": 4, "SUSPENDED": 1}
    written = sorted((tmp_path / "data").glob("*.csv"))
    assert len(written) == HandOff.objects.filter(state="SENT").count() == 3
    keys = [key for path in written for key in path.read_text().splitlines()[1:]]
    assert sorted(keys) == sorted(Grant.objects.filter(state="GRANTED").values_list("contract_no", flat=True))


def test_workers_that_die_leave_nothing_to_the_others_but_work(register, at):
    """A helper is killed at each of its statements; another one ends what the act had only planned."""
    base.plan()
    kills = 0

    def help_out() -> None:
        while working.run_next_shard():
            pass

    while not run(help_out, kills + 1):
        kills += 1
        lapse()
    assert kills > 5
    assert base.is_complete()
    assert BaseLine.objects.count() == 7
