"""The base and the monthly grants: rules by table, reruns and shards."""

import csv
import datetime as dt
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from eligibility.models import Line
from kt_remedy.core import clock, programme
from kt_remedy.core.persons import age_on, born_on_or_before
from kt_remedy.core.tasks import dispatch
from rewards.enrolment import base, grants, shards
from rewards.models import BaseLine, Grant, HandOff, Shard
from rewards.perks.periods import grant_months, last_day
from rewards.providers import files
from tests import background
from tests.owner import as_owner
from tests.refunds import make
from tests.rewards import running

TABLE = list(csv.reader((Path(__file__).parent.parent / "cases" / "rewards.csv").open(encoding="utf-8")))[1:]
CASES = [row for row in TABLE if not row[11]]  # test_decisions has the rows with a day


def noon(day: str) -> dt.datetime:
    return clock.kst(dt.date.fromisoformat(day), dt.time(12))


@pytest.mark.parametrize("case", CASES, ids=[f"{row[0]} {row[1]}" for row in CASES])
def test_base_case(case, take_base, make_line):
    _decision, _title, opened, terminated, network, product, holder, birth, why, perks = case[:10]
    line = make_line(
        make.customer(birth=birth or None, kind=holder),
        opened_at=noon(opened),
        opened_on=dt.date.fromisoformat(opened),
        network=network,
        product=product,
        terminated=f"{terminated}T12:00+09:00" if terminated else "",
    )
    take_base()
    row = BaseLine.objects.get(pk=line.pk)
    assert (row.why, set(row.perks)) == (why, set(perks.split()))


def test_base_waits_for_the_day_and_its_delivery(db, at):
    at("2026-01-13T23:59:59+09:00")
    with pytest.raises(base.BaseNotReady, match="2026-01-13"):
        base.plan()
    at("2026-01-14T09:00+09:00")
    with pytest.raises(base.BaseNotReady, match="delivery"):
        base.plan()
    assert not Shard.objects.exists()


def test_base_again_changes_nothing_and_is_frozen(take_base, make_line):
    line = make_line()
    take_base()
    before = list(BaseLine.objects.values_list())
    Line.objects.filter(pk=line.pk).update(network="MVNO")
    take_base()
    assert list(BaseLine.objects.values_list()) == before
    with pytest.raises(InternalError), transaction.atomic(), as_owner():
        BaseLine.objects.update(why="TERMINATED")


def test_shards_cover_every_line_once(take_base, make_line, monkeypatch):
    monkeypatch.setattr(base, "SHARD_ROWS", 3)
    holder = make.customer()
    lines = {make_line(holder).pk for _ in range(10)}
    take_base()
    assert Shard.objects.filter(kind="BASE").count() == 4
    assert set(BaseLine.objects.values_list("pk", flat=True)) == lines
    assert sum(Shard.objects.values_list("rows", flat=True)) == len(lines)


def test_shards_count_what_they_wrote(take_base, make_line, monkeypatch):
    monkeypatch.setattr(base, "SHARD_ROWS", 3)
    (
        make_line(),
        make_line(product="IOT"),
        make_line(status="SUSPENDED"),
        make_line(product="FUTURE"),
        make_line(network="MVNO"),
    )
    make_line(make.customer(kind="CORPORATE"), product="TABLET"), make_line(terminated="2025-11-20T10:00+09:00")
    take_base()
    counted, written = Counter(), Counter()
    for counts in Shard.objects.values_list("counts", flat=True):
        counted.update(counts)
    for row in BaseLine.objects.all():
        written.update([row.why, *row.perks])
    assert counted == written
    assert written["IN_SERVICE"] == 5
    assert written["DATA_100GB"] == 3


@pytest.mark.django_db(transaction=True)
def test_a_shard_is_one_worker_s_until_its_connection_ends(at, delivery, make_line):
    at("2026-01-14T09:00+09:00")
    make_line()
    base.plan()
    begun, dies = threading.Event(), threading.Event()

    def die(shard):
        begun.set()
        assert dies.wait(60)
        connection.close()  # as for a killed worker: the lock ends, and nothing is written any more
        raise SystemExit

    def worker():
        with suppress(SystemExit):
            dispatch.run(shards.open_shards(), Shard.objects.get().pk, die)
        connection.close()

    def published():
        return [publication.pk for publication in background.due("perks") if publication.model is Shard]

    assert published() == [Shard.objects.get().pk]
    other = threading.Thread(target=worker)
    other.start()
    try:
        assert begun.wait(60)
        running.run_shards()
        assert not base.is_complete(), "the other worker holds it"
        assert not published(), "beat sees that it is held"
    finally:
        dies.set()
        other.join()
    assert published() == [Shard.objects.get().pk], "beat sees that it is free again"
    running.run_shards()
    assert Shard.objects.get().attempts == 2
    assert base.is_complete()
    assert BaseLine.objects.count() == 1


