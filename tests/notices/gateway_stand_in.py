"""What tests tell the stand-in for the SMS gateway and read in its log."""

import json
import urllib.request
from collections import Counter


def control(address: str, mode: str, times: int = 0) -> None:
    """Let the next `times` calls (0: all) go wrong in this way."""
    _call(f"{address}/solapi/control", {"mode": mode, "times": times})


def received(address: str, numbers: list[str]) -> Counter[str]:
    """How many messages the gateway accepted for each of these numbers."""
    log = _call(f"{address}/solapi/log")["messages"]
    return Counter(message["to"] for message in log if message["to"] in numbers)


def texts_to(address: str, number: str) -> list[str]:
    """What the gateway accepted for a number."""
    return [message["text"] for message in _call(f"{address}/solapi/log")["messages"] if message["to"] == number]


def calls(address: str) -> int:
    """How often the gateway was asked to send."""
    return _call(f"{address}/solapi/log")["calls"]


def _call(url: str, body: dict | None = None) -> dict:
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())
