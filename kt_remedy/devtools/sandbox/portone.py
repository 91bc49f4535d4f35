"""The stand-in for PortOne: mobile identity verification and account-holder look-up, as its official SDK speaks them.

It knows the cast of the sample (their CI, carrier, birth date) and gives any other name a CI of its own, always the
same one for the same name and birth date, unless POST /control {"people": {NUMBER: CI}} named the owner of a telephone.
What goes wrong is chosen by the last four digits of a telephone or account number (`PHONE_MODES`, `ACCOUNT_MODES`), or
for every request by POST /control {"identity": MODE, "holder": MODE}.
"""

import base64
import datetime as dt
import hashlib
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from kt_remedy.devtools.sandbox import folder, inbox
from kt_remedy.devtools.sandbox.wire import Start, answer_html, answer_json, json_of, path_of, query_of

CODE_SECONDS, TRIES = 300, 5
SLOW_SECONDS, HANG_SECONDS = 3, 30
HOLDER_BYTES = 20

PHONE_MODES = {
    "9001": "down",  # 502, a page instead of JSON
    "9002": "hang",  # no answer within any sensible time
    "9003": "slow",  # an answer after three seconds
    "9004": "mismatch",  # the carrier knows this number under another name
    "9005": "expired",  # the code is too old by the time it is entered
    "9006": "locked",  # the carrier has locked the number after too many tries
    "9007": "no_ci",  # verified, but the carrier gives no CI
    "9008": "refused",  # the service does not accept the request
}
ACCOUNT_MODES = {
    "9001": "not_found",
    "9002": "closed",
    "9003": "maintenance",  # the bank is closed for maintenance: temporary
    "9004": "mismatch",  # the account of somebody else
    "9005": "hang",
    "9006": "slow",
    "9007": "down",
}
_SENDER = "1600-0000"


@dataclass
class _Verification:
    customer: dict[str, Any]
    operator: str
    method: str
    mode: str
    requested_at: str
    otp: str = ""
    sent: float = 0.0
    tries: int = 0
    approved: bool = False
    verified: dict[str, Any] | None = None
    channel_key: str = ""


@dataclass
class _State:
    lock: threading.Lock = field(default_factory=threading.Lock)
    verifications: dict[str, _Verification] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)  # account number → name, as POST /control
    people: dict[str, str] = field(default_factory=dict)  # telephone number → CI, as POST /control
    known: dict[str, str] = field(default_factory=dict)  # birth date (YYMMDD) → the name last verified with it
    modes: dict[str, str] = field(default_factory=dict)  # "identity" or "holder" → mode for every request


state = _State()


def app(environ: dict[str, Any], start: Start) -> list[bytes]:
    """The WSGI application, mounted under /portone."""
    method, path = environ["REQUEST_METHOD"], path_of(environ)
    if path == ["control"] and method == "POST":
        return _control(environ, start)
    if not environ.get("HTTP_AUTHORIZATION", "").startswith("PortOne "):
        return answer_json(start, 401, {"type": "UNAUTHORIZED", "message": "인증 정보가 올바르지 않습니다."})
    if path[0] == "identity-verifications" and len(path) > 1:
        return _identity(method, path[1], "/".join(path[2:]), environ, start)
    if path[:2] == ["platform", "bank-accounts"] and path[-1] == "holder" and len(path) == 5:
        return _holder(path[2], path[3], query_of(environ).get("birthdate", ""), start)
    return answer_json(start, 404, {"type": "NOT_FOUND"})


def waiting_in_app() -> list[tuple[str, str, str]]:
    """Requests that wait in the verification app: id, telephone number, when."""
    with state.lock:
        return [
            (key, item.customer["phoneNumber"], item.requested_at)
            for key, item in reversed(state.verifications.items())
            if item.method == "APP" and not item.approved
        ]


def approve_in_app(key: str) -> None:
    """The person approves in the verification app."""
    with state.lock:
        if key in state.verifications:
            state.verifications[key].approved = True


def ci_of(name: str, birth_date: str) -> str:
    """The CI of a person: the cast's own, else 64 bytes made from name and birth date, in base64."""
    for person in folder.people():
        if person["name"] == name and person["birth_date"] == birth_date and person["ci"]:
            return person["ci"]
    return base64.b64encode(hashlib.sha512(f"{name}|{birth_date}".encode()).digest()).decode()


def _control(environ: dict[str, Any], start: Start) -> list[bytes]:
    body = json_of(environ)
    with state.lock:
        for name in ("identity", "holder"):
            if name in body:
                state.modes[name] = body[name]
        state.holders.update(body.get("holders", {}))
        state.people.update(body.get("people", {}))
    return answer_json(start, 200, {})


