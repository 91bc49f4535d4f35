"""The cast before they apply: what each reads about their lines, and two who file, in a browser at 360 px."""

import datetime as dt
import re

import pytest
from django.test import Client
from playwright.sync_api import expect

from refunds.accounts import service as accounts
from refunds.models.applications import Application, Filing
from tests import people
from tests.journeys.cast import Case, Visitor
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def open_window(at, settings, monkeypatch) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-20T10:00+09:00")
    people.load_cast()
    monkeypatch.setattr(accounts, "request_holder_check", lambda _account: ("MATCH", "EXACT", "check-1"))


def test_each_reads_their_lines(visitor: Visitor) -> None:
    def go(case: Case) -> str:
        if case["who"] == "officer":  # of the company, whose lines are not theirs
            visitor.be(as_customer(Client(), person("officer", name="박담당", birth_date=dt.date(1980, 1, 1))))
        else:
            visitor.be_cast(case["who"])
        return case["page"]

    visitor.walk("before", go)


def test_a_grandmother_of_seventy_reads_large_type(visitor: Visitor) -> None:
    page = visitor.page
    visitor.be_cast("wolmae")
    page.goto("/my/")
    page.get_by_role("button", name="큰 글씨로 쉽게 보기").click()
    expect(page.locator("html.big")).to_be_visible()  # kept on the device
    visitor.walk("easy", lambda case: case["page"])
    visitor.speak("ko")
    page.goto("/my/simple/")
    page.get_by_role("button", name=re.compile("신청하기$")).first.click()
    expect(page.locator("h1")).to_have_text("개인정보 이용에 동의해 주세요")
    expect(page.locator("html.big")).to_be_visible()
    visitor.looks("easy-consent-ko")


def consent(page) -> None:
    page.locator("input[name=privacy]").check()
    page.locator("input[name=provision]").check()
    page.locator("main form button.btn-primary").click()
    expect(page.locator("#id_number")).to_be_visible()


def give_account(page, number: str) -> None:
    bank = page.locator("#id_bank")
    if bank.evaluate("field => field.tagName") == "SELECT":
        bank.select_option("088")
    else:  # the search over the list
        bank.fill("088")
        page.get_by_role("option").click()
    page.locator("#id_number").fill(number)
    page.locator("main form button.btn-primary").first.click()
    page.wait_for_url("**/check/")


def test_a_foreigner_files_in_english(visitor: Visitor) -> None:
    page = visitor.page
    visitor.be_cast("lan")
    visitor.speak("en")
    page.goto("/my/")
    page.get_by_role("button", name="Apply for this refund").click()
    expect(page.locator("input[name=privacy]")).to_be_visible()
    visitor.looks("filing-consent-en")
    consent(page)
    expect(page.locator("main")).to_contain_text("TRAN THI LAN")
    visitor.looks("filing-account-en")
    give_account(page, "110-220-33044")
    expect(page.locator("main")).to_contain_text("TRAN THI LAN")
    visitor.looks("filing-check-en")
    page.get_by_role("button", name=re.compile("^Apply for the ₩")).dblclick()
    page.wait_for_url("**/receipt/**")
    visitor.looks("filing-receipt-en")
    assert Application.objects.get().status == "APPROVED"
    assert Filing.objects.get().language == "en"
    page.go_back()
    visitor.walk("filed", lambda case: case["page"])


def test_a_guardian_files_for_a_child(visitor: Visitor) -> None:
    page = visitor.page
    visitor.be_cast("jinsa")
    page.goto("/my/")
    page.locator("[aria-labelledby='line-CAST-107-2']").get_by_role("button", name="이 회선 환급 신청하기").click()
    expect(page.locator("main")).to_contain_text("자녀 김*쥐 님의 환급입니다")
    visitor.looks("child-consent-ko")
    consent(page)
    visitor.looks("child-account-ko")
    page.get_by_label("자녀의 계좌").check()
    give_account(page, "110-220-33044")
    expect(page.locator("main")).to_contain_text("자녀 김*쥐 님의 회선")
    visitor.looks("child-check-ko")
    page.locator("main form button.btn-primary").last.click()
    page.wait_for_url("**/receipt/**")
    visitor.looks("child-receipt-ko")
    assert Application.objects.get().status == "REVIEW"
    visitor.walk("child", lambda case: case["page"])
