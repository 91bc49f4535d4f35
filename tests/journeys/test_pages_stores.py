"""Report, store manager's day, import and store list in a browser: no accessibility finding, nothing cut off."""

import pytest
from django.test import Client
from playwright.sync_api import expect

from kt_remedy.staff.models import Store
from refunds.models.applications import Filing
from tests.background import run_due
from tests.journeys.test_pages_public import findings, overflow
from tests.refunds import make
from tests.refunds.payouts import money
from tests.sessions import as_staff, staff_user, two_administrators

pytestmark = pytest.mark.django_db(transaction=True)

STORES = "매장 번호,매장 이름,지역,주소,여는 시간,전화\nA1,새봄점,서울,서울 종로구 1,10:00~20:00,02-000-0001\n"


def look(page) -> None:
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert findings(page) == []
        assert overflow(page, width) <= 0


def enter(page, live_server, user) -> None:
    browser = as_staff(Client(), user)
    page.context.clear_cookies()
    page.context.add_cookies(
        [{"name": "sessionid", "value": browser.cookies["sessionid"].value, "url": live_server.url}]
    )


def test_report_and_store_day(at, page, live_server) -> None:
    at(money.CUT_OFF)
    store = Store.objects.create(code="A1", name="새봄점")
    _batch, file = money.handed_over()
    item = file.items.first()
    money.load(money.pain002(file, [(item, "ACSC", "")]))
    row = make.application(make.line(make.customer()), status="REVIEW")
    clerk = staff_user("clerk", store=store)
    Filing.objects.filter(pk=row.filing_id).update(store=store, filed_by=clerk, received_at=row.filing.received_at)
    enter(page, live_server, staff_user("supervisor"))
    page.goto("/refunds/report/")
    look(page)
    page.get_by_label("매장 이름이나 번호 일부").fill("새봄")
    page.get_by_role("button", name="이 조건으로 보기").click()
    expect(page.locator("body")).to_contain_text("새봄점만 골랐습니다")
    look(page)
    page.get_by_label("매장 이름이나 번호 일부").fill("없는 곳")
    page.get_by_role("button", name="이 조건으로 보기").click()
    expect(page.locator("body")).to_contain_text("그런 매장이 없습니다")
    look(page)
    enter(page, live_server, staff_user("store_manager", store=store))
    page.goto("/refunds/store/")
    look(page)
    page.get_by_role("link", name="전날").click()
    page.wait_for_url("**?day=*")
    look(page)


def test_an_import_and_the_list_for_customers(at, page, live_server) -> None:
    at("2026-01-20T10:00+09:00")
    first, second = two_administrators()
    enter(page, live_server, first)
    page.goto("/admin/staff/staffimport/add/")
    look(page)
    page.get_by_role("button", name="비교하기").click()
    expect(page.locator("body")).to_contain_text("파일을 골라 주세요")
    look(page)
    page.locator("input[name=kind][value=STORES]").check()
    page.locator("input[type=file]").set_input_files(
        {"name": "stores.csv", "mimeType": "text/csv", "buffer": STORES.encode()}
    )
    page.get_by_role("button", name="비교하기").click()
    expect(page.locator("body")).to_contain_text("1줄을 지금 있는 것과 비교하고 있습니다.")
    look(page)
    run_due("rest")
    expect(page.locator("body")).to_contain_text("새로 생김", timeout=30_000)  # the page reads itself again
    look(page)
    page.get_by_label("이유").fill("첫 목록")
    page.get_by_role("button", name="다른 관리자에게 승인 요청하기").click()
    expect(page.locator("body")).to_contain_text("승인을 기다립니다")
    address = page.url
    enter(page, live_server, second)
    page.goto(address)
    page.get_by_role("button", name="승인하고 반영하기").click()
    expect(page.locator("body")).to_contain_text("하나도 반영되지 않습니다")
    run_due("rest")
    expect(page.locator(".lead")).to_contain_text("반영됨")
    look(page)
    page.goto("/admin/staff/staffimport/")
    expect(page.locator("body")).to_contain_text("stores.csv")
    page.context.clear_cookies()
    page.goto("/help/stores/")
    look(page)
    page.get_by_role("link", name="서울").click()
    expect(page.locator("body")).to_contain_text("찾은 매장 1곳")
    look(page)


def test_lists_are_searched_by_a_named_field(at, page, live_server) -> None:
    at("2026-01-20T10:00+09:00")
    Store.objects.create(code="A1", name="새봄점", region="서울")
    Store.objects.create(code="B2", name="한빛점", region="부산")
    enter(page, live_server, two_administrators()[0])
    for address in ("/admin/staff/user/", "/admin/staff/store/"):
        page.goto(address)
        look(page)
    page.get_by_label("찾을 말").fill("새봄")
    page.get_by_role("button", name="찾기", exact=True).click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#changelist-search")).to_contain_text("1건")
    look(page)
    page.get_by_role("link", name="모두 보기").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
