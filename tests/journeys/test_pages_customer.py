"""My lines in a browser, at both ends of the scale: every kind of card, no finding, nothing cut off."""

import datetime as dt

import pytest
from django.test import Client
from playwright.sync_api import expect

from kt_remedy.core import clock
from tests.journeys.test_pages_public import findings, overflow
from tests.refunds import make
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def my_lines(page, live_server):
    holder = make.customer()
    make.line(holder)
    make.line(holder, terminated="2026-01-12T10:00+09:00", reasons="NOT_BILLED_YET", refundable_krw=0)
    make.line(holder, outcome="NOTHING_DUE", reasons="NO_PENALTY", refundable_krw=0)
    make.line(holder, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", refundable_krw=0)
    late = dt.datetime(2025, 10, 2, tzinfo=clock.KST)
    changed = {"contract_event": "DEVICE_CHANGE", "contract_started_at": late}
    make.line(holder, outcome="NOT_ELIGIBLE", reasons="DEVICE_CHANGE_AFTER_BASE", **changed)
    moved = {"contract_event": "TRANSFER", "contract_started_at": late}
    make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER", **moved)
    make.application(make.line(holder))
    session = as_customer(Client(), person(holder.ci)).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    return page


@pytest.mark.parametrize("now", ["2026-01-05T10:00+09:00", "2026-01-20T10:00+09:00", "2026-02-10T10:00+09:00"])
def test_every_kind_of_card(at, my_lines, now):
    at(now)
    my_lines.goto("/my/")
    assert my_lines.locator("article.verdict").count() == 7
    for width in (1280, 360):
        my_lines.set_viewport_size({"width": width, "height": 800})
        assert findings(my_lines) == []
    assert overflow(my_lines, 320) <= 0


def test_asking_to_be_told(at, my_lines):
    at("2026-01-05T10:00+09:00")
    my_lines.goto("/my/")
    my_lines.get_by_role("link", name="시작되면 알려 주세요").first.click()
    assert findings(my_lines) == []
    my_lines.get_by_role("button", name="문자로 알려 주세요").click()
    expect(my_lines.locator("h1")).to_have_text("신청이 시작되면 알려 드립니다")
    assert findings(my_lines) == []
    assert overflow(my_lines, 320) <= 0
    my_lines.get_by_role("button", name="알림 취소하기").click()
    expect(my_lines.locator("h1")).to_have_text("신청이 시작되면 알려 드릴까요?")


def test_leaving_ends_the_session(at, my_lines):
    at("2026-01-20T10:00+09:00")
    my_lines.goto("/my/")
    my_lines.get_by_role("button", name="나가기").first.click()
    my_lines.goto("/my/")
    assert "/identity/" in my_lines.url
