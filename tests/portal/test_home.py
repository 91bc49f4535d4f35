"""The start page says what holds today: before the look-up opens, between, while one can apply, after."""

import datetime as dt
import gzip
import re

import pytest
from django.test import Client

from kt_remedy.core import programme
from kt_remedy.portal import timeline
from tests.refunds.payouts import money

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("day", "phase"),
    [
        ("2025-12-30", "before"),
        ("2025-12-31", "lookup"),
        ("2026-01-13", "lookup"),
        ("2026-01-14", "open"),
        ("2026-01-31", "open"),
        ("2026-02-01", "late"),
        ("2026-06-30", "late"),
        ("2026-07-01", "over"),
    ],
)
def test_phase_changes_on_the_programmes_own_days(day, phase):
    assert timeline.phase(programme.current(), dt.date.fromisoformat(day)) == phase


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ("2025-12-30T10:00+09:00", "내 회선은 12월\xa031일\u2060(수)\u2060부터 확인할 수 있습니다"),
        ("2026-01-05T10:00+09:00", "환급 신청은 <strong>1월\xa014일\u2060(수)\u2060</strong>부터입니다"),
        ("2026-01-14T00:00+09:00", "오늘 포함 18일 남았습니다"),
        ("2026-01-31T23:59:59+09:00", "오늘까지입니다"),
        ("2026-02-01T00:00+09:00", "신청 기간은 1월\xa031일\u2060(토)\u2060에 끝났습니다"),
        ("2026-07-02T10:00+09:00", "환급 신청이 모두 끝났습니다"),
    ],
)
def test_home_says_what_can_be_done_today(at, client, now, words):
    at(now)
    page = client.get("/").content.decode()
    assert words in page
    assert page.count("<h1") == 1
    assert '<html lang="ko"' in page
    assert 'href="#main"' in page


def test_before_the_look_up_opens_only_the_quick_check_is_offered(at, client):
    at("2025-12-30T10:00+09:00")
    page = client.get("/").content.decode()
    assert 'href="/my/"' not in page
    assert 'href="/check/"' in page


def test_today_marks_the_round_one_would_get():
    rows = timeline.payout_rows(programme.current(), dt.date(2026, 1, 20), {})
    assert [(row.pay_on.isoformat(), row.state) for row in rows] == [
        ("2026-01-22", ""),
        ("2026-02-05", "today"),
        ("2026-02-19", "always"),
    ]
    assert rows[0].left == "2025년\xa09~12월 해지"
    assert rows[2].applied == "1월\xa014~31일 신청"


FIRST, SECOND = dt.date(2026, 1, 22), dt.date(2026, 2, 5)


@pytest.mark.parametrize(
    ("today", "settled", "states"),
    [
        ("2026-01-21", {}, ["tomorrow", "today", "always"]),
        ("2026-01-22", {FIRST: False}, ["sending", "today", "always"]),
        ("2026-01-22", {}, ["", "today", "always"]),
        ("2026-02-06", {FIRST: True, SECOND: False}, ["sent", "sending", "always"]),
        ("2026-02-06", {FIRST: True}, ["sent", "", "always"]),
    ],
)
def test_a_round_is_said_to_be_sent_only_once_it_is_settled(today, settled, states):
    rows = timeline.payout_rows(programme.current(), dt.date.fromisoformat(today), settled)
    assert [row.state for row in rows] == states


def test_home_reads_the_rounds_from_their_batches(at, client):
    at(money.CUT_OFF)
    batch, file = money.handed_over(2)
    at("2026-01-22T10:00+09:00")
    assert "보내고 있습니다" in client.get("/").content.decode()
    first, second = money.items(batch)
    money.load(money.pain002(file, [(first, "ACSC", ""), (second, "RJCT", "AC04")]))
    at("2026-01-22T10:01+09:00")
    assert "모두 보냈습니다" in client.get("/").content.decode()


def test_every_stop_before_today_is_done():
    dates = timeline.timeline_dates(programme.current(), dt.date(2026, 1, 22), {})
    later = timeline.timeline_dates(programme.current(), dt.date(2026, 2, 6), {FIRST: True})
    assert {row.date: row.state for row in later}[FIRST] == "done"
    assert {row.date: row.state for row in later}[SECOND] == "next", "not settled"
    assert [row.date for row in dates] == sorted(row.date for row in dates)
    assert {row.state for row in dates if row.date < dt.date(2026, 1, 22)} == {"done"}
    assert [row.title for row in dates if row.state == "now"] == ["1차 입금"]


def test_home_asks_the_database_only_for_the_clock(at, client, django_assert_max_num_queries):
    at("2026-01-20T10:00+09:00")
    with django_assert_max_num_queries(1):
        client.get("/")


def test_home_in_english_has_english_dates(at):
    at("2026-01-20T10:00+09:00")
    client = Client(headers={"accept-language": "en"})
    page = client.get("/").content.decode()
    assert '<html lang="en"' in page
    assert "Thu\xa022\xa0Jan" in page
    assert "2025년" not in page


def test_home_is_one_button_the_days_and_three_doors(at, client):
    at("2026-01-20T10:00+09:00")
    page = client.get("/").content.decode()
    assert (page.count('class="btn '), page.count('class="door"'), page.count("<table")) == (1, 3, 0)
    assert page.count("오늘 신청하면") == 2
    at("2026-03-02T10:00+09:00")
    assert "오늘 신청하면" not in client.get("/").content.decode()


@pytest.mark.parametrize("path", ["/", "/help/", "/help/words/", "/help/privacy/", "/check/"])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_page_without_a_secret_is_compressed_and_light(at, path, language):
    at("2026-01-20T10:00+09:00")
    answer = Client(headers={"accept-language": language, "accept-encoding": "gzip"}).get(path)
    assert answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < 20_000, "the second view, with styles and drawings in the cache of the browser"
    assert b"</html>" in gzip.decompress(answer.content)


def test_large_type_is_kept_on_the_device(client):
    answer = client.post("/large-type/", {"on": "1", "next": "/help/words/"})
    assert (answer.status_code, answer.url) == (302, "/help/words/")
    assert 'class="big"' in client.get("/help/words/").content.decode()
    assert 'class="big"' not in Client().get("/help/words/").content.decode()
    assert client.post("/large-type/", {"on": "0", "next": "https://elsewhere.example/"}).url == "/"
    assert 'class="big"' not in client.get("/").content.decode()


@pytest.mark.parametrize(
    "path", ["/help/words/", "/help/", "/help/bring/", "/help/protection/", "/help/privacy/", "/help/accessibility/"]
)
def test_information_pages(at, client, path):
    at("2026-01-20T10:00+09:00")
    page = client.get(path).content.decode()
    assert page.count("<h1") == 1
    assert "080-470-7790" in page


def test_language_switch_is_a_form_that_returns_to_the_page(client):
    answer = client.post("/language/", {"language": "en", "next": "/help/bring/"})
    assert (answer.status_code, answer.url) == (302, "/help/bring/")
    assert '<html lang="en"' in client.get("/help/bring/").content.decode()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_public_pages_describe_themselves_to_search_engines(at, client, language):
    at("2026-01-20T10:00+09:00")
    paths = ["/", "/check/", "/messages/", "/messages/call/", "/help/words/", "/help/protection/", "/help/guard/"]
    paths += ["/help/privacy/", "/help/accessibility/"]
    told = []
    for path in paths:
        page = client.get(path, headers={"accept-language": language}).content.decode()
        told.append(re.search(r'name="description"\s+content="([^"]{10,})"', page)[1])
    assert len(set(told)) >= len(paths) - 1  # texts and calls have one question
