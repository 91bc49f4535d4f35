"""The day of a clerk and of an agent in a browser: customers side by side, back, second click, expired session, draft.

The loads, clicks and keys of a simple filing stand in docs/architecture.md (Desk session); the test counts them.
"""

import datetime as dt
import re

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import expect

from kt_remedy.core import clock
from kt_remedy.notices.models import Message
from kt_remedy.staff.models import Store
from refunds.accounts import service as accounts
from refunds.applications import call_backs, continuing, desk_sessions, drafts
from refunds.models.applications import Filing, Note
from refunds.models.desk import DeskSession
from tests.journeys.test_pages_public import findings, overflow
from tests.refunds import make
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def january(at, settings, monkeypatch) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-16T10:00+09:00")
    monkeypatch.setattr(accounts, "request_holder_check", lambda _account: ("MATCH", "EXACT", "check-1"))


def enter(page, live_server, user, language: str = "ko") -> None:
    browser = as_staff(Client(), user)
    page.context.add_cookies(
        [
            {"name": "sessionid", "value": browser.cookies["sessionid"].value, "url": live_server.url},
            {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url},
        ]
    )


def look(page) -> None:
    """No accessibility finding at 1280 and 360 px, nothing cut off at 320."""
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert findings(page) == [], page.url
    assert overflow(page, 320) <= 0, page.url
    page.set_viewport_size({"width": 1280, "height": 900})


class Hands:
    """A member of staff at one tab of a browser, with the loads, clicks and keys so far."""

    def __init__(self, page) -> None:
        self.page, self.loads, self.clicks, self.keys = page, 0, 0, 0
        page.on("response", self._loaded)

    def _loaded(self, answer) -> None:
        request = answer.request
        if request.is_navigation_request() and not 300 <= answer.status < 400:
            self.loads += 1

    def type(self, field: str, text: str) -> None:
        self.keys += len(text)
        self.page.locator(f"input[name={field}]").fill(text)

    def tick(self, field: str, value: str = "") -> None:
        self.clicks += 1
        self.page.locator(f"input[name={field}]" + (f'[value="{value}"]' if value else "")).first.check()

    def choose(self, field: str, value: str) -> None:
        self.clicks += 1
        self.page.locator(f"select[name={field}]").select_option(value)

    def press(self, address: str) -> None:
        """Press the main button of the form that posts to this address."""
        self.clicks += 1
        self.page.locator(f'form[action$="{address}"] button.btn').first.click()

    def find(self, line, born: str) -> None:
        self.type("number", line.msisdn)
        self.type("fact", born)
        self.press("/desk/")
        self.page.wait_for_url("**/desk/s/**")

    def prove(self) -> None:
        """Say that the holder came, see the card, hear the code."""
        self.tick("came_as", "SELF")
        self.press("/who/")
        self.choose("kind", "DRIVER")
        self.type("contact", "01055557720")
        self.press("/prove/card/")
        field = self.page.locator("input[name=code]")
        expect(field).to_be_visible()
        self.type("code", re.search(r"\d{6}", Message.objects.filter(kind="desk.code").latest("pk").body).group())
        self.press("/prove/code/")
        expect(self.page.locator("#cust")).to_be_visible()
        self.page.wait_for_load_state()

    def fill(self, number: str) -> None:
        self.choose("bank", "088")
        self.type("number", number)
        self.tick("privacy")

    def file(self) -> None:
        self.clicks += 1
        self.page.locator("form[data-draft] button.btn-primary").click()


