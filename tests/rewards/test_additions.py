"""Lines told late: found by themselves, added to the base by two people, with their perks from then on (D-77)."""

import datetime as dt

import pytest
from django.db import IntegrityError, InternalError, transaction
from django.test import Client
from django.urls import reverse

from eligibility.models import Line
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from kt_remedy.notices.models import Message
from rewards import acts, reports, service
from rewards.enrolment import additions, base
from rewards.models import BaseAddition, BaseLine, Grant, PerkCount
from tests import sessions
from tests.owner import as_owner
from tests.refunds import make
from tests.rewards import running

MARCH = dt.date(2026, 3, 1)


def user(name: str, *roles: str, ci: str = ""):
    return sessions.staff_user(*(roles or ("supervisor",)), username=name, ci=ci)


def refusal(call, **arguments) -> str:
    with pytest.raises(additions.AdditionRefused) as refused:
        call(**arguments)
    return refused.value.code


def opened(day: str) -> dict:
    date = dt.date.fromisoformat(day)
    return {"opened_on": date, "opened_at": clock.kst(date, dt.time(12))}


@pytest.fixture
def late(take_base, at, make_line):
    """A line that was opened on 10 January and told on the 20th, after the base."""
    make_line(make.customer(birth="1950-01-01"))
    take_base()
    at("2026-01-20T10:00+09:00")
    return make_line(make.customer(birth="1950-01-01"), **opened("2026-01-10"))


def add(line: Line) -> BaseAddition:
    additions.find()
    additions.propose(contract_no=line.pk, by=user("one"), reason="개통 확인서를 보았습니다")
    return additions.decide(contract_no=line.pk, by=user("two"), add=True)


@pytest.mark.parametrize(
    ("facts", "why", "found"),
    [
        (opened("2026-01-13"), "TOLD_LATE", True),
        (opened("2026-01-14"), "OPENED_LATER", False),
        (opened("2026-01-10") | {"network": "MVNO"}, "NETWORK", False),
        (opened("2026-01-10") | {"terminated": "2026-01-13T12:00+09:00"}, "TERMINATED", False),
        (opened("2026-01-10") | {"terminated": "2026-01-14T00:00+09:00"}, "TOLD_LATE", True),
    ],
)
def test_a_line_told_late_is_found_and_nobody_reads_a_false_reason(take_base, at, make_line, facts, why, found):
    make_line()
    take_base()
    at("2026-01-20T10:00+09:00")
    line = make_line(make.customer(), **facts)
    assert service.overview(line.customer.person_index).lines[0].why == why
    assert additions.find() == int(found)
    assert additions.find() == 0
    assert BaseAddition.objects.filter(pk=line.pk, state="FOUND").exists() is found


LEFT_OUT = [
    ({"terminated": "2026-01-10T10:00+09:00"}, "TERMINATED"),
    ({"opened_on": dt.date(2026, 1, 14)}, "OPENED_LATER"),
    ({"network": "MVNO"}, "NETWORK"),
]
CORRECTED = {
    "TERMINATED": {"status": "ACTIVE", "terminated_at": None, "terminated_on": None, "termination_reason": ""},
    "OPENED_LATER": opened("2026-01-10"),
    "NETWORK": {"network": "KT"},
}


@pytest.fixture
def left_out(take_base, at, make_line):
    """Returns a function that makes a line whose facts keep it out of the base, and one that billing corrects."""

    def make_both(facts: dict, was: str) -> Line:
        line = make_line(make.customer(birth="1950-01-01"), **facts)
        make_line(line.customer, product="WATCH")
        take_base()
        assert BaseLine.objects.get(pk=line.pk).why == was
        assert additions.find() == 0
        at("2026-01-20T10:00+09:00")
        Line.objects.filter(pk=line.pk).update(**CORRECTED[was])
        return line

    return make_both


