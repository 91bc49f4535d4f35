"""Control of the stand-in for the SMS gateway, and its log."""

import json
import urllib.request
from collections import Counter


def control(address: str, mode: str, times: int = 0) -> None:
    """Make the next `times` calls (0: all) fail in a mode of the stand-in."""
    _call(f"{address}/solapi/control", {"mode": mode, "times": times})


def received(address: str, numbers: list[str]) -> Counter[str]:
    """Return the number of accepted messages for each of these numbers."""
    log = _call(f"{address}/solapi/log")["messages"]
    return Counter(message["to"] for message in log if message["to"] in numbers)


def texts_to(address: str, number: str) -> list[str]:
    """Return the accepted texts for a number."""
    return [message["text"] for message in _call(f"{address}/solapi/log")["messages"] if message["to"] == number]


def calls(address: str) -> int:
    """Return the number of calls to send."""
    return _call(f"{address}/solapi/log")["calls"]


def _call(url: str, body: dict | None = None) -> dict:
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())
