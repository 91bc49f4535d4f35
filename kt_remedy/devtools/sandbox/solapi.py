"""The stand-in for SOLAPI, the SMS gateway, as its official SDK (v5) speaks it.

It keeps its own log of what it accepted, a file beside the inbox, by which the tests prove that nobody got a message
twice. What goes wrong is chosen for the next requests by POST /control {"mode": MODE, "times": N}, or by the last four
digits of a telephone number (`PHONE_STATES`). GET /log gives the log.
"""

import datetime as dt
import hashlib
import hmac
import json
import os
import re
import secrets
import threading
import time
from pathlib import Path
from typing import Any

from kt_remedy.devtools.sandbox import folder, inbox
from kt_remedy.devtools.sandbox.wire import Start, answer_html, answer_json, json_of, path_of, query_of

MODES = (
    "ok",
    "accept_hang",  # accepts, then gives no answer in time
    "accept_500",  # accepts, then answers 500
    "hang",  # gives no answer in time and accepts nothing
    "500",
    "slow",  # answers after two seconds
    "busy",  # 429
    "garbled",  # accepts, then answers with a page instead of JSON
    "blind",  # accepts nothing new, and look-ups answer 500
)
PHONE_STATES = {
    "9021": "3047",  # the phone refuses: for good
    "9022": "3043",  # the phone is off: for now
    "9023": "3000",  # stays at the carrier: no receipt ever comes
}
HANG_SECONDS, SLOW_SECONDS, DELIVERY_SECONDS = 8, 2, 1
_ACCEPTED, _AT_CARRIER, _DELIVERED = "2000", "3000", "4000"


class _State:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.mode, self.times = "ok", 0
        self.messages: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, list[str]] = {}
        self.by_number: dict[str, list[str]] = {}
        self.calls = 0
        try:
            lines = self.file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            self.index(json.loads(line))

    @property
    def file(self) -> Path:
        return folder.home() / "solapi.jsonl"

    def index(self, message: dict[str, Any]) -> None:
        self.messages[message["messageId"]] = message
        self.groups.setdefault(message["groupId"], []).append(message["messageId"])
        self.by_number.setdefault(message["to"], []).append(message["messageId"])

    def accept(self, messages: list[dict[str, Any]]) -> str:
        group, now = f"G4V{secrets.token_hex(12).upper()}", _now()
        with self.lock, self.file.open("a", encoding="utf-8") as log:
            for given in messages:
                message = {
                    "messageId": f"M4V{secrets.token_hex(12).upper()}",
                    "groupId": group,
                    "to": given["to"],
                    "from": given["from"],
                    "type": given.get("type") or "SMS",
                    "subject": given.get("subject"),
                    "text": given["text"],
                    "country": "82",
                    "customFields": given.get("customFields"),
                    "dateCreated": now,
                    "at": time.time(),
                }
                self.index(message)
                log.write(json.dumps(message, ensure_ascii=False) + "\n")
        for given in messages:
            if given["to"][-4:] not in PHONE_STATES:
                inbox.deliver(given["to"], given["text"], given["from"], (given.get("type") or "SMS").lower())
        return group

    def take_mode(self) -> str:
        with self.lock:
            self.calls += 1
            mode = self.mode
            if self.times:
                self.times -= 1
                if not self.times:
                    self.mode = "ok"
            return mode


_state: _State | None = None
_making = threading.Lock()


def state() -> _State:
    """The log, read from its file at the first request."""
    global _state
    with _making:
        if _state is None:
            _state = _State()
        return _state


def app(environ: dict[str, Any], start: Start) -> list[bytes]:
    """The WSGI application, mounted under /solapi."""
    method, path = environ["REQUEST_METHOD"], "/".join(path_of(environ))
    if path == "control" and method == "POST":
        body = json_of(environ)
        if body.get("mode") not in MODES:
            return answer_json(start, 400, {"errorCode": "UnknownMode", "errorMessage": ", ".join(MODES)})
        with state().lock:
            state().mode, state().times = body["mode"], int(body.get("times", 0))
        return answer_json(start, 200, {})
    if path == "log":
        with state().lock:
            return answer_json(start, 200, {"calls": state().calls, "messages": list(state().messages.values())})
    if not _signed(environ.get("HTTP_AUTHORIZATION", "")):
        return _refuse(start, 401, "SignatureDoesNotMatch", "사용할 수 없는 API Key 입니다.")
    if method == "POST" and path == "messages/v4/send-many/detail":
        return _send(json_of(environ), start)
    if method == "GET" and path == "messages/v4/list-old":
        return _list(query_of(environ), start)
    return _refuse(start, 404, "ResourceNotFound", "없는 주소입니다.")


