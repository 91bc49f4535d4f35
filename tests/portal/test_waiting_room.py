"""The waiting room: who waits, who goes in and in which order, and what becomes of a place."""

import datetime as dt
import time

import pytest
from django.conf import settings as portal_settings
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import kept_pages, switches
from kt_remedy.core.models import Switch, WaitingRoom, WaitingSecond
from kt_remedy.core.tasks import metrics
from kt_remedy.identity.views import PENDING
from kt_remedy.portal.waiting import admission, figures, pages, places, room
from kt_remedy.portal.waiting.queue import Queue, State
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db

LOOKUP = "/identity/?next=/my/"
EPOCH = 1_800_000_000


@pytest.fixture(autouse=True)
def memory():
    """A process that has just started, before and after each test."""
    room.forget()
    pages._drawn.clear()
    yield
    room.forget()
    pages._drawn.clear()


@pytest.fixture
def wall(monkeypatch):
    """The wall clock of the room: `wall(5)` lets so many seconds pass and every second be counted."""
    start = int(time.time())

    class Wall:
        at = start

        def __call__(self, seconds: int = 1) -> None:
            for _ in range(seconds):
                self.at += 1
                room.tick(dt.datetime.fromtimestamp(self.at, dt.UTC))

    clock = Wall()
    monkeypatch.setattr(time, "time", lambda: float(clock.at))
    return clock


def open_room(wall, *, at: dt.datetime | None = None) -> None:
    switches.stop("ENTRY", by="one", reason="practice")
    Switch.objects.update(stopped_at=at or dt.datetime.fromtimestamp(wall.at, dt.UTC))
    wall()


def get(client: Client, path: str = LOOKUP, **headers: str):
    return client.get(path, headers={"user-agent": "a browser", **headers})


def is_waiting(answer) -> bool:
    return "two-langs" in answer.content.decode()


def number(client: Client) -> int:
    """The number of this browser in the queue as it is now."""
    queue = room.current()
    place = places.read(
        client.cookies[portal_settings.WAITING_PLACE_COOKIE].value, opened=queue.opened, agent="a browser"
    )
    return queue.number(place)


# Who waits ------------------------------------------------------------------------------------------------------------


def test_without_the_switch_nobody_waits_and_the_room_is_not_asked(client) -> None:
    room.tick(dt.datetime.now(dt.UTC))
    with CaptureQueriesContext(connection) as seen:
        assert not is_waiting(get(client))
    assert not [query["sql"] for query in seen if "waiting" in query["sql"] or "switch" in query["sql"]]
    assert get(client, "/my/").status_code == 302


@pytest.mark.parametrize("path", [
    "/identity/", LOOKUP, "/identity/app/", "/identity/sms/?next=%2Fmy%2F", "/my/", "/my/simple/", "/refunds/apply/",
    "/refunds/apply/late/", "/identity/?next=/refunds/apply/", "/identity/?next=%2Fmy%2F%3Fx%3D1",
])  # fmt: skip
def test_a_first_page_of_lookup_and_filing_waits_without_a_query(client, wall, path, django_assert_num_queries) -> None:
    open_room(wall)
    with django_assert_num_queries(0):
        answer = get(client, path)
    assert is_waiting(answer)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store, private"
    assert 1 <= int(answer["Retry-After"]) <= 30
    assert answer["Refresh"].startswith(answer["Retry-After"])
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("path", [
    "/", "/check/", "/messages/", "/help/", "/refunds/status/", "/identity/?next=/refunds/status/", "/identity/code/",
    "/identity/?next=%2Fmy%2Frecord%2F", "/refunds/apply/account/", "/staff/login/", "/livez",
])  # fmt: skip
def test_other_pages_go_on(client, wall, path) -> None:
    open_room(wall)
    assert not is_waiting(get(client, path))


def test_a_form_that_is_sent_is_one_in_the_middle(client, wall) -> None:
    open_room(wall)
    assert not is_waiting(client.post("/identity/app/", {"name": "홍길동"}))


def test_people_inside_staff_and_a_begun_verification_are_not_queued(wall, at) -> None:
    at("2026-01-20T10:00+09:00")
    inside = as_customer(Client(), person("hong"))
    begun = Client()
    session = begun.session
    session[PENDING] = {"sent_at": time.time()}
    session.save()
    staff = as_staff(Client(), staff_user("agent"))
    open_room(wall, at=dt.datetime.fromtimestamp(wall.at + 5, dt.UTC))
    assert not is_waiting(get(inside, "/my/"))
    assert not is_waiting(get(inside, "/refunds/apply/"))
    assert not is_waiting(get(begun))
    assert not is_waiting(get(staff))


