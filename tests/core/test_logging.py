"""Log lines: JSON, without personal data, with the request's id in web and tasks."""

import datetime as dt
import json
import logging
import logging.config
import uuid

import pytest
import structlog
from django.conf import settings
from django.test import Client
from django.urls import reverse

from kt_remedy.core.logging import REMOVED, scrub, stamp
from tests.sessions import as_staff, staff_user


@pytest.mark.parametrize(
    "text",
    [
        "calling 010-1234-5678 now",
        "calling 01012345678",
        "calling +82 10 1234 5678",
        "holder of 1002-123-456789",
        "rrn 900101-1234567",
        "rrn 9001011234567 seen",
        "mail to hong@example.kr",
        "no agency 홍길동",
        "Not Found: /my/\\ud64d\\uae38\\ub3d9/",
        "GET /my/%ED%99%8D%EA%B8%B8%EB%8F%99/",
        "duplicate key\nDETAIL:  Key (msisdn)=(010) already exists, 홍길동",
    ],
)
def test_what_looks_like_a_persons_data_is_removed(text):
    event = scrub(None, "info", {"event": text})
    assert REMOVED in event["event"]
    for part in ("1234", "5678", "9001", "hong", "홍길동", "uae38", "%ED"):
        assert part not in event["event"]


def test_values_of_personal_keys_are_removed_at_any_depth():
    event = scrub(None, "info", {"event": "x", "name": "홍길동", "detail": {"birth_date": "1990-01-01", "rows": 3}})
    assert event == {"event": "x", "name": REMOVED, "detail": {"birth_date": REMOVED, "rows": 3}}


def test_what_names_nobody_stays():
    event = {
        "event": "loaded 1000000 lines in 12.5 s as of 2026-01-20, application:1234567",
        "request_id": "12345678-1234-1234-1234-123456789012",
        "timestamp": "2026-01-20T10:00:00.123456",
        "refunded_krw": 123456789012,
        "code": 200,
    }
    assert scrub(None, "info", dict(event)) == event


def test_the_query_string_of_an_address_is_removed():
    assert scrub(None, "info", {"request": "GET /check/?q=abc"})["request"] == "GET /check/"


def formatted(name: str, message: str, **kwargs: object) -> dict[str, object]:
    """The line our own configuration makes of a record of the standard library."""
    config = settings.LOGGING["formatters"]["json"]
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=config["processors"], foreign_pre_chain=config["foreign_pre_chain"]
    )
    record = logging.getLogger(name).makeRecord(name, logging.ERROR, "f", 1, message, (), None, **kwargs)
    return json.loads(formatter.format(record))


def test_a_line_of_any_library_is_json_and_clean():
    line = formatted("some.library", "failed for 010-1234-5678")
    assert line["event"] == f"failed for {REMOVED}"
    assert line["level"] == "error"


def test_a_line_break_ends_no_line():
    """Text from outside cannot begin a line of its own: each record is one line of JSON."""
    forged = 'failed\r\n{"event": "all is well"}\u2028'
    config = settings.LOGGING["formatters"]["json"]
    record = logging.getLogger("x").makeRecord("x", logging.ERROR, "f", 1, forged, (), None)
    line = structlog.stdlib.ProcessorFormatter(
        processors=config["processors"], foreign_pre_chain=config["foreign_pre_chain"]
    ).format(record)
    assert len(line.split("\n")) == 1
    assert "\r" not in line
    assert json.loads(line)["event"].startswith("failed")


def test_lines_go_to_standard_error_alone():
    handlers = settings.LOGGING["handlers"]
    assert [handler["class"] for handler in handlers.values()] == ["logging.StreamHandler"]
    assert set(settings.LOGGING["root"]["handlers"]) == set(handlers)
    assert not [name for name, logger in settings.LOGGING["loggers"].items() if "handlers" in logger]


def test_a_traceback_is_clean_and_holds_no_local_variables():
    try:
        holder = "홍길동"
        raise ValueError("bad number 010-1234-5678 " + "of somebody")
    except ValueError as error:
        record = logging.getLogger("x").makeRecord(
            "x", logging.ERROR, "f", 1, "broke", (), (type(error), error, error.__traceback__)
        )
    config = settings.LOGGING["formatters"]["json"]
    line = structlog.stdlib.ProcessorFormatter(
        processors=config["processors"], foreign_pre_chain=config["foreign_pre_chain"]
    ).format(record)
    assert "ValueError" in line
    assert "5678" not in line
    assert holder not in line


def test_every_answer_of_the_web_is_logged_with_the_id_of_its_request(client, caplog, db):
    with caplog.at_level(logging.INFO):
        client.get("/livez?phone=01012345678")
    events = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert [event["event"] for event in events] == ["request_started", "request_finished"]
    assert uuid.UUID(events[0]["request_id"])
    assert events[0]["request_id"] == events[1]["request_id"]
    assert all("ip" not in event for event in events)


def test_libraries_that_log_addresses_are_quiet():
    for name in ("httpx", "httpcore"):
        assert logging.getLogger(name).getEffectiveLevel() >= logging.WARNING


def test_times_carry_their_offset():
    at = dt.datetime.fromisoformat(stamp(None, "info", {})["timestamp"])
    assert at.utcoffset() == dt.timedelta(hours=9)
    assert abs(at - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=5)


@pytest.mark.django_db
def test_a_refused_page_logs_no_traceback_and_a_defect_does(caplog):
    as_staff(client := Client(), staff_user("clerk"))
    assert client.get(reverse("admin:staff_user_changelist")).status_code == 403
    lines = [record for record in caplog.records if record.name == "django.request"]
    assert [record.exc_info for record in lines] == [None]
    logging.getLogger("django.request").error("broken", exc_info=(ValueError, ValueError("x"), None))
    assert caplog.records[-1].exc_info
