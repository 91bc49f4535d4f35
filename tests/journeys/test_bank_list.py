"""The list of banks on a page that asks for an account: searched by name, short name and code, by pointer and keyboard;
a plain list without scripts."""

import pytest
from django.test import Client
from playwright.sync_api import expect

from refunds.accounts import service as accounts
from refunds.models.applications import Application
from tests.journeys.test_pages_public import findings, overflow
from tests.journeys.test_pages_refunds import choose_bank, enter
from tests.refunds import make
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def january(at, monkeypatch) -> None:
    at("2026-01-16T10:00+09:00")
    monkeypatch.setattr(accounts, "request_holder_check", lambda _account: ("MATCH", "EXACT", "check-1"))


@pytest.fixture
def address() -> str:
    """The page on which a customer changes the account of an application; it stands at bank 088."""
    row = make.application(make.line(make.customer(name="홍길동", ci="hong")))
    return f"/refunds/status/{row.pk}/account/"


def customer() -> Client:
    return as_customer(Client(), person("hong", name="홍길동"))


def bank_of_the_application() -> str:
    return Application.objects.get().account.bank_code


def test_a_bank_is_found_by_what_people_call_it(page, live_server, address) -> None:
    enter(page, live_server, customer())
    page.goto(address)
    for typed, name in (
        ("신한", "신한은행"),
        ("KB국민", "KB국민은행"),
        ("kakao", "카카오뱅크"),
        ("대구", "iM뱅크(옛 대구은행)"),
        ("020", "우리은행"),
        ("ＮＨ", "NH농협은행"),
    ):
        choose_bank(page, typed, name)
        expect(page.locator("select[name=bank] option:checked")).to_have_text(name)
    page.locator("input[role=combobox]").fill("아무 은행도 아님")
    expect(page.get_by_text("찾는 은행이 없습니다. 이름을 줄여 적어 보세요").first).to_be_visible()
    page.locator("input[role=combobox]").fill("농협")
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert findings(page) == []
    assert overflow(page, 320) <= 0


def test_the_keyboard_is_enough(page, live_server, address) -> None:
    enter(page, live_server, customer())
    page.goto(address)
    field = page.locator("input[role=combobox]")
    field.focus()
    page.keyboard.type("농협")
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("지역농·축협")
    field.fill("토스")
    page.keyboard.press("Enter")  # one bank is left
    expect(field).to_have_value("토스뱅크")
    page.get_by_label("계좌번호").fill("100012345678")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith("/account/"))
    assert bank_of_the_application() == "092"


def test_the_text_in_the_field_counts(page, live_server, address) -> None:
    enter(page, live_server, customer())
    page.goto(address)
    field = page.locator("input[role=combobox]")
    choose_bank(page, "신한", "신한은행")
    field.fill("농협")  # of two banks, so that none is chosen any more
    page.get_by_label("계좌번호").fill("1002123456789")
    page.get_by_role("button", name="이 계좌로 바꾸기").click()
    expect(page.get_by_role("link", name="은행을 골라 주세요")).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(
        "오류: 은행을 골라 주세요 은행 이름이나 코드를 적으면 아래에 나옵니다. 위아래 화살표로 고르세요."
    )
    field.fill("부산")
    page.get_by_label("계좌번호").fill("1002123456789")
    page.get_by_role("button", name="이 계좌로 바꾸기").click()
    page.wait_for_url(lambda url: not url.endswith("/account/"))
    assert bank_of_the_application() == "032"


def test_english_names_and_hints(page, live_server, address) -> None:
    client = customer()
    enter(page, live_server, client)
    page.context.add_cookies([{"name": "django_language", "value": "en", "url": live_server.url}])
    page.goto(address)
    page.locator("input[role=combobox]").fill("신한")
    page.get_by_role("option", name="Shinhan Bank", exact=True).click()
    expect(page.locator("select[name=bank]")).to_have_value("088")
    assert findings(page) == []


def test_without_scripts_it_is_a_list(browser, live_server, address) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    enter(page, live_server, customer())
    page.goto(address)
    page.get_by_label("은행", exact=True).select_option("004")
    page.get_by_label("계좌번호").fill("12340212345678")
    page.get_by_role("button", name="이 계좌로 바꾸기").click()
    assert bank_of_the_application() == "004"
    context.close()
