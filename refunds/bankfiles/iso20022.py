"""ISO 20022: pain.001.001.09 out, pain.002 in.

A Korean account is no IBAN: it is written as Othr/Id beside the bank's clearing code. The writer streams and the reader
looks at one transaction at a time, so neither holds the message as a tree. Statuses are read at all three levels
(group, batch, payment); a payment that a partial report leaves out is unanswered and never counts as paid.
"""

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import BinaryIO
from xml.sax.saxutils import escape

from django.utils.translation import gettext_noop
from lxml import etree

from kt_remedy.core import text as outside
from refunds.bankfiles import returns
from refunds.bankfiles.elements import child_at, text_at, whole_won
from refunds.bankfiles.records import (
    ACCEPTED,
    ACCOUNT_NUMBER,
    CANCELLED,
    EXECUTED,
    NAME_LENGTH,
    NAME_LETTERS,
    OTHER,
    PAID,
    REFUSED,
    RETURNED,
    UNKNOWN,
    UNLISTED,
    Answer,
    AnswerHead,
    FileFault,
    FileHeader,
    Payment,
    PaymentRefused,
    check_totals,
    statement_text,
    whole_number,
)

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
CLEARING_SYSTEM = "KFTC"
_PIECE = 1 << 16
# Characters that XML forbids, and line breaks and tabs, which no name has and a parser would change.
_ILLEGAL = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_WON = gettext_noop("원화 금액이 아닙니다.")
_PAIN002 = re.compile(r"urn:iso:std:iso:20022:tech:xsd:pain\.002\.001\.\d\d")

# External payment transaction status codes. Only settled money is paid; money under way is not answered yet. Any other
# status leaves the payment unanswered, with a note.
FINAL = {"ACSC": PAID, "ACCC": PAID, "RJCT": RETURNED, "CANC": RETURNED}
UNDER_WAY = {
    "RCVD", "PDNG", "ACTC", "ACCP", "ACSP", "ACWC", "ACWP", "ACFC", "ACFW", "ACPD", "PATC", "PRES", "RCVC", "RVCM",
    "RVMC", "RVNA", "RVNC", "RVNM",
}  # fmt: skip
# Status of the group or of a batch that says something of all its payments (D-64).
WHOLE = {"RJCT": REFUSED, "ACSC": EXECUTED, "ACCC": EXECUTED} | dict.fromkeys(UNDER_WAY, ACCEPTED)


