"""Another programme file, SKT's waiver of July 2025 (docs/domain.md#b3), without touching code: its own dates."""

import dataclasses
import datetime as dt
import itertools
import re
from pathlib import Path

import pytest
from django.test import Client

from kt_remedy.core import clock, programme
from rewards.service import PerkRefused
from tests.refunds import make
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db

SKT = programme.load(Path(__file__).resolve().parent.parent / "cases" / "skt-2025.toml")
NO_PAY_DAY = dataclasses.replace(SKT, payouts=())
KT = programme.load(programme.DEFAULT_FILE)
# SKT's waiver with what it lacks: a hold after a change of account and an insurance, by figures that are not KT's.
FULL = dataclasses.replace(
    SKT,
    applications=dataclasses.replace(SKT.applications, change_hold_hours=36),
    perks=(
        dataclasses.replace(
            next(perk for perk in KT.perks if perk.code == "INSURANCE"),
            starts=dt.date(2025, 8, 1),
            months=18,
            automatic_from_age=70,
        ),
    ),
)
PUBLIC = ("/", "/help/", "/help/bring/", "/help/privacy/", "/help/protection/", "/check/", "/identity/elsewhere/")
# KT's figures as either language writes them, where SKT has others.
OURS = re.compile(
    "080-470-7790|24시간(?!\\)에)|24 hours(?!\\))|65|100 ?GB|50 ?%|안심 보험 2년|2025년 (?:9|12|11)월|Sep|9월|"
    "2026년 (?:1월 1[34]일|6월)|1월 13일|1월 14일|1월 2[02]일|2월 [25]일|6월 30일|1[34] Jan|2[02] Jan|30 Jun|5 Feb"
)
LEFT = {"how": "PORT_OUT", "ended": "2025-07-01", "line": "HANDSET", "event": "NEW", "contract": "2024-07-01"}


@pytest.fixture(autouse=True)
def july(at, monkeypatch):
    monkeypatch.setattr(programme, "current", lambda: SKT)
    at("2025-07-10T10:00+09:00")


def words(page: str) -> str:
    """The main part of a page without its tags and no-break spaces."""
    main = page[page.index("<main") : page.index("</main>")]
    return " ".join(re.sub(r"<[^>]+>", " ", main).replace("\u2060", "").split())


def test_the_public_pages_tell_its_dates(client):
    home = client.get("/").content.decode()
    assert "2025년 4월\xa019일" in home
    assert "2026" not in home[home.index("<main") : home.index("</main>")]


def test_our_own_pages_show_ours(client, monkeypatch, at):
    monkeypatch.setattr(programme, "current", lambda: KT)
    at("2026-01-20T10:00+09:00")
    for address in ("/", "/help/", "/help/bring/"):
        for language in ("ko", "en"):
            assert OURS.findall(words(client.get(address, HTTP_ACCEPT_LANGUAGE=language).content.decode()))


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("address", PUBLIC)
def test_no_public_page_shows_a_figure_of_ours(client, address, language):
    answer = client.get(address, HTTP_ACCEPT_LANGUAGE=language)
    assert answer.status_code == 200
    page_text = words(answer.content.decode())
    assert OURS.findall(page_text) == []
    assert "%(" not in page_text
    assert "{{" not in page_text
    assert "None" not in page_text


@pytest.mark.parametrize(
    ("answers", "heading"),
    [
        ({}, "환급 대상으로 보입니다"),
        ({"ended": "2025-04-18"}, "아닌 것으로 보입니다"),
        ({"contract": "2025-04-19"}, "아닌 것으로 보입니다"),
        ({"how": "IN_SERVICE", "ended": ""}, "7월\xa014일\u2060(월)\u2060까지 해지하시면"),
    ],
)
def test_the_quick_check_judges_by_it(client, answers, heading):
    page = client.get("/check/", {**LEFT, **answers}).content.decode()
    assert heading in page[page.index("<h1") : page.index("</h1>")]


