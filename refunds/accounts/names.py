"""Compare the holder's name of an account with the name that the bank answered (D-74, docs/domain.md#c2).

Banks write the same holder in several ways: without spaces, with the legal form in front or behind and in another
spelling, Roman names in any order and without marks, long names cut off at twenty bytes. None of these is a mismatch.
Another word, another legal form and a shorter name are one; so is a name that Korean spells in two ways (류, 유), which
only a person can decide.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import permutations, product
from typing import NamedTuple

from kt_remedy.core import text

# The legal forms with the spellings that banks use. The first is the one that all others are compared by.
_FORMS: dict[str, tuple[str, ...]] = {
    "주식회사": ("주식회사", "(주)", "㈜"),
    "유한회사": ("유한회사", "(유)", "(유한)", "㈲"),
    "유한책임회사": ("유한책임회사", "(유책)"),
    "합자회사": ("합자회사", "(합자)", "(자)"),
    "합명회사": ("합명회사", "(합명)", "(합)"),
    "사단법인": ("사단법인", "(사)", "㈔"),
    "재단법인": ("재단법인", "(재)"),
    "학교법인": ("학교법인", "(학)"),
    "의료법인": ("의료법인", "(의)"),
    "사회복지법인": ("사회복지법인", "(복)", "(사복)"),
    "종교법인": ("종교법인", "(종)"),
    "법무법인": ("법무법인", "(법)"),
    "농업회사법인": ("농업회사법인", "(농)"),
    "어업회사법인": ("어업회사법인", "(어)"),
    "영농조합법인": ("영농조합법인", "(영농)"),
    "영어조합법인": ("영어조합법인", "(영어)"),
    "사회적협동조합": ("사회적협동조합", "(사협)"),
    "협동조합": ("협동조합", "(협)"),
}
_BY_SPELLING = {
    unicodedata.normalize("NFKC", spelling): form for form, spellings in _FORMS.items() for spelling in spellings
} | {"(株)": "주식회사", "(有)": "유한회사"}  # what NFKC makes of ㈱ and ㈲
_FORM = re.compile("|".join(re.escape(spelling) for spelling in sorted(_BY_SPELLING, key=len, reverse=True)))
_NOT_WORD = re.compile(r"[\W_]+")
# Latin letters that are a letter with a stroke, not with a mark that can be taken off.
LETTERS_WITH_STROKE = str.maketrans(
    {"Đ": "D", "đ": "d", "Ð": "D", "Ø": "O", "ø": "o", "Ł": "L", "ł": "l", "Æ": "AE", "æ": "ae"}
)

# Bytes of a holder's name in CP949 that a bank keeps (docs/domain.md#c2).
CUT_BYTES = 20
# The words of a longer Roman name are compared in the order given: the orders of six words are 720.
MOST_ORDERED = 5


class _Name(NamedTuple):
    forms: tuple[str, ...]
    # Without the legal form and marks, in capitals.
    plain: str
    words: tuple[str, ...]


def compare_holder_names(entered: str, answered: str) -> str:
    """ "EXACT", "NORMALISED" or "MISMATCH" for a holder's name and the one that the bank answered.

    Only `answered` may be cut off, at `CUT_BYTES`. Two legal forms must agree where both are named.
    """
    if entered == answered:
        return "EXACT"
    ours, theirs = _parse(entered), _parse(answered)
    if not ours.words or not theirs.words or not _agree(ours.forms, theirs.forms):
        return "MISMATCH"
    same = "".join(ours.words) == "".join(theirs.words)
    if same or (_roman(ours) and sorted(ours.words) == sorted(theirs.words)):
        return "NORMALISED"
    return "NORMALISED" if any(_is_cut(answered, whole) for whole in _spellings(ours, theirs)) else "MISMATCH"


def without_form(name: str) -> str:
    """A name without its legal form: "주식회사 케이" is "케이"."""
    return " ".join(_FORM.sub(" ", unicodedata.normalize("NFKC", text.clean(name))).split())


def _parse(name: str) -> _Name:
    forms: list[str] = []

    def keep(found: re.Match[str]) -> str:
        forms.append(_BY_SPELLING[found.group()])
        return " "

    plain = _fold(_FORM.sub(keep, unicodedata.normalize("NFKC", text.clean(name))))
    return _Name(tuple(forms), " ".join(plain.split()), tuple(_NOT_WORD.sub(" ", plain).split()))


def _fold(name: str) -> str:
    """In capitals, without the marks of Latin letters."""
    kept = []
    base = ""
    for char in unicodedata.normalize("NFKD", name.translate(LETTERS_WITH_STROKE)):
        if not unicodedata.combining(char):
            base = char
        elif base.isascii():
            continue
        kept.append(char)
    return unicodedata.normalize("NFKC", "".join(kept)).upper()


def _agree(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """False if the two name different legal forms. "농업회사법인 주식회사" agrees with either of its parts."""
    return set(ours) <= set(theirs) or set(theirs) <= set(ours)


def _roman(name: _Name) -> bool:
    return all(word.isascii() for word in name.words)


def _spellings(ours: _Name, theirs: _Name) -> Iterator[str]:
    """The whole name as banks may write it: each spelling of the legal form on either side, Roman in any order."""
    forms = dict.fromkeys(ours.forms or theirs.forms)
    if forms:
        for chosen in product(*(_FORMS[form] for form in forms)):
            yield f"{' '.join(chosen)} {ours.plain}"
            yield f"{ours.plain} {' '.join(chosen)}"
    elif _roman(ours) and len(ours.words) <= MOST_ORDERED:
        yield from (" ".join(order) for order in permutations(ours.words))
    yield ours.plain


def _is_cut(answered: str, whole: str) -> bool:
    """True if `answered` is what `CUT_BYTES` leave of a spelling; the bank's own spaces count, ours may stand there."""
    shown = answered.rstrip(" \ufffd")  # a half letter at the end
    room = CUT_BYTES - len(shown.encode("cp949", "replace"))
    spaced = _fold(unicodedata.normalize("NFKC", whole))
    start, rest = _without_spaces(_fold(unicodedata.normalize("NFKC", text.clean(shown)))), spaced
    for char in start:
        rest = rest.lstrip()
        if not rest.startswith(char):
            return False
        rest = rest[1:]
    following = rest.lstrip()
    if not following or room < 0:
        return False
    # A longer start would need the space between two words, if there is one, and the next letter.
    return room < len(rest) - len(following) + len(following[0].encode("cp949", "replace"))


def _without_spaces(name: str) -> str:
    return "".join(name.split())
