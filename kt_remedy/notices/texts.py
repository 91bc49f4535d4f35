"""The texts we send: one per kind and language, checked before they can be used, published as they are.

A text never holds a web address, an amount, a name or an account: that is what fraudulent messages do (DOMAIN C7).
"""

import datetime as dt
import re
import string
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kt_remedy import programme

SMS_BYTES, LMS_BYTES = 90, 2000
LANGUAGES = ("ko", "en")
SENDER = "[KT]"

_URL = re.compile(r"https?:|www\.|[a-z0-9-]+\.(?:com|net|org|kr|io|me|ly|gl|co|link|page)\b|bit\.ly", re.IGNORECASE)
_AMOUNT = re.compile(r"[0-9][0-9,.]*\s*(?:천|만|억)?\s*(?:원|won\b|krw\b)|[₩￦\\]\s*[0-9]|\bkrw\s*[0-9]", re.IGNORECASE)
_REGISTRATION = re.compile(r"\d{6}-?[1-8]\d{6}")
_FORBIDDEN_FIELDS = {"name", "holder", "account", "amount", "won", "refundable", "url", "link", "phone"}
_WEEKDAYS_KO = "월화수목금토일"
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class TextError(ValueError):
    """A text that must not be sent; the message says why."""


@dataclass(frozen=True)
class Kind:
    """What a room registered: the texts of one kind of message and how to look again before it leaves."""

    code: str
    label: Any
    text: Mapping[str, str]
    recheck: Callable[[Any], bool] | None
    address: Callable[[Any], str | None] | None
    example: Mapping[str, Any]
    optional: bool
    funnel: Callable[[str], list[tuple[Any, int]]] | None


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Take a kind in. Raises TextError for a text that must not be sent, ValueError for a second owner."""
    if kind.code in _kinds:
        raise ValueError(f"the message kind {kind.code} is registered already")
    missing = set(LANGUAGES) - set(kind.text)
    if missing:
        raise TextError(f"{kind.code}: no text in {', '.join(sorted(missing))}")
    for language in LANGUAGES:
        fields = {name for _, name, _, _ in string.Formatter().parse(kind.text[language]) if name}
        if fields & _FORBIDDEN_FIELDS:
            raise TextError(
                f"{kind.code}/{language}: a message never holds {', '.join(sorted(fields & _FORBIDDEN_FIELDS))}"
            )
        example = dict.fromkeys(fields - {"hotline"}, "0000-0000") | dict(kind.example)
        check(_fill(kind.code, kind.text[language], language, example), where=f"{kind.code}/{language}")
    _kinds[kind.code] = kind


def kind(code: str) -> Kind:
    """The registered kind. Raises KeyError."""
    return _kinds[code]


def kinds() -> list[Kind]:
    """All kinds, in the order of registration."""
    return list(_kinds.values())


def known(code: str) -> bool:
    """Whether a room registered this kind."""
    return code in _kinds


def render(code: str, language: str, context: Mapping[str, Any]) -> str:
    """The text of a kind with its fields filled in, checked. Dates among the fields are written in the language.

    Raises TextError where a field is missing or the result must not be sent.
    """
    body = _fill(code, _kinds[code].text[language], language, context)
    check(body, where=f"{code}/{language}")
    return body


def sample(item: Kind, language: str) -> str:
    """The text as we publish it: with example fields, and ○○ where the field has none."""
    fields = {name for _, name, _, _ in string.Formatter().parse(item.text[language]) if name}
    example = dict.fromkeys(fields - {"hotline"}, "○○") | dict(item.example)
    return _fill(item.code, item.text[language], language, example)


def check(body: str, *, where: str) -> None:
    """Refuse a text that must not be sent, with TextError: length, characters, address, amount, sender, hotline."""
    try:
        size = len(body.encode("cp949"))
    except UnicodeEncodeError as error:
        raise TextError(f"{where}: {body[error.start]!r} cannot be sent as a text message (CP949)") from None
    if size > LMS_BYTES:
        raise TextError(f"{where}: {size} bytes, {LMS_BYTES} at most")
    if _URL.search(body):
        raise TextError(f"{where}: a message never holds a web address")
    if _AMOUNT.search(body):
        raise TextError(f"{where}: a message never holds an amount")
    if _REGISTRATION.search(body):
        raise TextError(f"{where}: this looks like a registration number")
    if not body.startswith(SENDER):
        raise TextError(f"{where}: it does not begin with {SENDER}")
    if programme.current().hotline not in body:
        raise TextError(f"{where}: the hotline is missing")


def is_long(body: str) -> bool:
    """Whether it leaves as LMS: more than 90 bytes in CP949, where a Hangul syllable has two."""
    return len(body.encode("cp949")) > SMS_BYTES


def day(date: dt.date, language: str) -> str:
    """A date as messages write it: 1/22(목), Thu 22 Jan."""
    if language == "ko":
        return f"{date.month}/{date.day}({_WEEKDAYS_KO[date.weekday()]})"
    return f"{_WEEKDAYS_EN[date.weekday()]} {date.day} {_MONTHS_EN[date.month - 1]}"


def matching(pasted: str) -> list[tuple[Kind, str]]:
    """The kinds and languages whose text a pasted message is, whatever stands in the fields.

    Spaces, line breaks and the "[Web발신]" that telephones put in front do not count; any other character does.
    """
    found = []
    given = _plain(pasted.replace("[Web발신]", "").replace("[국제발신]", ""))
    for item in _kinds.values():
        for language in LANGUAGES:
            pattern = "".join(
                re.escape(_plain(text)) + (_FIELD if name and name != "hotline" else re.escape(_hotline(name)))
                for text, name, _, _ in string.Formatter().parse(item.text[language])
            )
            if re.fullmatch(pattern, given):
                found.append((item, language))
    return found


# What may stand where a date or a reference number stands: short, no address, no telephone number, no further sentence.
_FIELD = r"(?!0?\d{1,3}-?\d{3,4}-?\d{4})[0-9A-Za-z가-힣/()\-:]{1,24}"


def _hotline(name: str | None) -> str:
    return _plain(programme.current().hotline) if name == "hotline" else ""


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", text))


def _fill(code: str, template: str, language: str, context: Mapping[str, Any]) -> str:
    values = {"hotline": programme.current().hotline}
    values |= {
        name: day(value, language) if isinstance(value, dt.date) else str(value) for name, value in context.items()
    }
    try:
        return template.format_map(values)
    except (KeyError, IndexError) as error:
        raise TextError(f"{code}/{language}: the field {error} is not filled") from None
