"""Tables for spreadsheets, written row by row as a workbook or as CSV: no text of them runs as a formula."""

import csv
import io
from collections.abc import Iterable
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from kt_remedy.core import csv as csv_cells

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def write(to: BinaryIO, kind: str, titles: list[str], lines: Iterable[list[Any]], *, name: str) -> None:
    """Write a table into a binary file as `kind` ("xlsx" or "csv"); `name` is that of the sheet of a workbook."""
    if kind == "xlsx":
        book = Workbook(write_only=True)
        page = book.create_sheet(name)
        head(page, titles)
        for line in lines:
            page.append(cells(page, line))
        book.save(to)
        return
    text = io.TextIOWrapper(to, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(titles)
    for line in lines:
        writer.writerow([csv_cells.guarded(cell) if isinstance(cell, str) else cell for cell in line])
    text.flush()
    text.detach()


def head(page: Any, titles: Iterable[str]) -> None:
    """Write the titles of a sheet and keep them in view."""
    page.freeze_panes = "A2"
    written = []
    for place, title in enumerate(titles):
        page.column_dimensions[chr(ord("A") + place)].width = max(12, 2 * len(title) + 2)
        cell = WriteOnlyCell(page, title)
        cell.font = Font(bold=True)
        written.append(cell)
    page.append(written)


def cells(page: Any, values: Iterable[Any]) -> list[Any]:
    """Cells with numbers and dates unchanged; a text is stored as text, whatever its first character."""
    return [_text(page, value) if isinstance(value, str) else value for value in values]


def _text(page: Any, value: str) -> Any:
    value = ILLEGAL_CHARACTERS_RE.sub("", value)
    if not value.startswith("="):
        return value
    cell = WriteOnlyCell(page, value)
    cell.data_type = "s"
    return cell
