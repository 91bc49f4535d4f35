"""The texts of messages: one per kind and language, checked before use and published unchanged.

A text never holds a web address, an amount, a name or an account, because fraudulent messages do (docs/domain.md#c7).
"""

import datetime as dt
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from kt_remedy.core import programme
from kt_remedy.core import text as outside
from kt_remedy.notices import guards, pasted, versions

SMS_BYTES, LMS_BYTES = 90, 2000
LANGUAGES = ("ko", "en")

_REGISTRATION = re.compile(r"\d{6}-?[1-8]\d{6}")
# Eight or more digits other than our hotline: an account, a card or another telephone number.
_NUMBER = re.compile(r"\d(?:[ -]?\d){7,}")
_NAME = re.compile(
    r"(?<![가-힣])(?!고객|회원|보호자|대리인|가입자|선생|부모)[가-힣○*]{2,5} ?님"
    r"|\b(?:Mr|Mrs|Ms|Dear)\b\.? +(?!customer\b|guardian\b)[A-Z○]"
)
_FORBIDDEN_FIELDS = {"name", "holder", "account", "amount", "won", "refundable", "url", "link", "phone"}
_WEEKDAYS_KO = "월화수목금토일"
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONGEST_DATE = dt.date(2026, 12, 30)  # no date is longer, in either language
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class TextError(ValueError):
    """A text that must not be sent. `code` and `detail` serve the presenter; the message is for developers."""

    def __init__(self, text: str, code: str, detail: object = "") -> None:
        super().__init__(text)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class MessageKind:
    """A registered kind of message; `notices.service.register` describes the fields."""

    code: str
    label: Any
    text: Mapping[str, str]
    recheck: Callable[[Any], bool] | None
    address: Callable[[Any], str | None] | None
    example: Mapping[str, Any]
    optional: bool
    funnel: Callable[[str], list[tuple[Any, int]]] | None
    confirmed: bool
    sms: bool = False
    recheck_all: Callable[[Sequence[Any]], set[int]] | None = None
    address_all: Callable[[Sequence[Any]], Mapping[int, str | None]] | None = None
    subject_name: Callable[[str], Any] | None = None
    urgent: bool = False
    mailing_fields: Callable[[str], Mapping[str, Any]] | None = None


_kinds: dict[str, MessageKind] = {}


def register(kind: MessageKind) -> None:
    """Add a kind. Raises TextError for a text that must not be sent, ValueError for a code that is registered."""
    if kind.code in _kinds:
        raise ValueError(f"the message kind {kind.code} is registered already")
    missing = set(LANGUAGES) - set(kind.text)
    if missing:
        raise TextError(f"{kind.code}: no text in {', '.join(sorted(missing))}", "LANGUAGE")
    for language in LANGUAGES:
        fill_and_check(kind, language, kind.text[language], allowed=_fields(kind.text[language]))
    _kinds[kind.code] = kind


def fill_and_check(kind: MessageKind, language: str, template: str, *, allowed: Iterable[str] | None = None) -> str:
    """Fill a template with the longest example fields and check the result. Every saved text has passed this check.

    `allowed` names the fields the template may use; by default those of the registered text. Raises TextError.
    """
    where = f"{kind.code}/{language}"
    _check_characters(template, where=where)  # here, because their places are those that the author sees
    fields = _fields(template)
    if fields & _FORBIDDEN_FIELDS:
        names = ", ".join(sorted(fields & _FORBIDDEN_FIELDS))
        raise TextError(f"{where}: a message never holds {names}", "FORBIDDEN_FIELD", names)
    unknown = fields - (fields_of(kind) if allowed is None else set(allowed))
    if unknown:
        names = ", ".join(sorted(unknown))
        raise TextError(f"{where}: nothing fills the field {names}", "UNKNOWN_FIELD", names)
    example = dict.fromkeys(fields - fixed_fields().keys(), "AAAA-AAAA") | {
        name: _LONGEST_DATE if isinstance(value, dt.date) else value for name, value in kind.example.items()
    }
    body = _fill(kind.code, template, language, example)
    check(body, where=where)
    if kind.sms and is_long(body):
        size = len(body.encode("cp949"))
        raise TextError(f"{where}: {size} bytes, {SMS_BYTES} at most for an SMS", "SMS", size)
    return body


