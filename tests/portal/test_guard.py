"""The public page about the guarding of data: figures, good or bad, and a plan that two people publish."""

import datetime as dt
from dataclasses import replace

import pytest
from django.db import IntegrityError, InternalError, transaction
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditHead
from kt_remedy.content import service as content
from kt_remedy.content.models import Entry, Place, Release
from kt_remedy.core import clock, programme
from kt_remedy.core.errors import Refused
from kt_remedy.core.models import RestoreDrill
from tests.sessions import staff_user

pytestmark = pytest.mark.django_db


def page(language: str = "ko") -> str:
    return Client().get(reverse("portal:guard"), headers={"accept-language": language}).content.decode()


def plan(title: str = "2026년 계획") -> Entry:
    entry = Entry(place=Place.SECURITY, key="2026", title_ko=title, title_en="Plan 2026", shown_from=clock.today())
    return content.add_version(by=staff_user("administrator"), entry=entry)


def test_an_installation_without_figures_says_so() -> None:
    shown = page()
    assert "아직 봉인한 기록이 없습니다" in shown
    assert "계획을 아직 올리지 않았습니다" in shown
    assert "아직 적은 훈련이 없습니다" in shown


def test_the_privacy_officer_is_named_where_the_programme_does(monkeypatch) -> None:
    assert "KT 개인정보 보호책임자" in page()
    assert "Privacy officer of KT" in page("en")
    unnamed = replace(programme.current().carrier, privacy_officer_ko=None, privacy_officer_en=None)
    without = replace(programme.current(), carrier=unnamed)
    monkeypatch.setattr(programme, "current", lambda: without)
    assert "이름을 아직 여기에 적지 않았습니다" in page()


def test_the_last_restore_that_held_is_shown_with_the_time_it_took() -> None:
    sizes = {"backup_bytes": 1, "database_bytes": 1, "documents": 0}
    for day, faults in ((18, []), (19, ["document 7 is missing"])):
        at = dt.datetime(2026, 1, day, 3, tzinfo=clock.KST)
        RestoreDrill.objects.create(at=at, restore_seconds=170, check_seconds=41, faults=faults, backup="b", **sizes)
    assert "2026년 1월\xa018일" in page()
    assert "백업에서 전체를 되살려 보았고 4분 걸렸습니다." in page()
    assert "it took 4 minutes" in page("en")


@pytest.mark.parametrize(("hours", "late"), [(2, False), (31, True)])
def test_the_last_seal_is_shown_and_a_late_one_is_called_late(hours: int, late: bool) -> None:
    at = clock.now() - dt.timedelta(hours=hours)
    AuditHead.objects.create(day=clock.kst_date(at), at=at, position=7, digest="ab" * 32)
    shown = page()
    assert "ab" * 32 in shown
    assert ("늦어지고 있음" in shown) is late
    assert "ab" * 32 in Client().get(reverse("portal:guard-seals")).content.decode()


def test_the_plan_stands_there_once_another_person_released_it() -> None:
    entry, officer = plan(), staff_user("supervisor")
    assert "2026년 계획" not in page()
    content.release(by=officer, entry=entry)
    assert "2026년 계획" in page()
    assert "Plan 2026" in page("en")
    with pytest.raises(Refused):
        content.release(by=officer, entry=entry)


def test_nobody_else_releases_and_nobody_their_own() -> None:
    entry = plan()
    with pytest.raises(Refused):
        content.release(by=staff_user("auditor"), entry=entry)
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        Release.objects.create(entry=entry, by=entry.written_by, at=clock.now())


def test_a_text_of_another_place_needs_no_release() -> None:
    entry = Entry(place=Place.FAQ, key="q", title_ko="질문", shown_from=clock.today())
    content.add_version(by=staff_user("administrator"), entry=entry)
    with pytest.raises(Refused):
        content.release(by=staff_user("supervisor"), entry=entry)
