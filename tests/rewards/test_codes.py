"""The queue of those who wait for a voucher code, and the alarm when few codes are left (D-79)."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from eligibility.models import Line
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from kt_remedy.core.models import PeriodicTask
from kt_remedy.notices.models import Message
from rewards import codes, service
from rewards.models import Entitlement
from tests import background, sessions
from tests.desk import url
from tests.refunds import make

FEBRUARY = "2026-02-02T10:00+09:00"


def choose(line: Line, choice: str = "TVING") -> Entitlement:
    return service.choose(
        perk_code="OTT", contract_no=line.pk, choice_code=choice, person_index=line.customer.person_index
    )


def ask(line: Line) -> Entitlement:
    return service.issue_code(perk_code="OTT", contract_no=line.pk, person_index=line.customer.person_index)


def buy(*numbers: str, choice: str = "TVING") -> None:
    service.import_vouchers(perk_code="OTT", choice_code=choice, codes=numbers)


def holders_of_codes() -> list[str]:
    rows = Entitlement.objects.filter(voucher__isnull=False).order_by("made_at")
    return list(rows.values_list("contract_no", flat=True))


@pytest.fixture
def choosers(take_base, at, make_line):
    """Four lines whose holders chose TVING, a minute after each other."""
    lines = [make_line(make.customer()) for _ in range(4)]
    take_base()
    for minute, line in enumerate(lines):
        at(f"2026-02-02T10:{minute:02}+09:00")
        choose(line)
    return lines


def test_codes_are_issued_in_the_order_of_choice_when_they_come(choosers, at):
    first, second, third, silent = choosers
    at("2026-02-03T10:00+09:00")
    for line in (third, first, second):  # asked in another order than chosen; `silent` never asked
        row = ask(line)
        assert (row.voucher_id, row.starts_on, clock.kst_date(row.asked_at)) == (None, None, dt.date(2026, 2, 3))
    since = Entitlement.objects.get(contract_no=third.pk).asked_at
    assert ask(third).asked_at == since
    assert Message.objects.filter(kind="rewards.code_awaited").count() == 3, "told once each"
    assert codes.issue_waiting() == 0

    at("2026-02-10T10:00+09:00")
    buy("A-1", "A-2")
    assert codes.issue_waiting() == 2
    assert holders_of_codes() == [first.pk, second.pk]
    got = Entitlement.objects.get(contract_no=first.pk)
    assert (got.starts_on, got.ends_on) == (dt.date(2026, 2, 10), dt.date(2026, 8, 9)), "months begin with the code"
    assert set(Message.objects.filter(kind="rewards.code").values_list("person_index", flat=True)) == {
        first.customer.person_index,
        second.customer.person_index,
    }
    buy("A-3", "A-4")
    assert codes.issue_waiting() == 1
    assert holders_of_codes() == [first.pk, second.pk, third.pk]
    assert Entitlement.objects.get(contract_no=silent.pk).voucher_id is None, "nobody's months begin unasked"
    assert AuditEntry.objects.filter(action="rewards.code_issued").count() == 3
    assert AuditEntry.objects.filter(action="rewards.code_awaited").count() == 3


def test_nobody_overtakes_those_who_wait(choosers):
    first, second, *_rest = choosers
    ask(first)
    buy("A-1")
    assert ask(second).voucher_id is None, "the code is for the earlier choice"
    assert codes.issue_waiting() == 1
    assert holders_of_codes() == [first.pk]
    buy("A-2", "A-3")
    assert codes.issue_waiting() == 1
    assert holders_of_codes() == [first.pk, second.pk]


def test_the_same_choice_keeps_its_place_and_another_one_leaves_the_queue(choosers, at):
    first, second, *_rest = choosers
    ask(first), ask(second)
    at("2026-02-05T10:00+09:00")
    choose(first, "TVING")
    buy("A-1")
    assert codes.issue_waiting() == 1
    assert holders_of_codes() == [first.pk]
    choose(second, "DISNEY")
    assert Entitlement.objects.get(contract_no=second.pk).asked_at is None
    buy("D-1", choice="DISNEY")
    assert codes.issue_waiting() == 0, "the code of the other service has to be asked for"
    assert ask(second).voucher.code == "D-1"


def test_an_ended_line_holds_nobody_up_and_a_transferred_one_keeps_its_turn(choosers):
    first, second, third, _silent = choosers
    for line in (first, second, third):
        ask(line)
    Line.objects.filter(pk=first.pk).update(status="TERMINATED", terminated_on=dt.date(2026, 2, 4))
    Line.objects.filter(pk=second.pk).update(
        customer=make.customer(ci="new-holder"), status="TERMINATED", terminated_on=dt.date(2026, 2, 4)
    )
    buy("A-1", "A-2")
    assert codes.issue_waiting() == 2
    assert holders_of_codes() == [second.pk, third.pk]  # D-57: the choice stays with the old holder
    assert codes.stocks()[0].waiting == 0


def test_the_choice_stands_after_the_last_day(choosers, at):
    ask(choosers[0])
    at("2026-09-01T10:00+09:00")
    buy("A-1")
    assert codes.issue_waiting() == 1


def test_the_calendar_carries_the_queue_and_the_alarm(choosers):
    ask(choosers[0])
    buy("A-1")
    background.run_due("perks")
    assert holders_of_codes() == [choosers[0].pk]
    assert PeriodicTask.objects.get(code="rewards.codes").result == "기다리던 분께 드린 번호 1개"
    assert "TVING 번호가 얼마 남지 않음: 0/1, 기다리는 분 0명" in PeriodicTask.objects.get(code="rewards.stock").result


@pytest.mark.parametrize(
    ("day", "bought", "issued", "waits", "low"),
    [
        ("2026-02-02", 20, 18, False, False),  # 10 %
        ("2026-02-02", 20, 19, False, True),  # 5 %
        ("2026-02-02", 40, 37, False, False),  # 7.5 %
        ("2026-02-02", 40, 38, False, True),
        ("2026-02-02", 0, 0, False, True),
        ("2026-01-24", 0, 0, False, False),  # eight days before the choice opens
        ("2026-01-25", 0, 0, False, True),
        ("2026-07-31", 20, 20, False, True),
        ("2026-08-01", 20, 20, False, False),  # nobody can choose any more
        ("2026-08-01", 20, 20, True, True),
    ],
)
def test_low_is_five_per_cent_while_somebody_may_need_a_code(db, at, day, bought, issued, waits, low):
    from kt_remedy.core import programme

    at(f"{day}T12:00+09:00")
    perk = next(perk for perk in programme.current().perks if perk.choices)
    assert codes.Stock(perk, perk.choices[0], bought, bought - issued, int(waits)).is_low is low


def test_staff_see_the_alarm(choosers):
    buy("A-1")
    ask(choosers[0]), ask(choosers[1])
    client = sessions.as_staff(Client(), sessions.staff_user("supervisor"))
    for address in (reverse("rewards:report"), reverse("admin:rewards_voucher_upload")):
        page = client.get(address).content.decode()
        assert "이용권 번호가 얼마 남지 않았습니다" in page
        assert "TVING: 1개 가운데 0개 남음, 기다리는 분 1명" in page


def test_the_desk_says_that_the_customer_waits(choosers):
    from tests.rewards.test_pages import open_desk_session

    line = choosers[0]
    client = open_desk_session(sessions.as_staff(Client(), sessions.staff_user("clerk")), line.customer)
    body = {"act": "code", "perk": "OTT", "contract": line.pk}
    page = client.post(url(client, "desk-perks"), body, follow=True).content.decode()
    assert "남은 이용권 번호가 없습니다" in page
    assert "이용권 번호를 기다리는 중입니다" in page
    assert "TVING 이용권 번호 받기" not in page
