"""The weight of pages as a telephone loads them: the real web server, collected and compressed files, an empty cache
and then a warm one."""

import urllib.request
from operator import gt

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from kt_remedy.devtools.starting import UNUSED_FILES
from refunds.applications import drafts
from tests.conftest import free_port, wait_until
from tests.refunds import make
from tests.refunds.applications.test_submit import submit
from tests.sessions import as_customer, person

pytestmark = pytest.mark.django_db(transaction=True)
FIRST_BYTES, FIRST_REQUESTS, SECOND_BYTES = 100_000, 8, 20_000
COLLECTED = "whitenoise.storage.CompressedManifestStaticFilesStorage"


@pytest.fixture
def address(start_process, settings) -> str:
    """The address of a web server of its own, with the files of the portal as production serves them."""
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": COLLECTED}}
    call_command("collectstatic", verbosity=0, interactive=False, clear=True, ignore_patterns=UNUSED_FILES)
    address = f"http://127.0.0.1:{free_port()}"
    start_process(
        "-m", "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "--workers", "1",
        "--bind", address.removeprefix("http://"), "kt_remedy.wsgi",
    )  # fmt: skip

    def answers() -> bool:
        try:
            urllib.request.urlopen(f"{address}/", timeout=5).close()
        except OSError:
            return False
        return True

    wait_until(answers, what="the web server")
    return address


class Wire:
    """What the browser of one visitor asks for and gets, as its network events count it."""

    def __init__(self, page) -> None:
        self.bytes = self.requests = 0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._got)

    def _asked(self, event: dict) -> None:
        self.requests += not event["request"]["url"].startswith("data:")

    def _got(self, event: dict) -> None:
        self.bytes += event["encodedDataLength"]


def weigh(context, path: str) -> tuple[int, int, int]:
    """Bytes and requests of the first view of a page, and bytes of the second one with a warm cache."""
    page = context.new_page()
    wire = Wire(page)
    page.goto(path, wait_until="networkidle")
    assert page.url.endswith(path), f"{path} led to {page.url}"
    first_bytes, requests = wire.bytes, wire.requests
    page.goto("about:blank")
    page.goto(path, wait_until="networkidle")
    second_bytes = wire.bytes - first_bytes
    assert 0 < second_bytes < first_bytes, "nothing was kept"
    return first_bytes, requests, second_bytes


def family(lines: int):
    """Somebody with so many lines: every second one with a bill to refund, the others refused."""
    holder = make.customer(name="홍길동", ci=f"family-{lines}")
    for place in range(lines):
        refused = {"outcome": "NOT_ELIGIBLE", "reasons": "FORCED_TERMINATION", "termination_reason": "FORCED"}
        make.line(holder, **(refused if place % 2 else {}))
    return as_customer(Client(), person(f"family-{lines}", name="홍길동"))


def test_my_lines_are_light_for_a_family(at, browser, address) -> None:
    at("2026-01-20T10:00+09:00")
    path, weights = reverse("portal:my-lines"), {}
    for lines in (1, 3, 4):
        context = browser.new_context(base_url=address, locale="ko-KR", viewport={"width": 390, "height": 844})
        session = family(lines).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": address}])
        weights[lines] = weigh(context, path)
        context.close()
    assert max(second for _first, _requests, second in weights.values()) <= SECOND_BYTES, weights


def test_pages_are_light(at, browser, address, settings) -> None:
    at("2026-01-20T10:00+09:00")
    settings.QA_SAMPLE_PERCENT = 0
    holder = make.customer(name="홍길동", ci="hong")
    lines = [make.line(holder) for _each in range(2)]
    done = submit(holder, lines[0])
    answers = drafts.Answers(lines=[lines[1].pk], consents={"privacy": "1", "provision": "1"})
    drafts.save(answers, person_index=bytes(holder.person_index))
    client = as_customer(Client(), person("hong", name="홍길동"))
    mine = [
        reverse("portal:my-lines"),
        reverse("refunds:apply-consent"),
        reverse("refunds:apply-account"),
        reverse("refunds:receipt", args=[done.filing.reference]),
        reverse("refunds:status"),
    ]
    weights = {}
    for path in ("/", "/check/", "/messages/", *mine):
        context = browser.new_context(base_url=address, locale="ko-KR", viewport={"width": 390, "height": 844})
        if path in mine:
            session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}
            context.add_cookies([session])
        weights[path] = weigh(context, path)
        context.close()
    limits = (FIRST_BYTES, FIRST_REQUESTS, SECOND_BYTES)
    heavy = {path for path, weight in weights.items() if any(map(gt, weight, limits))}
    assert not heavy, weights
