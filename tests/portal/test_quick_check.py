"""The quick check: an answer for anybody, by GET, without a person, a session or the database."""

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

pytestmark = pytest.mark.django_db

LEFT = {"how": "PORT_OUT", "ended": "2025-11-20", "line": "HANDSET", "event": "NEW", "contract": "2024-07-01"}


@pytest.fixture
def ask(at, client):
    at("2026-01-20T10:00+09:00")
    return lambda **answers: client.get("/check/", {**LEFT, **answers})


@pytest.mark.parametrize(
    ("answers", "heading", "fact"),
    [
        ({}, "환급 대상으로 보입니다", ""),
        ({"ended": "2025-08-31"}, "아닌 것으로 보입니다", "기간보다 먼저입니다"),
        ({"ended": "2026-01-14"}, "아닌 것으로 보입니다", "기간이 지난 뒤입니다"),
        ({"event": "DEVICE_CHANGE", "contract": "2025-09-01"}, "아닌 것으로 보입니다", "기기를 바꾸며 새 약정을"),
        ({"event": "NEW", "contract": "2025-10-02"}, "아닌 것으로 보입니다", "새로 가입하셨습니다"),
        ({"event": "RECONTRACT", "contract": "2025-10-02"}, "아닌 것으로 보입니다", "다시 약정하셨습니다"),
        ({"line": "MVNO"}, "아닌 것으로 보입니다", "알뜰폰 회선입니다."),
        ({"line": "IOT"}, "아닌 것으로 보입니다", "사물인터넷(IoT) 회선입니다."),
        ({"how": "FORCED"}, "아닌 것으로 보입니다", "직권해지"),
        ({"event": "AUTO_RENEWAL", "contract": "2025-10-02"}, "직원이 확인해야 합니다", "저절로 이어졌습니다"),
        ({"event": "TRANSFER", "contract": "2025-10-02"}, "직원이 확인해야 합니다", "명의변경"),
        ({"kind": "NONE"}, "돌려받을 위약금이 없는", "위약금이 생기지 않았습니다"),
        ({"how": "IN_SERVICE", "ended": ""}, "계속 쓰고 계십니다", ""),
        ({"how": "IN_SERVICE", "ended": "", "line": "MVNO"}, "아닌 것으로 보입니다", "알뜰폰"),
    ],
)
def test_every_answer_names_its_reason(ask, answers, heading, fact):
    page = ask(**answers).content.decode()
    assert heading in page[page.index("<h1") : page.index("</h1>")]
    assert fact in page


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ({"ended": "2026-01-14"}, True),
        ({"ended": "2026-01-13"}, False),
        ({"ended": "2026-01-14", "how": "CANCEL"}, False),
        ({"ended": "2026-01-14", "line": "MVNO"}, False),  # out for another reason as well
    ],
)
def test_who_moved_too_late_hears_of_delayed_moves(ask, answers, asked):
    assert ("번호 이동을 신청하셨나요" in ask(**answers).content.decode()) is asked


def test_amount_formula_and_pay_day(ask):
    page = ask(kind="SUBSIDY", months="24", amount="345,000").content.decode()
    assert "139,254<small>원</small>" in page  # 345,000 × 222 / 550, floored
    assert "남은 222일 ÷ 550일" in page
    assert "2월\xa05일\u2060(목)" in page  # applied on 20 January


def test_before_the_last_day_a_line_in_service_sees_every_day_of_the_waiver(at, client):
    at("2026-01-05T10:00+09:00")
    answers = {"how": "IN_SERVICE", "line": "HANDSET", "event": "NEW", "contract": "2025-01-10"}
    page = client.get("/check/", {**answers, "kind": "DISCOUNT", "months": "24", "amount": "267000"}).content.decode()
    assert page.count('class="bar"') == 14
    assert "175,249원" in page
    assert "해지가 하루 늦어질 때마다" in page  # bars of nearly one length do not show it


@pytest.mark.parametrize(
    ("answers", "field", "words"),
    [
        ({"how": ""}, "how", "어떻게 해지하셨는지 골라 주세요"),
        ({"ended": ""}, "ended", "해지한 날을 적어 주세요"),
        ({"ended": "20.11.2025"}, "ended", "해지한 날을 2025-11-20처럼 적어 주세요"),
        ({"ended": "2026-01-21"}, "ended", "해지한 날이 오늘보다 뒤입니다"),
        ({"contract": "2025-11-21"}, "contract", "약정을 맺은 날이 해지한 날보다 뒤입니다"),
        ({"contract": "0024-07-01"}, "contract", "약정을 맺은 해를 네 자리로 적어 주세요"),
        ({"line": "FAX"}, "line", "어떤 회선인지 골라 주세요"),
        ({"amount": "-5", "kind": "SUBSIDY"}, "amount", "받은 금액을 0보다 크게 적어 주세요"),
        ({"amount": "99999999999", "kind": "SUBSIDY"}, "amount", "받은 금액이 너무 큽니다"),
    ],
)
def test_errors_are_named_above_and_beside_the_field(ask, answers, field, words):
    page = ask(**answers).content.decode()
    summary = page[page.index("error-summary") : page.index('<form method="get"')]
    assert f'href="#id_{field}"' in summary
    assert words in summary
    assert page.count(words) >= 2
    assert "<title>오류:" in page
    assert 'class="verdict' not in page


def test_nothing_is_stored_and_nothing_is_asked(ask):
    with CaptureQueriesContext(connection) as queries:
        answer = ask()
    # A set clock has a row of its own, read once a second; in production there is none.
    assert [query["sql"] for query in queries if "clock_offset" not in query["sql"]] == []
    assert answer.status_code == 200
    assert Session.objects.count() == 0
    assert "sessionid" not in answer.cookies


def test_only_reading_is_allowed(client):
    assert client.post("/check/", LEFT).status_code == 405
