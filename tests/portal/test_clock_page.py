"""The clock of a demonstration: it stops where the calendar does, and asks before it jumps over an act."""

import datetime as dt

import pytest

from kt_remedy.core import clock, programme
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from kt_remedy.portal import clock_views, timeline
from refunds import calendar as rounds

pytestmark = pytest.mark.django_db

CUT_OFF = "2026-01-20T18:00:00+09:00"


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def titles_at(text: str) -> str:
    stop = next(stop for stop in clock_views.stops() if stop.at == instant(text))
    return ", ".join(str(title) for title in stop.titles)


def test_every_act_and_every_round_of_the_calendar_is_a_stop():
    stops = clock_views.stops()
    at = [stop.at for stop in stops]
    assert at == sorted(set(at))
    acts = {moment for entry in schedule.entries() for moment in entry.moments()}
    payouts = rounds.payout_rounds(programme.current())
    assert acts <= set(at)
    assert {row.cut_off for row in payouts} <= set(at)
    assert {row.pay_on for row in payouts} <= {clock.kst_date(moment) for moment in at}
    assert sum(row.supplementary for row in payouts) > 10, "the weekly rounds are among them"
    assert acts | {row.at for row in timeline.moments(programme.current())} < set(at)
    assert len({stop.key for stop in stops}) == len(stops)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("2025-12-31T10:00+09:00", "대상 고객에게 개별 문자"),
        ("2026-01-14T09:00+09:00", "혜택 대상 회선 확정"),
        ("2026-01-20T10:00+09:00", "신청 안내 문자"),
        (CUT_OFF, "1차 지급 명단 확정"),
        ("2026-01-22T09:00+09:00", "1차 입금"),
        ("2026-01-25T10:00+09:00", "안심 보험 자동 가입 알림"),
        ("2026-02-01T10:00+09:00", "영상 서비스 고르기 시작 안내"),
        ("2026-07-24T10:00+09:00", "영상 서비스 고르기 알림"),
        ("2026-09-01T00:00+09:00", "로밍 혜택 끝"),
    ],
)
def test_the_clock_stops_where_something_happens(text, title):
    assert title in titles_at(text)


def test_post_moves_to_the_next_stop_and_the_bar_shows_it(at, client):
    at("2026-01-20T10:00+09:00")
    answer = client.post("/clock/", {"to": CUT_OFF})
    assert (answer.status_code, answer.url) == (302, "/clock/")
    assert clock.now() - instant(CUT_OFF) < dt.timedelta(minutes=1)
    assert "1월\xa020일\u2060(화)\xa018:00" in client.get("/clock/").content.decode()


def test_a_jump_over_an_act_asks_and_offers_to_stop_there(at, client):
    at("2026-01-20T09:30+09:00")
    before = clock.now()
    page = client.post("/clock/", {"to": CUT_OFF}).content.decode()
    assert "건너뛸까요?" in page
    assert "10:00: 신청 안내 문자" in page
    assert clock.now() - before < dt.timedelta(minutes=1), "it has not moved"
    assert 'value="2026-01-20T10:00:00+09:00"' in page
    assert client.post("/clock/", {"to": CUT_OFF, "sure": "1"}).status_code == 302
    assert clock.now() >= instant(CUT_OFF)


def test_a_jump_over_a_weekly_round_asks(at, client):
    at("2026-03-05T08:00+09:00")
    weekly = [row for row in rounds.payout_rounds(programme.current()) if row.supplementary]
    first, second = [row for row in weekly if row.cut_off > clock.now()][:2]
    page = client.post("/clock/", {"to": second.cut_off.astimezone(clock.KST).isoformat()}).content.decode()
    assert "건너뛸까요?" in page
    assert f"{first.number}차 지급 명단 확정 (매주 하는 추가 지급)" in page


def test_a_day_on_which_nothing_runs_is_passed_without_a_question(at, client):
    at("2026-08-30T10:00+09:00")  # the last day of roaming, at nine the day after, and its end lie ahead
    assert client.post("/clock/", {"to": "2026-09-01T00:00:00+09:00"}).status_code == 302


def test_it_shows_what_is_running_and_asks_before_it_leaves_it(at, client):
    at("2026-01-20T10:00+09:00")
    task = DatedTask.objects.create(code="refunds.reminders", due_at=instant("2026-01-20T10:00+09:00"), state="RUNNING")
    late = DatedTask.objects.create(code="rewards.base", due_at=instant("2026-01-14T09:00+09:00"))
    DatedTask.objects.create(code="rewards.grants", due_at=instant("2026-02-01T00:05+09:00"))
    code = next(entry.code for entry in schedule.entries() if str(entry.title) == "신청 안내 문자")
    DatedTask.objects.filter(pk=task.pk).update(code=code)
    page = client.get("/clock/").content.decode()
    assert "지금 하고 있는 일" in page
    assert "진행 중" in page
    assert "혜택 대상 회선 확정" in page
    assert "월 혜택 지급, 2026년" not in page
    asked = client.post("/clock/", {"to": CUT_OFF}).content.decode()
    assert "아직 끝나지 않은 일이 있습니다" in asked
    DatedTask.objects.filter(pk__in=[task.pk, late.pk]).update(state="DONE")
    assert "지금 하고 있는 일" not in client.get("/clock/").content.decode()
    assert client.post("/clock/", {"to": CUT_OFF}).status_code == 302


def test_get_moves_nothing(at, client):
    at("2026-01-20T10:00+09:00")
    client.get("/clock/", {"to": CUT_OFF, "sure": "1"})
    assert clock.now() < dt.datetime.fromisoformat("2026-01-20T10:05+09:00")


def test_a_moment_gone_by_says_so_and_an_unknown_one_is_not_found(at, client):
    at("2026-01-25T10:00+09:00")
    page = client.post("/clock/", {"to": CUT_OFF}, follow=True).content.decode()
    assert "시계는 앞으로만 갑니다" in page
    assert clock.today() == dt.date(2026, 1, 25)
    assert client.post("/clock/", {"to": "tomorrow"}).status_code == 404


def test_no_clock_no_page_and_no_bar(client, settings):
    settings.REMEDY_NOW = None
    assert client.get("/clock/").status_code == 404
    assert client.post("/clock/", {"to": CUT_OFF}).status_code == 404
    assert "clockbar" not in client.get("/").content.decode()
