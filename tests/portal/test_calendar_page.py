"""The calendar page says what ran, what comes, what is stuck; only a few roles may run an act again."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.core.models import DatedTask, PeriodicTask
from kt_remedy.core.tasks import dispatch, schedule
from kt_remedy.staff.roles import ROLES
from tests.background import run_due
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db


def dated(work):
    return lambda key: schedule.run_dated_task(key, work)


def periodic(work):
    return lambda key: schedule.run_periodic_task(key, work)


@pytest.fixture
def calendar(monkeypatch, at):
    monkeypatch.setattr(schedule, "_entries", {})
    monkeypatch.setattr(dispatch, "_sources", dispatch._sources[:2])  # dated and periodic tasks
    monkeypatch.setattr(dispatch, "queue_of", lambda task: "rest")
    due_times = [dt.datetime.fromisoformat(text) for text in ("2026-01-20T10:00+09:00", "2026-01-26T10:00+09:00")]
    schedule.register("a", title="신청 안내 문자", task=dated(lambda act: "round 1: 4"), due=due_times)
    schedule.register("j", title="메시지 보내기", task=periodic(lambda job: "0"), due=dt.timedelta(seconds=1))
    at("2026-01-20T10:00:30+09:00")
    return schedule


def page(role: str = "auditor") -> str:
    return as_staff(Client(), staff_user(role)).get(reverse("portal:calendar")).content.decode()


def test_it_shows_what_ran_and_what_comes(calendar):
    run_due("rest")
    shown = page()
    assert "round 1: 4" in shown
    assert "끝남" in shown
    assert shown.index("앞으로 할 일") < shown.index("지난 일")
    assert "멈춘 업무가 있습니다" not in shown


def test_it_says_so_when_a_job_has_stopped_and_when_an_act_is_late(calendar, at):
    run_due("rest")
    PeriodicTask.objects.update(succeeded_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=30))
    at("2026-01-26T10:05+09:00")
    shown = page()
    assert "멈춘 업무가 있습니다" in shown
    assert "30분 전" in shown
    assert "늦어짐" in shown


def test_results_are_worded_for_whoever_reads_them(calendar):
    calendar.register(
        "n",
        title="n",
        task=periodic(lambda job: calendar.result_message("이음 %(n)s", n=1234)),
        due=dt.timedelta(seconds=1),
    )
    run_due("rest")
    client = as_staff(Client(), staff_user("auditor"))
    english, korean = (
        client.get(reverse("portal:calendar"), headers={"accept-language": language}).content.decode()
        for language in ("en", "ko")
    )
    assert "이음 1,234" in korean
    assert "1,234 linked" in english
    assert "다음 실행" in korean


def test_what_an_act_waits_for_is_said_in_words(calendar, at):
    def wait(act):
        raise calendar.NotYet("no base yet", calendar.result_message("대상 회선이 확정되기를 기다림"))

    calendar.register("w", title="w", task=dated(wait), due=[dt.datetime.fromisoformat("2026-01-20T09:00+09:00")])
    run_due("rest")
    waiting = DatedTask.objects.get(code="w")
    assert (waiting.state, waiting.result) == ("WAITING", "대상 회선이 확정되기를 기다림")


def test_the_programmes_own_dates_stand_beside_the_acts(calendar):
    shown = page()
    ahead, past = shown.index("앞으로 할 일"), shown.index("지난 일")
    assert ahead < shown.index("1차 지급 명단 확정") < shown.index("1차 입금") < past
    assert past < shown.index("환급 신청 시작")
    assert "사람이 하는 일, 지금: 아직 확정하지 않음" in shown


def test_the_pulse_can_be_watched_from_outside(calendar, client):
    assert client.get("/pulsez").status_code == 200
    run_due("rest")
    PeriodicTask.objects.update(succeeded_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=30))
    answer = client.get("/pulsez")
    assert (answer.status_code, answer.json()) == (503, {"status": "silent", "jobs": ["j"]})


def test_a_failed_act_is_run_again_by_those_who_may(calendar):
    calendar.plan()
    act = DatedTask.objects.order_by("due_at").first()
    DatedTask.objects.filter(pk=act.pk).update(state="FAILED", attempts=3, result_messages=[["OSError (x.py:1)", {}]])
    address = reverse("portal:calendar-run-again", args=[act.pk])
    assert address not in page("auditor")
    assert as_staff(Client(), staff_user("auditor")).post(address).status_code == 403
    supervisor = as_staff(Client(), staff_user("supervisor"))
    assert address in supervisor.get(reverse("portal:calendar")).content.decode()
    assert supervisor.get(address).status_code == 405
    assert "몇 초 안에" in supervisor.post(address, follow=True).content.decode()
    assert run_due("rest") == 2
    act.refresh_from_db()
    assert (act.state, act.result) == ("DONE", "round 1: 4")
    assert "이미 실행되었거나" in supervisor.post(address, follow=True).content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_every_role_may_look(calendar, role):
    assert "일정표" in page(role)


def test_nobody_else_may_look(calendar):
    assert Client().get(reverse("portal:calendar")).status_code == 302
