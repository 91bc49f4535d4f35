"""The answer to a pasted message (C5): ours, ours beside other words, a part of ours, perhaps a code, or not ours.

Our texts are looked for inside of what was pasted, because people copy several messages, halves of one, and their
own words.
"""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from kt_remedy.core import programme, text
from kt_remedy.notices import guards, pasted, texts

# A shorter piece stands in too many messages to say anything.
SHORTEST_PART = 8
_CODE_WORDS = re.compile(r"인증\s*번호|본인\s*확인|verification code|verification number|one[- ]time", re.IGNORECASE)
_CODE = re.compile(r"(?<!\d)\d{4,8}(?!\d)")
_LONGEST_CODE_MESSAGE = 150
_TELEPHONE = re.compile(r"(?<!\d)(?:\+?82[ -]?)?0?\d{1,3}[ -]?\d{3,4}[ -]?\d{4}(?!\d)")
# The beginning of a value that was cut: of a date or a reference.
_CUT_VALUE = re.compile(rf"[0-9A-Za-z/(){pasted.WEEKDAYS}-]{{0,9}}")


class Answer(StrEnum):
    """Answers to a pasted message."""

    OURS = "OURS"
    MIXED = "MIXED"
    PART = "PART"
    CODE = "CODE"
    NOT_OURS = "NOT_OURS"


class Sign(StrEnum):
    """Signs of a message that is not ours."""

    AMOUNT = "AMOUNT"
    ADDRESS = "ADDRESS"
    TELEPHONE = "TELEPHONE"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a pasted message. `of`: ours, part or theirs; `before` and `after` are missing words of our text."""

    of: str
    words: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """The answer, its pieces in their order, the kinds of our messages among them, and signs of a message not ours."""

    answer: Answer
    pieces: list[Piece]
    kinds: list[texts.MessageKind] = field(default_factory=list)
    signs: list[Sign] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Atom:
    """A sign of a template, or a field of it, with its place in the text as it is shown."""

    sign: str
    value: re.Pattern[str] | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Known:
    kind: texts.MessageKind
    whole: re.Pattern[str]
    shown: str
    atoms: Sequence[_Atom]


def examine(message: str) -> Examined:
    """The answer to a pasted message. It is read only; nothing is stored."""
    shown = text.clean_lines(message)
    places = [place for place, sign in enumerate(shown) if not sign.isspace()]
    whole = "".join(shown[place] for place in places)
    known = _known()
    if complete := texts.matching(message):
        kinds = list({kind.code: kind for kind, _language in complete}.values())
        return Examined(Answer.OURS, [Piece("ours", shown)], kinds)

    def words(start: int, end: int) -> str:
        return shown[places[start] : places[end - 1] + 1]

    spans = _whole_messages(whole, known)
    pieces, at = [], 0
    for start, end, _kind in [*spans, (len(whole), len(whole), None)]:
        pieces += _between(whole, at, start, known, words)
        if end > start:
            pieces.append(Piece("ours", words(start, end)))
        at = end
    kinds = list({kind.code: kind for _start, _end, kind in spans}.values())
    found = {piece.of for piece in pieces}
    if "theirs" not in found and "part" in found:
        return Examined(Answer.PART, pieces, kinds)
    if "ours" in found:
        theirs = "\n".join(piece.words for piece in pieces if piece.of == "theirs")
        return Examined(Answer.MIXED, pieces, kinds, _signs(theirs))
    if _may_be_code(shown):
        return Examined(Answer.CODE, [Piece("theirs", shown)])
    return Examined(Answer.NOT_OURS, [Piece("theirs", shown)], signs=_signs(shown))


def _whole_messages(whole: str, known: Sequence[_Known]) -> list[tuple[int, int, texts.MessageKind]]:
    """Places of our whole messages inside of a text, the longer of two at one place, none over another."""
    hits = [(match.start(), match.end(), one.kind) for one in known for match in one.whole.finditer(whole)]
    spans: list[tuple[int, int, texts.MessageKind]] = []
    for hit in sorted(hits, key=lambda hit: (hit[0], -hit[1])):
        if not spans or hit[0] >= spans[-1][1]:
            spans.append(hit)
    return spans


def _between(whole: str, start: int, end: int, known: Sequence[_Known], words: Any) -> list[Piece]:
    """The piece between two of our messages: nothing if telephones wrote it, else a part of ours or other words."""
    start, end = pasted.without_noise(whole, start, end)
    if start >= end:
        return []
    for one in known:
        if missing := _missing(whole[start:end], one):
            return [Piece("part", words(start, end), *missing)]
    return [Piece("theirs", words(start, end))]


def _missing(part: str, known: _Known) -> tuple[str, str] | None:
    """Words of our text before and after a part of it; None if it is no part of this text."""
    if len(part) < SHORTEST_PART:
        return None
    for first, atom in enumerate(known.atoms):
        if atom.value is None and atom.sign != part[0]:
            continue
        if (last := _follow(part, known.atoms, first)) is not None:
            return known.shown[: atom.start], known.shown[known.atoms[last].end :]
    return None


def _follow(part: str, atoms: Sequence[_Atom], first: int) -> int | None:
    """Number of the last atom of a part that begins with atom `first`; None if they differ."""
    at = 0
    for number in range(first, len(atoms)):
        atom = atoms[number]
        if atom.value is None:
            if part[at] != atom.sign:
                return None
            at += 1
        elif match := atom.value.match(part, at):
            at = match.end()
        elif number > first and _CUT_VALUE.fullmatch(part, at):
            return number
        else:
            return None
        if at == len(part):
            return number
    return None


def _known() -> list[_Known]:
    fixed = tuple(texts.fixed_fields().items())
    return [_compiled(kind.code, template, language, fixed) for kind, language, template in texts.templates()]


@lru_cache(maxsize=1024)
def _compiled(code: str, template: str, language: str, fixed_fields: tuple[tuple[str, str], ...]) -> _Known:
    kind, fixed = texts.kind(code), dict(fixed_fields)
    atoms: list[_Atom] = []
    shown = ""
    for literal, name, _spec, _conversion in string.Formatter().parse(template):
        for sign in literal + fixed.get(name or "", ""):
            if not sign.isspace():
                atoms.append(_Atom(sign, None, len(shown), len(shown) + 1))
            shown += sign
        if name is not None and name not in fixed:
            atoms.append(
                _Atom("", pasted.pattern("{" + name + "}", language, kind.example, fixed), len(shown), len(shown) + 2)
            )
            shown += "○○"
    return _Known(kind, pasted.pattern(template, language, kind.example, fixed), shown, atoms)


def _may_be_code(message: str) -> bool:
    """True if a message looks like the code of a verification: short, without amount, address or telephone number."""
    return bool(
        len(message) <= _LONGEST_CODE_MESSAGE
        and _CODE_WORDS.search(message)
        and _CODE.search(message)
        and not _signs(message)
    )


def _signs(message: str) -> list[Sign]:
    hotline = programme.current().hotline
    digits = re.sub(r"\D", "", hotline)
    others = guards.folded(message).replace(hotline, " ").replace(digits, " ")
    found = {
        Sign.AMOUNT: guards.holds_amount(message),
        Sign.ADDRESS: guards.holds_address(message),
        Sign.TELEPHONE: _TELEPHONE.search(others) is not None,
    }
    return [sign for sign, here in found.items() if here]
