"""The identity pages in a browser: the whole flow, its errors, no accessibility finding, nothing cut off."""

import json
import os
import re
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import expect

from kt_remedy.devtools.sandbox import inbox
from kt_remedy.identity import service
from tests.journeys.test_pages_public import findings, overflow

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sandbox")]

CAST = [
    {
        "key": "hong",
        "name": "홍길동",
        "kind": "PERSON",
        "birth_date": "1985-03-15",
        "phone": "01077770101",
        "carrier": "SKT",
        "ci": "c" * 88,
        "contract_nos": [],
        "story": {"ko": "회선이 셋입니다", "en": "Three lines"},
    }
]


@pytest.fixture(autouse=True)
def cast(at):
    at("2026-01-20T10:00+09:00")
    folder = Path(settings.DELIVERIES_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    before = (folder / "people.json").read_text() if (folder / "people.json").exists() else None
    (folder / "people.json").write_text(json.dumps(CAST), encoding="utf-8")
    yield
    if before is None:
        (folder / "people.json").unlink()
    else:
        (folder / "people.json").write_text(before)


def clean(page, name: str) -> None:
    page.wait_for_load_state()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        if folder := os.environ.get("SHOTS"):
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 360, "height": 900})
    assert findings(page) == [], name
    assert overflow(page, 320) <= 0, name
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_way_by_sms(page):
    page.goto("/identity/?next=/identity/elsewhere/")
    clean(page, "start")
    page.get_by_role("link", name="문자로 확인하기").click()
    clean(page, "who-sms")
    page.get_by_role("button", name="다음").click()
    expect(page).to_have_title(re.compile("^오류:"))
    clean(page, "who-sms-errors")
    page.get_by_role("link", name="홍길동").click()
    expect(page.get_by_label("이름")).to_have_value("홍길동")
    page.get_by_role("button", name="다음").click()
    clean(page, "who-sms-second")
    expect(page.get_by_label("생년월일 6자리")).to_have_value("850315")
    assert page.locator("form:not(.lang) input:visible").count() <= 3
    page.get_by_role("button", name="인증번호 받기").click()
    clean(page, "code")
    code = re.search(r"\d{6}", inbox.messages(to="01077770101")[0]["text"]).group()
    page.get_by_label("인증번호 6자리").fill(f"{(int(code) + 1) % 1_000_000:06}")
    page.get_by_role("button", name="확인하기").click()
    clean(page, "code-wrong")
    page.get_by_label("인증번호 6자리").fill(code)
    page.get_by_role("button", name="확인하기").click()
    page.wait_for_url("**/identity/elsewhere/")
    clean(page, "elsewhere")


def test_the_way_by_app(page, browser):
    page.goto("/identity/app/")
    clean(page, "who-app")
    page.get_by_role("link", name="홍길동").click()
    page.get_by_role("button", name="PASS 앱으로 승인 요청 보내기").click()
    clean(page, "code-app")
    telephone = browser.new_page()
    telephone.goto(f"{settings.SANDBOX_URL}/pass")
    telephone.get_by_role("button", name="승인").first.click()
    telephone.close()
    page.get_by_role("button", name="승인했습니다").click()
    page.wait_for_url("**/my/**")


def ask(page, phone: str) -> None:
    page.goto("/identity/app/")
    page.get_by_label("통신사").select_option("KT")
    page.get_by_label("이름").fill("홍시험")
    page.get_by_label("휴대폰 번호").fill(phone)
    page.get_by_role("button", name="PASS 앱으로 승인 요청 보내기").click()


def test_trouble_is_explained(page, monkeypatch):
    ask(page, "010-9999-9001")
    clean(page, "unavailable")
    monkeypatch.setattr(service, "SENDS_PER_NUMBER", ((0, 3600),))
    ask(page, "010-9999-9002")
    clean(page, "too-many")


def test_the_end_of_a_session_is_announced_and_can_be_put_off(page, monkeypatch):
    monkeypatch.setattr(service, "IDLE_SECONDS", service.REFRESH_SECONDS + service.WARN_SECONDS + 2)
    page.goto("/identity/app/?next=/identity/leave/")
    page.get_by_role("link", name="홍길동").click()
    page.get_by_role("button", name="PASS 앱으로 승인 요청 보내기").click()
    telephone = page.context.browser.new_page()
    telephone.goto(f"{settings.SANDBOX_URL}/pass")
    telephone.get_by_role("button", name="승인").first.click()
    telephone.close()
    page.get_by_role("button", name="승인했습니다").click()
    page.goto("/identity/leave/")
    box = page.get_by_role("alertdialog")
    box.wait_for(state="visible")
    clean(page, "session-end")
    with page.expect_response("**/identity/stay/") as answer:
        box.get_by_role("button", name="계속하기").click()
    assert answer.value.status == 204
    box.wait_for(state="hidden")