@pytest.mark.parametrize(("facts", "was"), LEFT_OUT)
def test_a_line_left_out_by_a_fact_that_billing_corrects_is_let_in_by_two_people(left_out, at, facts, was):
    """D-111: a termination that is taken back, a day or a network that was wrong."""
    line = left_out(facts, was)
    person = line.customer.person_index
    assert {seen.line.pk: seen.why for seen in service.overview(person).lines}[line.pk] == "TOLD_LATE"
    figures = {row.label: row.text for row in reports.report_context()["charts"][0].rows}
    assert add(line).was == was

    row = BaseLine.objects.get(pk=line.pk)
    assert (row.why, row.added_on, row.customer_no) == ("IN_SERVICE", dt.date(2026, 1, 20), line.customer_id)
    assert row.perks == ["DATA_100GB", "ROAMING_50", "OTT", "MEMBERSHIP", "INSURANCE"]
    seen = {item.line.pk: item for item in service.overview(person).lines}[line.pk]
    assert (seen.why, seen.added_on) == ("IN_SERVICE", dt.date(2026, 1, 20))
    at("2026-02-01T05:30+09:00")
    running.grant_month(dt.date(2026, 2, 1))
    assert Grant.objects.get(contract_no=line.pk).state == "GRANTED"
    assert Message.objects.get(kind="rewards.added").person_index == person
    counts = PerkCount.objects.get(perk="MEMBERSHIP")
    assert (counts.lines, counts.persons) == (2, 1)
    after = {row.label: row.text for row in reports.report_context()["charts"][0].rows}
    assert figures | {BaseLine.Why("IN_SERVICE").label: "2", BaseLine.Why(was).label: "0"} == after
    assert additions.find() == 0
    for change in ({"why": was}, {"perks": []}, {"added_on": None}):
        with pytest.raises(InternalError), transaction.atomic(), as_owner():
            BaseLine.objects.filter(pk=line.pk).update(**change)


def test_the_database_lets_no_line_in_without_two_people(left_out):
    line = left_out(*LEFT_OUT[0])
    additions.find()
    additions.propose(contract_no=line.pk, by=user("one"), reason="해지를 되돌린 기록을 보았습니다")
    let_in = {"why": "IN_SERVICE", "perks": ["OTT"], "added_on": dt.date(2026, 1, 20)}
    with pytest.raises(InternalError), transaction.atomic(), as_owner():
        BaseLine.objects.filter(pk=line.pk).update(**let_in)


@pytest.mark.parametrize("proposed", [False, True])
def test_a_line_that_a_later_delivery_takes_back_lapses_until_it_is_told_again(left_out, proposed):
    line = left_out(*LEFT_OUT[0])
    additions.find()
    if proposed:
        additions.propose(contract_no=line.pk, by=user("one"), reason="해지를 되돌린 기록을 보았습니다")
    ended = {"status": "TERMINATED", "terminated_on": dt.date(2026, 1, 10)}
    Line.objects.filter(pk=line.pk).update(**ended)
    assert additions.find() == 0
    row = BaseAddition.objects.get(pk=line.pk)
    assert (row.state, row.reason, row.proposed_by, row.was) == ("LAPSED", "", None, "TERMINATED")
    assert not [act for act in acts.acts(user("two")) if "늦게 전해진 회선" in act.text]
    page = sessions.as_staff(Client(), user("three")).get(reverse("admin:rewards_baseaddition_change", args=[line.pk]))
    assert "할 일이 없습니다" in page.content.decode()
    assert "처음 센 이유" in page.content.decode()
    assert refusal(additions.propose, contract_no=line.pk, by=user("four"), reason="x") == "NOT_LATE"
    Line.objects.filter(pk=line.pk).update(**CORRECTED["TERMINATED"])
    assert additions.find() == 1
    assert BaseAddition.objects.get(pk=line.pk).state == "FOUND"


