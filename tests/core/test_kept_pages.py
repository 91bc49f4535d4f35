"""Kept pages: one copy for everybody, never of a person, replaced within a minute and on a change."""

import gzip
import re

import pytest
from django.conf import settings as django_settings
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from kt_remedy.content import service as content
from kt_remedy.content.models import Entry, Place
from kt_remedy.core import access, clock, kept_pages
from tests.access.routes import routes
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = pytest.mark.django_db

KEPT = [route for route in routes() if getattr(route.callback, "kept", False)]
NAMES = [route.name for route in KEPT]


@pytest.fixture
def real_clock(settings):
    """As in production: no row is read for the time."""
    settings.REMEDY_NOW = None


def body(client, path="/", **headers):
    answer = client.get(path, headers={"accept-language": "ko", **headers})
    assert answer.status_code == 200
    return answer.content.decode()


def test_start_help_texts_and_quick_check_are_kept_and_nothing_of_a_person():
    assert {"portal:home", "portal:faq", "portal:words", "portal:privacy", "notices:texts", "eligibility:check"} <= set(
        NAMES
    )
    assert {route.policy for route in KEPT} == {access.PUBLIC}
    assert not any(route.arguments for route in KEPT)


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_the_second_reader_costs_no_query_and_gets_no_cookie(real_clock, django_assert_num_queries, name, language):
    headers = {"accept-language": language}
    first = Client().get(reverse(name), headers=headers)
    with django_assert_num_queries(0):
        second = Client().get(reverse(name), headers=headers)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert f'<html lang="{language}"' in second.content.decode()
    assert not second.cookies
    assert "csrfmiddlewaretoken" not in second.content.decode()
    assert "nonce" not in second.content.decode()
    assert dict(first.items()) == dict(second.items())
    assert second["Cache-Control"] == "public, max-age=0, s-maxage=60"
    assert {"Cookie", "Accept-Language", "Accept-Encoding"} <= set(re.split(", ?", second["Vary"]))
    assert "default-src 'none'" in second["Content-Security-Policy"]
    assert (second["X-Frame-Options"], second["X-Content-Type-Options"]) == ("DENY", "nosniff")