def fields_of(kind: MessageKind) -> set[str]:
    """Return the fields that a text of this kind may use."""
    return {*fixed_fields()} | {name for template in kind.text.values() for name in _fields(template)}


def _fields(template: str) -> set[str]:
    """Return the names in braces. Raises TextError for other contents of braces and for an unpaired brace."""
    try:
        parts = [part[1:] for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise TextError(f"braces: {error}", "BRACES") from None
    if any(not str(name).isidentifier() or spec or conversion for name, spec, conversion in parts):
        raise TextError("braces hold plain names only", "BRACES")
    return {str(name) for name, _, _ in parts}


def kind(code: str) -> MessageKind:
    """Return a registered kind. Raises KeyError."""
    return _kinds[code]


def kinds() -> list[MessageKind]:
    """Return all kinds in the order of registration."""
    return list(_kinds.values())


def urgent_kinds() -> list[str]:
    """Codes of the kinds that leave at any hour (D-75)."""
    return [code for code, item in _kinds.items() if item.urgent]


def is_registered(code: str) -> bool:
    """True if an application registered this kind."""
    return code in _kinds


def render(code: str, language: str, context: Mapping[str, Any]) -> str:
    """Fill the text in force of a kind and check it. Dates in `context` are formatted in the language.

    Raises TextError if a field is missing or the result must not be sent.
    """
    body = _fill(code, in_force(_kinds[code])[language], language, context)
    check(body, where=f"{code}/{language}")
    return body


def render_mailing(code: str, subject: str) -> dict[str, str]:
    """The texts in force of a mailing by language, with the fields of its subject. Raises TextError as `render`."""
    fields = _kinds[code].mailing_fields
    return {language: render(code, language, fields(subject) if fields else {}) for language in LANGUAGES}


def in_force(item: MessageKind) -> Mapping[str, str]:
    """Return the templates in force: the newest version by staff, otherwise the registered texts.

    A version that a former release allowed and this one forbids is not sent any more.
    """
    newest = versions.newest_by_staff().get(item.code)
    return newest if newest and all(map(_is_allowed, newest.values())) else item.text


@lru_cache(maxsize=512)
def _is_allowed(template: str) -> bool:
    try:
        _check_characters(template, where="")
    except TextError:
        return False
    return not (guards.holds_address(template) or guards.holds_amount(template))


def sample(item: MessageKind, language: str, template: str | None = None) -> str:
    """Return a text as published: with example fields, or ○○ without an example. Default: the text in force."""
    template = in_force(item)[language] if template is None else template
    example = dict.fromkeys(_fields(template) - fixed_fields().keys(), "○○") | dict(item.example)
    return _fill(item.code, template, language, example)


def earlier_texts(item: MessageKind, language: str) -> list[str]:
    """Return the earlier texts of a kind as published, newest first, without duplicates."""
    templates = [*(texts[language] for texts in versions.all_versions().get(item.code, [])), item.text[language]]
    published = dict.fromkeys(sample(item, language, template) for template in templates)
    return [text for text in published if text != sample(item, language)]


def check(body: str, *, where: str) -> None:
    """Raise TextError for a text that must not be sent.

    Checked are characters, length, web address, amount, number, name, sender and hotline.
    """
    hotline, prefix = programme.current().hotline, programme.current().carrier.message_prefix
    _check_characters(body, where=where)
    size = len(body.encode("cp949"))
    if size > LMS_BYTES:
        raise TextError(f"{where}: {size} bytes, {LMS_BYTES} at most", "LONG", size)
    if guards.holds_address(body):
        raise TextError(f"{where}: a message never holds a web address", "URL")
    if guards.holds_amount(body):
        raise TextError(f"{where}: a message never holds an amount", "AMOUNT")
    folded = guards.folded(body)
    if _REGISTRATION.search(folded):
        raise TextError(f"{where}: this looks like a registration number", "REGISTRATION")
    if match := _NUMBER.search(folded.replace(hotline, "")):
        raise TextError(f"{where}: a message never holds an account or another number", "NUMBER", match[0])
    if match := _NAME.search(folded):
        raise TextError(f"{where}: a message never holds a name", "NAME", match[0])
    if not body.startswith(prefix):
        raise TextError(f"{where}: it does not begin with {prefix}", "SENDER")
    if hotline not in body:
        raise TextError(f"{where}: the hotline is missing", "HOTLINE")


def _check_characters(body: str, *, where: str) -> None:
    """Raise TextError for invisible characters and for those outside CP949; its detail names each with its place."""
    if hidden := [sign for sign in outside.invisible(body) if sign.code != "U+000A"]:
        named = ", ".join(f"{sign.code} at {sign.place}" for sign in hidden)
        raise TextError(f"{where}: a text never holds an invisible character ({named})", "INVISIBLE", hidden)
    if unsendable := [(place, char) for place, char in enumerate(body, 1) if not _is_sendable(char)]:
        named = ", ".join(f"{char!r} at {place}" for place, char in unsendable)
        raise TextError(f"{where}: {named} cannot be sent as a text message (CP949)", "CHARACTER", unsendable)


def _is_sendable(char: str) -> bool:
    try:
        char.encode("cp949")
    except UnicodeEncodeError:
        return False
    return True


class Tidied(NamedTuple):
    """A text after `tidy`, with the number of characters that were changed by kind of change."""

    text: str
    spaces: int  # no-break, wide and other spaces, now usual ones
    removed: int  # characters of no width
    signs: int  # dots and dashes that look alike, now those of CP949
    composed: int  # letters that were sent in parts (NFD), now one character each


def tidy(typed: str) -> Tidied:
    """Mend what can be mended without a question: line ends, spaces, characters of no width, look-alike signs, NFC.

    What shows nothing and may mean something, such as a mark of direction, stays and is refused by the check.
    """
    lines = re.sub("\r\n?|[\u2028\u2029\x85]", "\n", typed)
    usual = re.sub(r"[^\S\n ]", " ", lines)
    spaces = sum(before != after for before, after in zip(lines, usual, strict=True))
    kept = usual.translate(_NO_WIDTH)
    signs = kept.translate(_SIGNS)
    composed = unicodedata.normalize("NFC", signs)
    return Tidied(
        composed.strip(),
        spaces,
        len(usual) - len(kept),
        sum(before != after for before, after in zip(kept, signs, strict=True)),
        len(signs) - len(composed),
    )


_NO_WIDTH = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_SIGNS = str.maketrans(outside.DOTS | outside.DASHES)


def is_long(body: str) -> bool:
    """True if a text is sent as LMS: more than 90 bytes in CP949 (two bytes per Hangul syllable)."""
    return len(body.encode("cp949")) > SMS_BYTES


def day(date: dt.date, language: str) -> str:
    """Format a date for a message: 1/22(목), Thu 22 Jan."""
    if language == "ko":
        return f"{date.month}/{date.day}({_WEEKDAYS_KO[date.weekday()]})"
    return f"{_WEEKDAYS_EN[date.weekday()]} {date.day} {_MONTHS_EN[date.month - 1]}"


def matching(message: str) -> list[tuple[MessageKind, str]]:
    """Return the kinds and languages whose versions, current or earlier, are what a pasted text is made of.

    The values of fields may differ. What telephones and messengers add or move is ignored; every other sign must match
    (`pasted.found`), or the list is empty.
    """
    known = templates()
    numbers = pasted.found(
        message, [pasted.pattern(template, name, item.example, fixed_fields()) for item, name, template in known]
    )
    kinds_by_name = {(known[number][0].code, known[number][1]): known[number][0] for number in numbers}
    return [(item, language) for (_code, language), item in kinds_by_name.items()]


def templates() -> list[tuple[MessageKind, str, str]]:
    """Every text that was or is sent: its kind, its language, its template."""
    stored = versions.all_versions()
    return [
        (item, language, template)
        for item in _kinds.values()
        for language in LANGUAGES
        for template in {item.text[language], *(texts[language] for texts in stored.get(item.code, []))}
    ]


def fixed_fields() -> dict[str, str]:
    """The fields that every text may use, with their values from the programme file."""
    current = programme.current()
    carrier = current.carrier
    return {"prefix": carrier.message_prefix, "carrier": carrier.short_name, "hotline": current.hotline}


def _fill(code: str, template: str, language: str, context: Mapping[str, Any]) -> str:
    values = fixed_fields() | {
        name: day(value, language) if isinstance(value, dt.date) else str(value) for name, value in context.items()
    }
    try:
        return template.format_map(values)
    except (KeyError, IndexError) as error:
        raise TextError(f"{code}/{language}: the field {error} is not filled", "FIELD", str(error)) from None
