"""The few lines of WSGI that the stand-ins share."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

Start = Callable[[str, list[tuple[str, str]]], Any]
REASONS = {200: "OK", 303: "See Other", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 409: "Conflict"}


def path_of(environ: dict[str, Any]) -> list[str]:
    """The parts of the address below the stand-in's prefix."""
    return [unquote(part) for part in environ["PATH_INFO"].strip("/").split("/")]


def query_of(environ: dict[str, Any]) -> dict[str, str]:
    """The last value of each parameter of the address."""
    return {name: values[-1] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}


def body_of(environ: dict[str, Any]) -> bytes:
    """The body of the request."""
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def json_of(environ: dict[str, Any]) -> dict[str, Any]:
    """The body as a JSON object; an empty one where it is none."""
    try:
        value = json.loads(body_of(environ) or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def form_of(environ: dict[str, Any]) -> dict[str, str]:
    """The fields of a posted HTML form."""
    return {name: values[-1] for name, values in parse_qs(body_of(environ).decode()).items()}


def answer_json(start: Start, status: int, value: Any) -> list[bytes]:
    """Answer with JSON."""
    return _answer(start, status, "application/json", json.dumps(value, ensure_ascii=False))


def answer_html(start: Start, status: int, text: str) -> list[bytes]:
    """Answer with a page."""
    return _answer(start, status, "text/html; charset=utf-8", text)


def see(start: Start, address: str) -> list[bytes]:
    """Send the browser to another page after a POST."""
    start("303 See Other", [("Location", address), ("Content-Length", "0")])
    return [b""]


def _answer(start: Start, status: int, kind: str, text: str) -> list[bytes]:
    body = text.encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    start(f"{status} {REASONS.get(status, 'Error')}", headers)
    return [body]