def test_a_reader_who_has_the_page_is_told_so(real_clock):
    first = Client().get("/")
    again = Client().get("/", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (again["ETag"], again["Cache-Control"], again["Vary"]) == (
        first["ETag"],
        first["Cache-Control"],
        first["Vary"],
    )
    assert Client().get("/", headers={"if-none-match": 'W/"another"'}).status_code == 200
    english = Client().get("/", headers={"accept-language": "en", "if-none-match": first["ETag"]})
    assert english.status_code == 200


def test_head_tells_the_length_and_sends_no_page(real_clock):
    page = Client().get("/")
    for _ in range(2):
        head = Client().head("/")
        assert (head.status_code, head.content, head["Content-Length"]) == (200, b"", page["Content-Length"])
        assert head["ETag"] == page["ETag"]


def test_the_compressed_copy_is_the_same_page(real_clock):
    compressed = Client().get("/", headers={"accept-encoding": "gzip, br"})
    plain = Client().get("/")
    assert compressed["Content-Encoding"] == "gzip"
    assert not plain.has_header("Content-Encoding")
    assert gzip.decompress(compressed.content) == plain.content
    assert len(compressed.content) == int(compressed["Content-Length"]) < int(plain["Content-Length"])
    assert compressed["ETag"] == plain["ETag"]


def test_the_chosen_language_has_a_copy_of_its_own(real_clock):
    korean, english = Client(), Client()
    english.cookies[django_settings.LANGUAGE_COOKIE_NAME] = "en"
    for _ in range(2):
        assert '<html lang="ko"' in body(korean)
        assert '<html lang="en"' in body(english)
        assert '<html lang="ko"' in body(Client(), **{"accept-language": "fr"})


def test_large_type_is_neither_stored_nor_lost(real_clock):
    large = Client()
    large.cookies["large_type"] = "1"
    for _ in range(2):
        assert 'class="big"' in body(large)
        assert 'class="big"' not in body(Client())
    answer = large.get("/")
    assert answer["Cache-Control"] == "private, max-age=0"
    assert "Cookie" in answer["Vary"]
    assert not answer.has_header("ETag")


def test_a_signed_in_person_reads_their_own_page_and_leaves_no_trace_of_it(real_clock):
    visitors = [as_customer(Client(), person("kept")), as_staff(Client(), staff_user("auditor"))]
    for _ in range(2):
        for visitor in visitors:
            answer = visitor.get("/")
            assert "no-store" in answer["Cache-Control"]
            assert "public" not in answer["Cache-Control"]
        assert "/my/record/" in body(visitors[0])
        assert "/my/record/" not in body(Client())


def test_a_message_to_one_reader_is_shown_to_nobody_else(real_clock):
    client = Client()
    client.get(reverse("refunds:status"))
    left = client.post(reverse("refunds:status"))  # "your session has ended" waits in a cookie or a session
    assert left.status_code == 302
    assert 'role="status"' in body(client)
    assert 'role="status"' not in body(Client())


def test_parameters_are_answered_by_the_view(real_clock):
    empty = body(Client(), "/check/")
    filled = body(Client(), "/check/?how=PORT_OUT&ended=2025-11-20&line=HANDSET&event=NEW&contract=2024-07-01")
    assert "2025-11-20" in filled
    assert body(Client(), "/check/") == empty
    assert "2025-11-20" not in empty
    assert "검색어" not in body(Client(), "/help/stores/")
    assert 'value="서울"' in body(Client(), "/help/stores/?q=서울")


def question(title="새 질문"):
    return Entry(
        place=Place.FAQ, key="kept", title_ko=title, title_en="New", body_ko="답", body_en="A", shown_from=clock.today()
    )


def test_a_text_that_staff_publish_stands_there_at_once(real_clock, django_capture_on_commit_callbacks):
    assert "새 질문" not in body(Client(), "/help/")
    with django_capture_on_commit_callbacks(execute=True):
        content.add_version(by=staff_user("administrator"), entry=question())
    assert "새 질문" in body(Client(), "/help/")


def test_what_another_process_changed_stands_there_within_a_minute(real_clock, monkeypatch):
    assert kept_pages.KEPT_SECONDS == 60
    elapsed = iter([0, 59, 61])
    monkeypatch.setattr(kept_pages, "_tick", lambda: next(elapsed))
    assert "새 질문" not in body(Client(), "/help/")
    entry = question()
    entry.written_by, entry.written_at = staff_user("administrator"), clock.now()
    entry.save()
    assert "새 질문" not in body(Client(), "/help/")
    assert "새 질문" in body(Client(), "/help/")


def test_the_pages_follow_the_set_clock(at):
    at("2026-01-20T10:00+09:00")
    assert "오늘 포함 12일 남았습니다" in body(Client())
    clock.move_to(clock.kst(clock.today().replace(day=31)))
    assert "오늘까지입니다" in body(Client())


def test_the_copy_stays_while_the_view_fails_and_no_failure_is_kept(real_clock, monkeypatch):
    elapsed = [0.0]
    monkeypatch.setattr(kept_pages, "_tick", lambda: elapsed[0])
    page = body(Client())

    def broken(*_args):
        raise DatabaseError("gone")

    with monkeypatch.context() as broke:
        broke.setattr("kt_remedy.portal.timeline.overview", broken)
        client = Client(raise_request_exception=False)
        elapsed[0] = 61
        assert body(client) == page
        assert client.get("/", headers={"accept-language": "en"}).status_code == 500
        kept_pages.forget()
        assert client.get("/").status_code == 500
    assert body(Client()) == page


def test_an_unknown_host_gets_no_copy(real_clock):
    body(Client())
    assert Client().get("/", headers={"host": "elsewhere.example"}).status_code == 400


def test_the_host_of_staff_gets_no_copy(real_clock, settings):
    settings.ALLOWED_HOSTS = ["customers.test", "staff.test"]
    settings.STAFF_HOST, settings.CUSTOMER_HOSTS = "staff.test", ["customers.test"]
    assert Client().get("/help/", headers={"host": "customers.test"}).status_code == 200
    assert Client().get("/help/", headers={"host": "staff.test"}).status_code == 302


FORMS = [
    ("set_language", {"language": "en"}, 302),
    ("portal:large-type", {"on": "1"}, 302),
    ("notices:texts", {"text": "받은 문자"}, 200),
]


@pytest.mark.parametrize(("name", "form", "status"), FORMS)
def test_a_form_of_a_kept_page_needs_no_token_but_comes_from_this_site(name, form, status):
    client = Client(enforce_csrf_checks=True)
    assert client.post(reverse(name), form).status_code == status
    assert client.post(reverse(name), form, headers={"origin": "http://testserver"}).status_code == status
    for origin in ("https://elsewhere.example", "null"):
        refused = client.post(reverse(name), form, headers={"origin": origin})
        assert refused.status_code == 403
        assert not refused.cookies


def test_every_other_form_needs_its_token():
    exempt = {route.name for route in routes() if getattr(route.callback, "csrf_exempt", False)}
    assert exempt == {name for name, _form, _status in FORMS}
