"""The page about the safety of files says what this installation does, not what one could do."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.core import virus_scan
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