def test_a_termination_after_the_base_date_that_is_taken_back_needs_nobody(take_base, at, make_line):
    line = make_line(terminated="2026-01-14T10:00+09:00")
    take_base()
    at("2026-02-02T10:00+09:00")
    assert service.overview(line.customer.person_index).lines[0].cards[0].state == "STOPPED"
    Line.objects.filter(pk=line.pk).update(**CORRECTED["TERMINATED"])
    assert additions.find() == 0
    assert service.overview(line.customer.person_index).lines[0].cards[0].state == "RUNNING"


def test_nothing_is_found_before_the_base_is_complete(delivery, at, make_line):
    at("2026-01-14T09:00+09:00")
    make_line()
    assert additions.find() == 0
    base.plan()
    assert additions.find() == 0


def test_two_people_add_a_line_with_its_perks_from_then_on(late, at):
    additions.find()
    at("2026-02-10T10:00+09:00")
    running.grant_month(dt.date(2026, 2, 1))
    one, two = user("one"), user("two")
    additions.propose(contract_no=late.pk, by=one, reason="개통 확인서를 보았습니다")
    assert refusal(additions.propose, contract_no=late.pk, by=two, reason="또") == "STATE"
    assert refusal(additions.decide, contract_no=late.pk, by=one, add=True) == "SAME_PERSON"
    same_person = user("other-account", ci="staff-one")
    assert refusal(additions.decide, contract_no=late.pk, by=same_person, add=True) == "SAME_PERSON"
    assert not BaseLine.objects.filter(pk=late.pk).exists()
    additions.decide(contract_no=late.pk, by=two, add=True)
    assert refusal(additions.decide, contract_no=late.pk, by=two, add=True) == "STATE"

    row = BaseLine.objects.get(pk=late.pk)
    assert (row.why, row.added_on) == ("IN_SERVICE", dt.date(2026, 2, 10))
    assert row.perks == ["DATA_100GB", "ROAMING_50", "OTT", "MEMBERSHIP", "INSURANCE"]
    at("2026-03-01T00:05+09:00")
    running.grant_month(MARCH)
    assert list(Grant.objects.filter(contract_no=late.pk).values_list("month", "state")) == [(MARCH, "GRANTED")]
    seen = service.overview(late.customer.person_index)
    assert (seen.lines[0].why, seen.lines[0].added_on) == ("IN_SERVICE", dt.date(2026, 2, 10))
    data = seen.lines[0].cards[0]
    assert [month.state for month in data.months][:3] == ["BEFORE", "GRANTED", "COMING"]
    assert data.starts_on == dt.date(2026, 2, 10)
    insurance = seen.personal[1]
    assert (insurance.automatic, insurance.starts_on, insurance.ends_on) == (
        True,
        dt.date(2026, 2, 10),
        dt.date(2028, 1, 31),
    )
    assert Message.objects.get(kind="rewards.added").person_index == late.customer.person_index
    acts = AuditEntry.objects.filter(action__startswith="rewards.addition").order_by("id")
    assert list(acts.values_list("action", "actor", "subject", "reason")) == [
        ("rewards.addition_proposed", f"staff:{one.pk}", late.customer_id, "개통 확인서를 보았습니다"),
        ("rewards.addition_made", f"staff:{two.pk}", late.customer_id, ""),
    ]


def test_a_grant_made_late_leaves_out_a_line_added_after_its_month(late, at):
    at("2026-02-10T10:00+09:00")
    add(late)
    running.grant_month(dt.date(2026, 2, 1))
    assert not Grant.objects.filter(contract_no=late.pk).exists()


def test_a_month_before_the_addition_is_shown_as_such(late, at):
    at("2026-03-03T10:00+09:00")
    add(late)
    membership = service.overview(late.customer.person_index).personal[0]
    assert [month.state for month in membership.months][:3] == ["BEFORE", "NOW", "COMING"]


