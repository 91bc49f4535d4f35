"""Corrections of monthly grants by a later delivery: found, approved by two people, granted once, told (D-67)."""

import csv
import datetime as dt
from functools import partial
from pathlib import Path

import pytest
from django.db import IntegrityError, InternalError, transaction
from django.test import Client
from django.urls import reverse

from eligibility.models import Feed, Line, LineColumns, LineHistory
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from kt_remedy.notices import texts
from kt_remedy.notices.models import Message
from rewards import acts, reports, service, tasks
from rewards.enrolment import base, corrections, shards, working
from rewards.models import CorrectedLine, Grant, GrantCorrection, HandOff, Shard
from rewards.providers import files
from tests import sessions
from tests.owner import as_owner
from tests.refunds import make
from tests.rewards import running
from tests.threads import together

FEBRUARY, MARCH = dt.date(2026, 2, 1), dt.date(2026, 3, 1)
CASES = list(csv.DictReader((Path(__file__).parents[1] / "cases/grant_corrections.csv").open(encoding="utf-8")))


def user(name: str, *roles: str, ci: str = ""):
    return sessions.staff_user(*(roles or ("supervisor",)), username=name, ci=ci)


def refusal(call, **arguments) -> str:
    with pytest.raises(corrections.CorrectionRefused) as refused:
        call(**arguments)
    return refused.value.code


def facts(status: str, ended: str) -> dict:
    return {"status": status, "terminated_on": dt.date.fromisoformat(ended) if ended else None}


def deliver(as_of: str, *changes: tuple[Line, dict]) -> Feed:
    """A further delivery that replaces these lines, as the merge of a load does."""
    day = dt.date.fromisoformat(as_of)
    feed = Feed.objects.create(as_of=day, state="LOADED", started_at=clock.now(), finished_at=clock.now())
    for line, change in changes:
        old = Line.objects.get(pk=line.pk)
        columns = {field.attname: getattr(old, field.attname) for field in LineColumns._meta.fields}
        LineHistory.objects.create(
            contract_no=old.pk, customer_no=old.customer_id, replaced_by=feed, replaced_at=clock.now(), **columns
        )
        Line.objects.filter(pk=line.pk).update(as_of=day, **change)
    return feed


@pytest.fixture
def granted(at, make_line, monkeypatch):
    """Returns a function that grants March on the delivery of 1 March, to lines with the given facts."""

    def grant(*given: dict) -> list[Line]:
        monkeypatch.setattr(base, "SHARD_ROWS", 2)
        at("2026-01-14T09:00+09:00")
        deliver("2026-01-14")
        lines = [make_line(make.customer(), as_of=dt.date(2026, 1, 14)) for _ in given]
        running.record_base()
        at("2026-03-01T05:30+09:00")
        deliver("2026-03-01", *zip(lines, given, strict=True))
        running.grant_month(MARCH)
        at("2026-03-03T06:00+09:00")
        return lines

    return grant


def found() -> GrantCorrection:
    working.sweep()
    running.run_shards()
    return GrantCorrection.objects.latest("pk")


def approve(correction: GrantCorrection) -> None:
    corrections.propose(correction_id=correction.pk, by=user("one"), reason="청구 시스템이 날짜를 고쳤습니다")
    corrections.decide(correction_id=correction.pk, by=user("two"), approve=True)


def state_of(line: Line) -> str:
    return Grant.objects.get(contract_no=line.pk, month=MARCH).state


@pytest.mark.django_db
def test_a_later_delivery_gives_the_corrections_of_the_table(granted):
    lines = granted(*[facts(case["before"], case["ended_before"]) for case in CASES])
    for case, line in zip(CASES, lines, strict=True):
        assert state_of(line) == (case["before"] if case["before"] != "ACTIVE" else "GRANTED")
    again = [
        (line, facts(case["after"], case["ended_after"]), case["told"]) for case, line in zip(CASES, lines, strict=True)
    ]
    for day in ("2026-03-01", "2026-03-03"):
        deliver(day, *[(line, change) for line, change, told in again if told == day])
    correction = found()
    kinds = dict(CorrectedLine.objects.values_list("contract_no", "kind"))
    assert {line.pk: kinds.get(line.pk, "") for line in lines} == {
        line.pk: case["kind"] for case, line in zip(CASES, lines, strict=True)
    }
    assert (correction.state, correction.missed, correction.wrong) == ("FOUND", 4, 2)
    assert working.sweep()
    assert GrantCorrection.objects.count() == 1, "a month is compared once with each delivery"


