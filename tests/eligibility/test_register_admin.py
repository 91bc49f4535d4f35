"""Admin pages of the register: deliveries with their counts, and the reviewers' queue of lines."""

import csv
import datetime as dt
import io
import re

import pytest
from django.test import Client
from django.urls import reverse

from eligibility import service
from eligibility.models import Feed, Line, LineDecision, Reject
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from tests import people
from tests.sessions import as_customer, as_staff, person, staff_user

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


def test_a_running_load_shows_how_far_it_is_and_then_nothing(reviewer: Client) -> None:
    progress = reverse("admin:eligibility_feed_progress")
    assert reviewer.get(progress).content.decode().strip() == ""
    feed = Feed.objects.create(as_of=dt.date(2026, 2, 3), started_at=clock.now(), phase="merge", progress=80)
    assert "2026-02-03 데이터를 받고 있습니다: 80% 반영 중" in reviewer.get(progress).content.decode()
    for page in (
        reverse("admin:eligibility_feed_changelist"),
        reverse("admin:eligibility_feed_change", args=[feed.pk]),
    ):
        text = reviewer.get(page).content.decode()
        assert '<progress value="80" max="100">' in text
        assert "feed.js" in text


def test_rejected_rows_are_downloaded_as_csv_with_a_reason(reviewer: Client) -> None:
    feed = Feed.objects.create(
        as_of=dt.date(2026, 2, 3), started_at=clock.now(), finished_at=clock.now(), state="LOADED", lines_rejected=22
    )
    for line in range(2, 24):
        Reject.objects.create(
            feed=feed, file="lines.csv", line=line, column="msisdn", value="=1*****", reason='not "01" and digits'
        )
    page = reviewer.get(reverse("admin:eligibility_feed_change", args=[feed.pk])).content.decode()
    assert page.count("=1*****") == 20

    address = reverse("admin:eligibility_feed_rejects", args=[feed.pk])
    assert reviewer.get(address).status_code == 302
    assert reviewer.post(address, {"reason": " "}).status_code == 302
    assert not AuditEntry.objects.filter(action="feed.rejects_downloaded").exists()

    answer = reviewer.post(address, {"reason": "청구 시스템에 알리려고"})
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert rows[0] == ["file", "line", "column", "value", "reason"]
    assert rows[1] == ["lines.csv", "2", "msisdn", "'=1*****", 'not "01" and digits']
    assert len(rows) == 23
    assert answer["Content-Disposition"] == f'attachment; filename="rejects-2026-02-03-{feed.pk}.csv"'
    assert AuditEntry.objects.get(action="feed.rejects_downloaded").reason == "청구 시스템에 알리려고"

    maker = as_staff(Client(), staff_user("maker"))
    assert maker.post(address, {"reason": "x"}).status_code == 403
    assert maker.get(reverse("admin:eligibility_feed_progress")).status_code == 403


@pytest.mark.parametrize("name", ["feed", "reject", "linedecision", "line"])
def test_other_roles_stay_out(name: str) -> None:
    maker = as_staff(Client(), staff_user("maker"))
    assert maker.get(reverse(f"admin:eligibility_{name}_changelist")).status_code == 403


def test_the_queue_and_a_decision(reviewer: Client) -> None:
    people.load_cast()
    queue = reviewer.get(reverse("admin:eligibility_line_changelist")).content.decode()
    assert "CAST-110-1" in queue
    assert "CAST-101-1" not in queue
    results = reviewer.get(reverse("admin:eligibility_line_changelist"), {"q": " cast-101-1 "}).content.decode()
    assert reverse("admin:eligibility_line_change", args=["CAST-101-1"]) in results
    assert "CAST-110-1" not in results

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
    assert Line.objects.get(pk="CAST-110-1").effective_outcome == "ELIGIBLE"
    assert "CAST-110-1" not in reviewer.get(reverse("admin:eligibility_line_changelist")).content.decode()
    assert "KTOA 기록에서" in reviewer.get(url).content.decode()


