"""Applying in a browser, from the line to the receipt, and the desk and the reviewers' pages: no finding at both ends
of the scale, nothing cut off."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from kt_remedy.notices.models import Message
from kt_remedy.staff.models import Store
from refunds import banks
from refunds.accounts import service as accounts
from refunds.models.applications import Application
from tests.desk import url
from tests.journeys.test_pages_public import findings, overflow
from tests.refunds import make
from tests.refunds.applications.test_documents import PDF
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def january(at, settings, monkeypatch) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-16T10:00+09:00")
    monkeypatch.setattr(accounts, "request_holder_check", lambda _account: ("MATCH", "EXACT", "check-1"))


def enter(page, live_server, client: Client) -> None:
    """Give the browser this client's session."""
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )


def look(page) -> None:
    """No accessibility finding at 1280 and 360 px, nothing cut off at 320."""
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert findings(page) == [], page.url
    assert overflow(page, 320) <= 0, page.url
    page.set_viewport_size({"width": 1280, "height": 900})


def choose_bank(page, typed: str, name: str) -> None:
    """Find a bank in the list of the account page by some letters, and take it."""
    field = page.locator("input[role=combobox]")  # a list without its script has that role too
    field.fill(typed)
    page.get_by_role("option", name=name, exact=True).click()
    expect(field).to_have_value(name)


def test_a_customer_applies_and_follows_it(page, live_server) -> None:
    holder = make.customer(name="홍길동", ci="hong")
    make.line(holder)
    make.line(holder, outcome="NOT_ELIGIBLE", reasons="NEW_AFTER_BASE")
    enter(page, live_server, as_customer(Client(), person("hong", name="홍길동")))
    page.goto("/refunds/apply/")
    look(page)
    page.get_by_role("button", name="계속").click()
    expect(page).to_have_title(re.compile("^오류:"))
    look(page)
    page.locator("input[name=lines]").first.check()
    page.get_by_role("button", name="계속").click()
    look(page)
    page.locator("input[name=privacy]").check()
    page.locator("input[name=provision]").check()
    page.get_by_role("button", name="계속").click()
    look(page)
    page.get_by_label("계좌번호").fill("123-456")
    page.get_by_role("button", name="계속").click()
    look(page)
    page.get_by_role("link", name="은행을 골라 주세요").click()
    assert page.evaluate("document.activeElement.id") == "id_bank"
    choose_bank(page, "신한", "신한은행")
    page.get_by_label("계좌번호").fill("110-220-33044")
    page.get_by_role("button", name="계속").click()
    look(page)
    page.get_by_role("button", name="160,130원 환급 신청하기").dblclick()
    page.wait_for_url("**/receipt/**")
    look(page)
    assert Application.objects.count() == 1
    page.go_back()
    page.goto("/refunds/status/")
    look(page)
    page.get_by_role("link", name="신청 철회하기").click()
    look(page)
    page.goto(f"/refunds/status/{Application.objects.get().pk}/account/")
    look(page)


def test_a_customer_objects(page, live_server) -> None:
    holder = make.customer(ci="hong")
    line = make.line(holder, outcome="NOT_ELIGIBLE", reasons="DEVICE_CHANGE_AFTER_BASE")
    enter(page, live_server, as_customer(Client(), person("hong")))
    page.goto(f"/refunds/object/{line.pk}/")
    look(page)
    page.get_by_role("button", name="이의 보내기").click()
    look(page)
    page.get_by_label("대상이 아니라는 답이 틀립니다").check()
    page.locator("textarea").fill("기기를 바꾸지 않았습니다.")
    page.get_by_role("button", name="이의 보내기").click()
    look(page)
    expect(page.locator("body")).to_contain_text("이의를 받았습니다")


