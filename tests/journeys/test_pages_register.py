"""The register's staff pages in a browser: no finding, nothing cut off, a running load is followed to its end."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from eligibility.models import Feed, Reject
from kt_remedy.core import clock
from tests import people
from tests.journeys.test_pages_public import findings, overflow
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(page, live_server):
    session = as_staff(Client(), staff_user("reviewer")).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    return page


def test_a_delivery_and_a_line(at, desk):
    at("2026-01-20T10:00+09:00")
    people.load_cast()
    feed = Feed.objects.latest("id")
    Reject.objects.create(feed=feed, file="lines.csv", line=7, column="ci", value="Q*****", reason="not 88 characters")
    for address in (
        reverse("admin:eligibility_feed_change", args=[feed.pk]),
        reverse("admin:eligibility_line_change", args=["CAST-110-1"]),
    ):
        desk.goto(address)
        assert findings(desk) == []
        assert overflow(desk, 360) <= 0


def test_a_running_load_is_followed_to_its_end(at, desk):
    at("2026-02-03T06:00+09:00")
    feed = Feed.objects.create(as_of=dt.date(2026, 2, 3), started_at=clock.now(), phase="read", progress=10)
    desk.goto(reverse("admin:eligibility_feed_change", args=[feed.pk]))
    assert findings(desk) == []
    Feed.objects.filter(pk=feed.pk).update(phase="merge", progress=80)
    expect(desk.locator("#feed-progress")).to_contain_text("80% 반영 중", timeout=15_000)
    Feed.objects.filter(pk=feed.pk).update(state="LOADED", progress=100, finished_at=clock.now())
    expect(desk.locator(".lead")).to_contain_text("완료", timeout=15_000)
