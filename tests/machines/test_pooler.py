"""The web behind PgBouncer in transaction mode: everything a customer does, many at once, with three sessions."""

import datetime as dt
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg2
import pytest
from django.db import connection

from kt_remedy.core import roles
from kt_remedy.devtools.sandbox import inbox, portone
from refunds.models.applications import Application, Filing
from tests.conftest import free_port, wait_until
from tests.machines.conftest import as_superuser
from tests.refunds import make

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 8
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Browser:
    """A person before a browser without scripts."""

    def __init__(self, site: str, number: int) -> None:
        self.http = httpx.Client(base_url=site, timeout=60, follow_redirects=True)
        self.name, self.phone = f"홍시험{'가나다라마바사아'[number]}", f"0107766{number:04}"
        self.born = dt.date(1980 + number, 3, 15)

    def send(self, page: str, **answers: str) -> httpx.Response:
        """Open a page and send its form."""
        shown = self.http.get(page)
        hidden = re.search(r'name="key" value="([^"]+)"', shown.text)
        more = {"key": hidden[1]} if hidden else {}
        found = TOKEN.search(shown.text)
        assert shown.status_code == 200, (page, shown.status_code, shown.url, shown.text)
        assert found, (page, shown.url)
        return self.http.post(shown.url, data={"csrfmiddlewaretoken": found[1], **more, **answers})

    def verify(self) -> None:
        """Prove who they are by a code on their telephone."""
        born = f"{self.born:%y%m%d}"
        asked = self.send(
            "/identity/sms/?next=/my/", carrier="KT", name=self.name, phone=self.phone, born=born, digit="1"
        )
        assert asked.url.path == "/identity/code/", asked.text
        code = re.search(r"\d{6}", inbox.messages(to=self.phone)[0]["text"])
        entered = self.send(str(asked.url), code=code[0])
        assert (entered.status_code, entered.url.path) == (200, "/my/"), entered.url

    def file(self, contract: str) -> str:
        """Apply for a line; returns the reference that the receipt shows."""
        steps = {
            "/refunds/apply/": {"lines": contract},
            "/refunds/apply/consent/": {"privacy": "on", "provision": "on"},
            "/refunds/apply/account/": {"bank": "088", "number": f"110220{self.phone[-5:]}"},
            "/refunds/apply/check/": {},
        }
        for page, answers in steps.items():
            answer = self.send(page, **answers)
            assert answer.status_code == 200, (page, answer.url, answer.status_code, answer.text)
        assert answer.url.path.startswith("/refunds/receipt/"), (answer.url, answer.text)
        return answer.url.path.split("/")[3]


@pytest.fixture
def site(pooler, sandbox, start_process) -> str:
    """The address of a real web server with two processes of four threads behind the pooler."""
    port = free_port()
    start_process(
        *("-m", "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi"),
        env={
            "DATABASE_URL": pooler.url,
            "DATABASE_POOLED": "on",
            "DATABASE_CONN_MAX_AGE": "60",
            "PORT": str(port),
            "WEB_WORKERS": "2",
            "WEB_THREADS": "4",
            "REMEDY_RELOAD": "on",  # static files need not be collected
        },
    )
    address = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return httpx.get(f"{address}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    wait_until(ready, what="the web server behind the pooler")
    return address


def test_sign_in_look_up_filing_and_withdrawal_under_eight_threads(at, settings, site, own_servers) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-16T10:00+09:00")
    make.delivered()
    people = [Browser(site, number) for number in range(PEOPLE)]
    lines = []
    for one in people:
        holder = make.customer(name=one.name, birth=str(one.born), ci=portone.ci_of(one.name, str(one.born)))
        lines.append(make.line(holder))
    barrier = threading.Barrier(PEOPLE)

    def whole(number: int) -> str:
        one, line = people[number], lines[number]
        barrier.wait(60)
        one.verify()
        shown = one.http.get("/my/").text
        assert "160,130" in shown
        assert shown.count(one.name) or one.name[0] in shown
        reference = one.file(line.pk)
        assert reference in one.http.get("/refunds/status/").text
        application = Application.objects.get(line=line)
        connection.close()
        if number % 2:
            left = one.send(f"/refunds/status/{application.pk}/withdraw/")
            assert left.status_code == 200
        for _ in range(3):
            assert one.http.get("/refunds/status/").status_code == 200
        return reference

    with ThreadPoolExecutor(PEOPLE) as threads:
        references = list(threads.map(whole, range(PEOPLE)))
    assert len(set(references)) == PEOPLE
    assert {filing.reference for filing in Filing.objects.all()} == set(references)
    states = [Application.objects.get(line=line).status for line in lines]
    assert [state == "WITHDRAWN" for state in states] == [bool(number % 2) for number in range(PEOPLE)]
    # Each person stayed who they were, although three sessions of the database served all of them.
    for number, one in enumerate(people):
        assert one.http.get(f"/refunds/status/{Application.objects.get(line=lines[number - 1]).pk}/").status_code == 404
        assert one.http.get(f"/refunds/status/{Application.objects.get(line=lines[number]).pk}/").status_code == 200
    served = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'remedy_web'"
    assert 1 <= as_superuser(own_servers, served)[0][0] <= 3
    held = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE locktype = 'advisory'"
    assert as_superuser(own_servers, f"{held} AND a.usename = 'remedy_web'") == [(0,)]


def test_the_role_ends_what_runs_too_long(pooler, own_servers, site) -> None:
    with psycopg2.connect(pooler.url) as session, session.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("15s",)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("5s",)
    session.close()
    as_superuser(own_servers, f"ALTER ROLE {roles.WEB} RESET ALL")
    as_superuser(own_servers, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'remedy_web'")
    answer = httpx.get(f"{site}/readyz", timeout=10)
    if answer.json().get("database") == "unreachable":  # the connection that was cut
        answer = httpx.get(f"{site}/readyz", timeout=10)
    assert (answer.status_code, answer.json()["database"]) == (503, "without time limits")


def test_a_process_that_sends_options_or_holds_locks_is_refused_by_the_pooler(pooler) -> None:
    with pytest.raises(psycopg2.OperationalError, match="unsupported startup parameter"):
        psycopg2.connect(pooler.url, options="-c statement_timeout=15s")


def test_two_clients_get_one_session_lock_through_a_pooler(pooler) -> None:
    """The reason why workers connect directly: a lock belongs to the session, and the session to anybody."""
    first, second = psycopg2.connect(pooler.url), psycopg2.connect(pooler.url)
    got = []
    for client in (first, second):
        with client, client.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(7)")
            got.append(cursor.fetchone()[0])
    with first, first.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")
    first.close(), second.close()
    assert got == [True, True]
