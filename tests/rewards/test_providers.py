"""Hand-offs to providers: rows, faults, refused rows, lost files, and missing or stuck shards."""

import datetime as dt
import os
import threading

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from eligibility.models import Line
from kt_remedy.content import service as content
from kt_remedy.content.models import Entry, Place
from kt_remedy.core import clock, file_stores, programme
from kt_remedy.core.models import worded
from kt_remedy.core.tasks import schedule
from kt_remedy.core.tasks.base import TaskFailed
from rewards import providers, service, tasks
from rewards.enrolment import grants, shards, working
from rewards.models import HandOff, RefusedRow, Shard
from rewards.providers import files
from tests import background, sessions
from tests.refunds import make
from tests.rewards import running


@pytest.fixture
def folder(settings, tmp_path):
    settings.HAND_OFF_DIR = str(tmp_path)
    return tmp_path


def rows(path) -> list[str]:
    return path.read_text().splitlines()


def all_lists() -> None:
    working.sweep()
    running.run_shards()
    for provider in providers.PROVIDERS:
        running.write_files(provider.code)


def acknowledge(folder, name: str, *refused: str) -> None:
    row = HandOff.objects.get(name=name)
    path = folder / row.provider.lower() / f"{name}.ack"
    path.write_text("\n".join([row.sha256, *refused]) + "\n")


def test_whole_lists_hold_each_line_and_each_person_once(take_base, make_line, at, folder):
    two, old = make.customer(birth="1985-03-02"), make.customer(birth="1950-01-01")
    first, second, gone = make_line(two), make_line(two), make_line(make.customer())
    elder = make_line(old)
    take_base()
    at("2026-02-10T10:00+09:00")
    Line.objects.filter(pk=gone.pk).update(status="TERMINATED", terminated_on=dt.date(2026, 1, 20))
    service.apply(perk_code="INSURANCE", person_index=two.person_index)
    all_lists()
    roaming = rows(folder / "roaming" / "ROAMING_50-list-20260201-0001.csv")
    assert roaming == ["contract_no", first.pk, second.pk, elder.pk]
    members = rows(folder / "membership" / "MEMBERSHIP-list-20260201-0001.csv")
    assert members == ["customer_no", two.pk, old.pk]
    insured = rows(folder / "insurer" / "INSURANCE-list-20260201-0001.csv")
    assert insured == [
        "customer_no,starts_on,ends_on,basis",
        f"{two.pk},2026-02-10,2028-02-09,APPLICATION",
        f"{old.pk},2026-02-01,2028-01-31,AUTOMATIC",
    ]
    before = HandOff.objects.count()
    all_lists()
    assert HandOff.objects.count() == before


def test_what_people_did_goes_out_the_day_after(take_base, make_line, at, folder):
    line = make_line(make.customer(birth="1950-01-01"))
    take_base()
    at("2026-02-10T23:50+09:00")
    key = line.customer.person_index
    service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=["TV-1", "TV-2"])
    service.choose(perk_code="OTT", contract_no=line.pk, choice_code="TVING", person_index=key)
    row = service.issue_code(perk_code="OTT", contract_no=line.pk, person_index=key)
    service.opt_out(perk_code="INSURANCE", person_index=key)
    all_lists()
    assert not Shard.objects.filter(kind="DAY").exists()
    at("2026-02-11T00:01+09:00")
    all_lists()
    assert rows(folder / "video" / "OTT-day-20260210-0001.csv") == [
        "contract_no,code,service,starts_on,ends_on",
        f"{line.pk},{row.voucher.code},TVING,2026-02-10,2026-08-09",
    ]
    assert rows(folder / "insurer" / "INSURANCE-day-20260210-0001.csv")[1:] == [f"{line.customer_id},,,OPT_OUT"]


