"""ISO 20022 camt.053, any version: the bank's statement of one account and one day.

A statement has as many entries as a round has payments, so it is read as a stream: every element is freed at its end,
and an entry with too many elements is refused. libxml2 refuses texts above 10 MB and depths above 256 by itself.
"""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from lxml import etree

from kt_remedy.core import text
from refunds.bankfiles import records, returns
from refunds.bankfiles.elements import child_at, text_at, whole_won
from refunds.bankfiles.statement import (
    CREDIT,
    DEBIT,
    NUMBER_DIGITS,
    REFERENCE_LENGTH,
    WON_DIGITS,
    WORDS_LENGTH,
    Reading,
    StatementEntry,
    StatementFault,
    StatementHead,
    balanced,
    digits,
)

_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.\d\d")
_STATEMENT = ["Document", "BkToCstmrStmt", "Stmt"]
_ELEMENTS = 5_000
_DIRECTIONS = {"DBIT": DEBIT, "CRDT": CREDIT}
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
# An end-to-end reference that says that there is none.
_NONE = "NOTPROVIDED"


class Camt053:
    """The layout `camt053`."""

    code = "camt053"

    def read(self, stream: BinaryIO) -> Reading:
        """The statement of a stream."""
        found = _read(stream)
        head = next(found)
        assert isinstance(head, StatementHead)
        return Reading(head, balanced(head, found))  # type: ignore[arg-type]

    def reason(self, code: str) -> str:
        """The reason that an ISO return code means."""
        known = returns.CODES[returns.RETURN].get(code)
        return known.reason if known else records.OTHER


