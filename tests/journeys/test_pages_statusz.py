"""The page of the state in a browser: no finding at both ends of the scale, in both languages, calm and in trouble."""

import datetime as dt
import os
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import expect

from kt_remedy.core import switches
from kt_remedy.core.models import PeriodicTask
from kt_remedy.core.tasks import schedule
from tests.journeys.test_pages_refunds import enter, look
from tests.refunds import make
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


def keep(page, name: str) -> None:
    """Pictures at both ends of the scale, where SHOTS names a folder."""
    if folder := os.environ.get("SHOTS"):
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)


def test_the_state_is_read_at_every_width(page, live_server, at) -> None:
    at("2026-01-20T10:00+09:00")
    make.delivered("2026-01-20")
    schedule.plan()
    now = dt.datetime.now(dt.UTC)
    PeriodicTask.objects.update(due_at=now + dt.timedelta(hours=1), succeeded_at=now)
    enter(page, live_server, as_staff(Client(), staff_user("administrator", username="one")))
    page.goto("/statusz/")
    expect(page.get_by_text("늦거나 멈춘 일이 없습니다.")).to_be_visible()
    look(page)
    keep(page, "statusz-calm-ko")
    PeriodicTask.objects.filter(code__startswith="refunds.").update(
        due_at=now - dt.timedelta(hours=2), succeeded_at=now - dt.timedelta(hours=3)
    )
    switches.stop("BANK_FILES", by="one", reason="은행이 파일을 다시 보내 달라고 했습니다")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("돈의 합 확인: 마지막 성공 3시간 전")
    look(page)
    keep(page, "statusz-trouble-ko")
    page.context.add_cookies([{"name": "django_language", "value": "en", "url": live_server.url}])
    page.reload()
    expect(page.get_by_role("heading", name="State of the portal")).to_be_visible()
    look(page)
    keep(page, "statusz-trouble-en")
