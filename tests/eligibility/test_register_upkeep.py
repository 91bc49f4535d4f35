"""Rejudge, line decisions, searches, key rotation, and the dated task that loads deliveries."""

import csv
import datetime as dt
import re
import shutil
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from eligibility import rotation, search, service, tasks
from eligibility.feed import deliveries
from eligibility.management.commands import rejudge
from eligibility.models import Feed, Line, LineDecision, LineHistory, VerdictChange
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock, crypto, programme
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from kt_remedy.staff.models import User
from tests import people
from tests.owner import as_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def reviewer() -> User:
    return User.objects.create_user("reviewer", roles=["reviewer"], person_index=b"reviewer".ljust(32))


@pytest.fixture
def other_programme(tmp_path: Path, monkeypatch) -> programme.Programme:
    """The installed programme, except that transfers are excluded and device changes go to review."""
    text = programme.DEFAULT_FILE.read_text(encoding="utf-8")
    text = text.replace('"NEW", "DEVICE_CHANGE", "RECONTRACT"]', '"NEW", "TRANSFER", "RECONTRACT"]')
    text = text.replace('["AUTO_RENEWAL", "TRANSFER"]', '["AUTO_RENEWAL", "DEVICE_CHANGE"]')
    file = tmp_path / "programme.toml"
    file.write_text(text, encoding="utf-8")
    loaded = programme.load(file)
    monkeypatch.setattr(programme, "current", lambda: loaded)
    return loaded


# Rejudge -----------------------------------------------------------------------------------------------


def test_a_rejudge_by_the_same_programme_changes_nothing(capsys) -> None:
    people.load_cast()
    call_command("rejudge")

    assert f"{Line.objects.count()} lines judged, 0 verdicts changed." in capsys.readouterr().out
    assert not LineHistory.objects.filter(replaced_by=None).exists()


def test_a_rejudge_by_another_programme(other_programme, reviewer, capsys, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programme, "current", lambda: programme.load(programme.DEFAULT_FILE))
        people.load_cast()
    service.record_decision(contract_no="CAST-117-1", outcome="ELIGIBLE", reason="승계 확인", decided_by=reviewer)
    before = VerdictChange.objects.count()

    call_command("rejudge", "--dry-run", "--changes", str(tmp_path / "changes.csv"))
    printed = capsys.readouterr().out
    assert "REVIEW -> NOT_ELIGIBLE" in printed
    line = Line.objects.get(pk="CAST-117-1")
    both = f"expected {line.expected_penalty_krw:,}, refundable {line.refundable_krw:,} won"
    assert f"CAST-117-1: REVIEW (REVIEW_NAME_TRANSFER), {both} -> NOT_ELIGIBLE (TRANSFER_AFTER_BASE), {both}" in printed
    with (tmp_path / "changes.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["contract_no"]: row for row in csv.DictReader(file)}
    assert rows["CAST-117-1"]["old_reasons"] == "REVIEW_NAME_TRANSFER"
    assert rows["CAST-117-1"]["new_outcome"] == "NOT_ELIGIBLE"
    assert f"{len(rows):,} verdicts would change" in printed
    assert "would change" in printed
    assert Line.objects.get(pk="CAST-117-1").reasons == "REVIEW_NAME_TRANSFER"
    assert VerdictChange.objects.count() == before

    call_command("rejudge")
    line = Line.objects.get(pk="CAST-117-1")
    assert (line.outcome, line.reasons) == ("NOT_ELIGIBLE", "TRANSFER_AFTER_BASE")
    assert line.effective_outcome == "ELIGIBLE"
    assert line.programme_version == other_programme.version
    assert Line.objects.get(pk="CAST-101-2").reason_codes[0] == "REVIEW_DEVICE_CHANGE"
    assert set(Line.objects.values_list("programme_version", flat=True)) == {other_programme.version}
    old = LineHistory.objects.get(contract_no="CAST-117-1", replaced_by=None)
    assert (old.outcome, old.reasons) == ("REVIEW", "REVIEW_NAME_TRANSFER")
    change = VerdictChange.objects.filter(contract_no="CAST-117-1").latest("id")
    assert (change.old_outcome, change.new_outcome, change.feed) == ("REVIEW", "NOT_ELIGIBLE", None)


def test_of_many_changes_the_first_are_printed_and_the_rest_counted(other_programme, monkeypatch, capsys) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programme, "current", lambda: programme.load(programme.DEFAULT_FILE))
        people.load_cast()
    monkeypatch.setattr(rejudge, "SHOWN", 1)
    call_command("rejudge", "--dry-run")
    printed = capsys.readouterr().out.splitlines()
    more = re.fullmatch(r"… and (\d+) more lines; --changes FILE writes them all\.", printed[1])
    assert more is not None
    assert printed[-1].endswith(f" {int(more[1]) + 1} verdicts would change.")