def test_the_video_list_tells_of_substitutes_and_what_is_refused_goes_again(take_base, make_line, at, folder):
    child, adult = make_line(make.customer(birth="2015-05-05")), make_line(make.customer())
    take_base()
    at("2026-02-10T23:50+09:00")
    by = sessions.staff_user("administrator")
    content.add_version(
        by=by, entry=Entry(place=Place.PLAN, key="substitute", title_ko="데이터 쿠폰", shown_from=clock.today())
    )
    service.take_substitute(
        perk_code="OTT", contract_no=child.pk, person_index=child.customer.person_index, guardian=True
    )
    key = adult.customer.person_index
    service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=["TV-1"])
    service.choose(perk_code="OTT", contract_no=adult.pk, choice_code="TVING", person_index=key)
    service.issue_code(perk_code="OTT", contract_no=adult.pk, person_index=key)
    at("2026-02-11T00:01+09:00")
    all_lists()
    expected_rows = [f"{child.pk},,SUBSTITUTE,2026-02-10,", f"{adult.pk},TV-1,TVING,2026-02-10,2026-08-09"]
    name = "OTT-day-20260210-0001.csv"
    assert rows(folder / "video" / name)[1:] == sorted(expected_rows)
    acknowledge(folder, name, f"{adult.pk},ACCOUNT")
    assert files.collect_acknowledgements("VIDEO") == 1
    files.resend_refused(hand_off=HandOff.objects.get(provider="VIDEO"), by=by)
    assert running.write_files("VIDEO") == 1
    assert rows(folder / "video" / "OTT-day-20260210-0001-r2.csv")[1:] == expected_rows[1:]


def test_after_a_transfer_lists_follow_the_rule(take_base, make_line, at, folder):
    line = make_line()
    before = line.customer_id
    take_base()
    at("2026-02-10T10:00+09:00")
    Line.objects.filter(pk=line.pk).update(
        customer=make.customer(), status="TERMINATED", terminated_on=dt.date(2026, 1, 25)
    )
    all_lists()
    assert rows(folder / "roaming" / "ROAMING_50-list-20260201-0001.csv")[1:] == []
    assert rows(folder / "membership" / "MEMBERSHIP-list-20260201-0001.csv")[1:] == [before]


@pytest.fixture
def february(take_base, make_line, at, folder):
    lines = [make_line().pk for _ in range(3)]
    take_base()
    at("2026-02-01T00:05+09:00")
    running.grant_month(dt.date(2026, 2, 1))
    return lines


def test_a_dead_provider_holds_up_nobody_else(february, folder, at):
    (folder / "data").write_text("not a folder")
    at("2026-02-01T09:00+09:00")
    all_lists()
    waits = HandOff.objects.get(provider="DATA")
    assert waits.fault.startswith("the file could not be written")
    assert (folder / "roaming" / "ROAMING_50-list-20260201-0001.csv").exists()
    (folder / "data").unlink()
    tasks.write_hand_off(waits.pk)
    waits.refresh_from_db()
    assert (waits.state, waits.attempts) == ("WAITING", 1), "the pause has not ended"
    assert not files.next_of_each_provider().exists()
    HandOff.objects.filter(provider="DATA").update(retry_at=dt.datetime.now(dt.UTC))
    assert running.write_files("DATA") == 1


def test_the_pause_of_a_file_doubles_up_to_an_hour(february, folder):
    (folder / "data").write_text("not a folder")
    pauses = []
    for _ in range(9):
        running.write_files("DATA")
        wait = HandOff.objects.get().retry_at - dt.datetime.now(dt.UTC)
        pauses.append(round(wait.total_seconds() / 30) * 30)
        HandOff.objects.update(retry_at=None)
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


@pytest.mark.django_db(transaction=True)
def test_a_provider_that_hangs_holds_up_nobody_else(february, folder, at, monkeypatch):
    """A writer that is stuck in its file, with lock and transaction, costs one worker, not the other providers."""
    at("2026-02-01T09:00+09:00")
    working.sweep()
    running.run_shards()
    stuck_in = HandOff.objects.get(provider="DATA")
    later = HandOff.objects.create(
        shard=stuck_in.shard, part=2, provider="DATA", name="DATA_100GB-20260201-0001-r2.csv", rows=0
    )
    hangs, goes_on, fill, outcomes = threading.Event(), threading.Event(), files._write_rows, []

    def slow(hand_off, file):
        if hand_off.provider != "DATA":
            return fill(hand_off, file)
        with transaction.atomic():
            written = fill(hand_off, file)
            hangs.set()
            assert goes_on.wait(60)
        return written

    monkeypatch.setattr(files, "_write_rows", slow)

    def hand_over_data():
        try:
            tasks.write_hand_off(stuck_in.pk)
            outcomes.append(HandOff.objects.get(pk=stuck_in.pk).state)
        finally:
            connection.close()

    stuck = threading.Thread(target=hand_over_data)
    stuck.start()
    assert hangs.wait(60)
    try:
        background.run_due("perks")
        states = HandOff.objects.exclude(provider="DATA").values_list("provider", "state")
        assert set(states) == {("ROAMING", "SENT"), ("MEMBERSHIP", "SENT"), ("INSURER", "SENT")}
        tasks.write_hand_off(stuck_in.pk)  # the slow writer has the lock
        assert set(HandOff.objects.filter(provider="DATA").values_list("attempts", flat=True)) == {0, 1}
        later.refresh_from_db()
        assert later.published_at is None, "no second worker waits for the folder"
        assert not list((folder / "data").glob("*.csv"))
    finally:
        goes_on.set()
        stuck.join()
    assert outcomes == ["SENT"]
    background.run_due("perks")
    later.refresh_from_db()
    assert later.state == "SENT"
    assert rows(folder / "data" / "DATA_100GB-20260201-0001.csv") == ["contract_no", *february]