# One payment per line, so that a comparison of two files can name the place. Written as text, not as a tree: only the
# name of a payment can need an escape, and building thirteen elements takes ten times as long.
_PAYMENT = (
    "<CdtTrfTxInf><PmtId><EndToEndId>{}</EndToEndId></PmtId>"
    '<Amt><InstdAmt Ccy="KRW">{}</InstdAmt></Amt>'
    f"<CdtrAgt><FinInstnId><ClrSysMmbId><ClrSysId><Prtry>{CLEARING_SYSTEM}</Prtry></ClrSysId>"
    "<MmbId>{}</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt>"
    "<Cdtr><Nm>{}</Nm></Cdtr><CdtrAcct><Id><Othr><Id>{}</Id></Othr></Id></CdtrAcct>"
    "<RmtInf><Ustrd>{}</Ustrd></RmtInf></CdtTrfTxInf>\n"
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
        for element in _walk(BytesIO(content), {"CdtTrfTxInf"}):
            amount = child_at(element, "Amt/InstdAmt")
            if amount is None or amount.get("Ccy") != "KRW":
                raise FileFault(element.sourceline or 0, _NOT_WON)
            yield (
                element.sourceline or 0,
                Payment(
                    text_at(element, "PmtId/EndToEndId"),
                    text_at(element, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"),
                    text_at(element, "CdtrAcct/Id/Othr/Id"),
                    text_at(element, "Cdtr/Nm"),
                    _won(amount),
                ),
            )

    def read_answer(self, source: BinaryIO, head: AnswerHead) -> Iterator[Answer]:
        """The payments of a pain.002 message of any version; fills `head` from all three levels. Raises FileFault.

        A payment without a reason of its own has that of its batch, else that of the group.
        """
        group, batches, ways = "", list[str](), dict[str, int]()
        for element in _walk(source, {"OrgnlGrpInfAndSts", "TxInfAndSts", "OrgnlPmtInfAndSts"}, root=_PAIN002):
            name = etree.QName(element).localname
            if name == "TxInfAndSts":
                head.rows += 1
                answer = _answer(element, head)
                ways.setdefault(UNLISTED if answer.reason == UNLISTED else answer.outcome, answer.line)
                yield answer
            elif name == "OrgnlGrpInfAndSts":
                group = text_at(element, "GrpSts")
                head.message_id = text_at(element, "OrgnlMsgId")
                head.code, head.words = _reason(element)
                count, won = text_at(element, "OrgnlNbOfTxs"), child_at(element, "OrgnlCtrlSum")
                head.count = whole_number(count, element.sourceline or 0, "OrgnlNbOfTxs") if count else None
                head.won = None if won is None else _won(won, "OrgnlCtrlSum")
            else:
                batches.append(text_at(element, "PmtInfSts"))
                if not head.code:
                    head.code, head.words = _reason(element)
        if not head.message_id:
            raise FileFault(0, gettext_noop("이 메시지는 어느 파일에 대한 답인지 말하지 않습니다."), "OrgnlMsgId")
        head.verdict = _verdict(group, batches, ways)
        if head.verdict != REFUSED:
            head.code = head.words = ""


def _verdict(group: str, batches: list[str], ways: dict[str, int]) -> str:
    """What the group, or else every batch, says of the whole file. `ways` has the first line of each outcome.

    Raises FileFault if the levels contradict each other.
    """
    of_batches = {WHOLE.get(status, "") for status in batches}
    of_batch = of_batches.pop() if len(of_batches) == 1 else ""
    verdict = WHOLE.get(group, "") or of_batch
    if of_batch == REFUSED and verdict == ACCEPTED:
        verdict = REFUSED
    if {verdict, of_batch} == {REFUSED, EXECUTED}:
        raise FileFault(0, gettext_noop("파일 전체의 상태와 묶음의 상태가 서로 반대입니다."), "GrpSts, PmtInfSts")
    if verdict == REFUSED and (line := ways.get(PAID) or ways.get(UNKNOWN)):
        raise FileFault(line, gettext_noop("파일 전체가 거절되었다는데 이 건은 거절되지 않았습니다."), "TxSts")
    if verdict == EXECUTED and (line := ways.get(RETURNED) or ways.get(UNKNOWN) or ways.get(UNLISTED)):
        raise FileFault(line, gettext_noop("모두 보냈다는 답인데 이 건은 다르게 말합니다."), "TxSts")
    if group and group != "PART" and group not in WHOLE and not ways:
        raise FileFault(
            0, gettext_noop("파일 전체의 상태 %(status)s은(는) 모르는 코드입니다."), "GrpSts", status=group[:35]
        )
    return verdict


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
    return _PAYMENT(reference, amount, bank, escape(holder), number, statement_text()).encode()


def _walk(source: BinaryIO, names: set[str], *, root: re.Pattern | None = None) -> Iterator[etree._Element]:
    """The elements with these local names, each freed after its use. No entities, no network, no huge texts."""
    parser = etree.iterparse(
        source,
        tag=[f"{{*}}{name}" for name in names],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
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
        raise FileFault(error.lineno or 0, gettext_noop("XML이 올바르지 않습니다.")) from None
    if not started:
        _check_root(parser.root, root)


def _check_root(top: etree._Element, root: re.Pattern | None) -> None:
    if top.getroottree().docinfo.doctype:
        raise FileFault(1, gettext_noop("은행 메시지에는 문서 형식 선언(DOCTYPE)이 있을 수 없습니다."))
    if root and not root.fullmatch(etree.QName(top).namespace or ""):
        raise FileFault(top.sourceline or 1, gettext_noop("지급 상태 보고(pain.002)가 아닙니다."))


def _won(element: etree._Element, place: str = "InstdAmt") -> int:
    won = whole_won(element.text)
    if won is None:
        raise FileFault(element.sourceline or 0, gettext_noop("금액에 1원보다 작은 자리가 있습니다."), place)
    return whole_number(won, element.sourceline or 0, place)


def _reason(element: etree._Element) -> tuple[str, str]:
    why = child_at(element, "StsRsnInf")
    if why is None:
        return "", ""
    return text_at(why, "Rsn/Cd") or text_at(why, "Rsn/Prtry"), outside.clean(text_at(why, "AddtlInf"))


def _answer(element: etree._Element, head: AnswerHead) -> Answer:
    line, place, status = element.sourceline or 0, f"TxInfAndSts[{head.rows}]", text_at(element, "TxSts")
    reference = text_at(element, "OrgnlEndToEndId")
    if not reference:
        raise FileFault(line, gettext_noop("이 건에는 우리 관리번호가 없습니다."), f"{place}/OrgnlEndToEndId")
    named = child_at(element, "OrgnlTxRef/Amt/InstdAmt")
    if named is not None and named.get("Ccy", "KRW") != "KRW":
        raise FileFault(line, _NOT_WON, f"{place}/OrgnlTxRef/Amt/InstdAmt")
    won = None if named is None else _won(named, f"{place}/OrgnlTxRef/Amt/InstdAmt")
    code, words = _reason(element)
    outcome = FINAL.get(status, UNKNOWN)
    if outcome == PAID or status in UNDER_WAY:
        return Answer(line, reference, outcome, "", code, words, won)
    if outcome == UNKNOWN:
        return Answer(line, reference, UNKNOWN, UNLISTED, status, words, won)
    if status == "CANC":
        return Answer(line, reference, RETURNED, CANCELLED, code or status, words, won)
    known = returns.CODES[returns.STATUS].get(code)
    if known is not None:
        head.customer_rows += known.owner == returns.CUSTOMER
    elif code:
        return Answer(line, reference, UNKNOWN, UNLISTED, code, words, won)
    else:
        code, words = _batch_reason(element)
        code, words = (code, words) if code else (head.code, head.words)
        known = returns.CODES[returns.STATUS].get(code)
    return Answer(line, reference, RETURNED, known.reason if known else OTHER, code, words, won)


def _batch_reason(element: etree._Element) -> tuple[str, str]:
    batch = element.getparent()
    return ("", "") if batch is None else _reason(batch)
