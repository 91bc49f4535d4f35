"""Cells of CSV files that people open in a spreadsheet."""

# A spreadsheet runs a cell that begins with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def starts_formula(text: str) -> bool:
    """Whether a spreadsheet would run this text as a formula. A plain signed number is none."""
    return text.startswith(FORMULA_STARTS) and not text[1:].replace(".", "", 1).isdecimal()


def guarded(cell: object) -> str:
    """The cell as text that no spreadsheet runs: an apostrophe stands before what begins like a formula."""
    text = str(cell)
    return f"'{text}" if starts_formula(text) else text
