"""ISO 20022: pain.001.001.09 out, pain.002 in.

A Korean account is no IBAN: it is written as Othr/Id beside the bank's clearing code. The writer streams and the reader
looks at one transaction at a time, so neither holds the message as a tree. Statuses are read at all three levels
(group, batch, payment); a payment that a partial report leaves out is unanswered and never counts as paid.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from io import BytesIO
from xml.sax.saxutils import escape

from lxml import etree

from refunds.bankfiles.records import (
    ACCOUNT_NUMBER,
    BANK_DOWN,
    BLOCKED,
    CLOSED,
    LIMIT,
    NAME,
    NAME_LENGTH,
    NAME_LETTERS,
    NO_ACCOUNT,
    OTHER,
    PAID,
    RETURNED,
    STATEMENT_TEXT,
    UNKNOWN,
    Answer,
    Answers,
    FileFault,
    FileHeader,
    Payment,
    PaymentRefused,
    check_totals,
)

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
CLEARING_SYSTEM = "KFTC"
_PIECE = 1 << 16
# Characters that XML forbids, and line breaks and tabs, which no name has and a parser would change.
_ILLEGAL = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PAIN002 = re.compile(r"urn:iso:std:iso:20022:tech:xsd:pain\.002\.001\.\d\d")

# External payment transaction status codes. Only settled money is paid; money under way is not answered yet.
_FINAL = {"ACSC": PAID, "ACCC": PAID, "RJCT": RETURNED, "CANC": RETURNED}
_UNDER_WAY = {"RCVD", "PDNG", "ACTC", "ACCP", "ACSP", "ACWC", "ACWP", "ACFC", "PATC", "PRES"}
_REASONS = {
    "AC01": NO_ACCOUNT,
    "AC02": NO_ACCOUNT,
    "AC03": NO_ACCOUNT,
    "AC04": CLOSED,
    "AC07": CLOSED,
    "AC06": BLOCKED,
    "AC14": BLOCKED,
    "AG01": BLOCKED,
    "AG02": BLOCKED,
    "AM02": LIMIT,
    "AM14": LIMIT,
    "BE01": NAME,
    "BE22": NAME,
    "AB08": BANK_DOWN,
    "RC01": NO_ACCOUNT,
    "TM01": BANK_DOWN,
}


# One payment per line, so that a comparison of two files can name the place. Written as text, not as a tree: only the
# name of a payment can need an escape, and building thirteen elements takes ten times as long.
_PAYMENT = (
    "<CdtTrfTxInf><PmtId><EndToEndId>{}</EndToEndId></PmtId>"
    '<Amt><InstdAmt Ccy="KRW">{}</InstdAmt></Amt>'
    f"<CdtrAgt><FinInstnId><ClrSysMmbId><ClrSysId><Prtry>{CLEARING_SYSTEM}</Prtry></ClrSysId>"
    "<MmbId>{}</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt>"
    "<Cdtr><Nm>{}</Nm></Cdtr><CdtrAcct><Id><Othr><Id>{}</Id></Othr></Id></CdtrAcct>"
    f"<RmtInf><Ustrd>{STATEMENT_TEXT}</Ustrd></RmtInf></CdtTrfTxInf>\n"
).format
_PLAIN = re.compile("[0-9A-Za-z-]{1,35}")


class _Sink(BytesIO):
    """Output of the writer since the last read."""

    def take(self) -> bytes:
        piece = self.getvalue()
        self.seek(0)
        self.truncate()
        return piece


# The root declares the namespace once. The elements inside are written without it; otherwise lxml would declare it
# again on every payment.
def _element(path: str, text: str = "") -> etree._Element:
    """Nested elements of a path "A/B/C" with the text in the innermost."""
    names = path.split("/")
    top = inner = etree.Element(names[0])
    for name in names[1:]:
        inner = etree.SubElement(inner, name)
    if text:
        inner.text = text
    return top


def _agent(name: str, bank: str) -> etree._Element:
    top = _element(f"{name}/FinInstnId/ClrSysMmbId/ClrSysId/Prtry", CLEARING_SYSTEM)
    etree.SubElement(top[0][0], "MmbId").text = bank
    return top


class Pain001:
    """The layout `pain001`."""

    code, suffix, media_type = "pain001", "xml", "application/xml"

    def write(self, payments: Iterable[Payment], head: FileHeader) -> Iterator[bytes]:
        """The message in pieces: valid against the published schema, UTF-8. Raises PaymentRefused, ValueError."""
        sink = _Sink()
        count = won = 0
        with etree.xmlfile(sink, encoding="UTF-8") as xml:
            xml.write_declaration()
            with xml.element(f"{{{NAMESPACE}}}Document", nsmap={None: NAMESPACE}), xml.element("CstmrCdtTrfInitn"):
                with xml.element("GrpHdr"):
                    xml.write(_element("MsgId", head.message_id))
                    xml.write(_element("CreDtTm", head.made_at.isoformat(timespec="seconds")))
                    xml.write(_element("NbOfTxs", str(head.count)), _element("CtrlSum", str(head.won)))
                    xml.write(_element("InitgPty/Nm", head.payer_name))
                with xml.element("PmtInf"):
                    xml.write(_element("PmtInfId", head.message_id), _element("PmtMtd", "TRF"))
                    xml.write(_element("BtchBookg", "false"))
                    xml.write(_element("NbOfTxs", str(head.count)), _element("CtrlSum", str(head.won)))
                    xml.write(_element("ReqdExctnDt/Dt", head.execution_on.isoformat()))
                    xml.write(_element("Dbtr/Nm", head.payer_name))
                    xml.write(_element("DbtrAcct/Id/Othr/Id", head.payer_number))
                    xml.write(_agent("DbtrAgt", head.payer_bank))
                    xml.flush()
                    for payment in payments:
                        sink.write(_line(payment))
                        count += 1
                        won += payment.amount
                        if sink.tell() > _PIECE:
                            yield sink.take()
        check_totals(head, count, won)
        yield sink.take() + b"\n"

    def check(self, payment: Payment) -> None:
        """Raise PaymentRefused if the message cannot hold the payment."""
        _line(payment)

    def read(self, content: bytes) -> Iterator[tuple[int, Payment]]:
        """The payments of a pain.001 message."""
        for element in _walk(content, {"CdtTrfTxInf"}):
            amount = _child_at(element, "Amt/InstdAmt")
            if amount is None or amount.get("Ccy") != "KRW":
                raise FileFault(element.sourceline or 0, "this payment is not in won")
            yield (
                element.sourceline or 0,
                Payment(
                    _text(element, "PmtId/EndToEndId"),
                    _text(element, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"),
                    _text(element, "CdtrAcct/Id/Othr/Id"),
                    _text(element, "Cdtr/Nm"),
                    _won(amount),
                ),
            )

    def read_result(self, content: bytes) -> Answers:
        """A pain.002 message of any version, all three levels."""
        answers = Answers("")
        group, batches = "", []
        wanted = {"OrgnlGrpInfAndSts", "TxInfAndSts", "OrgnlPmtInfAndSts"}
        for element in _walk(content, wanted, root=_PAIN002):
            name = etree.QName(element).localname
            if name == "OrgnlGrpInfAndSts":
                group = _text(element, "GrpSts")
                answers.message_id = _text(element, "OrgnlMsgId")
                answers.code, answers.words = _reason(element)
                count, won = _text(element, "OrgnlNbOfTxs"), _child_at(element, "OrgnlCtrlSum")
                answers.count = int(count) if count.isdecimal() else None
                answers.won = None if won is None else _won(won)
            elif name == "OrgnlPmtInfAndSts":
                batches.append(_text(element, "PmtInfSts"))
                if batches[-1] == "RJCT" and not answers.code:
                    answers.code, answers.words = _reason(element)
            else:
                answers.rows.append(_answer(element))
        if not answers.message_id:
            raise FileFault(0, "this message does not name the file it answers (OrgnlMsgId)")
        # A message has one batch, so a refused batch is a refused message. If the payments name reasons of their own,
        # the bank examined each of them: it returned the payments and did not refuse the file.
        if group == "RJCT" or (batches and set(batches) == {"RJCT"}):
            for row in answers.rows:
                if row.outcome != RETURNED:
                    raise FileFault(row.line, "this payment is not refused although the whole file is")
            own = any(row.words and row.words.partition(" ")[0] != answers.code for row in answers.rows)
            answers.refused = not own
        if not answers.refused:
            answers.code = answers.words = ""
        return answers


def _line(payment: Payment) -> bytes:
    reference, bank, number, holder, amount = payment
    if _ILLEGAL.search(holder) or not holder.strip():
        raise PaymentRefused(
            reference, "the holder's name holds characters no XML may hold, or none at all", NAME_LETTERS
        )
    if len(holder) > 140:
        raise PaymentRefused(reference, "the holder's name is longer than 140 characters", NAME_LENGTH)
    if not (_PLAIN.fullmatch(reference) and _PLAIN.fullmatch(bank) and _PLAIN.fullmatch(number)):
        raise PaymentRefused(
            reference, "the bank, the account or our number holds other than letters and digits", ACCOUNT_NUMBER
        )
    return _PAYMENT(reference, amount, bank, escape(holder), number).encode()


def _walk(content: bytes, names: set[str], *, root: re.Pattern | None = None) -> Iterator[etree._Element]:
    """The elements with these local names, each freed after its use. No entities, no network."""
    parser = etree.iterparse(
        BytesIO(content),
        tag=[f"{{*}}{name}" for name in names],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
    )
    started = False
    try:
        for _event, element in parser:
            if not started:
                _check_root(element.getroottree().getroot(), root)
                started = True
            yield element
            element.clear()
            while (before := element.getprevious()) is not None and before.tag == element.tag:
                element.getparent().remove(before)
    except etree.XMLSyntaxError as error:
        raise FileFault(error.lineno or 0, "this is not well-formed XML") from None
    if not started:
        _check_root(parser.root, root)


def _check_root(top: etree._Element, root: re.Pattern | None) -> None:
    if top.getroottree().docinfo.doctype:
        raise FileFault(1, "a bank message has no document type")
    if root and not root.fullmatch(etree.QName(top).namespace or ""):
        raise FileFault(top.sourceline or 1, "this is no payment status report (pain.002)")


@lru_cache(maxsize=256)
def _path(space: str, path: str) -> str:
    return "/".join(f"{{{space}}}{name}" for name in path.split("/"))


def _child_at(element: etree._Element, path: str) -> etree._Element | None:
    return element.find(_path(element.tag[1:].rpartition("}")[0], path))


def _text(element: etree._Element, path: str) -> str:
    child = _child_at(element, path)
    return "" if child is None else (child.text or "").strip()


def _won(element: etree._Element) -> int:
    # ISO amounts may carry a fraction; a won has none.
    won, _, fraction = (element.text or "").strip().partition(".")
    if not won.isascii() or not won.isdigit() or fraction.strip("0"):
        raise FileFault(element.sourceline or 0, "this amount is not in whole won")
    return int(won)


def _reason(element: etree._Element) -> tuple[str, str]:
    why = _child_at(element, "StsRsnInf")
    if why is None:
        return "", ""
    return _text(why, "Rsn/Cd") or _text(why, "Rsn/Prtry"), _text(why, "AddtlInf")


def _answer(element: etree._Element) -> Answer:
    line, status = element.sourceline or 0, _text(element, "TxSts")
    reference = _text(element, "OrgnlEndToEndId")
    if not reference:
        raise FileFault(line, "this payment has no OrgnlEndToEndId")
    if status not in _FINAL and status not in _UNDER_WAY:
        raise FileFault(line, f"the status {status or '(none)'} of this payment is not known")
    code, reason = _reason(element)
    named = _child_at(element, "OrgnlTxRef/Amt/InstdAmt")
    if named is not None and named.get("Ccy", "KRW") != "KRW":
        raise FileFault(line, "this payment is not in won")
    outcome = _FINAL.get(status, UNKNOWN)
    meaning = _REASONS.get(code, OTHER) if outcome == RETURNED else ""
    return Answer(line, reference, outcome, meaning, f"{code} {reason}".strip(), None if named is None else _won(named))
