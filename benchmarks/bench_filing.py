"""The filing POST beside a signed-in POST that validates the same form and writes the same number of rows.

Both go through the whole middleware with a session, one after the other in turns, on one durable server. The floor
writes its rows by single INSERTs of the ORM in one transaction, as a plain view would. Then the filing again with Redis
stopped (SIGSTOP), as a web process never talks to it.

python -m benchmarks.bench_filing --filings 300
"""

import os
import signal
import statistics
import sys
import time
from typing import TYPE_CHECKING

from benchmarks import harness

if TYPE_CHECKING:  # nothing of Django is imported before its settings stand
    from django.http import HttpRequest, HttpResponse
    from django.test import Client

    from kt_remedy.devtools.devservers import Servers


def main() -> int:
    """Throughput of filing against the floor, and its p99 without Redis."""
    parser = harness.options(__doc__)
    parser.add_argument("--filings", type=int, default=300)
    options = parser.parse_args()
    with harness.portal(
        durable=True, QA_SAMPLE_PERCENT="0", REMEDY_NOW="2026-01-16T10:00+09:00", LOG_LEVEL="ERROR"
    ) as servers:
        import django
        from django.test import Client
        from django.urls import path, reverse

        from kt_remedy import urls
        from kt_remedy.core.access import customer

        django.setup()
        _quiet()
        urls.urlpatterns.append(path("bench/floor/", customer(_floor), name="bench-floor"))
        ours, floor, without = [], [], []
        client = Client()
        client.get(reverse("livez"))  # the first request of a client builds the middleware
        for number in range(options.filings):
            key = _ready(client, number)
            began = time.perf_counter()
            answer = client.post(reverse("refunds:apply-check"), {"key": key})
            ours.append(time.perf_counter() - began)
            assert "receipt" in answer["Location"], answer["Location"]
            began = time.perf_counter()
            answer = client.post("/bench/floor/", {"bank": "088", "number": "11022033044"})
            floor.append(time.perf_counter() - began)
            assert answer.status_code == 302
        pid = _redis(servers)
        os.kill(pid, signal.SIGSTOP)
        try:
            for number in range(options.filings, 2 * options.filings):
                key = _ready(client, number)
                began = time.perf_counter()
                client.post(reverse("refunds:apply-check"), {"key": key})
                without.append(time.perf_counter() - began)
        finally:
            os.kill(pid, signal.SIGCONT)
        rows = _rows_per_filing(options.filings + len(without))
    missed = harness.row(
        f"filing POST beside a POST with {FLOOR_ROWS} single INSERTs",
        1 / statistics.median(ours),
        1 / statistics.median(floor),
        unit="a second",
        at_least=0.6,
        note=f"{rows} rows each",
    )
    return missed | harness.row(
        "filing p99 with Redis stopped, beside with Redis",
        _p99(without) * 1000,
        _p99(ours) * 1000,
        unit="ms",
        at_most=1.5,
    )


# A filing of one line: filing, application, two decisions, promise, audit entry, message. Beside them it updates the
# application and deletes the draft.
FLOOR_ROWS = 7


def _floor(request: "HttpRequest") -> "HttpResponse":
    from django.db import transaction
    from django.shortcuts import redirect

    from kt_remedy.audit.models import AuditEntry
    from kt_remedy.core import clock
    from refunds.views.forms import AccountForm

    form = AccountForm(request.POST)
    assert form.is_valid()
    with transaction.atomic():
        for number in range(FLOOR_ROWS):
            AuditEntry.objects.create(
                at=clock.now(), actor="customer", action="bench.floor", object=f"row:{number}", detail={"bank": "088"}
            )
    return redirect("refunds:status")


def _ready(client: "Client", number: int) -> str:
    """Make the client a verified customer whose draft is complete; returns the key of its form."""
    from refunds.applications import drafts
    from refunds.applications.submit import CONSENTS
    from tests.refunds import make
    from tests.sessions import as_customer, person

    ci = f"bench-{number}"
    holder = make.customer(ci=ci)
    line = make.line(holder)
    account = make.account(holder)
    as_customer(client, person(ci))
    answers = drafts.Answers(lines=[line.pk], account=str(account.pk), consents=dict(CONSENTS))
    return drafts.save(answers, person_index=holder.person_index)


def _rows_per_filing(filings: int) -> str:
    from kt_remedy.audit.models import AuditEntry
    from kt_remedy.notices.models import Message
    from refunds.models.applications import Application, Decision, Filing
    from refunds.models.promises import PromiseRecord

    made = sum(model.objects.count() for model in (Filing, Application, Decision, PromiseRecord, Message))
    made += AuditEntry.objects.filter(action="filing.submitted").count()
    return f"{made / filings:.0f}"


def _redis(servers: "Servers") -> int:
    """The process of our own Valkey."""
    from urllib.parse import urlsplit

    import redis

    return int(redis.Redis(unix_socket_path=urlsplit(servers.redis_url).path).info()["process_id"])


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[max(0, int(len(seconds) * 0.99) - 1)]


def _quiet() -> None:
    import logging

    from django.conf import settings

    logging.disable(logging.INFO)
    settings.ALLOWED_HOSTS.append("testserver")


if __name__ == "__main__":
    sys.exit(main())
