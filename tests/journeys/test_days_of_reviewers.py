"""Days of reviewer, supervisor and store manager in a browser, each with three tabs open, in both languages."""

import pytest
from django.test import Client
from playwright.sync_api import expect

from kt_remedy.staff.models import Store
from refunds.accounts import service as accounts
from refunds.applications import queue
from refunds.models.applications import Application, Filing
from refunds.models.reviews import Letter, ReviewCase
from tests.journeys.test_pages_refunds import enter, look
from tests.refunds import make
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def january(at, settings, monkeypatch) -> None:
    settings.QA_SAMPLE_PERCENT = settings.SECOND_LOOK_PERCENT = 0
    at("2026-01-16T10:00+09:00")
    monkeypatch.setattr(accounts, "request_holder_check", lambda _account: ("MATCH", "EXACT", "check-1"))


def in_review(name: str) -> Application:
    holder = make.customer(name=name)
    return make.application(make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER"), status="REVIEW")


def tabs(page, *addresses: str) -> list:
    """Tabs of one browser, each at its address."""
    opened = [page, *(page.context.new_page() for _address in addresses[1:])]
    for tab, address in zip(opened, addresses, strict=True):
        tab.goto(address)
    return opened


def in_english(page, live_server) -> None:
    page.context.add_cookies([{"name": "django_language", "value": "en", "url": live_server.url}])


def case(row: Application) -> str:
    return f"/refunds/review/{row.pk}/"


def refuse(tab, reason: str = "OTHER_PERSONS_LINE") -> None:
    """Choose a refusal and its reason, and read the letter, as far as its button."""
    tab.locator("input[name=act][value=REJECT]").check()
    tab.locator(f"input[name=codes][value={reason}]:visible").check()
    expect(tab.locator("button[name=send]")).to_be_visible()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_reviewer_with_three_tabs(page, live_server, language) -> None:
    first, second, third = (in_review(name) for name in ("이정순", "박새롬", "최한별"))
    reviewer = staff_user("reviewer")
    enter(page, live_server, as_staff(Client(), reviewer))
    if language == "en":
        in_english(page, live_server)
    home, mine, stale = tabs(page, "/admin/", case(first), case(first))
    look(home)
    expect(home.locator("html")).to_have_attribute("lang", language)
    # Each tab decides its own case, and one load brings the next.
    loads: list[str] = []
    mine.on("framenavigated", lambda frame: loads.append(frame.url))
    refuse(mine)
    look(mine)
    mine.locator("button[name=send]").click()
    expect(mine.locator("body")).to_contain_text(second.filing.reference)
    assert len(loads) == 1
    # The same case in a tab that was open before: nothing is decided twice or taken back, and the page says why.
    stale.locator("textarea[name=words]").fill("메모")
    stale.locator("input[name=act][value=APPROVE]").check()
    expect(stale.locator("#letter")).to_contain_text(
        "이미 다른 상태로 바뀐 신청입니다." if language == "ko" else "has moved to another state"
    )
    first.refresh_from_db()
    assert (first.status, Letter.objects.count()) == ("REJECTED", 1)
    # The next case of another tab is another case.
    home.goto("/admin/")
    home.locator("form[action$='/next/'] button").click()
    expect(home.locator("body")).to_contain_text(third.filing.reference)
    assert set(ReviewCase.objects.filter(holder=reviewer).values_list("application_id", flat=True)) == {
        second.pk,
        third.pk,
    }
    # Back, and the same page again: the case is still held.
    home.go_back()
    home.go_forward()
    expect(home.locator("body")).to_contain_text(third.filing.reference)


def test_two_tabs_send_the_same_decision(page, live_server) -> None:
    row = in_review("이정순")
    enter(page, live_server, as_staff(Client(), staff_user("reviewer")))
    first, second = tabs(page, case(row), case(row))
    for tab in (first, second):
        refuse(tab)
    first.locator("button[name=send]").click()
    expect(first.locator("body")).to_contain_text("지금 맡을 건이 없습니다.")
    second.locator("button[name=send]").click()
    expect(second.locator("body")).to_contain_text("이미 다른 상태로 바뀐 신청입니다.")
    look(second)
    assert Letter.objects.count() == 1


def test_a_second_look_between_two_reviewers(page, live_server, browser, settings) -> None:
    settings.SECOND_LOOK_PERCENT = 100
    row = in_review("이정순")
    other = browser.new_context(base_url=live_server.url, locale="ko-KR").new_page()
    enter(page, live_server, as_staff(Client(), staff_user("reviewer")))
    enter(other, live_server, as_staff(Client(), staff_user("reviewer", username="other")))
    page.goto(case(row))
    refuse(page)
    page.locator("button[name=send]").click()
    expect(page.locator("body")).to_contain_text("지금 맡을 건이 없습니다.")
    assert not Letter.objects.exists()
    page.goto(case(row))  # the first person waits for the second
    expect(page.locator("input[name=act]")).to_have_count(0)
    look(page)
    other.goto("/admin/")
    other.locator("form[action$='/next/'] button").click()
    expect(other.locator("body")).to_contain_text(row.filing.reference)
    look(other)
    other.keyboard.press("y")
    expect(other.locator("button[name=send]")).to_be_visible()
    other.locator("button[name=send]").click()
    expect(other.locator("body")).to_contain_text("지금 맡을 건이 없습니다.")
    row.refresh_from_db()
    assert (row.status, Letter.objects.count()) == ("REJECTED", 1)
    other.context.close()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_supervisor_with_three_tabs(page, live_server, language) -> None:
    asked, held = in_review("이정순"), in_review("박새롬")
    reviewer = staff_user("reviewer")
    queue.describe_new()
    for row in (asked, held):
        queue.renew(ReviewCase.objects.get(application=row), reviewer)
    queue.ask(case_id=ReviewCase.objects.get(application=asked).pk, reviewer=reviewer, question="동의서는?")
    enter(page, live_server, as_staff(Client(), staff_user("supervisor")))
    if language == "en":
        in_english(page, live_server)
    home, report, other = tabs(page, "/admin/", "/refunds/report/?channel=WEB", case(held))
    look(home)
    expect(home.locator("body")).to_contain_text("동의서는?")
    look(report)
    look(other)
    home.locator("form[action$='/next/'] button").click()
    expect(home.locator("body")).to_contain_text(asked.filing.reference)
    home.locator("textarea[name=reply]").fill("받으세요")
    look(home)
    home.locator("form:has(textarea[name=reply]) button").click()
    expect(home.locator("body")).to_contain_text("답을 보냈습니다." if language == "ko" else "The answer is sent.")
    report.reload()
    expect(report.locator("body")).to_contain_text("홈페이지" if language == "ko" else "Website")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_store_manager_with_three_tabs(page, live_server, language) -> None:
    here, there = (Store.objects.create(code=code, name=name) for code, name in (("A1", "새봄점"), ("B2", "한빛점")))
    rows = [make.application(make.line(make.customer(name=name)), status="REVIEW") for name in ("이정순", "박새롬")]
    for row, store in zip(rows, (here, there), strict=True):
        Filing.objects.filter(pk=row.filing_id).update(store=store)
        Application.objects.filter(pk=row.pk).update(status="NEED_DOCS", documents_due_on="2026-01-20")
    enter(page, live_server, as_staff(Client(), staff_user("store_manager", store=here)))
    if language == "en":
        in_english(page, live_server)
    home, day, closed = tabs(page, "/admin/", "/refunds/store/", "/refunds/report/")
    look(home)
    expect(home.locator("#h-store")).to_have_text("새봄점")
    home.locator("a.btn[href*='/refunds/store/']").click()
    expect(home.locator("#waiting")).to_contain_text(rows[0].filing.reference)
    look(day)
    expect(day.locator("body")).not_to_contain_text(rows[1].filing.reference)
    # A page of another role: the answer leads back to the own work.
    look(closed)
    closed.locator("main .actions a").click()
    closed.wait_for_url("**/desk/")  # where staff of a store begin
