"""What leaves for Sentry, over the wire against a stand-in: kinds and places of faults, and no person's data."""

import json
import subprocess
import sys

import pytest

from kt_remedy import checks
from tests.conftest import ROOT, environment
from tests.receiver import receiver

# Faults of a page, of a line of the log, of a structured line and of a task, each full of personal data.
FAULTS = """
import logging, sys, types
import django
django.setup()
import structlog
from django.test import Client, override_settings
from django.urls import include, path
from kt_remedy.core.access import public
from kt_remedy.core.tasks import schedule

PERSON = {"name": "홍길동", "phone": "010-1234-5678", "account": "110-220-330440"}

@public
def page(request, who):
    holder = dict(PERSON)
    try:
        raise KeyError("홍길동 010-1234-5678")
    except KeyError as error:
        raise ValueError(f"account 110-220-330440 of hong@example.kr, born 1985-03-14: {holder}") from error

urls = types.ModuleType("urls_of_faults")
urls.urlpatterns = [path("fault/<str:who>/", page, name="fault"), path("", include("kt_remedy.urls"))]
urls.handler500 = "kt_remedy.portal.views.server_error"
sys.modules["urls_of_faults"] = urls
with override_settings(ROOT_URLCONF="urls_of_faults"):
    sent = {"SERVER_NAME": "localhost", "HTTP_USER_AGENT": "Browser of Hong", "REMOTE_ADDR": "203.0.113.77"}
    client = Client(raise_request_exception=False, **sent)
    client.cookies["sessionid"] = "cookie-of-hong"
    client.post("/fault/01012345678/?q=110220330440", {"secret": "typed-by-hong"}, HTTP_X_OWN="header-of-hong")
logging.getLogger("any.library").error("no answer for %s", "010-1234-5678 홍길동", extra={"row": "extra-of-hong"})
structlog.get_logger("ours").error("check failed for 110-220-330440", holder="값-of-hong", name="홍길동")
logging.getLogger("any.library").warning("a warning is no fault")
"""
PLANTED = (
    "홍길동", "\\\\ud64d", "1234-5678", "01012345678", "110-220", "110220330440", "1985-03-14", "hong@", "Browser of",
    "203.0.113", "-of-hong", "typed-by", "HTTP_", "sessionid",
)  # fmt: skip


def events(bodies: list[bytes]) -> list[dict]:
    """The events of Sentry's envelopes: each item is a line of headers and a line of JSON."""
    found = []
    for body in bodies:
        lines = body.split(b"\n")
        for header, item in zip(lines[1::2], lines[2::2], strict=False):
            if header and json.loads(header)["type"] == "event":
                found.append(json.loads(item))
    return found


@pytest.mark.django_db
def test_a_fault_leaves_with_its_place_and_without_any_person():
    with receiver() as sentry:
        dsn = sentry.address.replace("//", "//key@") + "/1"
        done = subprocess.run(
            [sys.executable, "-c", FAULTS],
            cwd=ROOT,
            env={**environment(), "SENTRY_DSN": dsn, "REMEDY_RELOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        sent = sentry.bodies.decode()
        found = events([body for _path, body in sentry.requests])
    for planted in PLANTED:
        assert planted not in sent, planted
    page, library, ours = found
    values = page["exception"]["values"]
    assert [value["type"] for value in values] == ["KeyError", "ValueError"]
    assert values[-1]["stacktrace"]["frames"][-1]["function"] == "page"
    assert len(page["tags"]["request_id"]) == 36
    assert page["release"] == "kt-remedy@0.1.0"
    assert library["logentry"]["formatted"] == "no answer for [removed] [removed]"
    assert ours["logentry"]["formatted"] == "check failed for [removed]"
    parts = {part for event in found for part in event}
    assert parts <= {
        *("event_id", "timestamp", "platform", "level", "logger", "release", "environment", "sdk"),
        *("tags", "exception", "logentry"),
    }


@pytest.mark.django_db
def test_without_their_settings_no_library_of_watching_is_loaded():
    # The client of Redis loads what it finds of OpenTelemetry; its exporter is ours.
    modules = "('sentry_sdk', 'opentelemetry.exporter', 'django_prometheus', 'google.protobuf', 'requests')"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, kt_remedy.wsgi; print([m for m in {modules} if m in sys.modules])"],
        cwd=ROOT,
        env={**environment("remedy_web")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("", False),
        ("https://collector.example.kr/1", False),
        ("http://127.0.0.1:4318", False),
        ("http://[::1]:4318", False),
        ("http://collector.example.kr:4318", True),
        ("collector.example.kr:4318", True),
        ("http://[::1", True),
    ],
)
@pytest.mark.parametrize("name", ["SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_faults_and_traces_leave_the_machine_encrypted_only(name, address, refused):
    faults = [fault.msg for fault in checks.of_production({name: address}) if fault.id == "remedy.E019"]
    assert faults == ([f"{name} leads to another machine without encryption."] if refused else [])


@pytest.mark.parametrize(
    ("module", "there"),
    [("json", True), ("json.decoder", True), ("no_such_library", False), ("no_such.library", False)],
)
def test_a_library_is_found_without_loading_it(module, there):
    assert checks.has_library(module) is there
