"""What the stand-in bank answers to a file, and the ways in which a bank misbehaves.

It shares no code with the portal. pain.001 is answered with pain.002.001.10, our transfer sheet and our inquiry list
with their result columns filled in.
"""

import datetime as dt
from typing import Any
from xml.sax.saxutils import escape as xml_escape

# Possible answers to one payment: pain.002 status and reason, result code of the sheet, words.
ANSWERS = {
    "paid": ("ACSC", "", "00", "입금 (paid)"),
    "no-account": ("RJCT", "AC01", "01", "없는 계좌 (no such account)"),
    "closed": ("RJCT", "AC04", "02", "해지된 계좌 (closed)"),
    "name": ("RJCT", "BE01", "03", "예금주 다름 (other name)"),
    "blocked": ("RJCT", "AC06", "04", "입금할 수 없는 계좌 (blocked)"),
    "down": ("RJCT", "AB08", "05", "은행 점검 (bank down)"),
    "funds": ("RJCT", "AM04", "08", "잔액 부족 (payer has no funds)"),
    "file": ("RJCT", "FF01", "99", "파일이 잘못됨 (faulty file)"),
    "block": ("BLCK", "", "77", "모르는 코드 (unknown code)"),
    "pending": ("PDNG", "", "", "아직 모름 (pending)"),
    "absent": ("", "", "", "결과에 없음 (left out)"),
}
# The ways to answer. The first does as the person chose for each payment.
WAYS = {
    "chosen": "건마다 고른 대로 (as chosen below)",
    "refuse-payments": "통째로 거절하되 이유는 건마다 (refused, reasons at payments only)",
    "payer": "모두 잔액 부족 (payer has no funds)",
    "one-reason": "모두 해지된 계좌 (one reason only)",
    "unknown": "모두 모르는 코드 (unknown status)",
    "early": "이체일 전에 입금이라고 답함 (paid before the transfer date)",
    "contradict": "고른 것의 반대로 답함 (contradicts the earlier answer)",
    "missing": "절반을 빠뜨림 (half of the rows missing)",
    "late-return": "입금이라 하고 다음 날 첫 건을 되돌림 (first payment comes back a day later)",
    "amount-20": "금액이 스무 자리 (amounts of 20 digits)",
    "count-5000": "건수가 5,000자리 (a count of 5,000 digits)",
}
# Where the cells of a sheet's detail line stand, in bytes.
_AMOUNT, _REFERENCE, _RESULT = slice(33, 46), slice(123, 158), slice(159, 161)


def chosen_by(way: str, rows: list[list[Any]], chosen: dict[str, str]) -> dict[str, str]:
    """The answer to each payment by its reference: what the person chose, as the way changes it."""
    every = {"refuse-payments": "file", "payer": "funds", "one-reason": "closed", "unknown": "block"}
    if way in every:
        return {row[0]: every[way] for row in rows}
    if way in ("early", "late-return"):
        return {row[0]: "paid" for row in rows}
    answers = {row[0]: chosen.get(row[0], "paid") for row in rows}
    if way == "contradict":
        return {reference: "closed" if word == "paid" else "paid" for reference, word in answers.items()}
    if way == "missing":
        return {row[0]: "absent" if n % 2 else answers[row[0]] for n, row in enumerate(rows)}
    return answers


def acknowledge(payment: dict[str, Any], *, refused: bool = False) -> bytes:
    """The group's answer that a bank gives at once: taken, or refused whole."""
    return _pain002(payment, [], "RJCT" if refused else "ACCP", "AM10" if refused else "")


def answer(
    payment: dict[str, Any], content: bytes, chosen: dict[str, str], *, refused: bool = False, way: str = "chosen"
) -> bytes:
    """The result file: `chosen` names an answer for each reference; "paid" where it names none."""
    answers = chosen_by(way, payment["rows"], chosen)
    if payment["format"] == "sheet":
        return _sheet(content, answers, refused, way)
    if payment["format"] == "inquiry":
        return _inquiry(content, answers)
    if refused:
        return acknowledge(payment, refused=True)
    rows = [(reference, answers[reference], won) for reference, *_rest, won in payment["rows"]]
    if way == "amount-20":
        rows = [(reference, word, 10**19 + won) for reference, word, won in rows]
    group = "RJCT" if way == "refuse-payments" else "PART"
    return _pain002(payment, rows, group, "", count="9" * 5000 if way == "count-5000" else "")


def _pain002(
    payment: dict[str, Any], answers: list[tuple[str, str, int]], group: str, reason: str, *, count: str = ""
) -> bytes:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    rows = []
    for reference, word, won in answers:
        status, code, _sheet_code, _words = ANSWERS[word]
        if not status:
            continue
        why = f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>" if code else ""
        rows.append(
            f"<TxInfAndSts><OrgnlEndToEndId>{xml_escape(reference)}</OrgnlEndToEndId><TxSts>{status}</TxSts>{why}"
            f'<OrgnlTxRef><Amt><InstdAmt Ccy="KRW">{won}</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>\n'
        )
    why = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>" if reason else ""
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
        f"<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><OrgnlNbOfTxs>{count or payment['count']}</OrgnlNbOfTxs>"
        f"<OrgnlCtrlSum>{payment['won']}</OrgnlCtrlSum><GrpSts>{group}</GrpSts>{why}</OrgnlGrpInfAndSts>\n"
        f"{batch}</CstmrPmtStsRpt></Document>\n"
    ).encode()


def _sheet(content: bytes, answers: dict[str, str], refused: bool, way: str) -> bytes:
    out = []
    for n, line in enumerate(content.split(b"\r\n")):
        if not line.startswith(b"D\t"):
            out.append(b"H" * 5000 if way == "count-5000" and n == 0 else line)
            continue
        word = answers[line[_REFERENCE].decode("cp949").strip()]
        if word == "absent":
            word = "pending"  # a sheet has all its lines
        code = "99" if refused else ANSWERS[word][2]
        filled = line[: _RESULT.start] + code.encode().ljust(2) + line[_RESULT.stop :]
        out.append(filled[: _AMOUNT.start] + b"9" * 13 + filled[_AMOUNT.stop :] if way == "amount-20" else filled)
    return b"\r\n".join(out)


def _inquiry(content: bytes, answers: dict[str, str]) -> bytes:
    out = []
    for line in content.split(b"\r\n"):
        cells = line.split(b"\t")
        if cells[0] == b"Q":
            cells[7] = ANSWERS[answers[cells[2].decode().strip()]][2].encode().ljust(2)
        out.append(b"\t".join(cells))
    return b"\r\n".join(out)