def test_drafts_of_killed_writers_are_swept(february, folder):
    running.write_files("DATA")
    dead, alive = folder / "data" / ".draft-dead", folder / "data" / ".draft-alive"
    dead.touch(), alive.touch()
    os.utime(dead, (0, 0))
    schedule.plan()
    tasks.read_answers("rewards.answers.DATA")
    left = {path.name for path in (folder / "data").iterdir()}
    assert left == {".draft-alive", "DATA_100GB-20260201-0001.csv"}


def test_refused_rows_go_once_more_and_alone(february, folder):
    running.write_files("DATA")
    name = "DATA_100GB-20260201-0001.csv"
    (folder / "data" / f"{name}.ack").write_text("half an ans")
    assert files.collect_acknowledgements("DATA") == 0
    acknowledge(folder, name, f"{february[1]},NO_SUCH_LINE", "", february[2])
    assert files.collect_acknowledgements("DATA") == 1
    assert files.collect_acknowledgements("DATA") == 0
    part = HandOff.objects.get()
    assert (part.state, part.rows, part.refused) == ("ACKNOWLEDGED", 3, 2)
    assert list(RefusedRow.objects.order_by("key").values_list("key", "code")) == [
        (february[1], "NO_SUCH_LINE"),
        (february[2], ""),
    ]
    by = sessions.staff_user("supervisor")
    further = files.resend_refused(hand_off=part, by=by)
    assert files.resend_refused(hand_off=part, by=by) == further
    running.write_files("DATA")
    resent = folder / "data" / "DATA_100GB-20260201-0001-r2.csv"
    assert rows(resent) == ["contract_no", february[1], february[2]]
    acknowledge(folder, resent.name)
    files.collect_acknowledgements("DATA")
    further.refresh_from_db()
    assert files.resend_refused(hand_off=further, by=by) is None
    totals = working.reconcile()[0]
    assert (totals.rows, totals.acknowledged, totals.refused, totals.files) == (3, 3, 2, 2)


def test_a_file_that_was_lost_is_written_again_with_the_same_bytes(february, folder, at):
    running.write_files("DATA")
    path = folder / "data" / "DATA_100GB-20260201-0001.csv"
    content = path.read_bytes()
    at("2026-02-03T00:05+09:00")
    assert files.resend_lost("DATA") == 0  # the file is in the folder; the provider is slow
    path.unlink()
    assert files.resend_lost("DATA") == 1
    running.write_files("DATA")
    assert path.read_bytes() == content


def test_a_month_that_nobody_planned_is_found(take_base, make_line, at, folder):
    make_line()
    take_base()
    at("2026-03-02T00:05+09:00")
    assert not running.run_shards()
    working.sweep()
    running.run_shards()
    assert set(Shard.objects.filter(kind="GRANT").values_list("month", flat=True)) == {
        dt.date(2026, 2, 1),
        dt.date(2026, 3, 1),
    }
    assert not Shard.objects.filter(done_at=None).exists()


@pytest.mark.parametrize("gone", [1, 2, 4])
def test_a_range_whose_shard_is_gone_is_found(at, delivery, make_line, monkeypatch, gone):
    from rewards.enrolment import base
    from rewards.models import BaseLine

    monkeypatch.setattr(base, "SHARD_ROWS", 3)
    holder = make.customer()
    lines = [make_line(holder).pk for _ in range(10)]
    at("2026-01-14T09:00+09:00")
    base.plan()
    Shard.objects.get(number=gone).delete()
    assert working.sweep().values == {"missing": 1, "stuck": 0}
    assert working.sweep().values == {"missing": 0, "stuck": 0}
    running.run_shards()
    assert sorted(BaseLine.objects.values_list("pk", flat=True)) == sorted(lines)


