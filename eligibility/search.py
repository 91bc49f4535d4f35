"""How a value is written before it is looked up by blind index: one spelling for the feed and for the searcher."""

import re
import unicodedata

from kt_remedy.core import crypto, phones

_COMPANY = re.compile(r"주식회사|유한회사|\(주\)|\(유\)|㈜")
_SPACE = re.compile(r"\s+")


def name_key(name: str) -> str:
    """A holder's name as it is compared: composed, without spaces and company form, in capitals (docs/domain.md#c2)."""
    return _SPACE.sub("", _COMPANY.sub("", unicodedata.normalize("NFC", name))).upper()


def msisdn_index(number: str) -> bytes:
    """By this a line is found from its number."""
    return crypto.blind_index(phones.key(number), "msisdn")


def name_index(name: str) -> bytes:
    """By this, together with the birth date, a holder is found from the name."""
    return crypto.blind_index(name_key(name), "name")
