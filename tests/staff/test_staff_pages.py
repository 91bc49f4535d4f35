"""Staff sign in with a browser: code, security key, the pages of an account; no accessibility finding."""

import os
import time

import pytest
from django.conf import settings
from playwright.sync_api import expect

from kt_remedy.devtools import demo_accounts, demo_staff
from kt_remedy.devtools.sandbox.phone import totp
from kt_remedy.staff import invitations, service
from kt_remedy.staff.models import RightsRequest, User
from tests.journeys.test_pages_public import findings, overflow

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sandbox")]


@pytest.fixture(autouse=True)
def staff(at):
    at("2026-01-20T10:00+09:00")
    demo_accounts.create()


def clean(page, name: str, *, axe: bool = True) -> None:
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        if folder := os.environ.get("SHOTS"):
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
    if axe:
        assert findings(page) == [], name
        assert overflow(page, 320) <= 0, name
    page.set_viewport_size({"width": 1280, "height": 900})


def sign_in(page, username: str, password: str = demo_staff.PASSWORD) -> None:
    page.goto("/staff/login/?next=/staff/second-factor/")
    page.get_by_label("아이디").fill(username)
    page.get_by_label("비밀번호").fill(password)
    page.get_by_role("button", name="로그인", exact=True).click()


def test_sign_in_with_the_code_of_the_practice_phone(page, browser):
    page.goto("/staff/login/")
    clean(page, "login")
    sign_in(page, "admin")
    clean(page, "second-factor")
    telephone = browser.new_page()
    telephone.goto(f"{settings.SANDBOX_URL}/authenticator")
    clean(telephone, "authenticator", axe=False)  # the code changes every half minute
    code = telephone.locator("[data-user=admin]").inner_text()
    telephone.close()
    page.get_by_label("인증 앱의 번호 6자리").fill(code)
    page.get_by_role("button", name="로그인", exact=True).click()
    page.get_by_role("heading", name="내 계정").wait_for()
    clean(page, "account")
    for name, address in (
        ("sessions", "/staff/sessions/"),
        ("household", "/staff/household/"),
        ("admin-hire", "/admin/staff/user/add/"),
        ("admin-act", f"/admin/staff/user/act/password/?ids={User.objects.get(username='clerk').pk}"),
    ):
        page.goto(address)
        clean(page, name)
    service.record_second_factor(User.objects.get(username="admin2"))
    page.get_by_label("이유").fill("잊어버림")
    page.get_by_role("button", name="새 비밀번호 코드 주기").click()
    page.get_by_text("다른 관리자의 승인을 기다립니다").wait_for()
    asked = RightsRequest.objects.get()
    page.goto(f"/admin/staff/rightsrequest/decide/?ids={asked.pk}")
    clean(page, "admin-request")
    page.goto("/admin/staff/user/")
    page.get_by_role("link", name="maker", exact=True).wait_for()
    clean(page, "admin-users", axe=False)
    page.get_by_role("link", name="maker", exact=True).click()
    clean(page, "admin-user", axe=False)


def test_a_security_key_is_added_and_opens_the_account(page):
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_in(page, "clerk")
    page.get_by_label("인증 앱의 번호 6자리").fill(totp(demo_staff.totp_secret("clerk"), time.time()))
    page.get_by_role("button", name="로그인", exact=True).click()
    page.get_by_role("link", name="보안 키 보기와 더하기").click()
    clean(page, "keys")
    page.get_by_role("link", name="보안 키 더하기").click()
    clean(page, "key-add")
    page.get_by_role("button", name="보안 키 더하기").click()
    # The previous page has the same heading. Leaving it too early would interrupt the saving.
    page.wait_for_url(lambda url: not url.endswith("/add/"))
    page.get_by_role("heading", name="복구 번호").or_(page.get_by_role("heading", name="보안 키")).first.wait_for()
    page.goto("/staff/logout/")
    page.get_by_role("button", name="나가기").last.click()
    sign_in(page, "clerk")
    page.get_by_role("button", name="보안 키로 로그인").click()
    page.get_by_role("heading", name="내 계정").wait_for()
    # Alone, without name and password, and also while wrong passwords have locked the name in this browser.
    page.goto("/staff/logout/")
    page.get_by_role("button", name="나가기").last.click()
    for _ in range(6):
        sign_in(page, "clerk", "wrong")
    expect(page.locator("main")).to_contain_text("로그인이 잠겼습니다")
    page.goto("/staff/login/?next=/staff/second-factor/")
    page.get_by_role("button", name="보안 키로 로그인").click()
    expect(page.get_by_role("heading", name="내 계정")).to_be_visible()
    assert User.objects.get(username="clerk").sessions.exists()


def test_an_invited_administrator_sets_a_password(page):
    User.objects.filter(roles=["administrator"]).delete()
    code = invitations.invite(username="first", name="윤가람").code
    page.goto("/staff/login/")
    page.get_by_role("link", name="코드를 받으셨나요? 비밀번호 정하기").click()
    clean(page, "invitation")
    page.get_by_role("button", name="비밀번호 정하기").click()
    page.get_by_role("heading", name="고쳐 주세요").wait_for()
    clean(page, "invitation-errors")
    page.get_by_label("아이디").fill("first")
    page.get_by_label("초대 코드").fill(code)
    page.get_by_label("새 비밀번호", exact=True).fill("sea-lamp-river-42")
    page.get_by_label("새 비밀번호 한 번 더").fill("sea-lamp-river-42")
    page.get_by_role("button", name="비밀번호 정하기").click()
    page.get_by_role("heading", name="직원 로그인").wait_for()
    page.get_by_text("비밀번호를 정했습니다. 로그인한 뒤 휴대폰 본인 확인을 마치면 계정이 열립니다.").wait_for()