@pytest.mark.parametrize(("language", "line"), [("ko", "SKT 태블릿"), ("en", "SKT tablet")])
def test_the_quick_check_offers_its_lines(client, language, line):
    assert line in client.get("/check/", HTTP_ACCEPT_LANGUAGE=language).content.decode()


def test_my_lines_show_its_pay_day_and_its_days_of_leaving(at, monkeypatch):
    monkeypatch.setattr(programme, "current", lambda: NO_PAY_DAY)
    holder = make.customer()
    old = {"contract_started_at": dt.datetime(2024, 7, 1, tzinfo=clock.KST)}
    make.line(holder, terminated="2025-07-01T10:00+09:00", **old)
    make.line(holder, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", refundable_krw=0, **old)
    client = as_customer(Client(), person(holder.ci, name=holder.holder_name))
    page = client.get("/my/").content.decode()
    assert "7월\xa014일\u2060(월)\u2060까지 해지하시면" in page
    days = (SKT.waiver.terminated_to - SKT.waiver.forward_from).days + 1
    assert page.count('class="bar"') == days
    at("2025-07-20T10:00+09:00")
    # This programme names no pay day, so an answer is promised, and the window is open to its own end.
    page = client.get("/my/").content.decode()
    assert "기간이 끝났습니다" not in page
    assert "7월\xa028일" in page
    assert "12월\xa031일" in page


@pytest.mark.parametrize(
    ("address", "korean", "english"),
    [
        ("/", "안심 보험 18개월", "Safety insurance, 18 months"),
        ("/", "만 70세 이상은 자동", "Automatic from age 70"),
        ("/help/", "왜 2025년 4월 19일부터 새로 맺은 약정은", "Why are contracts from 19 Apr 2025 left out"),
        ("/help/", "바꾸신 뒤 36시간은 보내지 않습니다", "nothing is paid for 36 hours after a change"),
        ("/help/bring/", "신청 기간(12월 31일(수)까지)", "(by Wed 31 Dec)"),
        ("/help/privacy/", "지급이 끝나고 40일 뒤", "40 days after payment"),
    ],
)
def test_the_public_pages_tell_its_figures(client, monkeypatch, settings, address, korean, english):
    monkeypatch.setattr(programme, "current", lambda: FULL)
    settings.ACCOUNT_WIPE_DAYS = 40
    assert korean in words(client.get(address).content.decode())
    assert english in words(client.get(address, HTTP_ACCEPT_LANGUAGE="en").content.decode())


def test_a_change_of_account_is_held_for_its_hours_or_not_spoken_of(at, monkeypatch):
    at("2025-07-20T10:00+09:00")
    holder = make.customer()
    row = make.application(make.line(holder, terminated="2025-07-01T10:00+09:00"), applied="2025-07-16")
    client = as_customer(Client(), person(holder.ci, name=holder.holder_name))
    address = f"/refunds/status/{row.pk}/account/"
    assert "시간" not in words(client.get(address).content.decode())
    monkeypatch.setattr(programme, "current", lambda: FULL)
    assert "바꾸신 뒤 36시간 동안은" in words(client.get(address).content.decode())


def test_my_lines_and_my_rewards_show_nothing_of_ours(at, monkeypatch):
    monkeypatch.setattr(make, "_numbers", itertools.count(700))  # no running number that reads like a figure of ours
    holder = make.customer()
    make.line(holder, terminated="2025-07-01T10:00+09:00")
    make.line(holder, terminated="", outcome="NOT_ELIGIBLE", reasons="NOT_TERMINATED", refundable_krw=0)
    client = as_customer(Client(), person(holder.ci, name=holder.holder_name))
    for address in ("/my/", "/rewards/"):
        for language in ("ko", "en"):
            page_text = words(client.get(address, HTTP_ACCEPT_LANGUAGE=language).content.decode())
            assert OURS.findall(page_text) == []
            assert "%(" not in page_text
    assert "7월 15일(화)이 끝난 뒤에" in words(client.get("/rewards/").content.decode())


def test_a_refused_perk_names_its_base_date():
    assert PerkRefused("NOT_IN_BASE").message.replace("\u00a0", " ").startswith("7월 15일이 끝날 때")