def test_somebody_verified_for_their_application_waits_before_the_lookup(wall, at) -> None:
    at("2026-01-20T10:00+09:00")
    open_room(wall, at=dt.datetime.fromtimestamp(wall.at - 60, dt.UTC))
    client = as_customer(Client(), person("hong"))
    assert not is_waiting(get(client, "/refunds/status/"))
    assert is_waiting(get(client, "/my/"))
    empty = Client()
    empty.cookies[portal_settings.SESSION_COOKIE_NAME] = "gone"
    assert is_waiting(get(empty))


# A place --------------------------------------------------------------------------------------------------------------


def test_a_place_is_kept(client, wall, monkeypatch, settings) -> None:
    settings.WAITING_ROOM_PER_MINUTE = 1
    open_room(wall)
    for other in range(5):
        get(Client())
        wall(other % 2)
    get(client)
    wall(3)
    first = number(client)
    for _ in range(10):
        answer = get(client)
        assert portal_settings.WAITING_PLACE_COOKIE not in answer.cookies
        assert f"<dd>{first}</dd>" in answer.content.decode()
    room.forget()  # the process starts anew
    wall()
    assert number(client) == first
    answer = client.get(LOOKUP, headers={"user-agent": "a browser"}, REMOTE_ADDR="203.0.113.9")
    assert f"<dd>{first}</dd>" in answer.content.decode()
    assert WaitingRoom.objects.get().waiting == 6


def forge(text: str) -> str:
    return text[:-1] + ("A" if text[-1] != "A" else "B")


def test_a_forged_a_shared_and_an_old_place_become_a_new_number_and_the_page_says_so(client, wall) -> None:
    open_room(wall)
    get(client)
    kept = client.cookies[portal_settings.WAITING_PLACE_COOKIE].value
    old = places.issue(opened=1, second=wall.at, agent="a browser").text
    for text, agent in ((forge(kept), "a browser"), (kept, "another one"), (old, "a browser"), ("", "a browser")):
        visitor = Client()
        visitor.cookies[portal_settings.WAITING_PLACE_COOKIE] = text
        answer = get(visitor, **{"user-agent": agent})
        assert "앞의 번호는 쓸 수 없어 새 번호를 드렸습니다" in answer.content.decode()
        assert answer.cookies[portal_settings.WAITING_PLACE_COOKIE].value != text
        again = get(visitor, **{"user-agent": agent})  # once, not for ever
        assert portal_settings.WAITING_PLACE_COOKIE not in again.cookies
        assert "앞의 번호" not in again.content.decode()


def test_a_browser_without_cookies_is_told_and_not_sent_round(client, wall) -> None:
    open_room(wall)
    answer = get(client)
    assert "again=1" in answer["Refresh"]
    stranger = get(Client(), f"{LOOKUP}&again=1")
    assert "이 브라우저는 번호를 기억하지 못합니다" in stranger.content.decode()
    assert not stranger.has_header("Refresh")
    assert not stranger.cookies


def test_the_turn_comes_is_taken_and_lasts(client, wall) -> None:
    open_room(wall)
    get(client)
    wall(4)
    page = get(client, f"{LOOKUP}&again=1").content.decode()
    assert "차례가 되었습니다" in page
    assert "It is your turn" in page
    answer = get(client, f"{LOOKUP}&again=1&enter=1")
    assert (answer.status_code, answer.url) == (302, "/identity/?next=%2Fmy%2F")
    assert not is_waiting(get(client))
    assert not is_waiting(get(client, "/my/"))
    wall(3)
    assert not is_waiting(get(client))
    other = Client()
    other.cookies[portal_settings.WAITING_ENTERED_COOKIE] = client.cookies[portal_settings.WAITING_ENTERED_COOKIE].value
    assert is_waiting(get(other, **{"user-agent": "another one"}))


def test_nobody_enters_before_the_turn(client, wall, settings) -> None:
    settings.WAITING_ROOM_PER_MINUTE = 1
    open_room(wall)
    get(client)
    wall(4)
    assert is_waiting(get(client, f"{LOOKUP}&enter=1"))


def test_a_turn_that_is_not_taken_ends_after_ten_minutes(client, wall) -> None:
    open_room(wall)
    get(client)
    wall(4)
    assert "차례가 되었습니다" in get(client).content.decode()
    assert number(client) == 1
    WaitingSecond.objects.create(second=wall.at + 1, arrivals=100_000)  # the room stays open
    for passed in range(61):
        page = get(client).content.decode()
        assert "two-langs" in page, passed
        assert "앞의 번호" not in page, passed
        wall.at += 9
        wall()
    assert "앞의 번호는 쓸 수 없어 새 번호를" in get(client).content.decode()
    wall(4)
    assert number(client) > 100_000


