"""Sheets of a workbook that is written row by row: its head, and cells in which no text runs as a formula."""

from collections.abc import Iterable
from typing import Any

from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font


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
