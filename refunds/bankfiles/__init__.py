"""Bank file layouts behind one small interface (`records.Layout`). A new bank is one module and one entry here."""

from refunds.bankfiles import inquiry, iso20022, sheet
from refunds.bankfiles.records import FileFault, Layout

LAYOUTS: dict[str, Layout] = {layout.code: layout for layout in (iso20022.Pain001(), sheet.Sheet())}


def layout(code: str) -> Layout:
    """The layout by its code; raises KeyError naming the known ones."""
    if code not in LAYOUTS:
        raise KeyError(f"no bank file layout {code!r}; known: {', '.join(LAYOUTS)}")
    return LAYOUTS[code]


def recognise(content: bytes) -> Layout | inquiry.InquiryLayout:
    """The layout of a result file, by its first bytes. Raises FileFault for an unknown layout."""
    start = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        return LAYOUTS["pain001"]
    if start.startswith(sheet.FIRST):
        return LAYOUTS["sheet"]
    if start.startswith(inquiry.FIRST):
        return inquiry.INQUIRY
    raise FileFault(0, "this is neither an ISO 20022 message nor a transfer sheet nor an inquiry list")
