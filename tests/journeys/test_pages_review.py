"""The day of reviewers and a supervisor in a browser: a case is one page load, two people never meet in one case."""

import pytest
from django.test import Client
from playwright.sync_api import expect

from refunds.accounts import service as accounts
from refunds.applications import documents, objections
from refunds.models.applications import Application
from refunds.models.reviews import Letter, ReviewCase
from tests.journeys.test_pages_refunds import enter, look
from tests.refunds import make
from tests.refunds.applications.test_documents import PDF
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def january(at, settings, monkeypatch) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-16T10:00+09:00")
    monkeypatch.setattr(accounts, "request_holder_check", lambda _account: ("MATCH", "EXACT", "check-1"))


def in_review(name: str) -> Application:
    holder = make.customer(name=name)
    return make.application(make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER"), status="REVIEW")


def test_a_reviewer_decides_with_one_load_a_case(page, live_server) -> None:
    first, second, third = (in_review(name) for name in ("이정순", "박새롬", "최한별"))
    documents.add(
        application_id=first.pk, files=documents.read([("a.pdf", PDF)]), person_index=first.filing.person_index
    )
    enter(page, live_server, as_staff(Client(), staff_user("reviewer")))
    page.goto("/admin/")
    look(page)
    page.get_by_role("button", name="다음 건 시작").click()
    expect(page.locator("h1")).to_have_text("명의가 바뀐 회선: 약정을 이어받았나요?")
    expect(page.locator("img.viewer__page").first).to_be_visible()
    look(page)

    loads = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    page.keyboard.press("r")
    expect(page.get_by_label("명의를 바꾸며 새 약정을 맺음")).to_be_visible()
    page.get_by_label("다른 사람의 회선").check()
    expect(page.locator("#letter")).to_contain_text("이 회선은 신청하신 분의 회선이 아닙니다.")
    expect(page.locator("#letter")).to_contain_text("This line is not in the name")
    look(page)
    page.get_by_role("button", name="거절을 알리고 다음 건").click()
    expect(page.locator("body")).to_contain_text(second.filing.reference)
    assert len(loads) == 1
    first.refresh_from_db()
    assert (first.status, Letter.objects.get().codes) == ("REJECTED", ["OTHER_PERSONS_LINE"])

    page.locator("summary", has_text="날을 정해 미뤄 두기").click()
    page.get_by_label("언제 다시 볼까요").fill("2026-01-19")
    page.get_by_label("무엇을 기다리나요").fill("통장 사본")
    look(page)
    page.get_by_role("button", name="미뤄 두고 다음 건").click()
    expect(page.locator("body")).to_contain_text(third.filing.reference)
    page.keyboard.press("e")
    page.get_by_label("심사 책임자에게 물을 것").fill("neo")  # no key is read inside a field
    page.get_by_role("button", name="묻고 다음 건").click()
    expect(page.locator("body")).to_contain_text("지금 맡을 건이 없습니다.")
    look(page)
    page.goto("/admin/")
    expect(page.locator("body")).to_contain_text("통장 사본")
    look(page)
    assert ReviewCase.objects.get(application=third).question == "neo"

    page.context.clear_cookies()
    enter(page, live_server, as_staff(Client(), staff_user("supervisor")))
    page.goto("/admin/")
    look(page)
    page.get_by_role("button", name="다음 건 시작").click()
    page.get_by_label("심사자에게 주는 답").fill("동의서를 받으세요")
    look(page)
    page.get_by_role("button", name="답하고 다음 건").click()
    expect(page.locator("body")).to_contain_text("답을 보냈습니다.")


def test_two_reviewers_at_once_and_keys_that_are_switched_off(page, live_server, browser) -> None:
    rows = {in_review(name).filing.reference for name in ("이정순", "박새롬")}
    other = browser.new_context(base_url=live_server.url, locale="ko-KR").new_page()
    enter(page, live_server, as_staff(Client(), staff_user("reviewer")))
    enter(other, live_server, as_staff(Client(), staff_user("reviewer", username="other")))
    seen = set()
    for one in (page, other):
        one.goto("/admin/")
        one.keyboard.press("n")
        one.wait_for_url("**/refunds/review/*/")
        seen |= {reference for reference in rows if reference in one.content()}
    assert seen == rows
    page.keyboard.press("Shift+Slash")
    expect(page.locator("#keys dl")).to_contain_text("승인")
    page.locator("#keys-on").uncheck()
    page.keyboard.press("r")
    expect(page.locator("input[value=REJECT]")).not_to_be_checked()
    other.goto(page.url)  # held by somebody else
    expect(other.locator("body")).to_contain_text("다른 심사자가 보고 있는 신청입니다.")
    other.close()


def test_several_at_once_and_the_answer_to_an_objection(page, live_server) -> None:
    rows = [in_review(name) for name in ("이정순", "박새롬")]
    holder = make.customer(ci="hong")
    line = make.line(holder, outcome="NOT_ELIGIBLE", reasons="DEVICE_CHANGE_AFTER_BASE")
    enter(page, live_server, as_customer(Client(), person("hong")))
    page.goto(f"/refunds/object/{line.pk}/")
    page.get_by_label("금액이 다릅니다").check()
    page.get_by_label("맞다고 생각하시는 금액").fill("60,000원")
    page.locator("textarea").fill("60,000원이 맞습니다")
    look(page)
    page.get_by_role("button", name="이의 보내기").click()
    page.locator("textarea").fill("12월 청구서에 있습니다")
    page.get_by_role("button", name="덧붙여 보내기").click()
    expect(page.locator("body")).to_contain_text("12월 청구서에 있습니다")
    page.locator("summary", has_text="이의 거두기").click()
    look(page)
    page.context.clear_cookies()
    enter(page, live_server, as_staff(Client(), staff_user("reviewer")))
    page.goto("/refunds/review/")
    look(page)
    page.get_by_role("link", name="이 쪽 모두 고르기").click()
    page.locator("input[name=act][value=ASK_DOCUMENTS]").check()
    page.get_by_label("가입 계약서").check()
    look(page)
    page.get_by_role("button", name="각 고객이 읽을 글 보기").click()
    expect(page.locator("h1")).to_contain_text("2건을 같이 결정합니다")
    look(page)
    page.get_by_role("button", name="2명에게 알리고 결정하기").click()
    expect(page.locator("body")).to_contain_text("2건을 결정했습니다.")
    assert {row.status for row in Application.objects.filter(pk__in=[row.pk for row in rows])} == {"NEED_DOCS"}
    page.get_by_role("button", name="다음 건 맡기").click()
    expect(page.locator("h1")).to_contain_text("금액이 다릅니다")
    look(page)
    page.locator("input[value=DECLINE]").check()
    page.get_by_label("청구하고 내신 금액과 같음").check()
    expect(page.locator("#letter")).to_contain_text("알려 드린 금액과 같았습니다.")
    look(page)
    page.get_by_role("button", name="답 보내고 다음 건").click()
    expect(page.locator("body")).to_contain_text("답변을 보냈습니다.")
    assert list(objections.open_objections()) == []
