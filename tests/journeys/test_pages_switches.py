"""The switches in a browser: one person stops, another starts again, and a customer reads why an act waits."""

import pytest
from django.test import Client
from playwright.sync_api import expect

from tests.journeys.test_pages_refunds import enter, look
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_people_stop_and_start_a_part(page, live_server) -> None:
    enter(page, live_server, as_staff(Client(), staff_user("administrator", username="one")))
    page.goto("/switches/")
    look(page)
    part = page.locator("section", has=page.get_by_role("heading", name="새 신청 접수"))
    part.get_by_label("이유").fill("연습")
    part.get_by_role("button", name="지금 멈추기").click()
    expect(part).to_contain_text("one님이 멈췄습니다")
    part.get_by_label("이유").fill("끝남")
    part.get_by_role("button", name="다시 열자고 요청하기").click()
    expect(part).to_contain_text("one님이 다시 열자고 했습니다")
    expect(part.get_by_role("button", name="멈춘 것을 확인하기")).to_have_count(0)
    enter(page, live_server, as_staff(Client(), staff_user("supervisor", username="two")))
    page.goto("/switches/")
    look(page)
    part.get_by_role("button", name="다시 열기").click()
    expect(part).to_contain_text("열림")
