"""The page about the safety of files says what this installation does, not what one could do."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.core import clock, virus_scan
from kt_remedy.core.models import RestoreDrill
from kt_remedy.core.virus_scan import Finding
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db


def page(role: str = "administrator", language: str = "ko") -> str:
    client = as_staff(Client(), staff_user(role))
    answer = client.get(reverse("portal:security"), headers={"accept-language": language})
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.mark.parametrize("role", ["supervisor", "administrator"])
def test_the_home_of_the_admin_leads_there(role: str) -> None:
    home = as_staff(Client(), staff_user(role)).get(reverse("admin:index")).content.decode()
    assert f'href="{reverse("portal:security")}"' in home


def test_those_who_may_not_see_it_are_not_led_there() -> None:
    home = as_staff(Client(), staff_user("maker")).get(reverse("admin:index")).content.decode()
    assert reverse("portal:security") not in home


def test_an_installation_without_clamav_says_so_and_what_remains(settings) -> None:
    settings.CLAMD_ADDRESS = ""
    korean, english = page(), page(language="en")
    assert "이 서버에는 ClamAV가 없어서 서류의 바이러스를 검사하지 않습니다." in korean
    assert "그 그림만 암호화해 저장합니다" in korean
    assert "no ClamAV, so documents are not scanned for viruses" in english
    assert "nobody learns whether the original held a virus" in english
    assert not re.search("[가-힣]", english.partition("<h1>")[2].partition("</main>")[0])


def test_one_that_is_set_is_asked_now(settings, monkeypatch) -> None:
    settings.CLAMD_ADDRESS = "unix:/nowhere/clamd.ctl"
    assert "ClamAV(unix:/nowhere/clamd.ctl)가 지금 응답하지 않습니다." in page()
    assert "documents are taken without a virus scan" in page(language="en")
    monkeypatch.setattr(virus_scan, "state", lambda: Finding.CLEAN)
    assert "ClamAV(unix:/nowhere/clamd.ctl)가 서류를 열기 전에 먼저 검사하고" in page()
    assert "scans each document before it is opened" in page(language="en")


def test_the_limits_are_those_in_force(settings) -> None:
    settings.DOCUMENT_MAX_MB, settings.DOCUMENT_MAX_TOTAL_MB = 11, 22
    settings.DOCUMENT_MAX_MEGAPIXELS, settings.DOCUMENT_MAX_PAGES = 33, 44
    cells = re.findall(r"<td>([^<]+)</td>", page())
    assert cells == ["11MB", "22MB", "23MB", "20개", "33백만 화소", "44쪽", "10초", "256MB", "2개"]


def test_drills_are_shown_good_or_bad() -> None:
    assert "아직 훈련하지 않았습니다. 되살려 보지 않은" in page()
    assert "A backup that was never restored counts as none." in page(language="en")
    at = dt.datetime(2026, 1, 18, 3, tzinfo=clock.KST)
    values = {"restore_seconds": 170, "check_seconds": 41, "backup_bytes": 8_000_097, "database_bytes": 110_383_261}
    values |= {"backup": "base-20260117T180000Z.tar.gz.age", "documents": 12}
    RestoreDrill.objects.create(at=at, until=at - dt.timedelta(hours=2), **values)
    RestoreDrill.objects.create(at=at + dt.timedelta(days=7), faults=["document 7 is missing"], **values)
    korean, english = page(), page(language="en")
    assert "되살리기 170초, 돈과 기록과 서류 12건을 맞춰 보기 41초." in korean
    assert "2026년 1월 18일 01:00 시점으로 되살렸습니다." in korean
    assert korean.index("맞지 않음") < korean.index("모두 맞음"), "the newest comes first"
    assert "document 7 is missing" in korean
    assert "Restored in 170 s; money, audit and 12 documents checked in 41 s." in english
    assert "base-20260117T180000Z.tar.gz.age" in english
    assert not re.search("[가-힣]", english.partition("<h1>")[2].partition("</main>")[0])