@pytest.mark.django_db
def test_the_day_counts_though_a_later_delivery_has_changed_the_line_again(granted):
    (line,) = granted(facts("SUSPENDED", ""))
    deliver("2026-03-01", (line, facts("ACTIVE", "")))
    deliver("2026-03-03", (line, facts("SUSPENDED", "")))
    assert found().missed == 1


@pytest.mark.django_db
def test_a_comparison_without_a_difference_ends_and_the_months_ago_are_compared_too(granted, at):
    (line,) = granted(facts("ACTIVE", ""))
    running.grant_month(FEBRUARY)
    deliver("2026-03-03")
    found()
    assert set(GrantCorrection.objects.values_list("month", "state")) == {(MARCH, "NOTHING"), (FEBRUARY, "NOTHING")}
    deliver("2026-03-10", (line, facts("TERMINATED", "2026-01-31")))
    found()
    assert set(CorrectedLine.objects.values_list("month", "kind")) == {(MARCH, "WRONG"), (FEBRUARY, "WRONG")}


@pytest.mark.django_db
def test_two_people_grant_what_was_missing_and_note_what_was_wrong(granted, at, settings, tmp_path):
    settings.HAND_OFF_DIR = str(tmp_path)
    missed, wrong, right = granted(facts("TERMINATED", "2026-02-20"), facts("ACTIVE", ""), facts("ACTIVE", ""))
    running.write_files("DATA")
    deliver("2026-03-03", (missed, facts("ACTIVE", "")), (wrong, facts("TERMINATED", "2026-02-28")))
    correction = found()
    one, two = user("one"), user("two")
    assert refusal(corrections.decide, correction_id=correction.pk, by=two, approve=True) == "STATE"
    corrections.propose(correction_id=correction.pk, by=one, reason="청구 시스템이 날짜를 고쳤습니다")
    assert refusal(corrections.decide, correction_id=correction.pk, by=one, approve=True) == "SAME_PERSON"
    same = user("other-account", ci="staff-one")
    assert refusal(corrections.decide, correction_id=correction.pk, by=same, approve=True) == "SAME_PERSON"
    corrections.decide(correction_id=correction.pk, by=two, approve=True)
    assert state_of(missed) == "TERMINATED", "the shards do the work"
    running.run_shards()

    correction.refresh_from_db()
    assert (correction.state, correction.granted) == ("DONE", 1)
    assert [state_of(line) for line in (missed, wrong, right)] == ["GRANTED", "GRANTED", "GRANTED"]
    results = dict(CorrectedLine.objects.values_list("contract_no", "result"))
    assert results == {missed.pk: "GRANTED", wrong.pk: "NOTED"}
    message = Message.objects.get(kind=corrections.NOTICE)
    assert bytes(message.person_index) == missed.customer.person_index
    assert corrections.number_for(message) == missed.msisdn
    assert texts.kind(corrections.NOTICE).subject_name(message.subject).startswith("3월 데이터")
    running.write_files("DATA")
    file = HandOff.objects.get(shard__kind="FIX")
    assert files.store().read(files.name_of(file)).decode() == f"contract_no\n{missed.pk}\n"
    card = service.overview(missed.customer.person_index).lines[0].cards[0]
    assert [month.state for month in card.months if month.first == MARCH] == ["GRANTED"]
    figures = {row.label: row.text for row in reports.report_context()["charts"][2].rows}
    assert [figures[label] for label in figures if "3월" in label and "받음" in label] == ["3"]
    acts = AuditEntry.objects.filter(action__startswith="rewards.correction").order_by("id")
    assert [act.action.rpartition(".")[2] for act in acts] == [
        "correction_proposed",
        "correction_approved",
        "correction_done",
    ]
    deliver("2026-03-04")
    assert found().state == "NOTHING"
    assert Message.objects.filter(kind=corrections.NOTICE).count() == 1