def _identity(method: str, key: str, act: str, environ: dict[str, Any], start: Start) -> list[bytes]:
    body = json_of(environ)
    with state.lock:
        verification = state.verifications.get(key)
    number = (body.get("customer") or {}).get("phoneNumber", "") if act == "send" else ""
    mode = state.modes.get("identity") or (verification.mode if verification else PHONE_MODES.get(number[-4:], ""))
    if mode == "down":
        return answer_html(start, 502, "<h1>502 Bad Gateway</h1>")
    if mode in ("hang", "slow"):
        time.sleep(HANG_SECONDS if mode == "hang" else SLOW_SECONDS)
    if method == "POST" and act == "send":
        return _send(key, body, mode, start)
    if verification is None:
        return answer_json(start, 404, {"type": "IDENTITY_VERIFICATION_NOT_FOUND"})
    if method == "POST" and act == "resend":
        _deliver(verification)
        return answer_json(start, 200, {})
    if method == "POST" and act == "confirm":
        return _confirm(key, verification, body.get("otp"), start)
    if method == "GET" and not act:
        return answer_json(start, 200, verification.verified or _ready(key, verification))
    return answer_json(start, 404, {"type": "NOT_FOUND"})


def _send(key: str, body: dict[str, Any], mode: str, start: Start) -> list[bytes]:
    customer = body.get("customer") or {}
    name, number = customer.get("name", ""), customer.get("phoneNumber", "")
    identity_number = customer.get("identityNumber", "")
    if mode == "refused" or not name or not re.fullmatch(r"01\d{8,9}", number) or not customer.get("ipAddress"):
        return answer_json(start, 400, {"type": "INVALID_REQUEST", "message": "입력 정보가 올바르지 않습니다."})
    if body.get("method") == "SMS" and not re.fullmatch(r"\d{6}[0-9]", identity_number):
        return answer_json(start, 400, {"type": "INVALID_REQUEST", "message": "주민등록번호 앞 7자리가 필요합니다."})
    with state.lock:
        if key in state.verifications:
            return answer_json(start, 409, {"type": "IDENTITY_VERIFICATION_ALREADY_SENT"})
    if mode == "locked":
        return _pg(start, "LOCKED", "인증 시도 횟수를 초과했습니다.")
    if mode == "mismatch" or _someone_else(name, number):
        return _pg(start, "MISMATCH", "이름, 생년월일, 통신사, 번호가 맞지 않습니다.")
    verification = _Verification(
        {"name": name, "phoneNumber": number, "identityNumber": identity_number, "id": customer.get("id")},
        str(body.get("operator")),
        str(body.get("method")),
        mode,
        _now(),
        channel_key=str(body.get("channelKey")),
    )
    with state.lock:
        state.verifications[key] = verification
    _deliver(verification)
    return answer_json(start, 200, {})


def _deliver(verification: _Verification) -> None:
    verification.sent, verification.tries = time.time(), 0
    number = verification.customer["phoneNumber"]
    if verification.method == "SMS":
        verification.otp = f"{secrets.randbelow(1_000_000):06}"
        inbox.deliver(number, f"[본인확인] 인증번호 {verification.otp} 를 화면에 넣어 주세요.", _SENDER, "code")
    else:
        inbox.deliver(number, "[PASS] 본인확인 요청이 왔습니다. 앱에서 승인해 주세요.", _SENDER, "pass")


def _confirm(key: str, verification: _Verification, otp: str | None, start: Start) -> list[bytes]:
    if verification.verified:
        return answer_json(start, 409, {"type": "IDENTITY_VERIFICATION_ALREADY_VERIFIED"})
    if verification.tries >= TRIES:
        return _pg(start, "LOCKED", "인증 시도 횟수를 초과했습니다.")
    if verification.mode == "expired" or time.time() - verification.sent > CODE_SECONDS:
        return _pg(start, "EXPIRED", "인증 시간이 지났습니다.")
    if verification.method == "APP" and not verification.approved:
        return _pg(start, "NOT_APPROVED", "앱에서 아직 승인하지 않았습니다.")
    if verification.method == "SMS" and not secrets.compare_digest(otp or "", verification.otp):
        verification.tries += 1
        return _pg(start, "WRONG_OTP", "인증번호가 맞지 않습니다.")
    verification.verified = _verified(key, verification)
    return answer_json(start, 200, {"identityVerification": verification.verified})


