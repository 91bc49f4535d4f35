"""The parts of the record below the looks: messages as they were sent, objections, days to come, consents."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.core import clock, programme
from kt_remedy.notices.models import Message
from kt_remedy.portal import my_history
from refunds.applications import objections
from rewards.service import Overview, PerkCard
from tests.refunds import make
from tests.refunds.applications.test_submit import submit
from tests.refunds.promise.reading import plain
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db
PAGE = reverse("portal:my-record")


@pytest.fixture
def holder(at, settings):
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-20T10:00+09:00")
    return make.customer(ci="ci-holder")


@pytest.fixture
def browser(holder):
    return as_customer(Client(), person("ci-holder"))


def read(browser, address=PAGE, language="ko") -> str:
    answer = browser.get(address, headers={"accept-language": language})
    assert answer.status_code == 200
    return plain(answer.content.decode())


def test_somebody_new_reads_that_there_is_nothing(browser) -> None:
    page = read(browser)
    for words in ("아직 보내 드린 문자가 없습니다.", "내신 이의가 없습니다.", "다가오는 날짜가 없습니다."):
        assert words in page
    assert "You have not asked for a review." in read(browser, language="en")


def test_a_message_stands_as_it_was_sent_once_it_has_left(holder, browser) -> None:
    submit(holder, make.line(holder))
    message = Message.objects.get(kind="filing.received")
    assert "아직 보내 드린 문자가 없습니다." in read(browser), "it waits"
    message.body, message.to, message.state, message.sent_at = "[KT] <접수>", "01012345678", "DELIVERED", clock.now()
    message.save()
    page = read(browser)
    assert "[KT] &lt;접수&gt;" in page
    assert "010-****-5678 · 받으심" in " ".join(page.split())
    stranger = as_customer(Client(), person("ci-other"))
    assert "[KT] &lt;접수&gt;" not in read(stranger)


@pytest.mark.parametrize(
    ("state", "shown"), [("QUEUED", False), ("CANCELLED", False), ("FAILED", True), ("UNKNOWN", True)]
)
def test_what_never_left_is_no_message(holder, browser, state, shown) -> None:
    submit(holder, make.line(holder))
    message = Message.objects.get(kind="filing.received")
    message.body, message.state = "[KT] 접수", state
    message.save()
    assert ("[KT] 접수" in read(browser)) == shown


def test_a_code_is_not_shown_again(holder, browser) -> None:
    submit(holder, make.line(holder))
    message = Message.objects.get(kind="filing.received")
    message.kind = sorted(my_history.desk_code.KINDS)[0]  # a part of what the encrypted values are bound to
    message.body, message.to, message.state = "[KT] 482913", "01012345678", "DELIVERED"
    message.save()
    page = read(browser)
    assert "482913" not in page
    assert "확인 숫자는 여기에 다시 보여 드리지 않습니다." in page


def test_days_stand_in_their_order_and_the_pay_day_has_its_calendar_file(holder, browser) -> None:
    filed, other, refused = make.line(holder), make.line(holder), make.line(holder, outcome="NOT_ELIGIBLE", reasons="X")
    row = submit(holder, filed).filing.applications.get()
    objections.object_to(
        contract_no=refused.pk, person_index=holder.person_index, text="아닙니다", contact="01055550000"
    )
    page = read(browser)
    days = page[page.index('id="h-days"') : page.index('id="h-file"')]
    first = days.index("1월 31일(토)까지 신청하셔야 받습니다.")
    second = days.index("이의를 보고 2월 3일(화)까지 답해 드립니다.")
    third = days.index("2월 5일(목)에 받습니다.")
    assert first < second < third
    assert days.count("신청하셔야 받습니다.") == 1, "the filed line is not asked for again"
    assert reverse("refunds:pay-day", args=[row.pk]) in days
    assert "낸 이의 보기" in page[page.index('id="h-objections"') : page.index('id="h-days"')]
    assert other.pk not in page


def test_after_the_window_no_day_to_apply_is_named(holder, browser, at) -> None:
    make.line(holder)
    at("2026-02-01T10:00+09:00")
    assert "다가오는 날짜가 없습니다." in read(browser)


def test_perks_that_begin_or_are_chosen_have_a_day(browser, monkeypatch) -> None:
    by_mode = {perk.mode: perk for perk in programme.current().perks}
    cards = (
        PerkCard(by_mode["AUTOMATIC"], "COMING", starts_on=dt.date(2026, 2, 1)),
        PerkCard(by_mode["AUTOMATIC"], "COMING", starts_on=dt.date(2026, 2, 1)),
        PerkCard(by_mode["CHOICE"], "CHOOSE", ends_on=dt.date(2026, 7, 31)),
        PerkCard(by_mode["CHOICE"], "CHOSEN"),
    )
    monkeypatch.setattr(my_history.rewards, "overview", lambda _person: Overview(True, (), cards))
    page = read(browser)
    days = page[page.index('id="h-days"') : page.index('id="h-file"')]
    assert days.count("<time") == 2
    assert "이날까지 골라 주세요." in days


def test_a_consent_names_its_period_and_who_gets_the_data(holder, browser) -> None:
    submit(holder, make.line(holder))
    page = " ".join(read(browser).split())
    assert "계좌번호는 돈을 보내 드리고 180일이 지나면 지웁니다." in page
    assert "은행과 확인 회사도 돈을 보내 드리고 180일까지만 쓰고" in page


def test_an_earlier_page_of_looks_shows_the_looks_alone(browser) -> None:
    page = read(browser, PAGE + "?until=2025-12-20")
    assert 'id="h-days"' not in page
    assert 'id="h-sent"' not in page
