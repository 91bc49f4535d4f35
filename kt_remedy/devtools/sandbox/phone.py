"""The pages a person opens beside the portal: codes of the demonstration's staff, and the verification app.

Plain HTML; it imitates a telephone on the desk and is no part of the portal.
"""

import base64
import datetime as dt
import hashlib
import hmac
import struct
import time
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from kt_remedy.devtools import demo_staff
from kt_remedy.devtools.sandbox import inbox, portone
from kt_remedy.devtools.sandbox.wire import Start, answer_html, form_of, path_of, query_of, see

ROLES = {
    "clerk": "매장 직원 (store clerk)",
    "store_manager": "매장 관리자 (store manager)",
    "agent": "상담사 (agent)",
    "reviewer": "심사 담당 (reviewer)",
    "supervisor": "심사 책임 (supervisor)",
    "maker": "지급 담당 (maker)",
    "checker": "지급 승인 (checker)",
    "auditor": "감사 (auditor)",
    "administrator": "관리자 (administrator)",
}
STYLE = """
body{font:17px/1.6 system-ui,"Noto Sans CJK KR",sans-serif;margin:0;background:#f4f5f4;color:#16282c}
main{max-width:46rem;margin:0 auto;padding:1rem}
nav{background:#24343a;padding:.5rem 1rem}nav a{color:#fff;margin-right:1.5rem;display:inline-block;padding:.4rem 0}
h1{font-size:1.5rem;margin:1rem 0 .5rem}
table{border-collapse:collapse;width:100%;background:#fff}
th,td{text-align:left;padding:.6rem .75rem;border-bottom:1px solid #cfd6d6;vertical-align:top}
.code{font:700 1.4rem/1.2 ui-monospace,monospace;letter-spacing:.08em;white-space:nowrap}
input{font:inherit;padding:.5rem;min-height:44px;box-sizing:border-box;max-width:100%}
button{font:inherit;padding:.5rem 1rem;min-height:44px;border:0;border-radius:8px;background:#0a5260;color:#fff}
article{background:#fff;padding:.75rem 1rem;margin:0 0 .75rem;border-left:4px solid #0a5260}
article p{margin:.25rem 0}small{color:#4a5a5e}
"""


def page(title: str, body: str, *, refresh: int = 0) -> str:
    """A page of the telephone; `refresh` seconds after which it shows itself again."""
    again = f"<script>setTimeout(() => location.replace(location.href), {refresh * 1000})</script>" if refresh else ""
    return f"""<!doctype html><html lang="ko"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">{again}
<title>{escape(title)} | 연습용 전화기</title><style>{STYLE}</style></head><body>
<nav aria-label="연습용 전화기"><a href="/inbox">받은 문자</a><a href="/pass">PASS 앱</a>
<a href="/authenticator">직원 인증번호</a></nav>
<main><h1>{escape(title)}</h1>{body}</main></body></html>"""


def totp(secret: str, at: float) -> str:
    """The six digits of RFC 6238 at the wall time `at`."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(at) // 30), hashlib.sha1)
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def authenticator() -> str:
    """The codes of the demonstration's staff; each is good for thirty seconds and one sign-in."""
    now = time.time()
    rows = "".join(
        f"<tr><td><strong>{escape(member.username)}</strong> <small>{escape(member.name)}"
        f"{', ' + escape(demo_staff.STORES[member.store].name) if member.store else ''}</small>"
        f"<br>{'<br>'.join(escape(ROLES[role]) for role in member.roles)}</td>"
        f'<td class="code" data-user="{escape(member.username)}">'
        f"{totp(demo_staff.totp_secret(member.username), now)}</td></tr>"
        for member in demo_staff.STAFF
    )
    left = 30 - int(now) % 30
    return page(
        "직원 인증번호",
        f"<p>비밀번호는 모두 <code>{escape(demo_staff.PASSWORD)}</code> 입니다. 번호는 {left}초 뒤에 바뀌고,"
        " 한 번 쓴 번호는 다시 쓸 수 없습니다.<br><small>Every password is the one above. A code changes every 30"
        " seconds and works once.</small></p>"
        f"<table><thead><tr><th scope=col>아이디와 역할</th><th scope=col>번호</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>",
        refresh=left + 1,
    )


def received(number: str) -> str:
    """Every message sent to a phone, newest first; to one number where it is given."""
    wanted = "".join(digit for digit in number if digit.isdigit())
    shown = inbox.messages(to=wanted)
    kinds = {"code": "인증번호", "pass": "앱 알림", "sms": "문자", "lms": "긴 문자"}
    items = "".join(
        f'<article data-to="{escape(message["to"])}"><p><strong><a href="/inbox?to={escape(message["to"])}">'
        f"{escape(_dashed(message['to']))}</a></strong> <small>{kinds.get(message['kind'], '')}"
        f" · 보낸 번호 {escape(_dashed(message['sender']))} · {_kst(message['at'])}</small></p>"
        f"<p>{escape(message['text']).replace(chr(10), '<br>')}</p></article>"
        for message in shown
    )
    one = '<p><a href="/inbox">모든 번호 보기 (all numbers)</a></p>' if wanted else ""
    form = (
        '<form method="get" action="/inbox"><p><label for="to">번호 (number)</label><br>'
        f'<input id="to" name="to" inputmode="tel" value="{escape(number)}"> <button>찾기 (find)</button></p></form>'
    )
    title = f"받은 문자 {_dashed(wanted)}" if wanted else "받은 문자"
    return page(title, form + one + (items or "<p>받은 문자가 없습니다. <small>No messages yet.</small></p>"))


def _dashed(number: str) -> str:
    digits = number.replace("-", "")
    if len(digits) == 11:
        return f"{digits[:3]}-{digits[3:7]}-{digits[7:]}"
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}" if len(digits) == 10 else number


def _kst(at: str) -> str:
    """The wall clock in Seoul; the stand-ins know nothing of the portal's clock."""
    return f"{dt.datetime.fromisoformat(at).astimezone(ZoneInfo('Asia/Seoul')):%m-%d %H:%M:%S}"


def verification_app() -> str:
    """Requests that wait in the PASS app, each with its button."""
    items = "".join(
        f"<article><p><strong>{escape(number)}</strong> <small>{escape(at)}</small></p>"
        "<p>위약금 면제·고객 보답에서 본인확인을 요청했습니다.</p>"
        f'<form method="post"><input type="hidden" name="id" value="{escape(key)}">'
        "<button>승인 (approve)</button></form>"
        "</article>"
        for key, number, at in portone.waiting_in_app()
    )
    return page("PASS 앱", items or "<p>기다리는 요청이 없습니다. <small>Nothing to approve.</small></p>", refresh=5)


def app(environ: dict[str, Any], start: Start) -> list[bytes]:
    """The WSGI application, mounted at the root."""
    method, path = environ["REQUEST_METHOD"], path_of(environ)[0]
    if path == "authenticator":
        return answer_html(start, 200, authenticator())
    if path == "inbox":
        return answer_html(start, 200, received(query_of(environ).get("to", "")))
    if path == "pass":
        if method == "POST":
            portone.approve_in_app(form_of(environ).get("id", ""))
            return see(start, "/pass")
        return answer_html(start, 200, verification_app())
    if path == "":
        return see(start, "/authenticator")
    return answer_html(start, 404, page("없는 페이지", ""))