# Decisions ---------------------------------------------------------------------------------------------


def test_only_reviewers_decide_and_never_their_own(reviewer) -> None:
    people.load_cast()
    clerk = User.objects.create_user("clerk", roles=["supervisor"], person_index=b"clerk".ljust(32))
    with pytest.raises(PermissionDenied):
        service.record_decision(contract_no="CAST-110-1", outcome="ELIGIBLE", reason="x", decided_by=clerk)
    reviewer.person_index = people.index_of("bae")
    reviewer.save()
    with pytest.raises(PermissionDenied):
        service.record_decision(contract_no="CAST-110-1", outcome="ELIGIBLE", reason="x", decided_by=reviewer)
    reviewer.person_index = people.index_of("jinsa")  # a guardian may not decide on the line of a ward
    reviewer.save()
    with pytest.raises(PermissionDenied):
        service.record_decision(contract_no="CAST-107-2", outcome="ELIGIBLE", reason="x", decided_by=reviewer)


@pytest.mark.parametrize(("outcome", "reason"), [("REVIEW", "x"), ("", "x"), ("ELIGIBLE", "  ")])
def test_a_decision_settles_and_has_a_reason(reviewer, outcome: str, reason: str) -> None:
    people.load_cast()
    with pytest.raises(service.NotDecidable):
        service.record_decision(contract_no="CAST-110-1", outcome=outcome, reason=reason, decided_by=reviewer)


def test_a_decision_is_never_rewritten_and_leaves_a_record(reviewer) -> None:
    people.load_cast()
    decision = service.record_decision(
        contract_no="CAST-110-1", outcome="ELIGIBLE", reason="KTOA 기록 확인", decided_by=reviewer
    )

    assert (decision.verdict_outcome, decision.verdict_reasons) == ("REVIEW", "REVIEW_PORT_DELAY;NOT_BILLED_YET")
    entry = AuditEntry.objects.get(action="line.decided")
    assert (entry.object, entry.subject) == ("line:CAST-110-1", "K20260110")
    for change in (
        lambda: LineDecision.objects.update(outcome="NOT_ELIGIBLE"),
        lambda: LineDecision.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), as_owner():
            change()
    second = service.record_decision(
        contract_no="CAST-110-1", outcome="NOT_ELIGIBLE", reason="정정", decided_by=reviewer
    )
    assert service.decisions_of(["CAST-110-1", "CAST-101-1"]) == {"CAST-110-1": [second, decision]}
    assert Line.objects.get(pk="CAST-110-1").effective_outcome == "NOT_ELIGIBLE"


# Searching ---------------------------------------------------------------------------------------------


def test_the_desk_finds_by_two_facts_and_refuses_one() -> None:
    people.load_cast()
    hong = people.person("hong")
    born = dt.date.fromisoformat(hong.birth_date)

    assert {line.pk for line in service.find_lines(name=" 홍 길동", birth_date=born)} == {
        "CAST-101-1",
        "CAST-101-2",
        "CAST-101-3",
    }
    assert [line.pk for line in service.find_lines(msisdn="+82 10-2026-0101", birth_date=born)] == ["CAST-101-1"]
    assert not service.find_lines(msisdn=hong.phone, birth_date=born + dt.timedelta(days=1)).exists()
    for facts in ({"msisdn": hong.phone}, {"name": hong.name}, {"birth_date": born}, {}):
        with pytest.raises(ValueError, match="two facts"):
            service.find_lines(**facts)