def test_the_insurer_reads_the_day_of_the_addition(late, at, settings, tmp_path):
    from rewards.enrolment import lists

    settings.HAND_OFF_DIR = str(tmp_path)
    at("2026-02-10T10:00+09:00")
    add(late)
    at("2026-03-01T10:00+09:00")
    lists.plan_due()
    running.run_shards()
    running.write_files("INSURER")
    (file,) = (tmp_path / "insurer").glob("*-list-20260301-*.csv")
    rows = dict(line.split(",", 1) for line in file.read_text().splitlines()[1:])
    assert rows.pop(late.customer_id) == "2026-02-10,2028-01-31,AUTOMATIC"
    assert set(rows.values()) == {"2026-02-01,2028-01-31,AUTOMATIC"}


def test_a_line_that_somebody_declined_may_be_proposed_again(late):
    additions.find()
    one, two = user("one"), user("two")
    additions.propose(contract_no=late.pk, by=one, reason="개통 확인서를 보았습니다")
    assert refusal(additions.decide, contract_no=late.pk, by=two, add=False, reason=" ") == "REASON"
    additions.decide(contract_no=late.pk, by=two, add=False, reason="확인서의 날짜가 다릅니다")
    assert service.overview(late.customer.person_index).lines[0].why == "NOT_ADDED"
    assert additions.find() == 0
    additions.propose(contract_no=late.pk, by=two, reason="다시 확인했습니다")
    additions.decide(contract_no=late.pk, by=one, add=True)
    assert BaseLine.objects.filter(pk=late.pk).exists()


def test_who_may_not_add_and_what_cannot_be_added(late):
    additions.find()
    assert refusal(additions.propose, contract_no=late.pk, by=user("agent", "agent"), reason="x") == "ROLE"
    nobody = user("unproven")
    nobody.person_index = None
    assert refusal(additions.propose, contract_no=late.pk, by=nobody, reason="x") == "ROLE", "nobody is proven"
    assert refusal(additions.propose, contract_no=late.pk, by=user("one"), reason=" ") == "REASON"
    holder = user("holder", ci=late.customer.ci)
    assert refusal(additions.propose, contract_no=late.pk, by=holder, reason="x") == "OWN_CASE"
    assert refusal(additions.propose, contract_no="NOBODY", by=user("one"), reason="x") == "NOT_LATE"
    additions.propose(contract_no=late.pk, by=user("one"), reason="x")
    Line.objects.filter(pk=late.pk).update(opened_on=dt.date(2026, 1, 14))  # billing corrected the day
    assert refusal(additions.decide, contract_no=late.pk, by=user("two"), add=True) == "NOT_LATE"


def test_the_database_wants_two_people_and_the_right_order(late):
    additions.find()
    row = BaseAddition.objects.filter(pk=late.pk)
    with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
        row.update(state="ADDED")
    additions.propose(contract_no=late.pk, by=user("one"), reason="x")
    one = user("one")
    with pytest.raises(IntegrityError), transaction.atomic():
        row.update(state="ADDED", decided_by=one, decided_person=one.person_index, decided_at=clock.now())
    with pytest.raises(InternalError), transaction.atomic(), as_owner():
        row.delete()


def test_the_page_walks_from_found_to_added(late):
    additions.find()
    pages = [sessions.as_staff(Client(), user(name)) for name in ("one", "two")]
    address = reverse("admin:rewards_baseaddition_change", args=[late.pk])
    assert late.pk in pages[0].get(reverse("admin:rewards_baseaddition_changelist")).content.decode()
    propose = reverse("admin:rewards_baseaddition_propose", args=[late.pk])
    decide = reverse("admin:rewards_baseaddition_decide", args=[late.pk])
    assert "이유를 적어 주세요" in pages[0].post(propose, {"reason": ""}).content.decode()
    pages[0].post(propose, {"reason": "개통 확인서를 보았습니다"})
    assert "올린 사람은 정할 수 없습니다" in pages[0].get(address).content.decode()
    assert pages[0].post(decide, {"act": "add", "reason": "x"}).status_code == 422
    assert "개통 확인서를 보았습니다" in pages[1].get(address).content.decode()
    done = pages[1].post(decide, {"act": "add", "reason": "확인"}, follow=True).content.decode()
    assert "더했습니다. 오늘부터" in done
    assert BaseLine.objects.get(pk=late.pk).added_on == dt.date(2026, 1, 20)
    customer = sessions.as_customer(Client(), sessions.person(late.customer.ci))
    assert "회선이 늦게 전해져" in customer.get(reverse("rewards:mine")).content.decode()