def test_monthly_grants_follow_the_line_of_that_day(take_base, at, make_line, settings, tmp_path):
    settings.HAND_OFF_DIR = str(tmp_path)
    holder = make.customer()
    active, suspended, gone, iot = (
        make_line(holder),
        make_line(holder, status="SUSPENDED"),
        make_line(holder),
        make_line(holder, product="IOT"),
    )
    take_base()
    Line.objects.filter(pk=gone.pk).update(terminated_on=dt.date(2026, 1, 20), status="TERMINATED")
    first, second = grant_months(grants.monthly(programme.current())[0])[:2]
    with pytest.raises(base.BaseNotReady):
        running.grant_month(first)
    at("2026-02-01T00:05+09:00")
    assert running.grant_month(first).values == {"rows": 3, "granted": 1}
    assert running.grant_month(first).values == {"rows": 3, "granted": 1}
    states = dict(Grant.objects.values_list("contract_no", "state"))
    assert states == {active.pk: "GRANTED", suspended.pk: "SUSPENDED", gone.pk: "TERMINATED"}
    assert iot.pk not in states
    # D-48: a suspended month is lost, and the next month is granted again.
    Line.objects.filter(pk=suspended.pk).update(status="ACTIVE")
    at("2026-03-01T00:05+09:00")
    running.grant_month(second)
    assert (
        Grant.objects.filter(contract_no=suspended.pk).order_by("month").values_list("state", flat=True)[1] == "GRANTED"
    )

    assert running.write_files("DATA") == 2
    assert running.write_files("DATA") == 0
    sent = HandOff.objects.get(name="DATA_100GB-20260201-0001.csv")
    data = tmp_path / "data"
    assert (data / sent.name).read_text() == f"contract_no\n{active.pk}\n"
    (data / f"{sent.name}.ack").write_text("0" * 64)
    assert files.collect_acknowledgements("DATA") == 0
    sent.refresh_from_db()
    assert "other bytes" in sent.fault
    (data / f"{sent.name}.ack").write_text(sent.sha256 + "\n")
    assert files.collect_acknowledgements("DATA") == 1
    sent.refresh_from_db()
    assert sent.state == HandOff.State.ACKNOWLEDGED


def test_an_unwritable_folder_is_a_fault_that_waits(take_base, at, make_line, settings, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    settings.HAND_OFF_DIR = str(tmp_path / "file")
    make_line()
    take_base()
    at("2026-02-01T00:05+09:00")
    running.grant_month(dt.date(2026, 2, 1))
    assert running.write_files("DATA") == 0
    waiting = HandOff.objects.get()
    assert waiting.state == HandOff.State.WAITING
    assert "could not be written" in waiting.fault


def test_one_grant_for_line_perk_and_month_in_the_database(take_base, at, make_line):
    line = make_line()
    take_base()
    at("2026-02-01T00:05+09:00")
    running.grant_month(dt.date(2026, 2, 1))
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO rewards_grant VALUES ('2026-02-01', 'DATA_100GB', %s, 'GRANTED')", [line.pk])


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [("1961-01-13", "2026-01-13", 65), ("1961-01-14", "2026-01-13", 64), ("2012-02-29", "2026-02-28", 13)],
)
def test_full_years(birth, day, age):
    assert age_on(dt.date.fromisoformat(birth), dt.date.fromisoformat(day)) == age


def test_spans_are_inclusive():
    assert born_on_or_before(dt.date(2026, 1, 13), 65) == dt.date(1961, 1, 13)
    assert last_day(dt.date(2026, 2, 1), 24) == dt.date(2028, 1, 31)
    assert last_day(dt.date(2026, 8, 31), 6) == dt.date(2027, 2, 27)
