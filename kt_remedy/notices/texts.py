"""The texts we send: one per kind and language, checked before they can be used, published as they are.

A text never holds a web address, an amount, a name or an account: that is what fraudulent messages do
(docs/domain.md#c7).
"""

import datetime as dt
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kt_remedy.core import programme
from kt_remedy.notices import versions

SMS_BYTES, LMS_BYTES = 90, 2000
LANGUAGES = ("ko", "en")
SENDER = "[KT]"

_URL = re.compile(r"https?:|www\.|[a-z0-9-]+\.(?:com|net|org|kr|io|me|ly|gl|co|link|page)\b|bit\.ly", re.IGNORECASE)
_AMOUNT = re.compile(r"[0-9][0-9,.]*\s*(?:천|만|억)?\s*(?:원|won\b|krw\b)|[₩￦\\]\s*[0-9]|\bkrw\s*[0-9]", re.IGNORECASE)
_REGISTRATION = re.compile(r"\d{6}-?[1-8]\d{6}")
# Eight digits and more that are not our hotline: an account, a card or another telephone number.
_NUMBER = re.compile(r"\d(?:[ -]?\d){7,}")
_NAME = re.compile(
    r"(?<![가-힣])(?!고객|회원|보호자|대리인|가입자|선생|부모)[가-힣○*]{2,5} ?님"
    r"|\b(?:Mr|Mrs|Ms|Dear)\b\.? +(?!customer\b|guardian\b)[A-Z○]"
)
_FORBIDDEN_FIELDS = {"name", "holder", "account", "amount", "won", "refundable", "url", "link", "phone"}
_WEEKDAYS_KO = "월화수목금토일"
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONGEST_DATE = dt.date(2026, 12, 30)  # no date takes more characters, in either language
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class TextError(ValueError):
    """A text that must not be sent; the message says why, `code` and `detail` for whoever words it for a reader."""

    def __init__(self, text: str, code: str, detail: object = "") -> None:
        super().__init__(text)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class MessageKind:
    """What a room registered: the texts of one kind of message and how to look again before it leaves."""

    code: str
    label: Any
    text: Mapping[str, str]
    recheck: Callable[[Any], bool] | None
    address: Callable[[Any], str | None] | None
    example: Mapping[str, Any]
    optional: bool
    funnel: Callable[[str], list[tuple[Any, int]]] | None
    confirmed: bool


_kinds: dict[str, MessageKind] = {}


def register(kind: MessageKind) -> None:
    """Take a kind in. Raises TextError for a text that must not be sent, ValueError for a second owner."""
    if kind.code in _kinds:
        raise ValueError(f"the message kind {kind.code} is registered already")
    missing = set(LANGUAGES) - set(kind.text)
    if missing:
        raise TextError(f"{kind.code}: no text in {', '.join(sorted(missing))}", "LANGUAGE")
    for language in LANGUAGES:
        fill_and_check(kind, language, kind.text[language], allowed=_fields(kind.text[language]))
    _kinds[kind.code] = kind


def fill_and_check(kind: MessageKind, language: str, template: str, *, allowed: Iterable[str] | None = None) -> str:
    """A template of a kind with the longest of its example fields in, checked. What is saved has passed here.

    `allowed` are the fields it may use; those of the registered text unless told. Raises TextError.
    """
    where = f"{kind.code}/{language}"
    fields = _fields(template)
    if fields & _FORBIDDEN_FIELDS:
        found = ", ".join(sorted(fields & _FORBIDDEN_FIELDS))
        raise TextError(f"{where}: a message never holds {found}", "FORBIDDEN_FIELD", found)
    unknown = fields - (fields_of(kind) if allowed is None else set(allowed))
    if unknown:
        found = ", ".join(sorted(unknown))
        raise TextError(f"{where}: nothing fills the field {found}", "UNKNOWN_FIELD", found)
    example = dict.fromkeys(fields - {"hotline"}, "AAAA-AAAA") | {
        name: _LONGEST_DATE if isinstance(value, dt.date) else value for name, value in kind.example.items()
    }
    body = _fill(kind.code, template, language, example)
    check(body, where=where)
    return body


def fields_of(kind: MessageKind) -> set[str]:
    """The names that may stand in braces in a text of this kind."""
    return {"hotline"} | {name for template in kind.text.values() for name in _fields(template)}


