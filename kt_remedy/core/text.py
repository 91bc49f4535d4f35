"""The gate for text from outside: feeds, forms, searches, lists and words of banks pass it (D-73)."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# Signs that look alike get one spelling, the one that CP949 has. Two Korean letters look like signs: ㆍ stands for the
# dot in names of companies, so it is one; ㅡ is a letter in free text, and only fields of numbers drop it. The Japanese
# ー is a letter too.
DOTS = dict.fromkeys("‧•∙⋅・･ㆍ⸱⸳", "·") | dict.fromkeys("．。｡․", ".")
DASHES = dict.fromkeys("‐‑‒–—―−⁃⸺⸻﹘﹣－", "-") | {"〜": "~"}
# What stands between the digits of a number: fields of numbers drop it.
SEPARATORS = " -·.~ㅡー_/,:()[]∼～／，：（）［］"

_OUT = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Letters and marks that show nothing, although their category is not "format".
_BLANK = "\u3164\uffa0\u2800"  # as wide as a letter: a space
_NOTHING = [
    0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0),
]  # fmt: skip
_TABLE = str.maketrans({**DOTS, **DASHES, **dict.fromkeys(_BLANK, " "), **dict.fromkeys(map(chr, _NOTHING))})

_LINE_BREAK = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_ROMAN = "A-Za-z\u00c0-\u024f\u0300-\u036f\u1e00-\u1eff"
# A line is broken between two words of Roman letters, and anywhere in a Korean name.
_BETWEEN_ROMAN = re.compile(f"(?<=[{_ROMAN}])[\t-\r\x1c-\x1f\x85\u2028\u2029]+(?=[{_ROMAN}])")
# Most names: syllables and single spaces, of which `clean` changes nothing. Found in a fifth of the time.
_PLAIN_HANGUL = re.compile("[가-힣]+(?: [가-힣]+)*").fullmatch
_FORMAT = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")

_NAMES: dict[str, str | Promise] = {
    "\n": _("줄바꿈"),
    "\r": _("줄바꿈"),
    "\x85": _("줄바꿈"),
    "\u2028": _("줄바꿈"),
    "\u2029": _("줄바꿈"),
    "\t": _("탭"),
    "\u00a0": _("줄을 바꾸지 않는 공백"),
    "\u202f": _("줄을 바꾸지 않는 공백"),
    "\u3000": _("전각 공백"),
    "\u3164": _("한글 채움 문자"),
    "\uffa0": _("한글 채움 문자"),
    "\u00ad": _("숨은 하이픈"),
    "\u200b": _("폭이 없는 공백"),
    "\u2060": _("폭이 없는 공백"),
    "\ufeff": _("폭이 없는 공백"),
    "\u200c": _("글자를 떼는 문자"),
    "\u200d": _("글자를 잇는 문자"),
}


class Invisible(NamedTuple):
    """A character that nobody sees: its place counted from 1, its code as U+200B, its name in the reader's language."""

    place: int
    code: str
    name: str


def clean(text: str) -> str:
    """One line of text as it is kept; "" where nothing would be seen, which the caller decides about.

    Format, control and line-separator characters go, spaces are folded and trimmed, look-alike dots and dashes get
    one spelling, then NFC. In this order a second pass changes nothing (D-73). A line break or a tab between two Roman
    letters is a space, because two words would become one.
    """
    if _PLAIN_HANGUL(text):
        return text
    if not text.isprintable():
        text = _BETWEEN_ROMAN.sub(" ", _FORMAT.sub("", text))
        text = "".join(char for char in text if unicodedata.category(char) not in _OUT)
    if text.isascii():
        return " ".join(text.split())
    return unicodedata.normalize("NFC", " ".join(text.translate(_TABLE).split()))


def clean_lines(text: str) -> str:
    """Text of several lines: each line is cleaned, a tab is a space, empty lines at both ends go."""
    return "\n".join(clean(line.replace("\t", " ")) for line in _LINE_BREAK.split(text)).strip("\n")


def code(typed: str) -> str:
    """A contract number or a reference as it is stored: plain capitals and hyphens, whatever was typed for them."""
    return bought_code(typed).replace("_", "-").upper()


def bought_code(typed: str) -> str:
    """A code that another company made: plain letters without spaces; its small letters and underscores stay."""
    return unicodedata.normalize("NFKC", clean(typed)).translate(_HYPHENS).replace(" ", "")


def without_separators(text: str) -> str:
    """A number as it is kept, whatever stood between its digits; letters and full-width digits stay."""
    return clean(text).translate(_DROPPED)


_HYPHENS = str.maketrans("ㅡᅳー~", "----")  # the second is what NFKC makes of the first
_DROPPED = str.maketrans("", "", SEPARATORS)


def invisible(text: str) -> list[Invisible]:
    """Each character of a text that nobody sees: those that `clean` takes out, and each space but the usual one."""
    return list(_invisible(text))


def _invisible(text: str) -> Iterator[Invisible]:
    for place, char in enumerate(text, 1):
        category = unicodedata.category(char)
        if category in _OUT or (category == "Zs" and char != " ") or _TABLE.get(ord(char), "-") in (None, " "):
            name = _NAMES.get(char) or gettext("보이지 않는 문자")
            yield Invisible(place, f"U+{ord(char):04X}", str(name))
