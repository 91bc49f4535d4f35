"""The page of the state says in words each thing that /pulsez names, and what waits, is stopped and runs."""

import datetime as dt
import re
import tomllib

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from kt_remedy.core import clock, health, switches, virus_scan
from kt_remedy.core.models import DatedTask, PeriodicTask, Switch
from kt_remedy.core.tasks import dispatch, metrics, schedule
from kt_remedy.notices.models import Pace
from kt_remedy.portal import statusz
from tests.conftest import ROOT
from tests.refunds import make
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db


def page(role: str = "administrator", language: str = "ko") -> str:
    client = as_staff(Client(), staff_user(role))
    answer = client.get(reverse("portal:statusz"), headers={"accept-language": language})
    assert answer.status_code == 200
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


@pytest.fixture
def all_is_well(at) -> None:
    """Every periodic task has succeeded, none is due, and the deliveries came."""
    at("2026-01-20T10:00+09:00")
    make.delivered("2026-01-20")
    schedule.plan()
    DatedTask.objects.filter(due_at__lte=clock.now()).update(state=DatedTask.State.DONE)
    now = dt.datetime.now(dt.UTC)
    PeriodicTask.objects.update(due_at=now + dt.timedelta(hours=1), succeeded_at=now)
    Pace.objects.update(waiting_since=now)  # as a worker that looks does; the migration is some minutes old by now


def test_a_portal_without_trouble_says_so_in_both_languages(all_is_well):
    korean, english = page(), page("supervisor", "en")
    assert "늦거나 멈춘 일이 없습니다." in korean
    assert "Nothing is late or stopped." in english
    assert korean.count("기다리는 일 없음") == len(dispatch.QUEUES)
    assert "업무 프로세스(beat, worker)가 마지막으로 움직인 때 0초 전" in korean
    assert not re.search("[가-힣]", english)


def test_each_alarm_is_a_sentence(all_is_well, monkeypatch):
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    PeriodicTask.objects.filter(code="refunds.verify_money").update(succeeded_at=past, due_at=past)
    switches.stop("MESSAGES", by="one", reason="연습")
    Switch.objects.update(stopped_at=past)
    monkeypatch.setattr(virus_scan, "state", lambda: virus_scan.Finding.SILENT)
    monkeypatch.setattr(health, "_alarms", [(lambda: ["few"], lambda: ["번호가 얼마 남지 않았습니다."])])
    names = health.alarms()
    text = page()
    assert f"살펴볼 것: {len(names)}가지" in text
    for sentence in (
        "돈의 합 확인: 마지막 성공 24시간 전",
        "바이러스 검사(ClamAV)가 응답하지 않습니다.",
        "안내 문자 발송: 멈춘 것을 30분 안에 아무도 확인하지 않았습니다.",
        "번호가 얼마 남지 않았습니다.",
        "환급과 지급 (money) 1건이 기다림, 가장 오래된 것은 24시간 전부터",
    ):
        assert sentence in text, sentence
    assert re.search("안내 문자 발송 .+부터 멈춤 연습", text)


def test_rows_that_nobody_begins_are_named(all_is_well, monkeypatch):
    monkeypatch.setattr(dispatch, "overdue", lambda: ["refunds.tasks.ask_bank"])
    assert "2분 넘게 아무도 시작하지 않은 일이 있습니다: refunds.tasks.ask_bank" in page()


def test_a_queue_tells_when_its_work_last_ended(all_is_well):
    metrics.record("refunds.tasks.verify_money", milliseconds=10, failed=False)
    text = page()
    assert text.count("마지막으로 끝난 일: 0초 전") == 1
    assert text.count("마지막으로 끝난 일: 아직 없음") == len(dispatch.QUEUES) - 1


def test_clocks_that_differ_are_named(all_is_well, monkeypatch):
    monkeypatch.setattr(health, "database_clock_ahead", lambda: -3.2)
    assert "데이터베이스와 이 서버의 시계가 -3.2초 다릅니다." in page()
    assert "살펴볼 것: 1가지" in page("supervisor")


def test_the_alarms_of_each_application_have_words(monkeypatch):
    for names, words in health._alarms:
        with translation.override("en"):
            assert len(words()) == len(names())


def test_the_version_is_that_of_the_project(all_is_well, settings):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == settings.VERSION
    assert f"포털 {settings.VERSION}" in page()


def test_it_says_which_ways_of_watching_are_on(all_is_well, settings):
    settings.SENTRY_DSN = "https://key@sentry.example.kr/1"
    text = page()
    assert "요청 세기(Prometheus) 꺼짐 오류 알림(Sentry) 켜짐 추적(OpenTelemetry) 꺼짐" in text
    assert "sentry.example.kr" not in text


def test_every_queue_has_a_word():
    assert set(statusz._QUEUES) == set(dispatch.QUEUES)


def test_the_index_of_work_leads_there_those_who_may_see_it():
    def index(role: str) -> str:
        return as_staff(Client(), staff_user(role)).get(reverse("admin:index")).content.decode()

    assert f'href="{reverse("portal:statusz")}"' in index("supervisor")
    assert reverse("portal:statusz") not in index("maker")
