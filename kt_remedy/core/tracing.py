"""Traces from a page over its rows and their tasks to the gateways, sent by OTLP/HTTP where a collector is named.

OTEL_EXPORTER_OTLP_ENDPOINT names it; without it nothing of OpenTelemetry is loaded, and each function here does
nothing. A row keeps the `traceparent` of the span in which it was written (`tasks.rows.TaskRow`), so the task that
carries it out belongs to the same trace. A span holds names and numbers of ours: no address, no value, no text of an
error. What a browser sends as its trace is ignored.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_tracer: Any = None
# A load balancer asks these every few seconds.
_UNTRACED = {"/livez", "/readyz", "/pulsez"}
_METHODS = {"GET", "HEAD", "POST", "OPTIONS"}


def start() -> None:
    """Load OpenTelemetry and send spans in the background. Each process sends its own, also after a fork."""
    global _tracer
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = {
        "service.name": "kt-remedy",
        "service.version": settings.VERSION,
        "deployment.environment.name": settings.REMEDY_ENV,
    }
    provider = TracerProvider(resource=Resource.create(resource))
    exporter = OTLPSpanExporter(endpoint=f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("kt_remedy")


@contextmanager
def span(name: str, kind: str = "INTERNAL", *, parent: str = "", **attributes: str | int) -> Iterator[Any]:
    """A span of this name around a block; gives the span, or None where nothing is traced.

    `kind` is SERVER, CONSUMER, CLIENT or INTERNAL; `parent` the traceparent of a row. An error marks the span with its
    kind alone, because its text may hold personal data. Attributes name `http_route` for `http.route`.
    """
    if _tracer is None:
        yield None
        return
    from opentelemetry.trace import SpanKind, StatusCode

    given = {key.replace("_", "."): value for key, value in attributes.items()}
    with _tracer.start_as_current_span(
        name,
        context=_context(parent),
        kind=SpanKind[kind],
        attributes=given,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def traceparent() -> str:
    """The present span as W3C Trace Context writes it; empty where nothing is traced."""
    if _tracer is None:
        return ""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent", "")


def _context(parent: str) -> Any:
    if not parent:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent})


class TraceMiddleware:
    """One span around each request, named by its page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in _UNTRACED:
            return self.get_response(request)
        method = request.method if request.method in _METHODS else "OTHER"
        with span(method, "SERVER") as current:
            response = self.get_response(request)
            if current is not None:
                if (match := request.resolver_match) is not None:
                    current.update_name(f"{method} {match.view_name}")
                    current.set_attribute("http.route", match.route)
                current.set_attribute("http.request.method", method)
                current.set_attribute("http.response.status_code", response.status_code)
            return response