def test_the_customer_reads_that_the_line_was_told_late(client: Client, late):
    page = sessions.as_customer(client, sessions.person(late.customer.ci)).get(reverse("rewards:mine"))
    assert "저희에게 늦게 전해졌습니다" in page.content.decode()
    assert "뒤에 개통하셔서" not in page.content.decode()


def test_perks_by_person_are_counted_by_person(take_base, at, make_line, monkeypatch):
    monkeypatch.setattr(base, "SHARD_ROWS", 2)  # the lines of a person stand in several shards
    holder = make.customer()
    [make_line(holder) for _ in range(4)]
    make_line(make.customer()), make_line(make.customer(), product="IOT")
    make_line(make.customer(kind="CORPORATE", birth=None, ci=None))
    take_base()
    counts = {row.perk: (row.lines, row.persons) for row in PerkCount.objects.all()}
    assert counts["MEMBERSHIP"] == counts["INSURANCE"] == (6, 3)
    assert counts["DATA_100GB"] == (6, 3)
    figures = {row.label: row.text for row in reports.report_context()["charts"][1].rows}
    assert figures["멤버십 할인, 사람"] == "3"
    assert figures["데이터 매월 100GB, 회선"] == "6"

    at("2026-01-20T10:00+09:00")
    add(make_line(holder, **opened("2026-01-10")))
    second = make_line(make.customer(), **opened("2026-01-10"))
    add(second)
    row = PerkCount.objects.get(perk="MEMBERSHIP")
    assert (row.lines, row.persons) == (8, 4)
    assert reports.report_context()["total"] == 9


def test_the_sample_shows_suspension_restoration_transfer_and_a_line_told_late(db, at):
    """D-48, D-57 and D-77 with the cast of the sample deliveries, on their days."""
    from tests import people

    at("2026-01-14T09:00+09:00")
    people.load_cast(until=dt.date(2026, 1, 14))
    running.record_base()
    at("2026-01-20T10:00+09:00")
    people.load_cast(until=dt.date(2026, 3, 1), after=dt.date(2026, 1, 14))
    assert additions.find() >= 1
    assert BaseAddition.objects.filter(pk="CAST-123-1").exists()
    at("2026-03-01T05:30+09:00")
    running.grant_month(MARCH)
    states = dict(Grant.objects.filter(month=MARCH).values_list("contract_no", "state"))
    assert [states[number] for number in ("CAST-120-1", "CAST-121-1", "CAST-122-1")] == [
        "GRANTED",  # restored on 20 February
        "GRANTED",  # transferred: the data goes with the line
        "SUSPENDED",  # since 5 February
    ]
    old, new = (service.overview(people.index_of(key)) for key in ("ung", "yeon"))
    why = {line.line.pk: line.why for line in (*old.lines, *new.lines)}
    seen = {(line.line.pk, line.why): [card.perk.code for card in line.cards] for line in (*old.lines, *new.lines)}
    assert set(why) == {"CAST-121-1", "CAST-121-2", "CAST-122-1"}
    assert seen["CAST-121-1", "TAKEN_OVER"] == ["DATA_100GB", "ROAMING_50"]
    assert seen["CAST-121-1", "GIVEN_AWAY"] == ["OTT"]