def test_a_number_that_changed_hands_is_two_lines_of_two_people() -> None:
    people.load_cast()
    lines = Line.objects.filter(msisdn_index=search.msisdn_index("010-2026-0912")).order_by("pk")

    assert [(line.pk, line.customer.holder_name) for line in lines] == [
        ("CAST-112-1", "변학도"),
        ("CAST-113-1", "허생"),
    ]
    assert [line.pk for line in service.lines_of(people.index_of("byeon"))] == ["CAST-112-1"]


def test_lines_of_a_person_take_one_query_and_their_bills_another(django_assert_num_queries) -> None:
    people.load_cast()
    with django_assert_num_queries(2):
        lines = list(service.lines_of(people.index_of("hong")))
        bills = service.bills_of([line.pk for line in lines])
        assert [line.customer.holder_name for line in lines] == ["홍길동"] * 3
        left = next(line for line in lines if line.pk == "CAST-101-1")
        checks = service.trace_of(left, bills[left.pk])
    assert {number: len(rows) for number, rows in bills.items()} == {"CAST-101-1": 3, "CAST-101-2": 0, "CAST-101-3": 0}
    assert {check.code for check in checks} >= {"PERIOD", "CONTRACT", "BILLED"}


# Keys --------------------------------------------------------------------------------------------------


def keys(*numbers: int) -> dict[int, bytes]:
    return {number: bytes(range(32)) if number == 1 else bytes([number]) * 32 for number in numbers}


def test_every_value_moves_to_the_new_key(settings, capsys) -> None:
    people.load_cast()
    assert {column.table for column in rotation.columns()} >= {
        "eligibility_customer",
        "eligibility_customer_history",
        "eligibility_line",
        "eligibility_line_history",
    }
    try:
        settings.FIELD_KEYS = keys(2, 1)
        crypto.forget_keys()
        before = rotation.remaining()
        assert before > 100
        with as_owner():  # as MIGRATE_DATABASE_URL has it
            call_command("rotate_keys")
        assert f"{before:,} values moved to key 2, 0 left" in capsys.readouterr().out
        with as_owner():
            assert rotation.rotate() == 0

        settings.FIELD_KEYS = keys(2)
        crypto.forget_keys()
        for line in Line.objects.select_related("customer"):
            assert line.msisdn.startswith("01")
            assert line.customer.holder_name
        old = LineHistory.objects.first()
        line = Line.objects.get(pk=old.contract_no)
        line.msisdn_enc = old.msisdn_enc
        assert line.msisdn.startswith("01")
    finally:
        settings.FIELD_KEYS = keys(1)
        crypto.forget_keys()


# The calendar ------------------------------------------------------------------------------------------


def test_deliveries_are_loaded_when_their_day_comes(at, settings, tmp_path: Path) -> None:
    settings.DELIVERIES_DIR = str(tmp_path)
    shutil.copytree(people.deliveries(), tmp_path, dirs_exist_ok=True)
    (tmp_path / "2026-99-99").mkdir()
    at("2026-01-14T04:59+09:00")

    assert [feed.as_of for feed in deliveries.load_due()] == [dt.date(2025, 12, 31)]
    assert deliveries.due_times()[1] == clock.kst(dt.date(2026, 1, 14), dt.time(5))
    at("2026-01-14T05:00+09:00")
    task = DatedTask(code="eligibility.delivery", due_at=deliveries.due_times()[1])
    assert len(tasks.load(task)) == 3
    assert "이미 받았음" in tasks.load(task)[0].text
    assert "이미 받았음" in tasks.load(DatedTask(code=task.code, due_at=deliveries.due_times()[0]))[0].text
    assert Feed.objects.filter(state="LOADED").count() == 2
    assert schedule.entry("eligibility.delivery") is not None


def test_a_delivery_with_a_missing_file_is_waited_for(settings, tmp_path: Path) -> None:
    settings.DELIVERIES_DIR = str(tmp_path)
    (tmp_path / "2026-01-14").mkdir()
    (tmp_path / "2026-01-14" / "lines.csv").touch()

    with pytest.raises(schedule.NotYet, match="2026-01-14 is not complete"):
        deliveries.load_day(dt.date(2026, 1, 14))
    settings.DELIVERIES_DIR = ""
    assert deliveries.days() == []


def test_time_limits_come_back_after_a_load() -> None:
    people.load_cast(until=dt.date(2025, 12, 31))
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] == "15s"
