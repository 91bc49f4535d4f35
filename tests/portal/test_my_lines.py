"""My lines: one card for each line, its verdict in words, the amount, the day and the one next step."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from eligibility import presenters
from eligibility import service as register
from eligibility.models import Bill
from kt_remedy.core import clock, persons, programme
from tests.refunds import make
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db

NOW = "2026-01-20T10:00+09:00"


@pytest.fixture
def holder(at):
    at(NOW)
    return make.customer()


@pytest.fixture
def look(holder):
    """The page as that holder sees it, cut into its cards."""

    def cards() -> list[str]:
        client = as_customer(Client(), person(holder.ci, name=holder.holder_name))
        page = client.get("/my/").content.decode()
        assert page.count("<h1") == 1
        return [part.split("</article>")[0] for part in page.split("<article")[1:]]

    return cards


def billed(line, item, billed, paid=None, **sums):
    return Bill.objects.create(
        line=line,
        item=item,
        billed_on=dt.date(2025, 12, 20),
        billed_krw=billed,
        paid_krw=billed if paid is None else paid,
        waived_krw=sums.get("waived", 0),
        refunded_krw=sums.get("refunded", 0),
        as_of=dt.date(2026, 1, 14),
    )


def test_strangers_are_led_to_the_identity_page(at, client):
    at(NOW)
    answer = client.get("/my/")
    assert (answer.status_code, answer.url) == (302, "/identity/?next=%2Fmy%2F")


def test_eligible_shows_amount_day_and_one_button(holder, look):
    line = make.line(holder)
    billed(line, "DEVICE_INSTALMENT", 300_000)
    (card,) = look()
    assert "환급 대상입니다" in card
    assert "160,130<small>원</small>" in card
    assert "오늘 신청하시면 2월\xa05일\u2060(목)\u2060에 받습니다." in card
    assert card.count("btn-primary") == 1
    assert re.search(rf'name="lines"\s+value="{line.pk}"', card)
    assert "돌려드리지 않는 것" in card
    assert "300,000원" in card
    assert re.sub(r"\D", "", line.msisdn)[3:7] not in card  # masked


def test_expected_billed_paid_and_refundable_stand_one_below_the_other(holder, look):
    line = make.line(holder, refundable_krw=150_000, expected_penalty_krw=160_128)
    Bill.objects.filter(line=line).delete()
    billed(line, "SUBSIDY_CLAWBACK", 100_000)
    billed(line, "DISCOUNT_CLAWBACK", 60_120, refunded=10_120)
    (card,) = look()
    ledger = card[card.index("청구서에서 계산한 내용") :]
    amounts = re.findall(r"([\d,]+원)</td>", ledger)
    assert amounts == [
        "160,128원", "160,120원", "160,120원", "10,120원", "50,000원", "100,000원", "150,000원"
    ]  # fmt: skip
    heads = re.findall(r'<th scope="row">([^<]+)', ledger)
    assert heads[:4] == ["예상 금액", "청구된 위약금", "내신 금액", "이미 돌려드린 금액"]
    assert heads[-1] == "돌려받을 금액"


def test_before_the_window_the_day_is_that_of_the_first_day(at, holder, look):
    make.line(holder)
    at("2026-01-05T10:00+09:00")
    (card,) = look()
    assert "1월\xa014일\u2060(수)\u2060에 신청하시면 " in card
    assert "1월\xa022일\u2060(목)" in card
    assert "환급 신청하기" not in card


def test_both_rounds_are_named_while_both_are_open(at, holder, look):
    make.line(holder)
    at("2026-01-15T10:00+09:00")
    (card,) = look()
    assert "1월\xa018일\u2060(일)\u2060까지 신청하시면 1월\xa022일\u2060(목)\u2060에 받습니다" in card
    assert "1월\xa031일\u2060(토)\u2060까지 신청하시면 2월\xa05일\u2060(목)\u2060에" in card


def test_after_the_window_the_late_way_is_offered(at, holder, look):
    make.line(holder)
    at("2026-02-10T10:00+09:00")
    (card,) = look()
    assert "늦은 신청하기" in card
    assert "6월\xa030일\u2060(화)" in card


def test_not_billed_yet_says_what_happens_next(holder, look):
    make.line(
        holder,
        terminated="2026-01-12T10:00+09:00",
        reasons="NOT_BILLED_YET",
        refundable_krw=0,
        expected_penalty_krw=112_532,
    )
    (card,) = look()
    assert "112,532<small>원</small>" in card
    assert "청구서가 나온 뒤(보통 2월 중순까지)" in card
    assert "먼저 신청해 두시면" in card
    assert "2월\xa019일\u2060(목)" in card


def test_unpaid_says_by_when(holder, look):
    line = make.line(holder, reasons="UNPAID", refundable_krw=0)
    billed(line, "SUBSIDY_CLAWBACK", 160_130, paid=0)
    (card,) = look()
    assert "다 내시면 돌려받을 금액" in card
    assert "160,130<small>원</small>" in card
    sentence = "160,130원을 2월\xa02일(월)까지 내신 것이 확인되면 160,130원을 2월\xa05일(목)에 받습니다"
    assert sentence in card.replace("\u2060", "")


def test_a_no_has_its_reason_the_money_and_the_way_to_object(holder, look):
    line = make.line(
        holder,
        outcome="NOT_ELIGIBLE",
        reasons="DEVICE_CHANGE_AFTER_BASE",
        contract_event="DEVICE_CHANGE",
        contract_started_at=dt.datetime(2025, 10, 2, 11, tzinfo=clock.KST),
    )
    (card,) = look()
    assert "이번 환급 대상이 아닙니다" in card
    assert "2025년 10월\xa02일에 기기를 바꾸며 새 약정을 맺으셨습니다." in card
    assert "2025년 9월\xa01일부터 새로 맺은 약정은" in card
    assert f'href="/refunds/object/{line.pk}/"' in card
    assert "btn-primary" not in card.replace("btn-outline-primary", "")
    assert "160,130원" in card  # shown, and named as not refunded
    assert "지금 약정은 2025년 10월\xa02일에 새로 맺으셨습니다" in card


def test_nothing_due_and_already_settled(holder, look):
    make.line(holder, outcome="NOTHING_DUE", reasons="NO_PENALTY", refundable_krw=0, expected_penalty_krw=0)
    settled = make.line(holder, outcome="NOTHING_DUE", reasons="ALREADY_SETTLED", refundable_krw=0)
    billed(settled, "SUBSIDY_CLAWBACK", 50_000, refunded=50_000)
    page = " ".join(look())
    assert "위약금이 생기지 않았습니다" in page
    assert "12월 청구서의 위약금 50,000원은 이미 돌려드렸습니다." in page
    assert "돌려드릴 돈이 남아 있지 않습니다" in page
    assert "이미 돌려드렸거나" not in page
    assert "이미 돌려드린 금액</th><td>50,000원" in page


def test_what_was_taken_off_the_bill_is_said_by_its_month(holder, look):
    settled = make.line(holder, outcome="NOTHING_DUE", reasons="ALREADY_SETTLED", refundable_krw=0)
    billed(settled, "SUBSIDY_CLAWBACK", 50_000, paid=30_000, waived=20_000, refunded=30_000)
    (card,) = look()
    assert "12월 청구서의 위약금 가운데 20,000원은 청구서에서 빼 드렸습니다." in card
    assert "12월 청구서의 위약금 30,000원은 이미 돌려드렸습니다." in card


def test_what_was_paid_above_the_bill_is_named(holder, look):
    line = make.line(holder, refundable_krw=50_000)
    billed(line, "SUBSIDY_CLAWBACK", 50_000, paid=100_000)
    (card,) = look()
    assert "청구된 위약금보다 50,000원을 더 내셨습니다." in card
    assert "청구보다 더 내신 금액" in card


def test_before_the_first_day_nobody_reads_that_there_are_no_lines(at, client):
    at("2025-12-30T10:00+09:00")
    page = as_customer(client, person("nobody")).get("/my/").content.decode()
    assert "회선은 12월\xa031일\u2060(수)\u2060부터 보실 수 있습니다" in page
    assert "찾지 못했습니다" not in page


def test_review_promises_a_person_and_no_money_reason(holder, look):
    make.line(
        holder,
        outcome="REVIEW",
        reasons="REVIEW_NAME_TRANSFER;NOT_BILLED_YET",
        contract_event="TRANSFER",
        contract_started_at=dt.datetime(2025, 10, 15, tzinfo=clock.KST),
        refundable_krw=0,
    )
    (card,) = look()
    assert "직원이 한 번 더 확인합니다" in card
    assert "명의변경" in card
    sentence = "신청하시면 직원이 확인하고 1월\xa028일(수)까지 알려 드립니다. 받는 날은 그때 정해집니다."
    assert sentence in card.replace("\u2060", "")
    assert "2월\xa05일\u2060(목)" not in card


def test_a_persons_decision_stands_above_the_verdict(holder, look):
    make.line(holder, outcome="NOT_ELIGIBLE", reasons="FORCED_TERMINATION", decided_outcome="ELIGIBLE")
    (card,) = look()
    assert "환급 대상입니다" in card
    assert "직원이 기록을 보고 정한 결과입니다" in card
    assert "직권해지" not in card[: card.index("<details")]


def test_both_worlds_stand_on_one_page(holder, look):
    make.line(holder)
    make.line(holder, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", refundable_krw=0)
    refund, reward = look()
    assert "환급 대상입니다" in refund
    assert "계속 쓰고 계십니다. 혜택 5가지를 받습니다" in reward
    assert "위약금 환급의 조건 5가지" in reward  # the trace stands on every card
    assert "해지하지 않고 쓰고 계십니다" in reward
    assert "안심 보험 2년" in reward
    assert 'href="/rewards/' in reward


def test_a_line_that_may_still_leave_sees_each_day(at, holder, look):
    make.line(holder, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", refundable_krw=0)
    at("2026-01-05T10:00+09:00")
    (card,) = look()
    assert "1월\xa013일\u2060(화)\u2060까지 해지하시면" in card
    assert card.count('class="bar"') == 14


def test_a_line_that_would_not_be_refunded_hears_so_and_what_staying_brings(at, holder, look):
    make.line(
        holder,
        terminated="",
        outcome="NOT_ELIGIBLE",
        reasons="NOT_TERMINATED;DEVICE_CHANGE_AFTER_BASE",
        contract_event="DEVICE_CHANGE",
        contract_started_at=dt.datetime(2025, 10, 2, 11, tzinfo=clock.KST),
        refundable_krw=0,
    )
    at("2026-01-05T10:00+09:00")
    (card,) = look()
    before_conditions = card[: card.index("<details")]
    assert "기기를 바꾸며 새 약정을 맺으셨습니다" in before_conditions
    assert "해지하지 않고 쓰고 계십니다." not in before_conditions
    assert "1월\xa013일\u2060(화)\u2060이 끝날 때까지 쓰시면 고객 보답을 받습니다" in card


def test_an_application_replaces_the_button_by_its_news(holder, look):
    filed = make.application(make.line(holder))
    (card,) = look()
    assert filed.filing.reference in card
    assert "1월\xa022일\u2060(목)\u2060에 받습니다." in card
    assert "이 회선 환급 신청하기" not in card
    assert "/refunds/status/" in card


@pytest.mark.parametrize(("guardian", "says"), [(True, "보호자가 이 홈페이지에서"), (False, "가족관계증명서")])
def test_a_minor_is_told_that_the_guardian_applies(at, guardian, says):
    at(NOW)
    minor = make.customer(name="김콩쥐", birth="2010-05-05")
    if guardian:
        minor.guardian_ci = make.customer().ci
        minor.guardian_ci_index = persons.ci_index(minor.guardian_ci)
        minor.save()
    make.line(minor)
    page = as_customer(Client(), person(minor.ci, name=minor.holder_name)).get("/my/").content.decode()
    assert "보호자가 신청합니다" in page
    assert says in page
    assert "신청하시면 직원이 확인하고" in page
    assert "오늘 신청하시면" not in page
    assert "이 회선 환급 신청하기" not in page
    assert 'href="/help/bring/"' in page


def test_a_guardian_sees_the_wards_line_under_the_wards_name(holder, look):
    ward = make.customer(name="김콩쥐", birth="2010-05-05")
    ward.guardian_ci = holder.ci
    ward.guardian_ci_index = persons.ci_index(holder.ci)
    ward.save()
    make.line(ward)
    (card,) = look()
    assert "자녀 김*쥐 님의 회선" in card


def test_nobody_sees_anothers_line(holder, look):
    other = make.customer(name="성춘향")
    make.line(other)
    assert look() == []


def test_no_line_says_where_to_turn(holder):
    client = as_customer(Client(), person(holder.ci, name=holder.holder_name))
    page = client.get("/my/").content.decode()
    assert f"{holder.holder_name} 님 이름의 회선을 찾지 못했습니다" in page
    assert "/help/bring/" in page


@pytest.mark.parametrize("lines", [1, 12])
def test_few_queries_whatever_the_number_of_lines(holder, lines):
    for number in range(lines):
        line = make.line(holder)
        billed(line, "USAGE", 30_000 + number)
        if number % 2:
            make.application(line)
        make.line(holder, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", refundable_krw=0)
    client = as_customer(Client(), person(holder.ci, name=holder.holder_name))
    client.get("/my/")  # the session has noted its use, which it does once a minute
    with CaptureQueriesContext(connection) as queries:
        client.get("/my/")
    # A set clock has a row of its own, read once a second; in production there is none.
    statements = [query["sql"] for query in queries if "clock_offset" not in query["sql"]]
    # One more where something was applied for: the promises of all applications.
    assert len(statements) <= (4 if lines == 1 else 5), [sql[:120] for sql in statements]


def test_lines_and_bills_read_together_are_those_read_one_by_one(holder):
    """The statement written by hand says what the ORM says, of every column."""
    for opened in ("2024-03-02", "2024-05-06"):
        billed(make.line(holder, opened_on=dt.date.fromisoformat(opened)), "USAGE", 30_000)
    ward = make.customer(name="홍아이", ci="ward-2")
    ward.guardian_ci_index = holder.person_index
    ward.save()
    make.line(ward, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", refundable_krw=0)
    make.line(make.customer(name="성춘향"))  # somebody else's

    def columns(row):
        values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in values.items()}

    me = holder.person_index
    lines = sorted([*register.lines_of(me), *register.lines_of_wards(me)], key=lambda line: (line.opened_on, line.pk))
    bills = register.bills_of([line.pk for line in lines])
    together = register.lines_with_bills(me)
    assert [line.opened_on for line, _rows in together] == sorted((line.opened_on for line in lines), reverse=True)
    together.sort(key=lambda pair: (pair[0].opened_on, pair[0].pk))
    assert [columns(line) for line, _rows in together] == [columns(line) for line in lines]
    assert [columns(line.customer) for line, _rows in together] == [columns(line.customer) for line in lines]
    assert [[columns(row) for row in rows] for _line, rows in together] == [
        [columns(row) for row in bills[line.pk]] for line in lines
    ]
    assert [line.msisdn for line, _rows in together] == [line.msisdn for line in lines]
    numbered = register.lines_by_contract_no([lines[0].pk, "UNKNOWN"])
    assert {number: columns(line) for number, line in numbered.items()} == {lines[0].pk: columns(lines[0])}
    assert columns(numbered[lines[0].pk].customer) == columns(lines[0].customer)
    assert sum(len(rows) for _line, rows in together) == 4


def test_remembered_words_follow_language_and_line(holder):
    """Conditions are worded once for all lines that share them: never in another language or with another day."""
    current = programme.current()

    def words(language: str, **facts: str) -> list[str]:
        line = make.line(holder, contract_event="NEW", **facts)
        with translation.override(language):
            checks = register.trace_of(line)
            return [
                f"{item.text} {item.note}" for item in presenters.conditions(checks, register.facts_of(line), current)
            ]

    early = words("ko", terminated="2025-11-20T10:00+09:00")
    assert any("2025년 11월\xa020일" in text for text in early)
    english = words("en", terminated="2025-11-20T10:00+09:00")
    assert not any(re.search("[가-힣]", text) for text in english)
    assert words("ko", terminated="2025-11-20T10:00+09:00") == early
    late = words("ko", terminated="2025-11-21T10:00+09:00")
    assert any("2025년 11월\xa021일" in text for text in late)
    assert not any("2025년 11월\xa020일" in text for text in late)
    # Reviewed for a request that came in time, on two different days.
    delayed = [
        words(
            "ko", terminated=f"2026-01-{day}T10:00+09:00", port_requested_at=dt.datetime(2026, 1, 12, 3, tzinfo=dt.UTC)
        )
        for day in (14, 15)
    ]
    assert "2026년 1월\xa014일" in delayed[0][0]
    assert "2026년 1월\xa015일" in delayed[1][0]