def _read(stream: BinaryIO) -> Iterator[StatementHead | StatementEntry]:
    """The head, before the first entry, and the entries."""
    reader = _Reader()
    try:
        parser = etree.iterparse(
            stream,
            events=("start", "end"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        )
        for event, element in parser:
            if event == "start":
                reader.start(element)
            else:
                yield from reader.end(element)
    except etree.XMLSyntaxError as error:
        raise StatementFault(error.lineno or 0, "XML") from None
    if reader.head is None:
        raise StatementFault(0, "MISSING", path="Stmt")


class _Reader:
    """The state of the stream: where it stands, the parts of the head, and the entry that is open."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.elements = 0
        self.parts: dict[str, Any] = {}
        self.head: StatementHead | None = None
        self.ended = False
        self.details = self.details_won = 0
        self.whole: tuple[str, str, str, str] | None = None

    def start(self, element: etree._Element) -> None:
        name = etree.QName(element)
        if not self.path:
            if element.getroottree().docinfo.doctype:
                raise StatementFault(1, "DOCTYPE")
            if not _NAMESPACE.fullmatch(name.namespace or ""):
                raise StatementFault(element.sourceline or 1, "LAYOUT")
        self.path.append(name.localname)
        self.elements += 1
        if self.elements > _ELEMENTS:
            raise StatementFault(element.sourceline or 0, "SHAPE")
        if self.path == _STATEMENT and self.ended:
            raise StatementFault(element.sourceline or 0, "MANY")

    def end(self, element: etree._Element) -> Iterator[StatementHead | StatementEntry]:
        path = self.path
        inside = path[:3] == _STATEMENT
        if inside and len(path) == 4:
            if path[3] == "Ntry":
                if self.head is None:
                    yield self.begin(element)
                yield from self.entry(element)
            elif self.head is None:
                self.part(element, path[3])
            self.free(element)
        elif inside and path[3:] == ["Ntry", "NtryDtls", "TxDtls"]:
            if self.head is None:
                entry = element.getparent().getparent()
                yield self.begin(entry)
            yield from self.detail(element)
            self.free(element)
        elif path == _STATEMENT:
            if self.head is None:
                yield self.begin(element)
            self.ended = True
            self.free(element)
        elif not inside:
            self.free(element)
        path.pop()

    def free(self, element: etree._Element) -> None:
        """Empty an element that ended. The parser still holds the element itself, so the one before it is removed."""
        self.elements = 0
        element.clear()
        before, parent = element.getprevious(), element.getparent()
        if before is not None and parent is not None:
            parent.remove(before)

    # the head

    def part(self, element: etree._Element, name: str) -> None:
        """Keep what a child of the statement says for its head."""
        if name in ("ElctrncSeqNb", "LglSeqNb"):
            self.parts.setdefault(
                "number", digits((element.text or "").strip(), NUMBER_DIGITS, _fault(element, f"Stmt/{name}"))
            )
        elif name == "Acct":
            number = text_at(element, "Id/IBAN") or text_at(element, "Id/Othr/Id")
            self.parts["account"] = text.without_separators(number)
        elif name == "Bal":
            kind = text_at(element, "Tp/CdOrPrtry/Cd")
            if kind in (*_OPENING, *_CLOSING):
                won = _won(_child(element, "Amt", "Stmt/Bal/Amt"), "Stmt/Bal/Amt")
                won = -won if _direction(element, "Stmt/Bal") == DEBIT else won
                self.parts["opening" if kind in _OPENING else "closing"] = won
                if kind in _CLOSING:
                    self.parts["day"] = _day(element, "Dt", "Stmt/Bal/Dt")

    def begin(self, element: etree._Element) -> StatementHead:
        """The head, complete before the first entry."""
        for name, path in (
            ("number", "Stmt/ElctrncSeqNb"),
            ("account", "Stmt/Acct/Id"),
            ("opening", "Stmt/Bal OPBD"),
            ("closing", "Stmt/Bal CLBD"),
        ):
            if self.parts.get(name, "") == "":
                raise StatementFault(element.sourceline or 0, "MISSING", path=path)
        self.head = StatementHead(**self.parts)
        return self.head

    # the entries

    def detail(self, element: etree._Element) -> Iterator[StatementEntry]:
        """One payment of an entry, with the amount of its own; a single one may leave it to the entry."""
        entry = element.getparent().getparent()
        assert entry is not None
        if not _booked(entry):
            return
        self.details += 1
        own = child_at(element, "Amt")
        own = child_at(element, "AmtDtls/TxAmt/Amt") if own is None else own
        names = _names(element, entry)
        if own is None:
            if self.details > 1:
                raise StatementFault(element.sourceline or 0, "DETAILS")
            self.whole = names
            return
        won = _won(own, "TxDtls/Amt")
        self.details_won += won
        if won:
            yield self._row(element, entry, won, names)

    def entry(self, element: etree._Element) -> Iterator[StatementEntry]:
        """The end of an entry: a row for it if its payments were not listed, else the comparison of the sums."""
        if _booked(element):
            won = _won(_child(element, "Amt", "Ntry/Amt"), "Ntry/Amt")
            if self.details == 0:
                batch = child_at(element, "NtryDtls/Btch")
                reference = "" if batch is None else text_at(batch, "PmtInfId") or text_at(batch, "MsgId")
                names = (reference, _bank_reference(element), "", text_at(element, "AddtlNtryInf"))
                yield self._row(element, element, won, names)
            elif self.whole is not None:
                if self.details > 1:
                    raise StatementFault(element.sourceline or 0, "DETAILS")
                yield self._row(element, element, won, self.whole)
            elif self.details_won != won:
                raise StatementFault(element.sourceline or 0, "DETAILS")
        self.details, self.details_won, self.whole = 0, 0, None

    def _row(
        self, element: etree._Element, entry: etree._Element, won: int, names: tuple[str, str, str, str]
    ) -> StatementEntry:
        reference, bank_reference, code, words = names
        line = element.sourceline or 0
        for path, value in (("EndToEndId", reference), ("AcctSvcrRef", bank_reference), ("RtrInf/Rsn", code)):
            if len(value) > REFERENCE_LENGTH:
                raise StatementFault(line, "LONG", path=path)
        if not won:
            raise StatementFault(line, "WON", path="Ntry/Amt")
        assert self.head is not None
        booked_on = _day(entry, "BookgDt", "Ntry/BookgDt") if child_at(entry, "BookgDt") is not None else self.head.day
        words = text.clean(words)[:WORDS_LENGTH]
        return StatementEntry(
            line, _direction(entry, "Ntry"), won, booked_on, reference, bank_reference, code, words
        )  # fmt: skip


def _names(element: etree._Element, entry: etree._Element) -> tuple[str, str, str, str]:
    """Our reference, the bank's, the code of a return and the bank's words of one payment."""
    reference = text_at(element, "Refs/EndToEndId")
    if not reference or reference == _NONE:
        reference = text_at(element, "Refs/PmtInfId") or text_at(element, "Refs/MsgId")
    bank_reference = text_at(element, "Refs/AcctSvcrRef") or _bank_reference(entry)
    code = text_at(element, "RtrInf/Rsn/Cd") or text_at(element, "RtrInf/Rsn/Prtry")
    words = text_at(element, "RtrInf/AddtlInf") or text_at(element, "AddtlTxInf")
    return reference, bank_reference, code, words


def _bank_reference(entry: etree._Element) -> str:
    return text_at(entry, "AcctSvcrRef") or text_at(entry, "NtryRef")


def _booked(entry: etree._Element) -> bool:
    """True unless the entry is only announced: such an entry has not moved the balance."""
    return (text_at(entry, "Sts/Cd") or text_at(entry, "Sts") or "BOOK") == "BOOK"


def _fault(element: etree._Element, path: str) -> Any:
    return lambda code: StatementFault(element.sourceline or 0, code, path=path)


def _child(element: etree._Element, name: str, path: str) -> etree._Element:
    child = child_at(element, name)
    if child is None:
        _missing(element, path)
    return child


def _missing(element: etree._Element, path: str) -> NoReturn:
    raise StatementFault(element.sourceline or 0, "MISSING", path=path)


def _won(element: etree._Element, path: str) -> int:
    if element.get("Ccy", "KRW") != "KRW":
        raise StatementFault(element.sourceline or 0, "CURRENCY", path=path)
    whole = whole_won(element.text)
    if whole is None:
        raise StatementFault(element.sourceline or 0, "WON", path=path)
    return digits(whole, WON_DIGITS, _fault(element, path), "WON")


def _direction(element: etree._Element, path: str) -> str:
    direction = _DIRECTIONS.get(text_at(element, "CdtDbtInd"))
    if direction is None:
        raise StatementFault(element.sourceline or 0, "DIRECTION", path=f"{path}/CdtDbtInd")
    return direction


def _day(element: etree._Element, name: str, path: str) -> dt.date:
    written = text_at(element, f"{name}/Dt") or text_at(element, f"{name}/DtTm")
    try:
        return dt.date.fromisoformat(written[:10])
    except ValueError:
        raise StatementFault(element.sourceline or 0, "DATE", path=path) from None
