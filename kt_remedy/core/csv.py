"""CSV files that people and partners make or open in a spreadsheet: their encoding and their cells."""

import codecs

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


def decoded(content: bytes) -> str:
    """The text of a file in UTF-8, in UTF-16 with its byte-order mark, or in CP949. Raises ValueError for other bytes.

    UTF-8 is tried first: hardly any text in CP949 is UTF-8 by chance.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp949"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ValueError("the file is no text in UTF-8, UTF-16 or CP949")
