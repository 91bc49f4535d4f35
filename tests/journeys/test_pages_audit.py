"""The record of looks in a browser, the customer's and the auditor's side: no finding, nothing cut off."""

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from kt_remedy.audit import heads
from kt_remedy.audit import service as audit
from kt_remedy.audit.models import LookMark
from tests.journeys.test_pages_public import findings, overflow
from tests.refunds import make
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


def look(customer, **more):
    return audit.record(
        actor=audit.actor(staff_user("agent")),
        action="look.desk",
        object="page",
        subject=customer.pk,
        customers=[customer.pk],
        detail={"area": "desk"},
        **more,
    )


def check(page):
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert findings(page) == []
        assert overflow(page, width) <= 0


def test_a_customer_asks_and_the_auditor_answers(at, page, live_server):
    at("2026-01-16T23:10+09:00")
    holder = make.customer()
    LookMark.objects.create(entry=look(holder), kind="night", at="2026-01-16T23:20+09:00", by="staff:1")
    at("2026-01-17T10:00+09:00")
    look(holder)
    heads.give()

    def enter(client):
        cookie = client.cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])

    enter(as_customer(Client(), person(holder.ci)))
    page.goto(reverse("portal:my-record"))
    check(page)
    # `findings` opened every disclosure.
    page.locator(".looks details").first.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("무엇이 궁금하신지 골라 주세요.")
    check(page)
    page.get_by_label("무엇을 왜 보았는지 알고 싶습니다").first.check()
    page.locator(".looks details[open]").first.get_by_role("button").click()
    expect(page.locator("main")).to_contain_text("물으셨습니다.")
    check(page)
    enter(as_staff(Client(), staff_user("auditor")))
    for route in ("portal:audit", "portal:audit-unusual", "portal:audit-reviews", "portal:audit-questions"):
        page.goto(reverse(route))
        check(page)
    page.get_by_role("link", name="무엇을 왜 보았는지").click()
    page.get_by_label("답변").fill("번호를 잘못 눌렀습니다.")
    check(page)
    page.get_by_role("button", name="답하고 알리기").click()
    expect(page.locator("h1")).to_have_text("답할 고객 질문 0건")
    page.goto(reverse("portal:audit") + f"?customer={holder.pk}")
    check(page)
    at("2026-02-02T10:00+09:00")
    page.goto(reverse("portal:audit-review", args=[2026, 1]))
    check(page)
