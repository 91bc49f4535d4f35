"""The book of the stand-in bank: what left the account and what came back, and the statement of each day.

A payment leaves on the transfer day, unless the bank returns it at once. The statement of a day is given once; the
next one follows it by number and balance, unless the person asks for one that does not.
"""

import datetime as dt
import json
from typing import Any
from xml.sax.saxutils import escape as xml_escape

from kt_remedy.devtools.sandbox import folder
from kt_remedy.devtools.sandbox.bank_answers import ANSWERS

OPENING = 100_000_000_000
# What a statement may have wrong.
FAULTS = {
    "none": "바르게 (as it is)",
    "number": "번호를 하나 건너뜀 (a number is missing)",
    "balance": "시작 잔액이 다름 (another opening balance)",
    "unknown-credit": "모르는 입금 7,777원 (a credit nobody expects)",
    "unknown-debit": "모르는 출금 5,500원 (a debit nobody expects)",
    "double": "첫 출금이 두 번 (the first debit twice)",
    "amount": "첫 출금의 금액이 다름 (another amount of the first debit)",
    "sum": "끝 잔액이 거래와 다름 (a closing balance that does not add up)",
}


def load() -> dict[str, Any]:
    """The book: number of the last statement, balance, entries that no statement has shown yet."""
    try:
        return json.loads((folder.home() / "book.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"number": 0, "balance": OPENING, "account": "", "entries": []}


def _save(book: dict[str, Any]) -> None:
    (folder.home() / "book.json").write_text(json.dumps(book, ensure_ascii=False), encoding="utf-8")


def execute(payment: dict[str, Any], answers: dict[str, str], *, late: bool = False) -> None:
    """Book what an answer says: a later answer to the same file replaces what no statement has shown.

    `late`: the first payment comes back on the next day.
    """
    book = load()
    kept = [entry for entry in book["entries"] if entry["file"] != payment["message_id"]]
    day = payment["execution_on"]
    asked = payment["format"] == "inquiry"

    def entry(way: str, reference: str, won: int, code: str = "", on: str = day) -> dict[str, Any]:
        return {
            "file": payment["message_id"], "day": on, "way": way, "won": won, "reference": reference, "code": code,
        }  # fmt: skip

    for n, (reference, *_rest, won) in enumerate(payment["rows"]):
        word = answers[reference]
        returned = ANSWERS[word][0] == "RJCT"
        if asked and returned:  # it left on the transfer day
            kept.append(entry("C", reference, won, word))
        elif not asked and not returned:
            kept.append(entry("D", reference, won))
            if late and n == 0:
                kept.append(entry("C", reference, won, "closed", _next(day)))
    book["entries"], book["account"] = kept, payment["payer"] or book["account"]
    _save(book)


def _next(day: str) -> str:
    following = dt.date.fromisoformat(day) + dt.timedelta(days=1)
    while following.weekday() > 4:
        following += dt.timedelta(days=1)
    return following.isoformat()


def statement(day: str, form: str, fault: str) -> bytes:
    """The statement of a day, as camt.053 or as the sheet, with everything booked up to it; it is given once."""
    book = load()
    entries = [entry for entry in book["entries"] if entry["day"] <= day]
    book["entries"] = [entry for entry in book["entries"] if entry["day"] > day]
    opening = book["balance"] + (1_000 if fault == "balance" else 0)
    number = book["number"] + (2 if fault == "number" else 1)
    more = {"unknown-credit": ("C", 7_777), "unknown-debit": ("D", 5_500)}
    if fault in more:
        way, won = more[fault]
        entries.append({"day": day, "way": way, "won": won, "reference": "", "code": ""})
    debits = [entry for entry in entries if entry["way"] == "D"]
    if fault == "double" and debits:
        entries.append(debits[0])
    if fault == "amount" and debits:
        debits[0]["won"] += 1
    closing = opening + sum(entry["won"] if entry["way"] == "C" else -entry["won"] for entry in entries)
    book["number"], book["balance"] = number, closing
    _save(book)
    write = _sheet if form == "sheet" else _camt053
    return write(number, day, book["account"], opening, closing + (fault == "sum"), entries)


def _camt053(number: int, day: str, account: str, opening: int, closing: int, entries: list[dict[str, Any]]) -> bytes:
    def balance(kind: str, won: int) -> str:
        return (
            f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="KRW">{won}</Amt>'
            f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>\n"
        )

    rows = []
    for entry in entries:
        code = ANSWERS[entry["code"]][1] if entry["code"] else ""
        refs = f"<Refs><EndToEndId>{xml_escape(entry['reference'])}</EndToEndId></Refs>" if entry["reference"] else ""
        why = f"<RtrInf><Rsn><Cd>{code}</Cd></Rsn></RtrInf>" if code else ""
        details = f"<NtryDtls><TxDtls>{refs}{why}</TxDtls></NtryDtls>" if refs or why else ""
        rows.append(
            f'<Ntry><Amt Ccy="KRW">{entry["won"]}</Amt>'
            f"<CdtDbtInd>{'CRDT' if entry['way'] == 'C' else 'DBIT'}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
            f"<BookgDt><Dt>{entry['day']}</Dt></BookgDt><BkTxCd><Prtry><Cd>TRF</Cd></Prtry></BkTxCd>{details}</Ntry>\n"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>\n'
        f"<GrpHdr><MsgId>BOOK-{number}</MsgId><CreDtTm>{day}T23:59:00+09:00</CreDtTm></GrpHdr>\n"
        f"<Stmt><Id>BOOK-{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{day}T23:59:00+09:00</CreDtTm>"
        f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>\n{balance('OPBD', opening)}{balance('CLBD', closing)}"
        f"{''.join(rows)}</Stmt></BkToCstmrStmt></Document>\n"
    ).encode()


def _sheet(number: int, day: str, account: str, opening: int, closing: int, entries: list[dict[str, Any]]) -> bytes:
    on = day.replace("-", "")
    lines = [f"S\t{number:09}\t{on}\t020\t{account:<16}\t{opening:015}\t{closing:015}"]
    for n, entry in enumerate(entries, 1):
        code = ANSWERS[entry["code"]][2] if entry["code"] else ""
        lines.append(
            f"L\t{n:09}\t{entry['day'].replace('-', '')}\t{entry['way']}\t{entry['won']:013}\t{entry['reference']:<35}"
            f"\t{'':20}\t{code:<2}\t{'':60}"
        )
    sums = [[entry["won"] for entry in entries if entry["way"] == way] for way in "DC"]
    lines.append("Z\t" + "\t".join(f"{len(won):09}\t{sum(won):015}" for won in sums))
    return ("\r\n".join(lines) + "\r\n").encode("cp949")
