"""The stand-in for the bank: takes a payment file, answers it on the transfer day, gives statements the next morning.

It reads the bytes by itself, as a bank would, and shares no code with the portal that wrote them. The person at its
counter chooses each answer, and every way in which a bank misbehaves (`bank_answers`, `bank_book`). It does not know
the portal's clock: its day is the transfer day of the file unless the person gives another one.
"""

import datetime as dt
import hashlib
import json
from email.parser import BytesParser
from email.policy import HTTP
from html import escape
from typing import Any
from xml.etree import ElementTree as ET

from kt_remedy.devtools.sandbox import bank_book as book
from kt_remedy.devtools.sandbox import folder
from kt_remedy.devtools.sandbox.bank_answers import ANSWERS, WAYS, acknowledge, answer, chosen_by
from kt_remedy.devtools.sandbox.phone import page
from kt_remedy.devtools.sandbox.wire import Start, answer_html, body_of, form_of, path_of, query_of, see

SHOWN = 300
# Where the cells of a sheet's detail line stand, in bytes.
_BANK, _NUMBER, _AMOUNT, _HOLDER = slice(12, 15), slice(16, 32), slice(33, 46), slice(47, 107)
_REFERENCE = slice(123, 158)


class Bad(Exception):
    """A file the bank cannot read."""


def read(content: bytes) -> dict[str, Any]:
    """Content of a payment file: {format, message_id, count, won, rows: [[reference, bank, last4, holder, won]]}."""
    if content.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
        return _read_pain001(content)
    if content.startswith(b"H\t"):
        return _read_sheet(content)
    if content.startswith(b"I\t"):
        return _read_inquiry(content)
    raise Bad("pain.001도 이체 시트도 조회 목록도 아닙니다.")


