"""The clock of a demonstration: moved forward from a page, and no page at all where no clock is set."""

import datetime as dt

import pytest

from kt_remedy.core import clock, programme
from kt_remedy.portal import timeline

pytestmark = pytest.mark.django_db


def test_moments_cover_the_programme_in_order():
    moments = timeline.moments(programme.current())
    keys = [moment.key for moment in moments]
    assert [moment.at for moment in moments] == sorted(moment.at for moment in moments)
    assert len(set(keys)) == len(keys)
    assert {"lookup", "waiver-ends", "opens", "closes", "base"} <= set(keys)
    assert {f"cut-off-{n}" for n in (1, 2, 3)} | {f"pay-{n}" for n in (1, 2, 3)} <= set(keys)
    assert {f"reminder-{n}" for n in (1, 2, 3)} <= set(keys)
    assert sum(key.startswith("grant-") for key in keys) == 6


def test_post_moves_to_the_moment_and_the_bar_shows_it(at, client):
    at("2026-01-20T10:00+09:00")
    answer = client.post("/clock/", {"to": "cut-off-1"})
    assert (answer.status_code, answer.url) == (302, "/clock/")
    assert clock.now() - dt.datetime.fromisoformat("2026-01-20T18:00+09:00") < dt.timedelta(minutes=1)
    assert "1월\xa020일(화)\xa018:00" in client.get("/clock/").content.decode()


def test_get_moves_nothing(at, client):
    at("2026-01-20T10:00+09:00")
    client.get("/clock/?to=cut-off-1")
    assert clock.now() < dt.datetime.fromisoformat("2026-01-20T10:05+09:00")


def test_a_moment_gone_by_says_so_and_an_unknown_one_is_not_found(at, client):
    at("2026-01-25T10:00+09:00")
    page = client.post("/clock/", {"to": "cut-off-1"}, follow=True).content.decode()
    assert "시계는 앞으로만 갑니다" in page
    assert clock.today() == dt.date(2026, 1, 25)
    assert client.post("/clock/", {"to": "tomorrow"}).status_code == 404


def test_no_clock_no_page_and_no_bar(client, settings):
    settings.REMEDY_NOW = None
    assert client.get("/clock/").status_code == 404
    assert client.post("/clock/", {"to": "cut-off-1"}).status_code == 404
    assert "clockbar" not in client.get("/").content.decode()