@pytest.mark.django_db
def test_a_line_that_changed_again_before_the_approval_is_left_alone(granted):
    (line,) = granted(facts("TERMINATED", "2026-02-20"))
    deliver("2026-03-03", (line, facts("ACTIVE", "")))
    correction = found()
    deliver("2026-03-04", (line, facts("TERMINATED", "2026-02-20")))
    approve(correction)
    running.run_shards()
    correction.refresh_from_db()
    assert (correction.state, correction.granted, state_of(line)) == ("DONE", 0, "TERMINATED")
    assert CorrectedLine.objects.get().result == "CHANGED"
    assert not Message.objects.filter(kind=corrections.NOTICE).exists()
    assert not HandOff.objects.filter(shard__kind="FIX").exists()


@pytest.mark.django_db
def test_a_declined_correction_may_be_proposed_again_and_is_not_found_twice(granted):
    (line,) = granted(facts("TERMINATED", "2026-02-20"))
    deliver("2026-03-03", (line, facts("ACTIVE", "")))
    correction = found()
    corrections.propose(correction_id=correction.pk, by=user("one"), reason="x")
    assert refusal(corrections.decide, correction_id=correction.pk, by=user("two"), approve=False) == "REASON"
    corrections.decide(correction_id=correction.pk, by=user("two"), approve=False, reason="아직 확인하지 못했습니다")
    deliver("2026-03-04")
    assert found().state == "NOTHING"
    approve(correction)
    running.run_shards()
    assert state_of(line) == "GRANTED"


@pytest.mark.django_db
def test_who_may_not_act_is_refused(granted):
    (line,) = granted(facts("TERMINATED", "2026-02-20"))
    deliver("2026-03-03", (line, facts("ACTIVE", "")))
    correction = found()
    assert refusal(corrections.propose, correction_id=correction.pk, by=user("a", "auditor"), reason="x") == "ROLE"
    assert refusal(corrections.propose, correction_id=correction.pk, by=user("one"), reason=" ") == "REASON"
    holder = user("holder", ci=line.customer.ci)
    assert refusal(corrections.propose, correction_id=correction.pk, by=holder, reason="x") == "OWN_CASE"
    assert refusal(corrections.propose, correction_id=0, by=user("one"), reason="x") == "STATE"
    assert refusal(corrections.decide, correction_id=0, by=user("a", "auditor"), approve=True) == "ROLE"