def _read_pain001(content: bytes) -> dict[str, Any]:
    if b"<!DOCTYPE" in content[:2000]:
        raise Bad("문서 형식 선언이 있는 파일은 받지 않습니다.")
    try:
        root = ET.fromstring(content)  # noqa: S314  a stand-in on the loopback interface; no document type, no entity
    except ET.ParseError as error:
        raise Bad(f"XML이 아닙니다: {error}") from None
    space = {"p": root.tag[1:].partition("}")[0]}

    def text(element: ET.Element, path: str) -> str:
        child = element.find("/".join(f"p:{name}" for name in path.split("/")), space)
        return (child.text or "") if child is not None else ""

    head = root.find("p:CstmrCdtTrfInitn/p:GrpHdr", space)
    if head is None:
        raise Bad("pain.001이 아닙니다.")
    rows = [
        [
            text(one, "PmtId/EndToEndId"),
            text(one, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"),
            text(one, "CdtrAcct/Id/Othr/Id")[-4:],
            text(one, "Cdtr/Nm"),
            int(text(one, "Amt/InstdAmt") or 0),
        ]
        for one in root.iter(f"{{{space['p']}}}CdtTrfTxInf")
    ]
    order = root.find("p:CstmrCdtTrfInitn/p:PmtInf", space)
    if order is None:
        raise Bad("PmtInf가 없습니다.")
    found = _checked("pain001", text(head, "MsgId"), int(text(head, "NbOfTxs")), int(text(head, "CtrlSum")), rows)
    return found | {"execution_on": text(order, "ReqdExctnDt/Dt"), "payer": text(order, "DbtrAcct/Id/Othr/Id")}


def _read_sheet(content: bytes) -> dict[str, Any]:
    head, *lines = content.rstrip(b"\r\n").split(b"\r\n")
    cells = head.split(b"\t")
    rows = [
        [
            line[_REFERENCE].decode("cp949").strip(),
            line[_BANK].decode(),
            line[_NUMBER].decode().strip()[-4:],
            line[_HOLDER].decode("cp949").strip(),
            int(line[_AMOUNT]),
        ]
        for line in lines
        if line.startswith(b"D\t")
    ]
    found = _checked("sheet", cells[1].decode().strip(), int(cells[5]), int(cells[6]), rows)
    return found | {"execution_on": _iso(cells[2]), "payer": cells[4].decode().strip()}


def _read_inquiry(content: bytes) -> dict[str, Any]:
    head, *lines = content.rstrip(b"\r\n").split(b"\r\n")
    cells = head.split(b"\t")
    rows = []
    for line in lines:
        if line.startswith(b"Q\t"):
            _kind, _number, reference, bank, last4, amount, *_rest = line.split(b"\t")
            rows.append([reference.decode().strip(), bank.decode(), last4.decode().strip(), "", int(amount)])
    found = _checked("inquiry", cells[1].decode().strip(), int(cells[4]), int(cells[5]), rows)
    return found | {"execution_on": _iso(cells[3]), "payer": ""}


def _iso(cell: bytes) -> str:
    return f"{cell[:4].decode()}-{cell[4:6].decode()}-{cell[6:8].decode()}"


def _checked(form: str, message_id: str, count: int, won: int, rows: list[list[Any]]) -> dict[str, Any]:
    if (len(rows), sum(row[4] for row in rows)) != (count, won):
        raise Bad("건수나 합계가 머리와 다릅니다.")
    return {"format": form, "message_id": message_id, "count": count, "won": won, "rows": rows}


def app(environ: dict[str, Any], start_response: Start) -> Any:
    """GET /bank/ the counter; POST takes a file; /bank/<key>/ gives answers, /bank/statements/ statements."""
    here, path = environ.get("SCRIPT_NAME", ""), [part for part in path_of(environ) if part]
    posted = environ["REQUEST_METHOD"] == "POST"
    if not path:
        if not posted:
            return answer_html(start_response, 200, _counter(here))
        try:
            key = _take(environ)
        except (Bad, ValueError, IndexError) as error:
            return answer_html(start_response, 400, _counter(here, str(error)))
        return see(start_response, f"{here}/{key}/")
    if path == ["statements"]:
        return _statement(environ, start_response, posted=posted)
    kept = _kept(path[0])
    if kept is None:
        return answer_html(start_response, 404, page("은행", "<p>그런 파일이 없습니다.</p>"))
    payment, content = kept
    if not posted:
        return answer_html(start_response, 200, _choose(payment))
    form = form_of(environ)
    suffix = "xml" if payment["format"] == "pain001" else "txt"
    if "ack" in form:
        return _file(start_response, f"taken-{payment['message_id']}", suffix, acknowledge(payment))
    chosen = {row[0]: form.get(f"answer:{row[0]}", form.get("rest", "paid")) for row in payment["rows"]}
    way, today = form.get("way", "chosen"), form.get("today", payment["execution_on"])
    if set(chosen.values()) - set(ANSWERS) or way not in WAYS:
        return answer_html(start_response, 400, page("은행", "<p>모르는 답입니다.</p>"))
    refused = "refused" in form
    if today < payment["execution_on"] and not refused and way != "early":
        words = f"<p role='alert'>이체일({payment['execution_on']})에 답합니다. (on the transfer day)</p>"
        return answer_html(start_response, 400, page("은행", words))
    if not refused and way not in ("early", "contradict", "amount-20", "count-5000"):
        book.execute(payment, chosen_by(way, payment["rows"], chosen), late=way == "late-return")
    given = answer(payment, content, chosen, refused=refused, way=way)
    return _file(start_response, f"result-{payment['message_id']}", suffix, given)


def _file(start_response: Start, name: str, suffix: str, given: bytes) -> list[bytes]:
    """A file that the browser saves."""
    start_response(
        "200 OK",
        [
            ("Content-Type", "application/octet-stream"),
            (
                "Content-Disposition",
                f'attachment; filename="{name}-{hashlib.sha256(given).hexdigest()[:6]}.{suffix}"',
            ),
            ("Content-Length", str(len(given))),
        ],
    )
    return [given]


def _statement(environ: dict[str, Any], start_response: Start, *, posted: bool) -> list[bytes]:
    """The page of statements, and the statement of the chosen day."""
    if not posted:
        return answer_html(start_response, 200, _statements(query_of(environ).get("day", "")))
    form = form_of(environ)
    day, kind, fault = form.get("day", ""), form.get("form", "camt053"), form.get("fault", "none")
    try:
        dt.date.fromisoformat(day)
    except ValueError:
        return answer_html(start_response, 400, _statements("", "날을 골라 주세요. (choose a day)"))
    if fault not in book.FAULTS or not book.load()["account"]:
        return answer_html(
            start_response, 400, _statements(day, "먼저 지급 파일의 답을 받으세요. (answer a file first)")
        )
    given = book.statement(day, kind, fault)
    return _file(start_response, f"statement-{day}", "txt" if kind == "sheet" else "xml", given)


def _statements(day: str, fault: str = "") -> str:
    here = book.load()
    waiting = sorted({entry["day"] for entry in here["entries"]})
    rows = "".join(
        f"<tr><td>{escape(entry['day'])}</td><td>{'입금' if entry['way'] == 'C' else '출금'}</td>"
        f"<td>{escape(entry['reference'])}</td><td>{entry['won']:,}원</td></tr>"
        for entry in here["entries"][:SHOWN]
    )
    faults = "".join(f'<option value="{key}">{escape(words)}</option>' for key, words in book.FAULTS.items())
    alert = f'<p role="alert"><strong>{escape(fault)}</strong></p>' if fault else ""
    return page(
        "거래내역 (연습)",
        f"{alert}<p>잔액 {here['balance']:,}원, 마지막 번호 {here['number']}. 하루치는 다음 날 아침에 받습니다."
        " <small>The statement of a day comes the next morning. It shows what was booked up to that day.</small></p>"
        '<form method="post"><p><label for="day">날 (day)</label><br>'
        f'<input id="day" name="day" type="date" value="{escape(day or (waiting[0] if waiting else ""))}"></p>'
        '<p><label for="form">양식 (layout)</label><br><select id="form" name="form">'
        '<option value="camt053">camt.053</option><option value="sheet">시트 (sheet)</option></select></p>'
        f'<p><label for="fault">무엇이 이상한가 (what is wrong)</label><br>'
        f'<select id="fault" name="fault">{faults}</select></p>'
        "<p><button>거래내역 받기 (get the statement)</button></p></form>"
        f"<h2>아직 보이지 않은 거래</h2><table>{rows or '<tr><td>없습니다.</td></tr>'}</table>",
    )


def _take(environ: dict[str, Any]) -> str:
    head = f"Content-Type: {environ.get('CONTENT_TYPE', '')}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body_of(environ))
    parts = list(message.iter_parts()) if message.is_multipart() else []
    content = next((part.get_payload(decode=True) for part in parts if part.get_filename()), None)
    if not content or not isinstance(content, bytes):
        raise Bad("파일을 골라 주세요.")
    payment = read(content)
    key = hashlib.sha256(content).hexdigest()[:16]
    (folder.home() / f"bank-{key}.json").write_text(json.dumps(payment, ensure_ascii=False), encoding="utf-8")
    (folder.home() / f"bank-{key}.bin").write_bytes(content)
    return key


def _kept(key: str) -> tuple[dict[str, Any], bytes] | None:
    if not key.isalnum():
        return None
    try:
        text = (folder.home() / f"bank-{key}.json").read_text(encoding="utf-8")
        return json.loads(text), (folder.home() / f"bank-{key}.bin").read_bytes()
    except FileNotFoundError:
        return None


def _counter(here: str, fault: str = "") -> str:
    took = sorted(folder.home().glob("bank-*.json"), key=lambda path: path.stat().st_mtime, reverse=True)[:20]
    rows = ""
    for one in took:
        payment = json.loads(one.read_text(encoding="utf-8"))
        rows += (
            f'<tr><td><a href="{here}/{one.stem[5:]}/">{escape(payment["message_id"])}</a></td>'
            f"<td>{payment['count']:,}건</td><td>{payment['won']:,}원</td></tr>"
        )
    alert = f'<p role="alert"><strong>{escape(fault)}</strong></p>' if fault else ""
    return page(
        "은행 창구 (연습)",
        f"{alert}<p>지급 화면에서 내려받은 은행 파일을 여기에 올리면, 고른 대로 답한 결과 파일을 돌려줍니다. 돈은"
        " 움직이지 않습니다.<br><small>Upload the payment file; the result file comes back as you choose. No money"
        ' moves.</small></p><form method="post" enctype="multipart/form-data"><p><label for="file">은행 파일'
        ' (payment file)</label><br><input id="file" name="file" type="file" required></p>'
        "<button>올리기 (upload)</button></form>"
        f'<p><a href="{here}/statements/">거래내역 (statements)</a></p>'
        f"<h2>받은 파일</h2><table>{rows or '<tr><td>아직 없습니다.</td></tr>'}</table>",
    )


def _choose(payment: dict[str, Any]) -> str:
    options = "".join(f'<option value="{key}">{escape(words[3])}</option>' for key, words in ANSWERS.items())
    rows = "".join(
        f'<tr><td><label for="a{n}">{escape(reference)}</label><br><small>{escape(holder)} · {escape(bank)}'
        f" ···{escape(last4)}</small></td><td>{won:,}원</td>"
        f'<td><select id="a{n}" name="answer:{escape(reference)}">{options}</select></td></tr>'
        for n, (reference, bank, last4, holder, won) in enumerate(payment["rows"][:SHOWN])
    )
    more = payment["count"] - SHOWN
    ways = "".join(f'<option value="{key}">{escape(words)}</option>' for key, words in WAYS.items())
    # Our sheet has no answer about the file alone.
    acknowledged = (
        ' <button name="ack" value="yes">파일을 받았다는 답 (the file is taken)</button>'
        if payment["format"] == "pain001"
        else ""
    )
    rest = f'<p><label for="rest">나머지 {more:,}건</label> <select id="rest" name="rest">{options}</select></p>'
    return page(
        payment["message_id"],
        f"<p>{payment['count']:,}건, {payment['won']:,}원</p>"
        f"<p>이체일 {escape(payment['execution_on'])}</p>"
        '<form method="post"><p><button>결과 파일 받기 (get the result file)</button>'
        f"{acknowledged}"
        ' <button name="refused" value="yes">파일을 통째로 거절 (refuse the whole file)</button></p>'
        '<p><label for="way">어떻게 답할까 (how to answer)</label><br>'
        f'<select id="way" name="way">{ways}</select></p>'
        '<p><label for="today">은행의 오늘 (the day at the bank)</label><br>'
        f'<input id="today" name="today" type="date" value="{escape(payment["execution_on"])}"></p>'
        f"<table><thead><tr><th>관리번호</th><th>금액</th><th>은행의 답</th></tr></thead><tbody>{rows}</tbody></table>"
        f"{rest if more > 0 else ''}<p><button>결과 파일 받기 (get the result file)</button></p></form>",
    )
