"""Cells of CSV files that people open in a spreadsheet."""

# A spreadsheet runs a cell that begins with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def guarded(cell: object, *, keep_numbers: bool = False) -> str:
    """The cell as text that no spreadsheet runs: an apostrophe stands before what begins like a formula.

    With `keep_numbers` a plain signed number stays as it is, where programs read the file too.
    """
    text = str(cell)
    if not text.startswith(FORMULA_STARTS) or (keep_numbers and text[1:].replace(".", "", 1).isdecimal()):
        return text
    return f"'{text}"