@pytest.mark.django_db
def test_the_database_wants_two_people_and_the_right_order(granted):
    (line,) = granted(facts("TERMINATED", "2026-02-20"))
    deliver("2026-03-03", (line, facts("ACTIVE", "")))
    correction = found()
    row = GrantCorrection.objects.filter(pk=correction.pk)
    with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
        row.update(state="APPROVED")
    one = user("one")
    corrections.propose(correction_id=correction.pk, by=one, reason="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        row.update(state="APPROVED", decided_by=one, decided_person=one.person_index, decided_at=clock.now())
    with pytest.raises((InternalError, IntegrityError)), transaction.atomic(), as_owner():
        row.delete()


@pytest.mark.django_db(transaction=True)
def test_decisions_and_tasks_at_once_grant_and_tell_once(granted, monkeypatch):
    monkeypatch.setattr(corrections, "SHARD_LINES", 2)
    lines = granted(*[facts("TERMINATED", "2026-02-20")] * 5)
    deliver("2026-03-03", *[(line, facts("ACTIVE", "")) for line in lines])
    correction = found()
    corrections.propose(correction_id=correction.pk, by=user("one"), reason="x")
    deciders = [user("two"), user("three")]
    decided = together(
        *[partial(corrections.decide, correction_id=correction.pk, by=by, approve=True) for by in deciders]
    )
    assert sorted(type(result).__name__ for result in decided) == ["CorrectionRefused", "GrantCorrection"]
    keys = list(Shard.objects.filter(kind="FIX").values_list("pk", flat=True))
    assert len(keys) == 3
    assert together(*[partial(tasks.run_shard, pk) for pk in keys * 2]) == [None] * 6
    correction.refresh_from_db()
    assert (correction.state, correction.granted) == ("DONE", 5)
    assert {state_of(line) for line in lines} == {"GRANTED"}
    assert HandOff.objects.filter(shard__kind="FIX").count() == 3
    assert Message.objects.filter(kind=corrections.NOTICE).count() == 5
    assert AuditEntry.objects.filter(action="rewards.correction_done").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_deliveries_compared_at_once_find_a_line_once(granted):
    lines = granted(*[facts("TERMINATED", "2026-02-20")] * 3)
    deliver("2026-03-03", *[(line, facts("ACTIVE", "")) for line in lines])
    corrections.sweep()
    deliver("2026-03-04")
    corrections.sweep()
    keys = list(Shard.objects.filter(kind="CHECK").values_list("pk", flat=True))
    assert together(*[partial(tasks.run_shard, pk) for pk in keys]) == [None] * len(keys)
    assert CorrectedLine.objects.count() == 3
    assert sum(GrantCorrection.objects.values_list("missed", flat=True)) == 3


@pytest.mark.django_db
def test_a_worker_that_died_before_the_closing_leaves_it_to_the_sweep(granted):
    (line,) = granted(facts("TERMINATED", "2026-02-20"))
    deliver("2026-03-03", (line, facts("ACTIVE", "")))
    correction = found()
    approve(correction)
    for shard in shards.open_shards():
        working.run(shard)  # the rows are written, and the worker dies
    correction.refresh_from_db()
    assert correction.state == "APPROVED"
    working.sweep()
    correction.refresh_from_db()
    assert (correction.state, correction.granted) == ("DONE", 1)


@pytest.mark.django_db
def test_the_home_of_the_console_names_what_waits_and_for_whom(granted):
    (line,) = granted(facts("TERMINATED", "2026-02-20"))
    deliver("2026-03-03", (line, facts("ACTIVE", "")))
    one, two = user("one"), user("two")
    assert not [act for act in acts.acts(one) if "정정" in act.text]
    correction = found()
    assert [(act.text, act.mine) for act in acts.acts(one) if "정정" in act.text] == [
        ("월 지급 정정 1건을 살펴보고 올려 주세요.", True)
    ]
    corrections.propose(correction_id=correction.pk, by=one, reason="x")
    waits = "월 지급 정정 1건이 다른 사람의 승인을 기다립니다."
    for by, mine in ((one, False), (two, True)):
        assert [(act.text, act.mine) for act in acts.acts(by) if "정정" in act.text] == [(waits, mine)]
    home = sessions.as_staff(Client(), two).get("/admin/").content.decode()
    assert waits in home
    assert "TVING 이용권 번호가 0개 남았고 0명이 기다립니다." in home


@pytest.mark.django_db
def test_the_page_walks_from_found_to_done(granted):
    (line,) = granted(facts("TERMINATED", "2026-02-20"))
    deliver("2026-03-03", (line, facts("ACTIVE", "")))
    correction = found()
    pages = [sessions.as_staff(Client(), user(name)) for name in ("one", "two")]
    address, propose, decide = (
        reverse(f"admin:rewards_grantcorrection_{page}", args=[correction.pk])
        for page in ("change", "propose", "decide")
    )
    assert address in pages[0].get(reverse("admin:rewards_grantcorrection_changelist")).content.decode()
    assert line.pk in pages[0].get(address).content.decode()
    assert "이유를 적어 주세요" in pages[0].post(propose, {"reason": ""}).content.decode()
    pages[0].post(propose, {"reason": "청구 시스템이 날짜를 고쳤습니다"})
    assert pages[0].post(propose, {"reason": "두 번"}).status_code == 422
    assert "올린 사람은 정할 수 없습니다" in pages[0].get(address).content.decode()
    assert pages[0].post(decide, {"act": "approve", "reason": "x"}).status_code == 422
    assert "청구 시스템이 날짜를 고쳤습니다" in pages[1].get(address).content.decode()
    done = pages[1].post(decide, {"act": "approve", "reason": "확인"}, follow=True).content.decode()
    assert "승인했습니다" in done
    running.run_shards()
    assert "나중에 드림" in pages[1].get(address, headers={"accept-language": "ko"}).content.decode()