@pytest.mark.slow
def test_the_day_of_a_clerk_with_three_customers(page, live_server) -> None:
    births = {"이정순": "1954-04-02", "김철수": "1970-01-01", "박영희": "1985-03-15"}
    lines = [make.line(make.customer(name=name, birth=born, ci=name)) for name, born in births.items()]
    born = [day.replace("-", "")[2:] for day in births.values()]
    clerk = staff_user("clerk", username="clerk-a", store=Store.objects.create(code="A", name="광화문점"))
    enter(page, live_server, clerk)
    page.goto("/desk/")
    expect(page.locator("input[name=number]")).to_be_focused()
    look(page)
    # A simple filing, counted from the search to the receipt.
    first = Hands(page)
    first.find(lines[0], born[0])
    first.prove()
    proven = first.loads
    page.keyboard.press("n")
    first.keys += 1
    page.wait_for_url("**/file/")
    look(page)
    first.fill("11022033044")
    first.file()
    page.wait_for_url("**/receipt/**")
    look(page)
    # The page of the customer, shown with the proof, and the two that follow it; four at most.
    assert (first.loads - proven + 1, first.loads) == (3, 6)
    assert first.clicks <= 10, first.clicks
    assert first.keys <= 60, first.keys
    # Back: the form is not offered again for the line that was filed.
    page.go_back()
    expect(page.locator("body")).to_contain_text("지금 신청할 회선이 없습니다")
    assert Filing.objects.count() == 1

    # Two more customers in tabs of their own, three at once.
    second, third = Hands(page.context.new_page()), Hands(page.context.new_page())
    for hands, line, day in ((second, lines[1], born[1]), (third, lines[2], born[2])):
        hands.page.goto("/desk/")
        hands.find(line, day)
        hands.prove()
    page.reload()
    expect(page.locator(".sess-list .sess-mark")).to_have_text(["가", "나", "다"])
    look(page)
    # A note typed in the second tab and sent to the third customer's address is kept on nobody.
    rows = {row.customer.holder_name: row for row in desk_sessions.live_of(clerk)}
    second.page.locator("form[action$='/note/']").evaluate(
        "(form, key) => { form.action = form.action.replace(/s\\/[^/]+/, 's/' + key); }", rows["박영희"].key
    )
    second.page.locator("form[action$='/note/'] textarea").fill("다시 설명")
    second.press("/note/")
    expect(second.page.locator("h1")).to_contain_text("저장하지 않았습니다")
    look(second.page)
    assert not Note.objects.exists()
    # Pressed twice: one filing. Each tab files for its own customer.
    third.page.locator("a[href$='/file/']").first.click()
    third.page.wait_for_url("**/file/")
    third.fill("11022033055")
    third.page.locator("form[data-draft] button.btn-primary").dblclick()
    third.page.wait_for_url("**/receipt/**")
    assert Filing.objects.filter(person_index=lines[2].customer.person_index).count() == 1
    # The session of the second customer runs out while the clerk types; the draft waits on the home.
    second.page.goto(f"/desk/s/{rows['김철수'].key}/file/")
    second.fill("11022033066")
    ago = dt.datetime.now(dt.UTC) - desk_sessions.IDLE
    DeskSession.objects.filter(pk=rows["김철수"].pk).update(touched_at=ago)
    second.file()
    expect(second.page.locator("body")).to_contain_text("응대 시간이 끝났습니다")
    expect(second.page.locator("#kept")).to_be_visible()
    look(second.page)
    second.page.locator(f"form[action$='/again/{rows['김철수'].key}/'] button").click()
    second.prove()
    second.page.locator("a[href$='/file/']").first.click()
    expect(second.page.locator("input[name=number]")).to_have_value("11022033066")
    second.tick("privacy")
    second.file()
    second.page.wait_for_url("**/receipt/**")
    assert {filing.customer.holder_name for filing in Filing.objects.select_related("customer")} == set(births)
    # The first customer objects, and adds to it.
    page.goto(f"/desk/s/{rows['이정순'].key}/object/{lines[0].pk}/")
    page.locator("input[name=kind]").last.check()
    page.locator("textarea[name=words]").fill("금액이 다릅니다")
    page.locator("form[enctype] button.btn-primary").click()
    expect(page.locator("#cust")).to_be_visible()
    page.locator("#past ~ p a[href*='/object/']").click()
    look(page)
    page.locator("textarea[name=words]").fill("청구서를 찾았습니다")
    page.locator("form[enctype] button.btn-primary").click()
    expect(page.locator("body")).to_contain_text("덧붙인 것을 받았습니다")


@pytest.mark.slow
def test_the_day_of_an_agent_in_english(page, live_server) -> None:
    holder = make.customer(name="이정순", birth="1954-04-02", ci="lee")
    line = make.line(holder)
    agent = staff_user("agent")
    when = clock.now() + dt.timedelta(hours=1)
    call_backs.write_note(customer=holder, text="설명", staff=agent, call_back_at=when, call_to="01055557720")
    drafts.save(drafts.Answers(lines=[line.pk]), person_index=holder.person_index)
    digits = continuing.give(person_index=holder.person_index, name="이정순", contact="01055557720")
    enter(page, live_server, agent, "en")
    hands = Hands(page)
    page.goto("/desk/")
    expect(page.locator("input[name=number]")).to_be_focused()
    look(page)
    # A promised call: its digits and words stand on every page until the outcome is written.
    page.get_by_role("link", name="이*순").click()
    look(page)
    page.get_by_role("button", name="Show the number and call").click()
    bar = page.locator(".callbar")
    expect(bar).to_contain_text("Two words to say first")
    look(page)
    page.goto("/desk/")
    expect(bar).to_be_visible()
    look(page)
    bar.get_by_role("link").click()
    page.locator("input[name=outcome][value=REACHED]").check()
    page.locator("main form .btn-primary").last.click()
    page.wait_for_url("**/desk/")
    expect(bar).to_have_count(0)
    # The customer calls back and goes on with the draft of the website.
    hands.type("go-code", "000000" if digits != "000000" else "111111")
    hands.type("go-name", "이정순")
    hands.press("/continue/")
    expect(page.locator("body")).to_contain_text("No draft fits both")
    look(page)
    hands.type("go-code", digits)
    hands.press("/continue/")
    page.wait_for_url("**/file/")
    expect(page.locator("body")).to_contain_text("opened this draft")
    look(page)
    hands.fill("11022033044")
    hands.file()
    page.wait_for_url("**/receipt/**")
    look(page)
    # Everything else about the customer waits for the proof: a code to the number that was confirmed with the filing.
    page.get_by_role("button", name="Verify the customer").click()
    hands.tick("came_as", "SELF")
    hands.press("/who/")
    look(page)
    hands.press("/prove/number/")
    sent = Message.objects.get(kind="desk.call_code")
    hands.type("code", re.search(r"\d{6}", sent.body).group())
    hands.press("/prove/code/")
    expect(page.locator("#cust")).to_be_visible()
    look(page)
    for number in range(2, 7):
        page.keyboard.press(str(number))
        page.wait_for_url(f"**?ask={number}*")
    expect(page.locator(".say").first).not_to_be_empty()
    expect(page.locator("main")).not_to_contain_text("undefined")
