"""Consents, one's own file and the page about guarding in a browser, in both languages: no finding, nothing cut off."""

import os
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from kt_remedy.audit import heads
from kt_remedy.audit import service as audit
from kt_remedy.notices.models import Message
from refunds.applications import objections, submit
from refunds.models.applications import Channel
from tests.journeys.test_pages_public import findings, overflow
from tests.refunds import make
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


def check(page, name):
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        if folder := os.environ.get("SHOTS"):
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
        assert findings(page) == [], name
        assert overflow(page, width) <= 0, name


def filed(holder):
    submit.submit(
        submit.Submission(
            key=uuid.uuid4().hex,
            channel=Channel.WEB,
            person_index=holder.person_index,
            contract_nos=[make.line(holder).pk],
            account_id=make.account(holder).pk,
            consents=submit.CONSENTS,
            contact="01012345678",
            proof={"method": "IDENTITY"},
        )
    )


@pytest.fixture
def enter(page, live_server):
    def as_client(client):
        cookie = client.cookies["sessionid"].value
        page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])

    return as_client


def speak(page, live_server, language):
    page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])


def test_a_consent_is_withdrawn_and_given_again(january, settings, page, live_server, enter):
    settings.QA_SAMPLE_PERCENT = 0
    holder = make.customer()
    filed(holder)
    message = Message.objects.get(kind="filing.received")
    message.body, message.state = "[KT] 위약금 환급 신청이 접수되었습니다. 문의 080-470-7790(무료)", "DELIVERED"
    message.save()
    refused = make.line(holder, outcome="NOT_ELIGIBLE", reasons="FORCED_TERMINATION", termination_reason="FORCED")
    objections.object_to(
        contract_no=refused.pk, person_index=holder.person_index, text="제가 해지했습니다.", contact="01012345678"
    )
    enter(as_customer(Client(), person(holder.ci)))
    for language in ("en", "ko"):
        speak(page, live_server, language)
        page.goto(reverse("portal:my-record"))
        check(page, f"record-{language}")
        page.goto(reverse("portal:my-consent", args=["privacy"]))
        check(page, f"consent-{language}")
    page.get_by_role("button", name="동의 거두기").click()
    expect(page.locator("main")).to_contain_text("읽으셨으면 표시해 주세요.")
    check(page, "consent-unread")
    page.get_by_label("위에 적힌 것을 읽었고").check()
    page.get_by_role("button", name="동의 거두기").click()
    expect(page.locator("body")).to_contain_text("신청 1건을 철회했습니다.")
    check(page, "record-withdrawn")
    page.get_by_role("link", name="다시 동의하기").click()
    check(page, "consent-again")
    expect(page.locator("main")).to_contain_text("180일이 지나면 지웁니다")
    page.get_by_label("위에 적힌 것을 읽었고").check()
    page.get_by_role("button", name="다시 동의하기").click()
    expect(page.locator("body")).to_contain_text("다시 동의하셨습니다.")


def test_the_guard_page_the_own_file_and_the_desk_of_the_auditor(january, page, live_server, enter):
    holder = make.customer()
    filed(holder)
    audit.record(actor="staff:1", action="look.desk", object="page", subject=holder.pk, detail={"area": "desk"})
    heads.give()
    for language in ("en", "ko"):
        speak(page, live_server, language)
        page.goto(reverse("portal:guard"))
        check(page, f"guard-{language}")
        enter(as_customer(Client(), person(holder.ci)))
        page.goto(reverse("portal:my-file"))
        check(page, f"file-{language}")
        enter(as_staff(Client(), staff_user("auditor")))
        page.goto(reverse("portal:audit") + f"?customer={holder.pk}")
        check(page, f"audit-{language}")
