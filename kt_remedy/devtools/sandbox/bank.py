"""The stand-in for the bank: takes a payment file a person uploads and gives back the answer they choose.

It reads the bytes by itself, as a bank would, and shares no code with the portal that wrote them. pain.001.001.09 is
answered with pain.002.001.10, our transfer sheet and our inquiry list with their result columns filled in.
"""

import datetime as dt
import hashlib
import json
from email.parser import BytesParser
from email.policy import HTTP
from html import escape
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape as xml_escape

from kt_remedy.devtools.sandbox import folder
from kt_remedy.devtools.sandbox.phone import page
from kt_remedy.devtools.sandbox.wire import Start, answer_html, body_of, form_of, path_of, see

SHOWN = 300
# Possible answers to one payment: pain.002 status and reason, result code of the sheet, words.
ANSWERS = {
    "paid": ("ACSC", "", "00", "입금 (paid)"),
    "no-account": ("RJCT", "AC01", "01", "없는 계좌 (no such account)"),
    "closed": ("RJCT", "AC04", "02", "해지된 계좌 (closed)"),
    "name": ("RJCT", "BE01", "03", "예금주 다름 (other name)"),
    "down": ("RJCT", "AB08", "05", "은행 점검 (bank down)"),
    "pending": ("PDNG", "", "", "아직 모름 (pending)"),
    "absent": ("", "", "", "결과에 없음 (left out)"),
}
# Where the cells of a sheet's detail line stand, in bytes.
_BANK, _NUMBER, _AMOUNT, _HOLDER = slice(12, 15), slice(16, 32), slice(33, 46), slice(47, 107)
_REFERENCE, _RESULT = slice(123, 158), slice(159, 161)


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
    return _checked("pain001", text(head, "MsgId"), int(text(head, "NbOfTxs")), int(text(head, "CtrlSum")), rows)


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
    return _checked("sheet", cells[1].decode().strip(), int(cells[5]), int(cells[6]), rows)


def _read_inquiry(content: bytes) -> dict[str, Any]:
    head, *lines = content.rstrip(b"\r\n").split(b"\r\n")
    cells = head.split(b"\t")
    rows = []
    for line in lines:
        if line.startswith(b"Q\t"):
            _kind, _number, reference, bank, last4, amount, *_rest = line.split(b"\t")
            rows.append([reference.decode().strip(), bank.decode(), last4.decode().strip(), "", int(amount)])
    return _checked("inquiry", cells[1].decode().strip(), int(cells[4]), int(cells[5]), rows)


def _checked(form: str, message_id: str, count: int, won: int, rows: list[list[Any]]) -> dict[str, Any]:
    if (len(rows), sum(row[4] for row in rows)) != (count, won):
        raise Bad("건수나 합계가 머리와 다릅니다.")
    return {"format": form, "message_id": message_id, "count": count, "won": won, "rows": rows}


def answer(payment: dict[str, Any], content: bytes, chosen: dict[str, str], *, refused: bool = False) -> bytes:
    """The result file: `chosen` names an answer for each reference; "paid" where it names none."""
    if payment["format"] == "sheet":
        return _sheet(content, chosen, refused)
    if payment["format"] == "inquiry":
        return _inquiry(content, chosen)
    return _pain002(payment, chosen, refused)


