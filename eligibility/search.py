"""Normal forms of values that are searched by blind index, shared by the load and the searches."""

import re
import unicodedata

from kt_remedy.core import crypto, phones

_COMPANY = re.compile(r"주식회사|유한회사|\(주\)|\(유\)|㈜")
_SPACE = re.compile(r"\s+")


def name_key(name: str) -> str:
    """Normal form of a name: composed (NFC), without spaces and company form, in capitals (docs/domain.md#c2)."""
    return _SPACE.sub("", _COMPANY.sub("", unicodedata.normalize("NFC", name))).upper()


def msisdn_index(number: str) -> bytes:
    """Blind index of a telephone number, the key that finds its lines."""
    return crypto.blind_index(phones.key(number), "msisdn")


def name_index(name: str) -> bytes:
    """Blind index of a holder's name. Searches combine it with the birth date."""
    return crypto.blind_index(name_key(name), "name")