# The order ------------------------------------------------------------------------------------------------------------


def queue_of(**changes) -> Queue:
    facts = {
        "opened": 1, "opens": EPOCH, "counted_to": EPOCH + 50, "base_second": 0, "base": 0, "counts": (), "over": 0,
        "serving": 0, "waiting": 0, "pace": 60, "counted_at": dt.datetime.fromtimestamp(EPOCH + 52, dt.UTC),
        "ahead": dt.timedelta(0), "paused_since": None,
    }  # fmt: skip
    return Queue(**{**facts, **changes})


def test_nobody_passes_somebody_of_an_earlier_second() -> None:
    arrivals = [EPOCH + n // 40 for n in range(1600)]
    counts = tuple((second, arrivals.count(second)) for second in sorted(set(arrivals)))
    queue = queue_of(counts=counts)
    numbers = [(second, queue.number(places.issue(opened=1, second=second, agent="").place)) for second in arrivals]
    inversions = sum(
        1 for at, mine in numbers for other, theirs in numbers if at < other and mine is not None and mine >= theirs
    )
    assert inversions == 0
    assert min(mine for _, mine in numbers) >= 1
    assert max(mine for _, mine in numbers) <= 1600


def test_the_lot_orders_everybody_who_came_before_the_opening_hour() -> None:
    queue = queue_of(counts=((0, 2000), (EPOCH + 3, 10)))
    early = [queue.number(places.issue(opened=1, second=EPOCH - 3600, agent="").place) for _ in range(500)]
    late = [queue.number(places.issue(opened=1, second=EPOCH - 1, agent="").place) for _ in range(500)]
    after = queue.number(places.issue(opened=1, second=EPOCH + 3, agent="").place)
    assert 800 < sum(early) / 500 < 1200
    assert 800 < sum(late) / 500 < 1200
    assert max(early + late) <= 2000 < after


def test_before_the_opening_hour_nobody_goes_in_and_nobody_has_a_number(client, wall, at) -> None:
    at("2026-01-14T08:59:30+09:00")
    open_room(wall, at=dt.datetime.fromtimestamp(wall.at - 20, dt.UTC))
    page = get(client).content.decode()
    assert "09:00에 시작합니다" in page
    assert "drawn by lot" in page
    wall(5)
    assert WaitingRoom.objects.get().serving == 0
    assert number(client) is None


@pytest.mark.parametrize(("second", "state"), [
    (EPOCH - 10, State.LOT), (EPOCH + 50, State.COUNTED), (EPOCH + 49, State.WAIT), (EPOCH + 20, State.TURN),
    (EPOCH + 10, State.OVER), (EPOCH + 5, State.OVER),
])  # fmt: skip
def test_what_a_place_means(second, state) -> None:
    counts = ((EPOCH + 10, 1), (EPOCH + 20, 1), (EPOCH + 49, 1))
    facts = {"counts": counts, "base_second": EPOCH + 6, "base": 3, "over": 4, "serving": 5}
    queue = queue_of(**facts, **({"counted_to": 0} if state is State.LOT else {}))
    place = places.issue(opened=1, second=second, agent="").place
    assert queue.state(place, queue.number(place)) is state


@pytest.mark.parametrize(("ahead", "pace", "expected"), [
    (1, 600, (0, 1)), (100, 60, (1, 2)), (3240, 324, (8, 12)), (3240, 0, (2592, 3888)),
])  # fmt: skip
def test_the_range_of_time_is_honest(ahead, pace, expected) -> None:
    assert queue_of(serving=100, pace=pace).minutes(100 + ahead) == expected


# The pace -------------------------------------------------------------------------------------------------------------


def new_room(**facts) -> WaitingRoom:
    start = dt.datetime.fromtimestamp(EPOCH, dt.UTC)
    return WaitingRoom(
        **{"opened_at": start, "opens_at": start, "advanced_at": start, "trail_at": start, "judged_at": start, **facts}
    )


def run(row: WaitingRoom, arrivals, *, seconds: int, measured=(0, 0), per_minute: int = 600, first: int = 1) -> None:
    for passed in range(first, first + seconds):
        admission.advance(row, dt.datetime.fromtimestamp(EPOCH + passed, dt.UTC), arrivals, measured, per_minute)


def test_so_many_go_in_as_the_capacity_says() -> None:
    row = new_room()
    run(row, [(EPOCH, 5000)], seconds=63)
    assert 590 <= row.serving <= 620
    assert row.waiting == 5000 - row.serving


def test_slow_answers_halve_the_pace_and_quick_ones_raise_it() -> None:
    row = new_room()
    run(row, [(EPOCH, 50_000)], seconds=5, measured=(100, 6))
    assert (row.percent, row.pace) == (50, 300)
    run(row, [(EPOCH, 50_000)], seconds=5, measured=(100, 6), first=6)
    assert row.percent == 25
    run(row, [(EPOCH, 50_000)], seconds=5, measured=(100, 51), first=11)
    assert row.percent == 0
    assert row.paused_since is not None
    stopped = row.serving
    run(row, [(EPOCH, 50_000)], seconds=4, measured=(100, 51), first=16)
    assert row.serving == stopped
    run(row, [(EPOCH, 50_000)], seconds=6, measured=(100, 5), first=20)
    assert row.percent in (10, 20)
    assert row.paused_since is None
    run(row, [(EPOCH, 50_000)], seconds=50, measured=(100, 0), first=26)
    assert row.percent == 100


def test_a_few_slow_answers_are_no_measure() -> None:
    row = new_room()
    run(row, [(EPOCH, 50_000)], seconds=5, measured=(19, 19))
    assert row.percent == 100


def test_after_a_pause_nobody_is_let_in_for_the_lost_time() -> None:
    row = new_room()
    run(row, [(EPOCH, 50_000)], seconds=10)
    before = row.serving
    run(row, [(EPOCH, 50_000)], seconds=1, first=600)
    assert row.serving - before == 50


def test_answers_of_the_lookup_are_measured(wall, at, settings) -> None:
    at("2026-01-20T10:00+09:00")
    settings.WAITING_ROOM_SLOW_MS = 1
    inside = as_customer(Client(), person("hong"))
    open_room(wall, at=dt.datetime.fromtimestamp(wall.at + 5, dt.UTC))
    assert get(inside, "/my/").status_code == 200
    wall()
    row = WaitingSecond.objects.get(answers__gt=0)
    assert (row.arrivals, row.answers, row.slow) == (0, 1, 1)


# The end --------------------------------------------------------------------------------------------------------------


def test_it_drains_and_closes_itself(client, wall) -> None:
    open_room(wall)
    for _ in range(30):
        get(Client())
    get(client)
    wall(8)
    assert WaitingRoom.objects.get().waiting == 0
    wall.at += 310
    wall(2)
    assert not switches.stopped().exists()
    assert room.current() is None
    assert AuditEntry.objects.get(action="switch.start").actor == "system"
    assert not is_waiting(get(client))


def test_after_a_new_opening_places_of_the_former_one_are_refused(client, wall) -> None:
    open_room(wall)
    get(client)
    switches.end("ENTRY")
    wall(2)
    assert not is_waiting(get(client))
    open_room(wall)
    assert "앞의 번호는 쓸 수 없어" in get(client).content.decode()
    wall(4)
    assert WaitingRoom.objects.get().serving == 1


def test_without_a_database_people_keep_waiting_and_nothing_is_lost(client, wall, monkeypatch) -> None:
    open_room(wall)
    get(client)
    wall(1)

    def fail(*args: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(admission, "report", fail)
        patch.setattr(room.connection, "close", lambda: None)
        other = Client()
        get(other)
        wall(2)
        assert is_waiting(get(client))
        room._memory.read_at -= room.STALE_SECONDS + 1
        page = get(client).content.decode()
        assert "들어가는 문을 잠시 닫았습니다. 번호는 그대로입니다" in page
        assert is_waiting(get(client, f"{LOOKUP}&enter=1"))
    wall(4)
    assert WaitingRoom.objects.get().serving == 2
    assert "차례가 되었습니다" in get(other).content.decode()


# For staff ------------------------------------------------------------------------------------------------------------


def test_staff_and_prometheus_see_the_figures(client, wall, settings) -> None:
    settings.WAITING_ROOM_PER_MINUTE = 6
    assert figures.sentence() == ""
    open_room(wall)
    for _ in range(4):
        get(Client())
    wall(14)
    sentence = "기다리는 분 3명, 들어가는 번호 1, 지금 1분에 6명(최대 6명)"
    staff = as_staff(Client(), staff_user("administrator"))
    assert sentence in staff.get(reverse("portal:switches")).content.decode()
    assert sentence in staff.get(reverse("portal:statusz")).content.decode()
    text = metrics.exposition().decode()
    for name, value in {"open": 1, "waiting": 3, "serving": 1, "pace": 6, "capacity": 6}.items():
        assert f"remedy_waiting_room_{name} {value}.0" in text


def test_the_home_page_says_that_people_wait(client, wall, at) -> None:
    kept_pages.forget()
    at("2026-01-20T10:00+09:00")
    assert "지금은 차례를 기다릴 수 있습니다" not in client.get("/").content.decode()
    open_room(wall)
    assert "지금은 차례를 기다릴 수 있습니다" in client.get("/").content.decode()
