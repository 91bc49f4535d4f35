"""Faults sent to Sentry where SENTRY_DSN is set: their kinds and places, no person's data.

An event is what a line of the log at level ERROR tells. It is built anew from the few parts named here, so that a part
that a later release of the library adds does not leave by itself. The text of an error, local variables, the request
with its address, headers and body, breadcrumbs and the name of the machine stay here.
"""

import logging
from typing import Any

import sentry_sdk
import structlog
from django.conf import settings
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger

from kt_remedy.core.logging import scrub

_PARTS = ("event_id", "timestamp", "platform", "level", "logger", "release", "environment", "sdk")
_OF_A_FRAME = ("filename", "function", "module", "lineno", "in_app")
# Random ids that connect an event with its lines of the log.
_TAGS = ("request_id", "task_id")


def start() -> None:
    """Send a line at level ERROR, of any logger, as an event in the background."""
    ignore_logger("django_structlog.middlewares.request")  # `django.request` tells the same fault, with its place
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=settings.REMEDY_ENV,
        release=f"kt-remedy@{settings.VERSION}",
        server_name="",
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            AtexitIntegration(callback=lambda pending, timeout: None),
        ],
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        send_client_reports=False,
        auto_session_tracking=False,
        before_send=only_known_parts,  # type: ignore[arg-type]
    )


def only_known_parts(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """A new event from the parts of `event` that hold no personal data."""
    kept = {part: event[part] for part in _PARTS if part in event}
    context = structlog.contextvars.get_contextvars()
    kept["tags"] = {tag: str(context[tag]) for tag in _TAGS if context.get(tag)}
    if values := event.get("exception", {}).get("values"):
        kept["exception"] = {"values": [_exception(value) for value in values]}
    record = hint.get("log_record")
    if record is not None:
        kept["logentry"] = {"formatted": _line(record)}
    return kept


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "stacktrace": {"frames": [{part: frame.get(part) for part in _OF_A_FRAME} for frame in frames]},
    }


def _line(record: logging.LogRecord) -> str:
    """The sentence of a line as the log shows it."""
    said = record.msg.get("event", "") if isinstance(record.msg, dict) else record.getMessage()
    return str(scrub(None, "error", {"request": str(said)})["request"])
