"""Recognition of pasted messages: what telephones and messengers add is ignored, every other sign must be ours.

All spaces and line breaks are out before anything is compared, because telephones and messengers move them.
"""

import datetime as dt
import re
import string
from collections.abc import Iterable, Mapping
from typing import Any

from kt_remedy.core import programme, text

_SUBJECTS = {"ko": "{carrier} 안내", "en": "{carrier} notice"}

WEEKDAYS = "월화수목금토일"
_DAYS_KO, _DAYS_EN = WEEKDAYS, "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DATES = {"ko": rf"\d{{1,2}}/\d{{1,2}}\([{_DAYS_KO}]\)", "en": rf"(?:{_DAYS_EN})\d{{1,2}}(?:{_MONTHS})"}
# A reference: capital letters and digits, no telephone number and no word.
_REFERENCE = r"(?!0?\d{1,3}-?\d{3,4}-?\d{4})(?=[A-Z-]*\d)[0-9A-Z](?:-?[0-9A-Z]){0,23}"

_HALF = r"(?:오전|오후|[AaPp]\.[Mm]\.|[AaPp][Mm])"
_CLOCK = rf"{_HALF}?\d{{1,2}}:\d{{2}}(?::\d{{2}})?{_HALF}?"
_WEEKDAY_WORD = rf"(?:[{_DAYS_KO}]요일|(?:{_DAYS_EN})[a-z]{{0,6}})"
_WEEKDAY = rf"(?:\((?:[{_DAYS_KO}]|{_WEEKDAY_WORD})\)|{_WEEKDAY_WORD})[,.]?"
_CALENDAR = (
    r"\d{2}(?:\d{2})?(?:년|[-./])\d{1,2}(?:월|[-./])\d{1,2}(?:일|\.)?"
    r"|\d{1,2}월\d{1,2}일|\d{1,2}/\d{1,2}(?=\D)"
    rf"|(?:{_MONTHS})[a-z]{{0,6}}\.?\d{{1,2}},?(?:\d{{4}})?,?|\d{{1,2}}(?:{_MONTHS})[a-z]{{0,6}}\.?(?:\d{{4}})?,?"
)
_MOMENT = rf"(?:(?:{_WEEKDAY})?(?:{_CALENDAR})(?:{_WEEKDAY})?(?:at)?,?(?:{_CLOCK})?|(?:{_WEEKDAY})?{_CLOCK})"


_LONGEST_NOISE = 60


def subject(language: str) -> str:
    """The subject of a long message (LMS) in a language."""
    return _SUBJECTS[language].format(carrier=programme.current().carrier.short_name)


def plain(pasted: str) -> str:
    """A text as it is compared: cleaned (D-73), without any space or line break."""
    return re.sub(r"\s+", "", text.clean(pasted))


def pattern(template: str, language: str, example: Mapping[str, Any], fixed: Mapping[str, str]) -> re.Pattern[str]:
    """The messages of a template, whatever the values of its fields.

    A field of `fixed` takes its one value. Any other field takes what its example is, a date or as many digits and
    letters; without an example it takes a date or a reference. None takes words, an address or a telephone number.
    """
    return re.compile(
        "".join(
            re.escape(plain(literal)) + ("" if name is None else _value(name, language, example, fixed))
            for literal, name, _spec, _conversion in string.Formatter().parse(template)
        )
    )


def _value(name: str, language: str, example: Mapping[str, Any], fixed: Mapping[str, str]) -> str:
    if name in fixed:
        return re.escape(plain(fixed[name]))
    value = example.get(name)
    if isinstance(value, dt.date):
        return _DATES[language]
    if value is not None:
        return "".join(
            r"\d" if char.isdigit() else "[0-9A-Za-z]" if char.isalpha() else re.escape(char)
            for char in plain(str(value))
        )
    return f"(?:{_DATES[language]}|{_REFERENCE})"


def found(pasted: str, patterns: Iterable[re.Pattern[str]]) -> list[int]:
    """The patterns that a pasted text is made of, by number; [] unless every sign of it is ours or of a telephone.

    It may hold several messages. Before and after each of them there may be words of telephones: [Web발신], a forward
    mark, the subject of a long message, our number, a date and a time.
    """
    whole, numbered = plain(pasted), list(enumerate(patterns))
    noise = _noise()
    # Which messages end at a place, where everything before that place is understood.
    reached: dict[int, list[int]] = {_after(noise, whole, 0): []}
    while reached:
        place = min(reached)
        before = reached.pop(place)
        if place == len(whole):
            return sorted(set(before))
        for number, known in numbered:
            if message := known.match(whole, place):
                reached.setdefault(_after(noise, whole, message.end()), []).extend([*before, number])
    return []


def without_noise(whole: str, start: int, end: int) -> tuple[int, int]:
    """The piece of a text from `start` to `end` without what telephones write before and behind it."""
    noise = _noise()
    start = min(_after(noise, whole, start), end)
    for place in range(max(start, end - _LONGEST_NOISE), end):
        if noise.fullmatch(whole, place, end):
            return start, place
    return start, end


def _after(noise: re.Pattern[str], whole: str, place: int) -> int:
    match = noise.match(whole, place)
    return match.end() if match else place


def _noise() -> re.Pattern[str]:
    """The words of telephones around a message. A number counts only if it is our own, brackets only as a pair."""
    current = programme.current()
    digits = {re.sub(r"\D", "", number) for number in (current.hotline, current.notices.sender)}
    own = "|".join("-?".join(number) for number in digits)
    subjects = "|".join(re.escape(plain(subject(language))) for language in _SUBJECTS)
    carrier = re.escape(plain(current.carrier.short_name))
    number = _bracketed(own, "()", bare=True)
    return re.compile(
        "(?:"
        + "|".join(
            [
                _bracketed("(?:[Ww](?:eb|EB)|웹|국제|국외)발신", "[] ()"),
                _bracketed("F[Ww][Dd]?|전달된메시지|전달|Forwardedmessage", "[] ()"),
                "(?:F[Ww][Dd]?|전달된메시지|전달|Forwardedmessage):?",
                _bracketed("MMS|LMS|SMS", "<> [] ()", bare=True),
                rf"(?:제목|Subject):?(?={subjects})",
                rf"{_bracketed(subjects, '<> []', bare=True)}(?=\[)",
                rf"(?:보낸사람|보낸번호|발신번호|발신인|발신|From|Sender)?:?(?:{carrier})?{number}",
                "(?:받은날짜|받은시간|수신|날짜|Date|Sent|Received)?:?" + _bracketed(_MOMENT, "[] ()", bare=True),
            ]
        )
        + ")*"
    )


def _bracketed(words: str, brackets: str, *, bare: bool = False) -> str:
    """A pattern of `words` in one of these pairs of brackets, with `bare` also without any."""
    ways = [rf"{re.escape(pair[0])}(?:{words}){re.escape(pair[1])}" for pair in brackets.split()]
    return f"(?:{'|'.join([*ways, f'(?:{words})'] if bare else ways)})"
