"""The figures equal plain counting."""

from collections import Counter

import pytest
from django.test import Client
from django.urls import reverse

from refunds import reports
from refunds.applications import change
from refunds.models.applications import Application
from tests.refunds import make, reviewing
from tests.refunds.applications.test_submit import submit
from tests.sessions import as_staff, staff_user


@pytest.mark.django_db
def test_the_figures_are_those_of_the_rows(at, no_sample, django_assert_num_queries) -> None:
    at("2026-01-15T10:00+09:00")
    for door in ("WEB", "WEB", "STORE", "CALL_CENTRE"):
        holder = make.customer()
        submit(holder, make.line(holder), channel=door)
    holder = make.customer()
    submit(holder, make.line(holder, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER"))
    submit(holder, make.line(holder), account=make.account(holder, outcome="CLOSED"))
    at("2026-01-20T23:30+09:00")
    late = make.customer()
    row = submit(late, make.line(late, outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER")).filing.applications.get()
    reviewing.review(
        application_id=row.pk, reviewer=staff_user("reviewer"), act="ASK_DOCUMENTS", reason="가족관계증명서"
    )
    withdrawn = Application.objects.order_by("id").first()
    change.withdraw(application_id=withdrawn.pk, person_index=bytes(withdrawn.filing.person_index))

    with django_assert_num_queries(2):
        figures = reports.figures()
    rows = list(Application.objects.select_related("filing"))
    assert figures.total == len(rows) == 7
    assert figures.won == sum(row.amount_seen_krw for row in rows)
    assert figures.by_channel == Counter(row.filing.channel for row in rows)
    assert figures.by_status == Counter(row.status for row in rows)
    assert figures.by_day == Counter(row.applied_on for row in rows)
    assert figures.by_reason == {"VERDICT_REVIEW": 1, "HOLDER_CLOSED": 1, "NEED_DOCS": 1}
    assert figures.by_age == [("오늘", 1), ("1~2일", 0), ("3~5일", 2), ("6~9일", 0), ("10일부터", 0)]


@pytest.mark.django_db
def test_the_page(at) -> None:
    at("2026-01-15T10:00+09:00")
    make.application(make.line(make.customer()))
    text = as_staff(Client(), staff_user("supervisor")).get(reverse("refunds:report")).content.decode()
    assert "신청 1건" in text
    assert as_staff(Client(), staff_user("clerk")).get(reverse("refunds:report")).status_code == 403
