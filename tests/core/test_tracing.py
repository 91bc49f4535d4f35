"""Traces over the wire against a stand-in collector: from a page over its row to a task of another process and on to a
service, and no person's data in them."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kt_remedy.core import tracing
from kt_remedy.core.tasks import dispatch
from refunds.models.accounts import HolderCheck
from tests.background import due
from tests.conftest import QUEUES, wait_until
from tests.receiver import Receiver, receiver
from tests.refunds import make
from tests.sessions import as_customer, person

SERVER, CLIENT, CONSUMER = 2, 3, 5
ERROR = 2


def spans(collector: Receiver) -> list:
    """All spans that the collector has taken."""
    found = []
    for path, body in list(collector.requests):
        assert path == "/v1/traces"
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            found += [span for scope in group.scope_spans for span in scope.spans]
    return found


def named(collector: Receiver, name: str) -> list:
    return [span for span in spans(collector) if span.name == name]


@pytest.fixture
def collector(settings, monkeypatch):
    """A collector to which this process sends its spans."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    monkeypatch.setattr(tracing, "_tracer", None)
    with receiver() as taken:
        settings.OTEL_EXPORTER_OTLP_ENDPOINT = taken.address
        settings.MIDDLEWARE = ["kt_remedy.core.tracing.TraceMiddleware", *settings.MIDDLEWARE]
        tracing.start()
        yield taken


@pytest.mark.django_db(transaction=True)
def test_a_page_its_row_its_task_and_the_bank_are_one_trace(collector, at, sandbox, start_process):
    at("2026-01-16T10:00+09:00")
    line = make.line(make.customer(name="홍길동", ci="hong"))
    hong = as_customer(Client(), person("hong", name="홍길동"))
    hong.post(reverse("refunds:apply"), {"lines": [line.pk]})
    hong.post(reverse("refunds:apply-consent"), {"privacy": "on", "provision": "on"})
    hong.post(reverse("refunds:apply-account"), {"bank": "088", "number": "110-220-39003"})
    check = HolderCheck.objects.get()
    assert check.outcome == "BANK_MAINTENANCE"
    HolderCheck.objects.update(retry_at=dt.datetime.now(dt.UTC))

    worker = start_process(
        *("-m", "celery", "-A", "kt_remedy", "worker", "-c", "1", "-l", "INFO", *QUEUES),
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_BSP_SCHEDULE_DELAY": "200"},
    )
    worker.wait_for("ready.")
    dispatch.publish(due("money"))
    wait_until(lambda: len(named(collector, "PortOne GET")) + len(named(collector, "PortOne POST")) >= 2, seconds=30)
    wait_until(lambda: named(collector, "refunds.tasks.ask_bank"), seconds=30)

    (page,) = named(collector, "POST refunds:apply-account")
    (task,) = named(collector, "refunds.tasks.ask_bank")
    calls = [span for span in spans(collector) if span.kind == CLIENT]
    asked = sorted(calls, key=lambda span: span.start_time_unix_nano)
    assert (page.kind, task.kind) == (SERVER, CONSUMER)
    assert {span.trace_id for span in (page, task, *asked)} == {page.trace_id}
    assert check.traceparent.startswith(f"00-{page.trace_id.hex()}-{page.span_id.hex()}-")
    assert [span.parent_span_id for span in asked] == [page.span_id, task.span_id]
    assert (task.parent_span_id, page.parent_span_id) == (page.span_id, b"")
    sent = collector.bodies
    for planted in ("홍길동", "11022039003", "110-220", line.msisdn, line.contract_no, "hong"):
        assert planted.encode() not in sent, planted


@pytest.mark.django_db
def test_an_error_marks_its_span_with_its_kind_alone(collector):
    with pytest.raises(ValueError, match="홍길동"), tracing.span("work", "CONSUMER", parent="no trace"):
        raise ValueError("홍길동")
    wait_until(lambda: named(collector, "work"), seconds=15)
    (work,) = named(collector, "work")
    assert (work.status.code, work.status.message, work.events[:]) == (ERROR, "ValueError", [])
    assert "홍길동".encode() not in collector.bodies


@pytest.mark.django_db
def test_what_a_browser_or_a_load_balancer_sends_makes_no_trace_of_its_own(collector, client):
    client.get("/livez")
    foreign = "0af7651916cd43dd8448eb211c80319c"
    client.get("/help/words/?q=01012345678", headers={"traceparent": f"00-{foreign}-b7ad6b7169203331-01"})
    wait_until(lambda: named(collector, "GET portal:words"), seconds=15)
    (page,) = spans(collector)
    assert page.trace_id.hex() != foreign
    shown = {item.key: item.value.string_value or item.value.int_value for item in page.attributes}
    assert shown == {"http.route": "help/words/", "http.request.method": "GET", "http.response.status_code": 200}


def test_without_a_collector_nothing_is_traced():
    with tracing.span("work") as current:
        assert current is None
        assert tracing.traceparent() == ""
