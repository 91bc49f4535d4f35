"""The waiting room in a browser: each state in both languages, wide and narrow, and the way in without JavaScript."""

import datetime as dt

import pytest
from django.test import Client
from playwright.sync_api import expect

from kt_remedy.core import switches
from kt_remedy.core.models import Switch, WaitingRoom, WaitingSecond
from kt_remedy.portal.waiting import pages, room
from tests.journeys.test_pages_refunds import enter, look
from tests.portal.test_waiting_room import memory  # noqa: F401  (a process that has just started, for each test)
from tests.refunds import make
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db(transaction=True)
LOOKUP = "/identity/?next=/my/"


@pytest.fixture(autouse=True)
def pause(monkeypatch) -> list[int]:
    """Seconds until a page asks again; long, so that it does not while it is looked at."""
    seconds = [600]
    monkeypatch.setattr(pages, "_pause", lambda *_args: seconds[0])
    return seconds


@pytest.fixture(params=["ko-KR", "en-US"])
def phone(request, browser, live_server):
    """A page in one of the languages."""
    context = browser.new_context(base_url=live_server.url, locale=request.param)
    yield context.new_page()
    context.close()


def pass_seconds(seconds: int) -> None:
    """Let the room move on by so many seconds from now."""
    now = dt.datetime.now(dt.UTC)
    for passed in range(1, seconds + 1):
        room.tick(now + dt.timedelta(seconds=passed))


def open_room(*, before: int = 0, at: dt.datetime | None = None) -> None:
    """Open the room, with so many people before whoever comes now."""
    now = dt.datetime.now(dt.UTC)
    switches.stop("ENTRY", by="one", reason="practice")
    Switch.objects.update(stopped_at=at or now - dt.timedelta(seconds=30))
    if before:
        WaitingSecond.objects.create(second=int(now.timestamp()) - 20, arrivals=before)
    room.tick(now)


def says(page, korean: str, english: str) -> None:
    """The news in the language of the page, and below in the other one."""
    first, other = (korean, english) if page.locator("html").get_attribute("lang") == "ko" else (english, korean)
    expect(page.locator("h1")).to_contain_text(first)
    expect(page.locator("#other-part h2")).to_contain_text(other)
    pages._drawn.clear()


def test_a_person_waits_and_goes_in(at, phone, settings) -> None:
    at("2026-01-14T10:04+09:00")
    settings.WAITING_ROOM_PER_MINUTE = 600
    open_room(before=3200)
    phone.goto(LOOKUP)
    says(phone, "번호를 세고 있습니다", "Your number is being counted")
    look(phone)
    pass_seconds(4)
    phone.reload()
    says(phone, "4~7분쯤 뒤에 들어가실 수 있습니다", "About 4 to 7 minutes to wait")
    expect(phone.locator("#main")).to_contain_text("3,201")
    look(phone)
    WaitingRoom.objects.update(serving=3201)
    pass_seconds(2)
    phone.locator(".actions a").first.click()
    says(phone, "차례가 되었습니다", "It is your turn")
    look(phone)
    phone.locator(".verdict__body .btn-primary").click()
    expect(phone.locator("#other-part")).to_have_count(0)
    assert phone.url.endswith("/identity/?next=%2Fmy%2F")


def test_without_javascript_the_page_changes_by_itself_until_the_room_closes(at, browser, live_server, pause) -> None:
    at("2026-01-14T10:04+09:00")
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    open_room(before=90_000)
    pause[0] = 1
    page.goto(LOOKUP)
    expect(page.locator("h1")).to_have_text("번호를 세고 있습니다")
    pass_seconds(4)
    expect(page.locator("h1")).to_contain_text("한 시간이 넘을 수 있습니다", timeout=15_000)
    switches.end("ENTRY")
    pass_seconds(1)
    expect(page.locator("#other-part")).to_have_count(0, timeout=15_000)
    expect(page.get_by_role("link", name="PASS").first).to_be_visible()
    context.close()


def test_the_other_states(at, phone, settings, monkeypatch) -> None:
    at("2026-01-14T08:47+09:00")
    settings.WAITING_ROOM_PER_MINUTE = 60
    open_room()
    phone.goto(LOOKUP)
    says(phone, "09:00에 시작합니다", "We open at 09:00")
    expect(phone.locator("#main")).to_contain_text("drawn by lot")
    look(phone)
    switches.end("ENTRY")
    at("2026-01-14T10:04+09:00")
    open_room(before=5000)
    phone.goto(LOOKUP)  # its place is of the former opening
    expect(phone.locator("#main")).to_contain_text("Your former number is not valid")
    look(phone)
    pass_seconds(4)
    phone.reload()
    says(phone, "한 시간이 넘을 수 있습니다", "It may take over an hour")
    look(phone)
    monkeypatch.setattr(room, "away_since", lambda: dt.datetime.now(dt.UTC))
    phone.reload()
    says(phone, "들어가는 문을 잠시 닫았습니다", "We have paused for a moment")
    look(phone)
    phone.context.clear_cookies()
    phone.goto(f"{LOOKUP}&again=1")
    says(phone, "번호를 기억하지 못합니다", "does not keep your number")
    look(phone)


def test_somebody_inside_and_staff_see_no_queue(at, page, live_server) -> None:
    at("2026-01-20T10:00+09:00")
    holder = make.customer(name="홍길동", ci="hong")
    make.line(holder)
    inside = as_customer(Client(), person("hong", name="홍길동"))
    open_room(before=100, at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1))
    enter(page, live_server, inside)
    page.goto("/refunds/apply/")
    page.locator("input[name=lines]").first.check()
    page.get_by_role("button", name="계속").click()
    expect(page.locator("#other-part")).to_have_count(0)
    enter(page, live_server, as_staff(Client(), staff_user("administrator", username="one")))
    page.goto("/switches/")
    expect(page.locator("#main")).to_contain_text("기다리는 분")
    look(page)