def _verified(key: str, verification: _Verification) -> dict[str, Any]:
    name, number = verification.customer["name"], verification.customer["phoneNumber"]
    cast = next((p for p in folder.people() if p["name"] == name and p["phone"] == number), None)
    digits = verification.customer["identityNumber"]
    if cast:
        birth_date, foreigner = cast["birth_date"], cast["kind"] == "FOREIGNER"
    elif digits:
        century = {"1": 19, "2": 19, "5": 19, "6": 19, "9": 18, "0": 18}.get(digits[6], 20)
        birth_date = f"{century}{digits[:2]}-{digits[2:4]}-{digits[4:6]}"
        foreigner = digits[6] in "5678"
    else:  # the app knows its owner; here anybody whose number is not of the cast was born on one day
        birth_date, foreigner = "1985-03-15", False
    with state.lock:
        state.known[birth_date[2:].replace("-", "")] = name
    customer = {
        "name": name,
        "operator": verification.operator,
        "phoneNumber": number,
        "birthDate": birth_date,
        "gender": "FEMALE" if digits[6:] in {"2", "4", "6", "8"} else "MALE",
        "isForeigner": foreigner,
    }
    if verification.mode != "no_ci":
        ci = state.people.get(number) or ci_of(name, birth_date)
        customer |= {"ci": ci, "di": base64.b64encode(hashlib.sha512(f"di|{ci}".encode()).digest()).decode()}
    now = _now()
    return {
        "status": "VERIFIED",
        "id": key,
        "channel": _channel(verification),
        "verifiedCustomer": customer,
        "requestedAt": verification.requested_at,
        "updatedAt": now,
        "statusChangedAt": now,
        "verifiedAt": now,
        "pgTxId": hashlib.sha256(key.encode()).hexdigest()[:20],
        "pgRawResponse": "{}",
        "version": "V2",
    }


def _ready(key: str, verification: _Verification) -> dict[str, Any]:
    return {
        "status": "READY",
        "id": key,
        "channel": _channel(verification),
        "requestedCustomer": {
            "name": verification.customer["name"],
            "phoneNumber": verification.customer["phoneNumber"],
        },
        "requestedAt": verification.requested_at,
        "updatedAt": verification.requested_at,
        "statusChangedAt": verification.requested_at,
        "version": "V2",
    }


def _channel(verification: _Verification) -> dict[str, str]:
    return {"type": "TEST", "key": verification.channel_key, "pgProvider": "DANAL", "pgMerchantId": "A010002002"}


def _someone_else(name: str, number: str) -> bool:
    owner = next((p for p in folder.people() if p["phone"] == number), None)
    return owner is not None and owner["name"] != name


def _holder(bank: str, number: str, birthdate: str, start: Start) -> list[bytes]:
    mode = state.modes.get("holder") or ACCOUNT_MODES.get(number[-4:], "")
    if mode == "down":
        return answer_html(start, 502, "<h1>502 Bad Gateway</h1>")
    if mode in ("hang", "slow"):
        time.sleep(HANG_SECONDS if mode == "hang" else SLOW_SECONDS)
    if not re.fullmatch(r"\d{8,16}", number):
        return answer_json(start, 400, {"type": "INVALID_REQUEST", "message": "계좌번호가 올바르지 않습니다."})
    if mode == "maintenance":
        return answer_json(
            start, 502, {"type": "PLATFORM_EXTERNAL_API_TEMPORARILY_FAILED", "message": "은행 점검 시간입니다."}
        )
    if mode in ("not_found", "closed"):
        sentence = "계좌를 찾을 수 없습니다." if mode == "not_found" else "해지된 계좌입니다."
        return answer_json(start, 502, {"type": "PLATFORM_EXTERNAL_API_FAILED", "message": sentence})
    holder = "김다른" if mode == "mismatch" else _holder_name(number, birthdate)
    made = hashlib.sha256(f"{bank}{number}".encode()).hexdigest()[:24]
    return answer_json(start, 200, {"holderName": as_kept(holder), "accountVerificationId": made})


def as_kept(name: str) -> str:
    """A name as a bank keeps it: the start that fits twenty bytes of CP949."""
    return name.encode("cp949", "replace")[:HOLDER_BYTES].decode("cp949", "ignore")


def _holder_name(number: str, birthdate: str) -> str:
    """Holder of an account: the one that POST /control named, else the person born on that day in the sample."""
    if number in state.holders:
        return state.holders[number]
    digits = re.sub(r"\D", "", birthdate)[-6:]
    if digits in state.known:
        return state.known[digits]
    born = (p["name"] for p in folder.people() if (p["birth_date"] or "")[2:].replace("-", "") == digits)
    return next(born, "김다른")


def _pg(start: Start, code: str, message: str) -> list[bytes]:
    return answer_json(start, 502, {"type": "PG_PROVIDER", "pgCode": code, "pgMessage": message})


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
