"""Normal forms of values that are searched by blind index, shared by the load and the searches."""

import re
import unicodedata
from itertools import permutations

from kt_remedy.core import crypto, phones, text

_COMPANY = re.compile(r"주식회사|유한회사|\(주\)|\(유\)")
# A name too short for the company forms, of which nothing else is changed: most names of a delivery.
_SHORT_HANGUL = re.compile("[가-힣]{1,3}").fullmatch
_BETWEEN = re.compile(r"[\s·.,'’`\-]+")
# Marks of Roman letters; a clerk's keyboard has none of those of Vietnamese.
_MARKED = re.compile("[\u00c0-\u024f\u0300-\u036f\u1e00-\u1eff]")
_MARKS = re.compile("[\u0300-\u036f]")
_STROKES = str.maketrans("đĐ", "dD")
_MOST_WORDS = 4  # whose orders are all tried; a longer name is also found by its last word in front


def name_key(name: str) -> str:
    """Normal form of a name: clean (D-73), without company form, marks, spaces, dots and hyphens, in plain capitals.

    Full-width and half-width letters are the same (docs/domain.md#c2).
    """
    return clean_name_key(text.clean(name))


def clean_name_key(name: str) -> str:
    """The normal form of a name that is clean already: the feed cleans each name once."""
    if _SHORT_HANGUL(name):
        return name
    plain = unicodedata.normalize("NFKC", name)
    if _MARKED.search(plain):
        letters = _MARKS.sub("", unicodedata.normalize("NFD", plain))
        plain = unicodedata.normalize("NFC", letters).translate(_STROKES)
    return _BETWEEN.sub("", _COMPANY.sub("", plain)).upper()


def msisdn_index(number: str) -> bytes:
    """Blind index of a telephone number, the key that finds its lines."""
    return crypto.blind_index(phones.key(number), "msisdn")


def name_index(name: str) -> bytes:
    """Blind index of a holder's name. Searches combine it with the birth date."""
    return crypto.blind_index(name_key(name), "name")


def name_indexes(name: str) -> list[bytes]:
    """Blind indexes of a name as it was typed and with its words in another order: LAN TRAN THI is TRAN THI LAN.

    Empty for a name of which nothing is left.
    """
    words = re.split(r"[\s,]+", text.clean(name).replace("，", ","))
    orders = permutations(words) if len(words) <= _MOST_WORDS else [words, [words[-1], *words[:-1]], words[::-1]]
    keys = {name_key("".join(order)) for order in orders}
    return [crypto.blind_index(key, "name") for key in sorted(keys - {""})]