def _fields(template: str) -> set[str]:
    """The plain names in braces. Raises TextError for anything else in braces, or a brace without its other."""
    try:
        parts = [part[1:] for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise TextError(f"braces: {error}", "BRACES") from None
    if any(not str(name).isidentifier() or spec or conversion for name, spec, conversion in parts):
        raise TextError("only plain names stand in braces", "BRACES")
    return {str(name) for name, _, _ in parts}


def kind(code: str) -> MessageKind:
    """The registered kind. Raises KeyError."""
    return _kinds[code]


def kinds() -> list[MessageKind]:
    """All kinds, in the order of registration."""
    return list(_kinds.values())


def is_registered(code: str) -> bool:
    """Whether a room registered this kind."""
    return code in _kinds


def render(code: str, language: str, context: Mapping[str, Any]) -> str:
    """The text of a kind with its fields filled in, checked. Dates among the fields are written in the language.

    Raises TextError where a field is missing or the result must not be sent.
    """
    body = _fill(code, in_force(_kinds[code])[language], language, context)
    check(body, where=f"{code}/{language}")
    return body


def in_force(item: MessageKind) -> Mapping[str, str]:
    """The templates sent now: what staff wrote last, else what the room registered."""
    return versions.newest_by_staff().get(item.code, item.text)


def sample(item: MessageKind, language: str, template: str | None = None) -> str:
    """A text as we publish it: with example fields, and ○○ where the field has none; the one in force unless told."""
    template = in_force(item)[language] if template is None else template
    example = dict.fromkeys(_fields(template) - {"hotline"}, "○○") | dict(item.example)
    return _fill(item.code, template, language, example)


def earlier_texts(item: MessageKind, language: str) -> list[str]:
    """What this kind said before, as published, newest first and each once."""
    now = in_force(item)[language]
    said = dict.fromkeys(
        [*(texts[language] for texts in versions.all_versions().get(item.code, [])), item.text[language]]
    )
    return [sample(item, language, template) for template in said if template != now]


def check(body: str, *, where: str) -> None:
    """Refuse a text that must not be sent, with TextError: length, characters, address, amount, number, name, sender,
    hotline."""
    hotline = programme.current().hotline
    try:
        size = len(body.encode("cp949"))
    except UnicodeEncodeError as error:
        raise TextError(
            f"{where}: {body[error.start]!r} cannot be sent as a text message (CP949)", "CHARACTER", body[error.start]
        ) from None
    if size > LMS_BYTES:
        raise TextError(f"{where}: {size} bytes, {LMS_BYTES} at most", "LONG", size)
    if _URL.search(body):
        raise TextError(f"{where}: a message never holds a web address", "URL")
    if _AMOUNT.search(body):
        raise TextError(f"{where}: a message never holds an amount", "AMOUNT")
    if _REGISTRATION.search(body):
        raise TextError(f"{where}: this looks like a registration number", "REGISTRATION")
    if found := _NUMBER.search(body.replace(hotline, "")):
        raise TextError(f"{where}: a message never holds an account or another number", "NUMBER", found[0])
    if found := _NAME.search(body):
        raise TextError(f"{where}: a message never holds a name", "NAME", found[0])
    if not body.startswith(SENDER):
        raise TextError(f"{where}: it does not begin with {SENDER}", "SENDER")
    if hotline not in body:
        raise TextError(f"{where}: the hotline is missing", "HOTLINE")


def is_long(body: str) -> bool:
    """Whether it leaves as LMS: more than 90 bytes in CP949, where a Hangul syllable has two."""
    return len(body.encode("cp949")) > SMS_BYTES


def day(date: dt.date, language: str) -> str:
    """A date as messages write it: 1/22(목), Thu 22 Jan."""
    if language == "ko":
        return f"{date.month}/{date.day}({_WEEKDAYS_KO[date.weekday()]})"
    return f"{_WEEKDAYS_EN[date.weekday()]} {date.day} {_MONTHS_EN[date.month - 1]}"


def matching(pasted: str) -> list[tuple[MessageKind, str]]:
    """The kinds and languages whose text, in force now or at any time before, a pasted message is, whatever stands in
    the fields.

    Spaces, line breaks and the "[Web발신]" that telephones put in front do not count; any other character does.
    """
    found = []
    given = _without_spaces(pasted.replace("[Web발신]", "").replace("[국제발신]", ""))
    before = versions.all_versions()
    for item in _kinds.values():
        for language in LANGUAGES:
            templates = {item.text[language], *(texts[language] for texts in before.get(item.code, []))}
            if any(re.fullmatch(_pattern(template), given) for template in templates):
                found.append((item, language))
    return found


def _pattern(template: str) -> str:
    return "".join(
        re.escape(_without_spaces(text)) + (_FIELD_PATTERN if name and name != "hotline" else re.escape(_hotline(name)))
        for text, name, _, _ in string.Formatter().parse(template)
    )


# What may stand where a date or a reference number stands: short, no address, no telephone number, no further sentence.
_FIELD_PATTERN = r"(?!0?\d{1,3}-?\d{3,4}-?\d{4})[0-9A-Za-z가-힣/()\-:]{1,24}"


def _hotline(name: str | None) -> str:
    return _without_spaces(programme.current().hotline) if name == "hotline" else ""


def _without_spaces(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", text))


def _fill(code: str, template: str, language: str, context: Mapping[str, Any]) -> str:
    values = {"hotline": programme.current().hotline}
    values |= {
        name: day(value, language) if isinstance(value, dt.date) else str(value) for name, value in context.items()
    }
    try:
        return template.format_map(values)
    except (KeyError, IndexError) as error:
        raise TextError(f"{code}/{language}: the field {error} is not filled", "FIELD", str(error)) from None