def _send(body: dict[str, Any], start: Start) -> list[bytes]:
    messages = body.get("messages") or []
    if not messages:
        return _refuse(start, 400, "MessagesNotFound", "보낼 메시지가 없습니다.")
    for message in messages:
        if not re.fullmatch(r"01[016789]\d{7,8}", str(message.get("to", ""))):
            return _refuse(start, 400, "ValidationError", f"{message.get('to')} 은 받을 수 없는 번호입니다.")
        if len(str(message.get("text", "")).encode("cp949", "replace")) > (
            2000 if message.get("type") == "LMS" else 90
        ):
            return _refuse(start, 400, "ValidationError", "내용이 깁니다.")
    mode = state().take_mode()
    if mode in ("500", "blind"):
        return answer_html(start, 500, "Internal Server Error")
    if mode == "busy":
        return _refuse(start, 429, "TooManyRequests", "잠시 후에 다시 시도해 주세요.")
    if mode == "slow":
        time.sleep(SLOW_SECONDS)
    if mode == "hang":
        time.sleep(HANG_SECONDS)
        return answer_html(start, 504, "")
    group = state().accept(messages)
    if mode == "accept_hang":
        time.sleep(HANG_SECONDS)
    if mode == "accept_500":
        return answer_html(start, 500, "Internal Server Error")
    if mode == "garbled":
        return answer_html(start, 200, "<h1>OK</h1>")
    with state().lock:
        accepted = [state().messages[key] for key in state().groups[group]]
    answer: dict[str, Any] = {"failedMessageList": [], "groupInfo": _group(group, len(accepted))}
    if body.get("showMessageList"):
        answer["messageList"] = [
            {
                "messageId": message["messageId"],
                "statusCode": _ACCEPTED,
                "statusMessage": "정상 접수(이통사로 접수 예정)",
                "customFields": message["customFields"],
            }
            for message in accepted
        ]
    return answer_json(start, 200, answer)


def _list(query: dict[str, str], start: Start) -> list[bytes]:
    if state().mode == "blind":
        return answer_html(start, 500, "Internal Server Error")
    with state().lock:
        if "groupId" in query:
            keys = state().groups.get(query["groupId"], [])
        elif "to" in query:
            keys = state().by_number.get(query["to"], [])
        else:
            keys = list(state().messages)
        messages = [state().messages[key] for key in keys]
    first, last = _instant(query.get("startDate")), _instant(query.get("endDate"))
    messages = [
        message
        for message in messages
        if query.get("messageId", message["messageId"]) == message["messageId"]
        and query.get("from", message["from"]) == message["from"]
        and (first is None or message["at"] >= first)
        and (last is None or message["at"] <= last)
    ]
    begin = int(query.get("startKey") or 0)
    limit = int(query.get("limit") or 20)
    shown = messages[begin : begin + limit]
    return answer_json(
        start,
        200,
        {
            "limit": limit,
            "messageList": {
                message["messageId"]: {
                    **{name: value for name, value in message.items() if name != "at"},
                    "statusCode": _status(message),
                    "dateUpdated": _now(),
                }
                for message in shown
            },
            "startKey": str(begin),
            "nextKey": str(begin + limit) if begin + limit < len(messages) else None,
        },
    )


def _status(message: dict[str, Any]) -> str:
    if time.time() - message["at"] < DELIVERY_SECONDS:
        return _AT_CARRIER
    return PHONE_STATES.get(message["to"][-4:], _DELIVERED)


def _group(group: str, count: int) -> dict[str, Any]:
    cash = {"requested": 0, "replacement": 0, "refund": 0, "sum": 0}
    return {
        "count": {
            "total": count,
            "sentTotal": 0,
            "sentFailed": 0,
            "sentSuccess": 0,
            "sentPending": 0,
            "sentReplacement": 0,
            "refund": 0,
            "registeredFailed": 0,
            "registeredSuccess": count,
        },
        "countForCharge": {"sms": {"82": count}},
        "balance": cash,
        "point": cash,
        "app": {"profit": {}, "appId": None},
        "log": [],
        "status": "SENDING",
        "allowDuplicates": True,
        "isRefunded": False,
        "accountId": "sandbox",
        "masterAccountId": None,
        "apiVersion": "4",
        "groupId": group,
        "price": {},
        "dateCreated": _now(),
        "dateUpdated": _now(),
    }


def _signed(header: str) -> bool:
    match = re.fullmatch(r"HMAC-SHA256 ApiKey=(\S+), Date=(\S+), salt=(\S+), signature=(\S+)", header)
    if not match:
        return False
    secret = os.environ.get("SOLAPI_API_SECRET", "sandbox")
    return hmac.compare_digest(
        hmac.new(secret.encode(), (match[2] + match[3]).encode(), hashlib.sha256).hexdigest(), match[4]
    )


def _refuse(start: Start, status: int, code: str, message: str) -> list[bytes]:
    return answer_json(start, status, {"errorCode": code, "errorMessage": message})


def _instant(text: str | None) -> float | None:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else None


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