def test_a_shard_that_fails_again_and_again_is_named(take_base, make_line, at, monkeypatch, caplog):
    make_line()
    take_base()
    at("2026-02-02T00:05+09:00")
    grants.plan(grants.monthly(programme.current())[0], dt.date(2026, 2, 1))
    monkeypatch.setattr(grants, "run", lambda shard, perk: 1 / 0)
    for _ in range(shards.ATTEMPTS_BEFORE_ALARM):
        with pytest.raises(TaskFailed, match="ZeroDivisionError"):
            running.run_shards()
        assert not running.run_shards(), "there is a pause"
        Shard.objects.update(retry_at=None)
    assert worded([list(working.sweep())]).endswith("멈춘 묶음 1")
    assert "ZeroDivisionError" in caplog.text
    monkeypatch.undo()
    assert running.run_shards()
    assert working.sweep().values["stuck"] == 0
    assert Shard.objects.filter(kind="GRANT", fault="").count() == 1


def test_progress_on_the_command_line_and_for_staff(february, client: Client, capsys):
    call_command("perks")
    shown = capsys.readouterr().out
    assert "BASE" in shown
    assert "100 %" in shown
    running.write_files("DATA")
    page = sessions.as_staff(client, sessions.staff_user("supervisor")).get(reverse("rewards:report")).content.decode()
    assert "혜택을 받는 회선 3개" in page
    assert "100% (1/1)" in page
    part = working.Progress("BASE", "", None, 4, 2, 200, dt.datetime(2026, 1, 14), dt.datetime(2026, 1, 14, 0, 0, 10))
    assert (part.percent, part.rows_per_second, part.remaining) == (50, 10, dt.timedelta(seconds=20))
    assert part.bar(8) == "####...."


def test_every_perk_of_the_programme_has_its_provider():
    assert [providers.provider_of(perk).code for perk in programme.current().perks] == [
        "DATA",
        "ROAMING",
        "VIDEO",
        "MEMBERSHIP",
        "INSURER",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_an_answer_is_read_in_the_encoding_of_the_provider(february, folder, encoding):
    running.write_files("DATA")
    name = "DATA_100GB-20260201-0001.csv"
    digest = HandOff.objects.get(name=name).sha256.upper()
    answer = f"{digest}\r\n\u00a0{february[1]},\u00a0정지된 회선 \r\n,\r\n"
    (folder / "data" / f"{name}.ack").write_bytes(answer.replace("\u00a0", " ").encode(encoding))
    assert files.collect_acknowledgements("DATA") == 1
    assert list(RefusedRow.objects.values_list("key", "code")) == [(february[1], "정지된 회선")]


@pytest.mark.parametrize("content", [b"\xff\xff\xff", b"a\x00b"])
def test_an_answer_that_cannot_be_read_is_a_fault_and_stops_no_other(february, folder, content):
    running.write_files("DATA")
    name = "DATA_100GB-20260201-0001.csv"
    (folder / "data" / f"{name}.ack").write_bytes(content)
    assert files.collect_acknowledgements("DATA") == 0
    assert "cannot be read" in HandOff.objects.get().fault
    acknowledge(folder, name)
    assert files.collect_acknowledgements("DATA") == 1
    assert HandOff.objects.get().fault == ""


def test_files_and_answers_pass_through_a_bucket(february, settings, bucket, at):
    settings.HAND_OFF_DIR = bucket
    kept, name = file_stores.at(bucket), "data/DATA_100GB-20260201-0001.csv"
    assert running.write_files("DATA") == 1
    content = kept.read(name)
    assert content.decode().splitlines() == ["contract_no", *february]
    part = HandOff.objects.get()
    assert (part.sha256, part.rows) == (kept.digest(name), 3)
    at("2026-02-03T00:05+09:00")
    assert files.resend_lost("DATA") == 0
    kept.remove(name)
    assert files.resend_lost("DATA") == 1
    running.write_files("DATA")
    assert kept.read(name) == content
    kept.put_bytes(f"{name}.ack", f"{part.sha256}\n{february[1]},NO_SUCH_LINE\n".encode())
    assert files.collect_acknowledgements("DATA") == 1
    part.refresh_from_db()
    assert (part.state, part.refused) == ("ACKNOWLEDGED", 1)
    assert kept.names("data")[1] == ["DATA_100GB-20260201-0001.csv", "DATA_100GB-20260201-0001.csv.ack"]


def test_a_bucket_that_does_not_answer_is_a_fault_of_the_file(february, settings, bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    settings.HAND_OFF_DIR = f"{bucket}/silent"
    assert running.write_files("DATA") == 0
    assert (
        HandOff.objects.get().fault
        == "the file could not be written: the store does not answer (EndpointConnectionError)"
    )
    assert files.collect_acknowledgements("DATA") == 0