def test_a_late_customer_says_why_and_sends_documents(page, live_server, at) -> None:
    at("2026-02-20T10:00+09:00")
    make.line(make.customer(ci="hong"))
    enter(page, live_server, as_customer(Client(), person("hong")))
    page.goto("/refunds/apply/")
    page.locator("input[name=lines]").first.check()
    page.get_by_role("button", name="계속").click()
    page.get_by_role("button", name="계속").click()
    look(page)
    page.get_by_label("입원").check()
    page.get_by_role("button", name="계속").click()
    page.locator("input[name=privacy]").check()
    page.locator("input[name=provision]").check()
    page.get_by_role("button", name="계속").click()
    choose_bank(page, "신한", "신한은행")
    page.get_by_label("계좌번호").fill("110-220-33044")
    page.get_by_role("button", name="계속").click()
    page.get_by_role("button", name="환급 신청하기").click()
    page.get_by_role("link", name="서류 내기").click()
    sent = {"name": "입원 확인서.pdf", "mimeType": "application/pdf"}
    page.locator("input[type=file]").set_input_files([sent | {"buffer": b"MZ"}])
    page.get_by_role("button", name="올리기").click()
    look(page)
    page.locator("input[type=file]").set_input_files([sent | {"buffer": PDF}])
    page.get_by_role("button", name="올리기").click()
    expect(page.locator("body")).to_contain_text("입원 확인서.pdf")
    look(page)
    row = Application.objects.get()
    page.context.clear_cookies()
    enter(page, live_server, as_staff(Client(), staff_user("supervisor")))
    page.goto(f"/refunds/review/{row.pk}/")
    look(page)
    page.reload()  # the look has opened every part that folds
    page.locator("summary", has_text="이유를 적고 내려받기").click()
    page.get_by_label("보는 이유").fill("심사")
    with page.expect_download() as download:
        page.get_by_role("button", name="내려받기").click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")
    page.locator("input[name=act][value=APPROVE]").check()
    page.get_by_role("button", name="승인을 알리고 다음 건").click()
    page.wait_for_url("**/review/")
    row.refresh_from_db()
    assert row.status == "APPROVED"


def test_a_clerk_serves_a_customer(page, live_server) -> None:
    holder = make.customer(name="이정순", birth="1954-04-02", ci="lee")
    line = make.line(holder)
    make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER")
    clerk = staff_user("clerk", username="clerk-a", store=Store.objects.create(code="A", name="광화문점"))
    browser = as_staff(Client(), clerk)
    enter(page, live_server, browser)
    page.goto("/desk/")
    look(page)
    page.get_by_label("접수번호, 휴대폰 번호, 계약번호 가운데 하나").fill(line.msisdn)
    page.get_by_label("생년월일 또는 이름").fill("19540402")
    page.get_by_role("button", name="찾아서 열기").click()
    look(page)
    page.get_by_label("본인:").check()
    page.get_by_role("button", name="이분을 확인하기").click()
    look(page)
    page.get_by_label("본 신분증").select_option("DRIVER")
    page.get_by_label("안내 문자 받을 번호").fill("010-5555-7720")
    page.get_by_role("button", name="신분증을 보았습니다").click()
    look(page)
    code = re.search(r"\d{6}", Message.objects.get(kind="desk.code").body).group()
    page.get_by_label("고객이 읽어 준 숫자").fill(code)
    page.get_by_role("button", name="확인", exact=True).click()
    look(page)
    page.get_by_role("link", name="신청서 쓰기").first.click()
    look(page)
    page.locator("input[name=lines]").first.check()
    page.get_by_label("은행", exact=True).select_option("088")
    page.get_by_label("계좌번호").fill("11022033044")
    page.locator("input[name=privacy]").check()
    page.get_by_role("button", name="신청하기").click()
    page.wait_for_url("**/receipt/**")
    look(page)
    page.goto(url(browser, "desk-application", Application.objects.get().pk))
    look(page)


def test_money_sent_offline_from_the_maker_to_the_proof(page, live_server, at) -> None:
    at("2026-01-20T18:00+09:00")
    holder = make.customer(name="홍길동", ci="hong")
    row = make.application(make.line(holder), to=make.account(holder, outcome="OFFLINE", bank=banks.OFFLINE))
    enter(page, live_server, as_staff(Client(), staff_user("maker", username="maker")))
    page.goto(reverse("admin:payouts:application", args=[row.pk]))
    look(page)
    page.get_by_role("link", name="따로 보낸 지급 적기").click()
    look(page)
    page.get_by_label("해외 송금").check()
    page.get_by_label("보낸 날").fill("2026-01-20")
    page.get_by_label("영수증 번호").fill("FX-20260120-7")
    page.get_by_label("보낸 금액").fill("160130")
    page.get_by_role("button", name="보냈다고 적기").click()
    page.wait_for_url("**" + reverse("admin:payouts:application", args=[row.pk]))
    look(page)
    enter(page, live_server, as_staff(Client(), staff_user("checker", username="checker")))
    page.get_by_role("link", name="해외 송금").click()
    look(page)
    page.get_by_role("link", name="확인하기").click()
    look(page)
    page.get_by_role("button", name="확인하기").click()
    page.wait_for_url("**/offline/*/")
    enter(page, live_server, as_customer(Client(), person("hong", name="홍길동")))
    page.goto(reverse("refunds:application", args=[row.pk]))
    look(page)
    page.goto(reverse("refunds:proof", args=[row.pk]))
    look(page)
    expect(page.locator("main")).to_contain_text("FX-20260120-7")
