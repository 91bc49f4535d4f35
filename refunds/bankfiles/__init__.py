"""Bank file layouts behind one small interface (`records.Layout`). A new bank is one module and one entry here."""

from typing import Any

from django.utils.translation import gettext_noop

from refunds.bankfiles import camt053, inquiry, iso20022, sheet, sheet_statement
from refunds.bankfiles.records import FileFault, Layout
from refunds.bankfiles.statement import StatementFault, StatementLayout

_MARK = b"\xef\xbb\xbf"
LAYOUTS: dict[str, Layout] = {layout.code: layout for layout in (iso20022.Pain001(), sheet.Sheet())}


def layout(code: str) -> Layout:
    """The layout by its code; raises KeyError naming the known ones."""
    if code not in LAYOUTS:
        raise KeyError(f"no bank file layout {code!r}; known: {', '.join(LAYOUTS)}")
    return LAYOUTS[code]


def recognise(source: Any) -> Layout | inquiry.InquiryLayout:
    """The layout of an answer, a buffered reader, by its first bytes; skips a byte order mark and blanks before them.

    Raises FileFault for an unknown layout.
    """
    while (start := source.peek(4)[:4]) and (start.startswith(_MARK) or start[:1].isspace() or start[:1] == b"\0"):
        source.read(len(_MARK) if start.startswith(_MARK) else 1)
    if start.startswith(b"<"):
        return LAYOUTS["pain001"]
    if start.startswith(sheet.FIRST):
        return LAYOUTS["sheet"]
    if start.startswith(inquiry.FIRST):
        return inquiry.INQUIRY
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileFault(0, gettext_noop("UTF-16으로 저장된 파일입니다. 은행에서 받은 그대로 올려 주세요."))
    raise FileFault(0, gettext_noop("은행 답(pain.002), 이체 결과 파일, 조회 목록 가운데 어느 것도 아닙니다."))


STATEMENTS: dict[str, StatementLayout] = {
    one.code: one for one in (camt053.Camt053(), sheet_statement.SheetStatement())
}


def recognise_statement(start: bytes) -> StatementLayout:
    """The layout of a statement, by its first bytes. Raises StatementFault LAYOUT."""
    start = start.removeprefix(_MARK).lstrip()
    if start.startswith(b"<"):
        return STATEMENTS["camt053"]
    if start.startswith(sheet_statement.FIRST):
        return STATEMENTS["sheet_statement"]
    raise StatementFault(0, "LAYOUT")
