"""Another programme file, SKT's waiver of July 2025 (docs/domain.md#b3), without touching code: its own dates."""

import datetime as dt
from pathlib import Path

import pytest
from django.test import Client

from kt_remedy.core import clock, programme
from tests.refunds import make
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db

SKT = programme.load(Path(__file__).resolve().parent.parent / "cases" / "skt-2025.toml")
LEFT = {"how": "PORT_OUT", "ended": "2025-07-01", "line": "HANDSET", "event": "NEW", "contract": "2024-07-01"}


@pytest.fixture(autouse=True)
def july(at, monkeypatch):
    monkeypatch.setattr(programme, "current", lambda: SKT)
    at("2025-07-10T10:00+09:00")


def test_the_public_pages_tell_its_dates(client):
    home = client.get("/").content.decode()
    assert "2025년 4월\xa019일" in home
    assert "2026" not in home[home.index("<main") : home.index("</main>")]
    for address in ("/help/", "/help/bring/", "/help/privacy/", "/help/protection/", "/check/"):
        assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    ("answers", "heading"),
    [
        ({}, "환급 대상으로 보입니다"),
        ({"ended": "2025-04-18"}, "아닌 것으로 보입니다"),
        ({"contract": "2025-04-19"}, "아닌 것으로 보입니다"),
        ({"how": "IN_SERVICE", "ended": ""}, "7월\xa014일(월)\u2060까지 해지하시면"),
    ],
)
def test_the_quick_check_judges_by_it(client, answers, heading):
    page = client.get("/check/", {**LEFT, **answers}).content.decode()
    assert heading in page[page.index("<h1") : page.index("</h1>")]


def test_my_lines_show_its_pay_day_and_its_days_of_leaving(at):
    holder = make.customer()
    old = {"contract_started_at": dt.datetime(2024, 7, 1, tzinfo=clock.KST)}
    make.line(holder, terminated="2025-07-01T10:00+09:00", **old)
    make.line(holder, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", refundable_krw=0, **old)
    client = as_customer(Client(), person(holder.ci, name=holder.holder_name))
    page = client.get("/my/").content.decode()
    assert "7월\xa014일(월)\u2060까지 해지하시면" in page
    days = (SKT.waiver.terminated_to - SKT.waiver.forward_from).days + 1
    assert page.count('class="bar"') == days
    at("2025-07-20T10:00+09:00")
    assert "환급 대상입니다" in client.get("/my/").content.decode()
