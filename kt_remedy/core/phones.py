"""One spelling of a number that somebody typed, for forms, look-ups and messages alike (docs/domain.md#c5)."""

import re
import unicodedata


def digits(text: str) -> str:
    """Every digit of a text, full-width ones made plain; "" where there is none."""
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", text))


def key(number: str) -> str:
    """A telephone number as bare digits with a leading 0: `+82 10-1234-5678` and `010 1234 5678` are one."""
    plain = digits(number)
    return "0" + plain[2:].removeprefix("0") if plain.startswith("82") else plain


def mobile(number: str) -> str:
    """The key of a number that can be written to: 010 and eight digits. Raises ValueError for any other."""
    plain = key(number)
    if not re.fullmatch(r"010[0-9]{8}", plain):
        raise ValueError("not a mobile number")
    return plain
