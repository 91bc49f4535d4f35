"""The last step of every log line: nothing that names a person leaves the process.

Code here logs ids and counts. This filter is the second line: it catches what a library, a database error or a
careless hand puts into a line. Structlog and the standard library's loggers both pass through it.
"""

import datetime as dt
import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from kt_remedy.core import clock, tracing

REMOVED = "[removed]"

# Keys whose value is a person's whatever it looks like.
PERSONAL_KEYS = frozenset(
    "name holder_name account account_no account_number phone mobile msisdn contact birth birth_date birthday ci email"
    " address rrn password secret token cookie authorization user_agent ip sql params".split()
)
# Keys whose value we made ourselves: random ids and times, whose digits mean nobody.
OWN_KEYS = frozenset("request_id trace_id correlation_id task_id parent_task_id timestamp level logger task".split())

# A mobile number, a resident registration number or an account: nine digits or more, dashes and blanks between them.
_NUMBER = re.compile(r"(?<![0-9A-Za-z])\+?\d(?:[-.\s]?\d){8,}(?![0-9A-Za-z])")
# Names of people are Hangul, and no line of ours is: as letters, as an address and as an escape spell them.
_HANGUL = re.compile(
    r"(?:[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]|%E[A-D](?:%[89AB][0-9A-F]){2}|\\u[0-9a-f]{4})+", re.IGNORECASE
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_QUERY = re.compile(r"\?[^\s\"']*")
# What PostgreSQL quotes from a row in an error.
_DETAIL = re.compile(r"(DETAIL:\s+).*", re.DOTALL)


def stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the time in Seoul with its offset, so that lines of several machines sort; the trace."""
    event["timestamp"] = dt.datetime.now(clock.KST).isoformat(timespec="milliseconds")
    if parent := tracing.traceparent():
        event["trace_id"] = parent.split("-")[1]
    return event


def drop_traceback_of_refusal(record: logging.LogRecord) -> bool:
    """A filter of `django.request`: a refused page (403) and a missing one (404) are no defects, so no traceback."""
    if record.levelno < logging.ERROR:
        record.exc_info = None
    return True


def scrub(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the event without personal data and without the query strings of addresses."""
    for key, value in list(event.items()):
        if key not in OWN_KEYS and not key.startswith("_"):
            event[key] = _clean(key, value)
    return event


def _clean(key: str, value: Any) -> Any:
    if key.lower() in PERSONAL_KEYS:
        return REMOVED if value not in (None, "") else value
    if isinstance(value, str):
        text = _QUERY.sub("", value) if key == "request" else value
        text = _DETAIL.sub(rf"\1{REMOVED}", text)
        return _HANGUL.sub(REMOVED, _MAIL.sub(REMOVED, _NUMBER.sub(REMOVED, text)))
    if isinstance(value, Mapping):
        return {inner: _clean(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_clean(key, item) for item in value]
    if isinstance(value, int | float | bool) or value is None:
        return value
    return _clean(key, str(value))
