"""Compare the holder's name of an account with the name that the bank answered (docs/domain.md#c2).

Banks write the same person in several ways: without spaces, with the company form in front or behind, a foreigner's
names in any order, long names cut off. None of these differences is a mismatch.
"""

import re
import unicodedata

_COMPANY = re.compile(r"주식회사|유한회사|\(주\)|\(유\)|㈜")
_NOT_WORD = re.compile(r"[^\w가-힣]+")
# Banks cut names at about twenty bytes; a shorter beginning in common proves nothing.
_CUT_AT = 10


def compare_holder_names(entered: str, answered: str) -> str:
    """ "EXACT", "NORMALISED" or "MISMATCH" for two spellings of a holder's name."""
    if entered == answered:
        return "EXACT"
    ours, theirs = _words(entered), _words(answered)
    if not ours or not theirs:
        return "MISMATCH"
    if "".join(ours) == "".join(theirs) or (_roman(ours) and sorted(ours) == sorted(theirs)):
        return "NORMALISED"
    short, long = sorted(("".join(ours), "".join(theirs)), key=len)
    return "NORMALISED" if len(short) >= _CUT_AT and long.startswith(short) else "MISMATCH"


def _words(name: str) -> list[str]:
    # NFKC would turn ㈜ into (주), so the company form goes first, and once more for its full-width spelling.
    plain = _COMPANY.sub(" ", unicodedata.normalize("NFKC", _COMPANY.sub(" ", name)))
    return _NOT_WORD.sub(" ", plain).upper().split()


def _roman(name_parts: list[str]) -> bool:
    return all(word.isascii() for word in name_parts)
