"""The register's clock: a delivery counts with its manifest, acts wait for theirs, and a late one is an alarm."""

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

from eligibility import register_clock
from eligibility.feed import deliveries
from eligibility.models import Feed
from kt_remedy.core import clock
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from refunds import tasks as refund_tasks
from rewards.enrolment import grants, lists
from tests import people
from tests.background import run_due
from tests.refunds import make

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 1, 14)


@pytest.fixture
def folder(settings, tmp_path: Path) -> Path:
    settings.DELIVERIES_DIR = str(tmp_path)
    shutil.copytree(people.deliveries() / str(DAY), tmp_path / str(DAY))
    return tmp_path / str(DAY)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda manifest: manifest.unlink(),
        lambda manifest: manifest.write_text('{"as_of": "2026-01-14", "files": {'),
        lambda manifest: manifest.write_text("[]"),
        lambda manifest: manifest.write_text('{"as_of": "2026-01-15", "files": {}}'),
        lambda manifest: manifest.write_text('{"as_of": "2026-01-14", "files": {}}'),
        lambda manifest: (manifest.parent / "bills.csv").unlink(),
    ],
)
def test_a_delivery_is_not_there_before_its_manifest_says_so(folder, spoil):
    spoil(folder / "manifest.json")
    with pytest.raises(deliveries.IncompleteDelivery) as caught:
        deliveries.load_day(DAY)
    assert not isinstance(caught.value, deliveries.WrongDigest)
    assert not Feed.objects.exists()


@pytest.mark.parametrize("change", ["bytes", "sha256"])
def test_a_wrong_digest_is_an_alarm_until_the_files_come_again(folder, change, at, client):
    at("2026-01-14T06:00+09:00")
    manifest = folder / "manifest.json"
    right = json.loads(manifest.read_text())
    wrong = json.loads(manifest.read_text())
    wrong["files"]["lines.csv"][change] = 1 if change == "bytes" else "0" * 64
    manifest.write_text(json.dumps(wrong))
    run_due("rest")
    assert register_clock.wrong_deliveries() == [DAY]
    assert "delivery 2026-01-14 has a wrong digest" in client.get("/pulsez").json()["jobs"]
    assert "지문" in register_clock.troubles()[0]
    manifest.write_text(json.dumps(right))
    DatedTask.objects.filter(code=register_clock.DELIVERY).update(retry_at=None)
    run_due("rest")
    assert register_clock.as_of() == DAY
    assert register_clock.wrong_deliveries() == []


def test_an_act_waits_for_its_delivery_and_runs_when_it_comes(at, client):
    at("2026-01-20T10:00+09:00")
    make.delivered("2026-01-19")
    make.line(make.customer())
    run_due("messages", "perks")
    act = DatedTask.objects.get(code="refunds.reminder", due_at=clock.kst(dt.date(2026, 1, 20), dt.time(10)))
    assert (act.state, act.result) == ("WAITING", "2026-01-20이나 그 뒤의 청구 데이터를 기다림")
    name = "delivery 2026-01-20 for refunds.reminder"
    assert name not in register_clock.alarms(), "it may come until noon"
    at("2026-01-20T12:00+09:00")
    assert name in register_clock.alarms()
    assert name in client.get("/pulsez").json()["jobs"]
    make.delivered("2026-01-20")
    assert name not in register_clock.alarms()
    DatedTask.objects.filter(pk=act.pk).update(retry_at=None, published_at=None)
    refund_tasks.queue_reminders(act.pk)
    act.refresh_from_db()
    assert (act.state, act.result) == ("DONE", "새로 올린 안내 1명")


def test_grants_wait_for_the_first_of_their_month(at, make_base):
    at("2026-02-01T05:00+09:00")
    with pytest.raises(schedule.NotYet, match="2026-02-01"):
        grants.plan_month(dt.date(2026, 2, 1))
    make.delivered("2026-02-01")
    assert grants.plan_month(dt.date(2026, 2, 1)) == 1


def test_a_full_list_waits_for_a_delivery_of_its_day(at, make_base):
    at("2026-02-01T05:00+09:00")
    days = {need.day for need in lists.needs(clock.now())}
    assert dt.date(2026, 2, 1) in days
    lists.plan_due()
    assert dt.date(2026, 2, 1) in {need.day for need in lists.needs(clock.now())}
    make.delivered("2026-02-01")
    lists.plan_due()
    assert dt.date(2026, 2, 1) not in {need.day for need in lists.needs(clock.now())}


@pytest.fixture
def make_base(at, db):
    """A base of one line, on the delivery of 14 January."""
    from tests.rewards import running

    make.delivered("2026-01-14")
    make.line(make.customer(), terminated="", outcome="NOT_ELIGIBLE", product="HANDSET", refundable_krw=0)
    at("2026-01-14T09:00+09:00")
    running.record_base()


@pytest.mark.parametrize(("today", "silent"), [("2026-01-28", False), ("2026-01-29", True), ("2026-09-01", False)])
def test_a_delivery_that_stops_coming_is_noticed(at, today, silent):
    make.delivered("2026-01-20")
    at(f"{today}T10:00+09:00")
    assert (register_clock.silent_since() == dt.date(2026, 1, 20)) is silent


def test_the_age_of_the_register_is_said(at):
    assert register_clock.age_text() == "아직 받은 청구 데이터가 없습니다."
    make.delivered("2026-01-20")
    at("2026-01-20T10:00+09:00")
    assert "오늘" in register_clock.age_text()
    at("2026-01-23T10:00+09:00")
    assert "3일" in register_clock.age_text()
