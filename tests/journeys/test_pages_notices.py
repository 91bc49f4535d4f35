"""The pages of the messages in a browser: no accessibility finding, nothing cut off, at both ends of the scale."""

import pytest
from django.test import Client

from kt_remedy.core.tasks import schedule
from kt_remedy.notices import service
from kt_remedy.notices.models import Mailing, Message
from refunds import reminders
from tests.journeys.test_pages_public import findings, overflow
from tests.refunds import make
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_finding_and_nothing_cut_off(page, at, live_server, settings):
    settings.ROUNDS_NEED_APPROVAL = True
    at("2026-01-20T10:00+09:00")
    for _n in range(3):
        make.line(make.customer(), termination_reason="PORT_OUT")
    reminders._queue("reminder", "round-1")
    service.queue(kind="filing.received_open", subject="A-1", person=b"a", to="")
    schedule.plan()
    service.write_text(
        by=staff_user("administrator"),
        kind="filing.received_open",
        ko="[KT] 신청을 잘 받았습니다. 문의 {hotline}(무료)",
        en="[KT] Your claim has arrived. Questions: {hotline} (free)",
        reason="쉬운 말",
    )

    def look(client: Client, path: str) -> None:
        cookie = client.cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        page.goto(path)
        assert page.locator("h1").count() == 1, path
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert findings(page) == [], path
        assert overflow(page, 320) <= 0, path

    customer = as_customer(Client(), person("kim"))
    look(customer, "/messages/")
    look(customer, "/messages/opt-out/")
    page.get_by_role("button", name="안내 문자 그만 받기").click()
    look(customer, "/messages/opt-out/")
    supervisor = as_staff(Client(), staff_user("supervisor"))
    look(supervisor, "/messages/opt-outs/")
    look(supervisor, "/messages/sent/?channel=POST&reason=NO_NUMBER")
    look(supervisor, f"/messages/unreached/{Message.objects.get(kind='filing.received_open').pk}/")
    look(supervisor, "/messages/sent/")
    look(supervisor, page.locator("nav a", has_text="일정표").get_attribute("href"))
    page.goto("/messages/sent/")
    page.get_by_role("button", name="인원과 내용을 확인했습니다").click()
    page.get_by_text("처리했습니다").wait_for()
    assert Mailing.objects.get().state == "CHECKED"
    assert Message.objects.filter(kind="reminder", state="QUEUED").count() == 3
    look(supervisor, "/messages/sent/")