def _pain002(payment: dict[str, Any], chosen: dict[str, str], refused: bool) -> bytes:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    rows = []
    for reference, *_rest, won in [] if refused else payment["rows"]:
        status, code, _sheet_code, _words = ANSWERS[chosen.get(reference, "paid")]
        if not status:
            continue
        why = f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>" if code else ""
        rows.append(
            f"<TxInfAndSts><OrgnlEndToEndId>{xml_escape(reference)}</OrgnlEndToEndId><TxSts>{status}</TxSts>{why}"
            f'<OrgnlTxRef><Amt><InstdAmt Ccy="KRW">{won}</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>\n'
        )
    group = "RJCT" if refused else "PART"
    why = "<StsRsnInf><Rsn><Cd>AM10</Cd></Rsn></StsRsnInf>" if refused else ""
    batch = (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{payment['message_id']}</OrgnlPmtInfId>\n{''.join(rows)}"
        "</OrgnlPmtInfAndSts>\n"
        if rows
        else ""
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>\n'
        f"<GrpHdr><MsgId>STANDIN-{now[:19].replace(':', '')}</MsgId><CreDtTm>{now}</CreDtTm></GrpHdr>\n"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{payment['message_id']}</OrgnlMsgId>"
        f"<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><OrgnlNbOfTxs>{payment['count']}</OrgnlNbOfTxs>"
        f"<OrgnlCtrlSum>{payment['won']}</OrgnlCtrlSum><GrpSts>{group}</GrpSts>{why}</OrgnlGrpInfAndSts>\n"
        f"{batch}</CstmrPmtStsRpt></Document>\n"
    ).encode()


def _sheet(content: bytes, chosen: dict[str, str], refused: bool) -> bytes:
    lines = content.split(b"\r\n")
    out = []
    for line in lines:
        if not line.startswith(b"D\t"):
            out.append(line)
            continue
        code = "99" if refused else ANSWERS[chosen.get(line[_REFERENCE].decode("cp949").strip(), "paid")][2]
        out.append(line[: _RESULT.start] + code.encode().ljust(2) + line[_RESULT.stop :])
    return b"\r\n".join(out)


def _inquiry(content: bytes, chosen: dict[str, str]) -> bytes:
    out = []
    for line in content.split(b"\r\n"):
        cells = line.split(b"\t")
        if cells[0] == b"Q":
            cells[7] = ANSWERS[chosen.get(cells[2].decode().strip(), "paid")][2].encode().ljust(2)
        out.append(b"\t".join(cells))
    return b"\r\n".join(out)


def app(environ: dict[str, Any], start_response: Start) -> Any:
    """GET /bank/ the counter; POST /bank/ takes a file; GET and POST /bank/<key>/ chooses and gives the answer."""
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
    kept = _kept(path[0])
    if kept is None:
        return answer_html(start_response, 404, page("은행", "<p>그런 파일이 없습니다.</p>"))
    payment, content = kept
    if not posted:
        return answer_html(start_response, 200, _choose(payment))
    form = form_of(environ)
    chosen = {row[0]: form.get(f"answer:{row[0]}", form.get("rest", "paid")) for row in payment["rows"]}
    if set(chosen.values()) - set(ANSWERS):
        return answer_html(start_response, 400, page("은행", "<p>모르는 답입니다.</p>"))
    given = answer(payment, content, chosen, refused="refused" in form)
    suffix = "xml" if payment["format"] == "pain001" else "txt"
    name = f"result-{payment['message_id']}-{hashlib.sha256(given).hexdigest()[:6]}.{suffix}"
    start_response(
        "200 OK",
        [
            ("Content-Type", "application/octet-stream"),
            ("Content-Disposition", f'attachment; filename="{name}"'),
            ("Content-Length", str(len(given))),
        ],
    )
    return [given]


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
    rest = f'<p><label for="rest">나머지 {more:,}건</label> <select id="rest" name="rest">{options}</select></p>'
    return page(
        payment["message_id"],
        f"<p>{payment['count']:,}건, {payment['won']:,}원</p>"
        '<form method="post"><p><button>결과 파일 받기 (get the result file)</button>'
        ' <button name="refused" value="yes">파일을 통째로 거절 (refuse the whole file)</button></p>'
        f"<table><thead><tr><th>관리번호</th><th>금액</th><th>은행의 답</th></tr></thead><tbody>{rows}</tbody></table>"
        f"{rest if more > 0 else ''}<p><button>결과 파일 받기 (get the result file)</button></p></form>",
    )