def test_an_auditor_reads_and_does_not_decide() -> None:
    people.load_cast()
    auditor = as_staff(Client(), staff_user("auditor"))
    url = reverse("admin:eligibility_line_change", args=["CAST-110-1"])

    assert "결정 기록" not in auditor.get(url).content.decode()
    assert auditor.post(url, {"outcome": "ELIGIBLE", "reason": "x"}).status_code == 403
    assert not LineDecision.objects.exists()


def test_who_saw_which_verdict_when(reviewer: Client, at) -> None:
    """A customer views a line before and after a delivery that changes its verdict; both views are recorded."""
    at("2026-01-02T10:00+09:00")
    people.load_cast(until=dt.date(2025, 12, 31))
    line = Line.objects.select_related("customer").get(pk="CAST-101-1")
    holder = as_customer(Client(), person(people.person("hong").ci))
    holder.get("/my/")
    holder.get("/my/")  # an equal view is not recorded again
    at("2026-01-21T10:00+09:00")
    people.load_cast()
    holder.get("/my/")

    line.refresh_from_db()
    before, *_rest = service.verdict_periods(line)[::-1]
    periods = service.verdict_periods(line)
    assert len(periods) >= 2
    assert (periods[0].until, periods[0].outcome, periods[0].refundable) == (None, line.outcome, line.refundable_krw)
    assert (before.refundable, before.reasons) == (0, ("NOT_BILLED_YET",))
    assert [later.until for later in periods[1:]] == [earlier.since for earlier in periods[:-1]]

    shown = [entry.detail["lines"][line.pk] for entry in service.views_of(line)]
    assert shown == [["ELIGIBLE", "", line.refundable_krw], ["ELIGIBLE", "NOT_BILLED_YET", 0]]
    reviewer.get(reverse("admin:eligibility_line_change", args=[line.pk]))
    page = reviewer.get(reverse("admin:eligibility_line_change", args=[line.pk])).content.decode()
    assert "보인 내용: 면제 대상 · 0원" in page
    assert f"보인 내용: 면제 대상 · {line.refundable_krw:,}원" in page
    assert "직원 reviewer" in page
    assert "예상 위약금을 이렇게 계산했습니다" in page


def test_a_guardians_look_is_recorded_as_such(at) -> None:
    people.load_cast()
    at("2026-01-21T10:00+09:00")
    as_customer(Client(), person(people.person("jinsa").ci)).get("/my/")
    by = AuditEntry.objects.filter(action="lines.seen").values_list("subject", "detail__by")
    assert set(by) == {("K20260108", "holder"), ("K20260107", "guardian"), ("K20260119", "guardian")}


def test_a_decision_that_a_later_verdict_overtook_is_flagged(reviewer: Client) -> None:
    people.load_cast()
    url = reverse("admin:eligibility_line_change", args=["CAST-110-1"])
    reviewer.post(url, {"outcome": "ELIGIBLE", "reason": "KTOA 기록에서 신청 시각 확인"})
    listed = reverse("admin:eligibility_linedecision_changelist") + "?overtaken=1"
    assert "결정한 뒤에 판정이 바뀌었습니다" not in reviewer.get(url).content.decode()
    assert "CAST-110-1" not in reviewer.get(listed).content.decode()
    for page in (
        reverse("admin:eligibility_linedecision_changelist"),
        reverse("admin:eligibility_linedecision_change", args=[LineDecision.objects.get().pk]),
    ):
        shown = reviewer.get(page).content.decode()
        assert "직원이 한 번 더 확인합니다" in shown  # the verdict in words, no code and no name of a column
        assert not re.search(r"REVIEW_|>\s*[Vv]erdict", shown)

    Line.objects.filter(pk="CAST-110-1").update(outcome="NOT_ELIGIBLE", reasons="MVNO")
    assert "결정한 뒤에 판정이 바뀌었습니다" in reviewer.get(url).content.decode()
    assert "CAST-110-1" in reviewer.get(listed).content.decode()
    reviewer.post(url, {"outcome": "NOT_ELIGIBLE", "reason": "알뜰폰으로 확인"})
    assert "CAST-110-1" not in reviewer.get(listed).content.decode()
