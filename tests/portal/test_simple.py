"""The easy view, going on by telephone, and the check of a call."""

import datetime as dt

import pytest
from django.test import Client

from kt_remedy.staff.models import User
from refunds.applications import call_backs, call_checks
from refunds.models.applications import Draft
from tests.refunds import make
from tests.sessions import as_customer, person, staff_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def holder(at):
    at("2026-01-20T10:00+09:00")
    return make.customer(name="김순자", ci="kim")


@pytest.fixture
def kim(holder) -> Client:
    return as_customer(Client(), person("kim", name="김순자", birth_date=dt.date(1950, 3, 3)))


def test_each_line_is_one_sentence_and_one_button(kim, holder) -> None:
    make.line(holder)
    make.line(holder, outcome="NOT_ELIGIBLE", reasons="NEW_AFTER_BASE")
    applied = make.application(make.line(holder))
    page = kim.get("/my/simple/").content.decode()
    assert page.count('class="sheet one"') == 4, "three lines and the telephone"
    assert "돌려받으실 돈이" in page
    assert "160,130원 신청하기" in page
    assert "2월\xa05일\u2060(목)\u2060에 받습니다" in page
    assert "사실과 다르면 알려 주세요" in page
    assert f"/refunds/receipt/{applied.filing.reference}/" in page
    assert page.count('<h2 id="line-') == 3


@pytest.mark.parametrize(
    "told",
    [
        {"outcome": "REVIEW", "reasons": "REVIEW_NAME_TRANSFER"},
        {"reasons": "UNPAID", "refundable_krw": 0},
        {"reasons": "NOT_BILLED_YET", "refundable_krw": 0},
    ],
)
def test_money_that_is_not_sure_is_no_sum(kim, holder, told) -> None:
    line = make.line(holder, **told)
    if "UNPAID" in line.reasons:
        make.bill(line, billed=160_130)
    page = kim.get("/my/simple/").content.decode()
    assert "돌려받으실 돈이" not in page
    assert "돌려받으실 수 있습니다" not in page
    assert "이 회선 환급 신청하기" in page


def test_somebody_without_a_line_is_told_where_to_turn(kim) -> None:
    page = kim.get("/my/simple/").content.decode()
    assert "김순자 님 이름의 회선을 찾지 못했습니다" in " ".join(page.split())
    assert "/help/bring/" in page


def test_the_easy_view_is_offered_first_to_the_old(kim, holder) -> None:
    make.line(holder)
    old = kim.get("/my/").content.decode()
    young = as_customer(Client(), person("kim", name="김순자", birth_date=dt.date(1990, 3, 3))).get("/my/")
    assert 'btn-lg">\n큰 글씨로 쉽게 보기' in old
    assert 'btn-lg">\n큰 글씨로 쉽게 보기' not in young.content.decode()
    assert "큰 글씨로 쉽게 보기" in young.content.decode()


def test_digits_for_an_agent_choose_every_open_line(kim, holder) -> None:
    line = make.line(holder)
    assert "숫자 받기" in kim.get("/my/by-telephone/").content.decode()
    page = kim.post("/my/by-telephone/")
    digits = page.context["digits"]
    assert len(digits) == 6
    assert f"{digits[:3]} {digits[3:]}" in page.content.decode()
    assert line.pk in Draft.objects.get().answers_json
    again = kim.post("/my/by-telephone/").context["digits"]
    assert again != digits


def test_no_digits_without_a_line(kim) -> None:
    page = kim.post("/my/by-telephone/")
    assert (page.status_code, page.context["digits"]) == (409, "")
    assert "환급받을 회선을 먼저" in page.content.decode()


def called(holder) -> tuple[str, call_checks.CallCheck]:
    agent: User = staff_user("agent")
    note = call_backs.write_note(
        customer=holder, text="전화 약속", staff=agent, call_back_at=dt.datetime(2026, 1, 20, 5, tzinfo=dt.UTC)
    )
    call_checks.place(note, staff=agent, number="01012345678")
    placed = call_checks.placed_by(agent)
    assert placed is not None
    return "010-1234-5678", placed[1]


def test_the_words_of_a_call_that_an_agent_makes_now(client, holder) -> None:
    number, check = called(holder)
    page = client.post("/messages/call/", {"number": number, "digits": check.digits}).content.decode()
    assert " ".join(word[0] for word in check.words) in page
    english = Client(headers={"accept-language": "en"}).post(
        "/messages/call/", {"number": number, "digits": check.digits}
    )
    assert " ".join(word[1] for word in check.words) in english.content.decode()


def test_no_such_call_and_too_many_tries(client, holder) -> None:
    number, check = called(holder)
    wrong = f"{(int(check.digits) + 1) % 10_000:04}"
    for left in ("앞으로 2번 더", "앞으로 1번 더", "지금은 더 넣으실 수 없습니다"):
        page = client.post("/messages/call/", {"number": number, "digits": wrong})
        assert (page.status_code, "전화를 끊으세요" in page.content.decode()) == (200, True)
        assert left in page.content.decode()
    page = client.post("/messages/call/", {"number": number, "digits": check.digits})
    assert (page.status_code, "확인되지 않았습니다" in page.content.decode()) == (429, True)
    assert check.words[0][0] not in page.content.decode()
    elsewhere = client.post("/messages/call/", {"number": number, "digits": check.digits}, REMOTE_ADDR="192.0.2.8")
    assert check.words[0][0] in elsewhere.content.decode()


def test_what_is_missing_is_said_beside_the_field(client) -> None:
    page = client.post("/messages/call/", {"number": "", "digits": "12"})
    assert page.status_code == 422
    assert "전화를 받은 번호를 적어 주세요" in page.content.decode()
    assert "숫자 네 자리를 적어 주세요" in page.content.decode()
