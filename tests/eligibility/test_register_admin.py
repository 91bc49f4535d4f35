"""The register in the admin: deliveries with their counts, the queue of lines that wait for a person."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from eligibility.models import Feed, Line, LineDecision
from kt_remedy import clock
from kt_remedy.audit.models import AuditEntry
from tests import people
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def reviewer() -> Client:
    return as_staff(Client(), staff_user("reviewer"))


def test_deliveries_are_listed_with_counts_and_progress(reviewer: Client) -> None:
    people.load_cast()
    began = clock.now() - dt.timedelta(hours=1)
    Feed.objects.create(
        as_of=dt.date(2026, 2, 3),
        started_at=began,
        finished_at=began + dt.timedelta(seconds=65),
        phase="read",
        progress=42,
    )

    text = reviewer.get(reverse("admin:eligibility_feed_changelist")).content.decode()
    assert "42% 읽는 중" in text
    assert "1분 5초" in text
    feed = Feed.objects.filter(state="LOADED").first()
    page = reviewer.get(reverse("admin:eligibility_feed_change", args=[feed.pk]))
    assert feed.lines_sha256 in page.content.decode()


@pytest.mark.parametrize("name", ["feed", "reject", "linedecision", "line"])
def test_other_roles_stay_out(name: str) -> None:
    maker = as_staff(Client(), staff_user("maker"))
    assert maker.get(reverse(f"admin:eligibility_{name}_changelist")).status_code == 403


def test_the_queue_and_a_decision(reviewer: Client) -> None:
    people.load_cast()
    queue = reviewer.get(reverse("admin:eligibility_line_changelist")).content.decode()
    assert "CAST-110-1" in queue
    assert "CAST-101-1" not in queue

    url = reverse("admin:eligibility_line_change", args=["CAST-110-1"])
    page = reviewer.get(url).content.decode()
    assert "배*장" in page
    assert "배비장" not in page
    assert AuditEntry.objects.filter(action="admin.viewed", subject="K20260110").exists()

    wrong = reviewer.post(url, {"outcome": "ELIGIBLE", "reason": ""})
    assert wrong.status_code == 422
    assert not LineDecision.objects.exists()
    done = reviewer.post(url, {"outcome": "ELIGIBLE", "reason": "KTOA 기록에서 신청 시각 확인"})
    assert done.status_code == 302
    assert Line.objects.get(pk="CAST-110-1").standing_outcome == "ELIGIBLE"
    assert "CAST-110-1" not in reviewer.get(reverse("admin:eligibility_line_changelist")).content.decode()
    assert "KTOA 기록에서" in reviewer.get(url).content.decode()


def test_an_auditor_reads_and_does_not_decide() -> None:
    people.load_cast()
    auditor = as_staff(Client(), staff_user("auditor"))
    url = reverse("admin:eligibility_line_change", args=["CAST-110-1"])

    assert "결정 기록" not in auditor.get(url).content.decode()
    assert auditor.post(url, {"outcome": "ELIGIBLE", "reason": "x"}).status_code == 403
    assert not LineDecision.objects.exists()
