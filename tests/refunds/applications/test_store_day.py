"""The page of a store manager: one's own store alone, its day, clerks, call-backs and figures."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.core import clock
from kt_remedy.staff.models import Store
from refunds.models.applications import Application, Filing, Note
from refunds.reports import store_day
from tests.refunds import make
from tests.refunds.applications.test_submit import submit
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db
PAGE = reverse("refunds:store-day")
DAY = dt.date(2026, 1, 15)


@pytest.fixture
def here(at, no_sample):
    at("2026-01-15T10:00+09:00")
    own, other = (Store.objects.create(code=code, name=name) for code, name in (("A1", "새봄점"), ("B2", "한빛점")))
    for store, times in ((own, 2), (other, 1)):
        clerk = staff_user("clerk", username=f"clerk-{store.code}", store=store)
        for _time in range(times):
            holder = make.customer()
            filing = submit(holder, make.line(holder), channel="STORE").filing
            Filing.objects.filter(pk=filing.pk).update(store=store, filed_by=clerk)
        note = Note(
            person_index=holder.person_index,
            customer=holder,
            written_by=clerk,
            owner=clerk,
            store=store,
            written_at=clock.now(),
            call_back_at=clock.now() - dt.timedelta(hours=1),
        )
        note.words = "전화 주세요"
        note.save()
    return own


def test_the_day_of_ones_own_store(here) -> None:
    shown = store_day.of(here, DAY)
    assert (shown.of_day, shown.total, shown.approved, shown.decided, shown.won) == (2, 2, 2, 2, 0)
    assert [(clerk.user.username, clerk.today, clerk.filings, clerk.calls) for clerk in shown.clerks] == [
        ("clerk-A1", 2, 2, 1)
    ]
    assert len(shown.calls) == 1
    next_day = store_day.of(here, DAY + dt.timedelta(days=1))
    assert (next_day.of_day, next_day.total, next_day.clerks[0].today) == (0, 2, 0)


def test_the_page(here) -> None:
    browser = as_staff(Client(), staff_user("store_manager", store=here))
    text = browser.get(PAGE).content.decode()
    own, other = (Filing.objects.filter(store__code=code) for code in ("A1", "B2"))
    assert all(filing.reference in text for filing in own)
    assert all(filing.reference not in text for filing in other)
    assert "홍*동" in text
    assert "홍길동" not in text
    assert "지남" in text
    assert "이날에는 접수가 없습니다" in browser.get(PAGE, {"day": "2026-01-14"}).content.decode()
    for wrong in ("tomorrow", "2026-02-30", "2099-01-01", "9999-12-31"):
        answer = browser.get(PAGE, {"day": wrong}).content.decode()
        assert "신청 2건" in answer
        assert "고르신 날은 볼 수 없어" in answer
    assert "고르신 날은 볼 수 없어" not in text
    first = browser.get(PAGE, {"day": "0001-01-01"}).content.decode()  # the first day of the window, and none before it
    assert "1월 14일" in first.replace("\xa0", " ")
    assert "day=2026-01-13" not in first
    for role in ("clerk", "supervisor", "administrator"):
        assert as_staff(Client(), staff_user(role)).get(PAGE).status_code == 403


def test_the_home_of_the_manager_says_what_waits_and_what_changed(here, at) -> None:
    browser = as_staff(Client(), staff_user("store_manager", store=here))
    home = reverse("admin:index")
    text = browser.get(home).content.decode()
    assert "오늘 받은 접수" in text
    assert "어제부터 바뀐 것: 승인" in text
    assert "우리 매장 신청" not in text
    row = Application.objects.filter(filing__store=here).order_by("id").first()
    Application.objects.filter(pk=row.pk).update(status="REVIEW")
    Application.objects.filter(pk=row.pk).update(status="NEED_DOCS", documents_due_on=dt.date(2026, 1, 20))
    text = browser.get(home).content.decode()
    assert "고객의 서류나 계좌를 기다리는 우리 매장 신청 1건" in text
    assert row.filing.reference in browser.get(PAGE).content.decode()
    at("2026-01-22T10:00+09:00")
    text = browser.get(home).content.decode()
    assert "어제부터 바뀐 것: 승인" not in text
    there = as_staff(Client(), staff_user("store_manager", username="there", store=Store.objects.get(code="B2")))
    assert "우리 매장 신청" not in there.get(home).content.decode()
    assert row.filing.reference not in there.get(PAGE).content.decode()
