"""The session of a verified customer: encryption, idle and absolute end, no write for a page view."""

import re
import time

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.models import Session
from django.db import connection
from django.template import RequestContext, Template
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kt_remedy.core.session_store import SessionStore, row_key
from kt_remedy.core.tasks import schedule
from kt_remedy.identity import service
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db
HONG = person("hong")


@pytest.fixture
def wall(monkeypatch):
    """A wall clock that moves only when a test moves it."""

    class Wall:
        at = time.time()

        def time(self) -> float:
            return self.at

    wall = Wall()
    monkeypatch.setattr(service, "time", wall)
    return wall


def browser(key: str | None = None):
    """Return a request with the session cookie `key`."""
    request = RequestFactory().get("/")
    request.session, request.user = SessionStore(key), AnonymousUser()
    return request


def signed_in() -> str:
    request = browser()
    service.sign_in(request, HONG)
    request.session.save()
    return request.session.session_key


def test_a_verified_person_is_known_in_the_next_request():
    assert service.person_of(browser(signed_in())) == HONG


def test_the_stored_session_shows_nothing_of_the_person():
    row = Session.objects.get(pk=row_key(signed_in()))
    text = str(row.get_decoded())
    assert not [word for word in (HONG.name, HONG.phone, "1985", HONG.ci_index.hex()) if word in text]


def test_looking_writes_nothing_until_a_minute_has_passed(wall):
    key = signed_in()
    wall.at += 59
    request = browser(key)
    service.person_of(request)
    assert not request.session.modified
    wall.at += 1
    request = browser(key)
    service.person_of(request)
    assert request.session.modified


@pytest.mark.parametrize(
    ("steps", "known"),
    [([29 * 60 + 59], True), ([30 * 60], False), ([25 * 60] * 28, True), ([25 * 60] * 29, False)],
    ids=["idle for less than half an hour", "idle too long", "in use for under 12 hours", "in use for 12 hours"],
)
def test_sessions_end_idle_and_absolutely(wall, steps, known):
    key = signed_in()
    known_person = None
    for step in steps:
        wall.at += step
        request = browser(key)
        known_person = service.person_of(request)
        if request.session.modified:
            request.session.save()
            key = request.session.session_key
    assert (known_person is not None) is known


def test_a_person_who_reads_the_table_takes_no_session_over():
    key = signed_in()
    [row] = Session.objects.all()
    assert key not in str(row.__dict__) + str(row.get_decoded())
    stolen = browser(row.session_key)
    assert service.person_of(stolen) is None
    assert stolen.session.session_key is None
    assert SessionStore().exists(key)
    assert not SessionStore().exists(row.session_key)


def test_the_key_of_a_session_has_128_random_bits_and_more():
    keys = {SessionStore()._get_new_session_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key) == 32 and set(key) <= set(VALID_KEY_CHARS) for key in keys)
    assert len(set(VALID_KEY_CHARS)) ** 32 > 2**128


def test_signing_in_makes_a_new_key_and_drops_what_another_person_left():
    request = browser(signed_in())
    old = request.session.session_key
    request.session["draft"] = "of Hong"
    service.sign_in(request, person("kim", name="김하나"))
    assert request.session.session_key != old
    assert "draft" not in request.session
    assert not Session.objects.filter(pk=row_key(old)).exists()


def test_the_same_person_keeps_a_draft_under_a_new_key():
    request = browser(signed_in())
    old = request.session.session_key
    request.session["draft"] = "of Hong"
    service.sign_in(request, HONG)
    assert request.session.session_key != old
    assert request.session["draft"] == "of Hong"


def test_signing_out_ends_the_session():
    request = browser(key := signed_in())
    service.sign_out(request)
    assert not Session.objects.filter(pk=row_key(key)).exists()


def test_a_browser_without_a_session_costs_no_query():
    with CaptureQueriesContext(connection) as queries:
        Client().get("/livez")
    assert [q["sql"] for q in queries if "session" in q["sql"]] == []


def test_the_test_client_signs_in():
    client = as_customer(Client(), HONG)
    assert service.person_of(browser(client.session.session_key)) == HONG


def test_going_on_begins_the_idle_time_anew(wall):
    client = as_customer(Client(), HONG)
    wall.at += 25 * 60
    assert client.post(reverse("identity:stay"), {"next": "/identity/elsewhere/"})["Location"] == "/identity/elsewhere/"
    assert client.post(reverse("identity:stay"), headers={"X-Stay": "1"}).status_code == 204
    wall.at += 25 * 60
    assert service.person_of(browser(client.session.session_key)) == HONG


def test_a_verified_person_is_warned_before_the_end_and_nobody_else():
    page = Template("{% load identity %}{% session_end %}")
    request = browser()
    request.person = None
    assert "session-end" not in page.render(RequestContext(request))
    request.person = HONG
    assert re.search(r'data-warn-after="1560"\s+data-ends-after="1740"', page.render(RequestContext(request)))


def test_staff_and_customer_do_not_share_a_session():
    client = as_staff(as_customer(Client(), HONG), staff_user("agent"))
    assert service.person_of(browser(client.session.session_key)) is None
    request = browser(client.session.session_key)
    service.sign_in(request, HONG)
    assert "_auth_user_id" not in request.session


def test_ended_sessions_are_swept():
    key = signed_in()
    Session.objects.filter(pk=row_key(key)).update(expire_date="2020-01-01T00:00:00Z")
    schedule.plan()
    schedule.entry("identity.sessions").task("identity.sessions")
    assert not Session.objects.filter(pk=row_key(key)).exists()


def test_an_ended_session_says_so_and_leads_back(wall):
    client = as_customer(Client(), HONG)
    assert client.get("/refunds/apply/account/").status_code == 302  # nothing was chosen yet
    wall.at += service.IDLE_SECONDS
    answer = client.post(
        "/refunds/apply/account/", {"bank": "088"}, headers={"referer": "http://testserver/refunds/apply/account/"}
    )
    assert answer["Location"] == "/identity/?next=%2Frefunds%2Fapply%2Faccount%2F"
    page = client.get(answer["Location"]).content.decode()
    assert "본인 확인이 끝났습니다. 다시 확인하시면 하시던 곳으로 돌아갑니다." in page
    assert "본인 확인이 끝났습니다" not in client.get(answer["Location"]).content.decode(), "once"


def test_an_ended_session_says_so_to_a_reader_and_not_to_a_stranger(wall):
    client = as_customer(Client(), HONG)
    wall.at += service.IDLE_SECONDS
    assert "본인 확인이 끝났습니다" in client.get("/my/", follow=True).content.decode()
    stranger = Client().get("/my/", follow=True)
    assert "본인 확인이 끝났습니다" not in stranger.content.decode()


def test_a_post_from_elsewhere_leads_to_no_page_of_another_site(wall):
    answer = Client().post("/refunds/apply/account/", headers={"referer": "https://elsewhere.example/x/"})
    assert answer["Location"] == "/identity/"
