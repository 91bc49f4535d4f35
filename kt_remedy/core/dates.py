"""A day as people write it, for forms and searches."""

import datetime as dt
import re
import unicodedata

from kt_remedy.core import text

# Year, month and day in figures, with anything usual between and behind them: 1955년 5월 2일생, 1955. 5. 2., 55/5/2.
_PARTED = re.compile(r"(\d{4}|\d{2})\s*[-./,년\s]\s*(\d{1,2})\s*[-./,월\s]\s*(\d{1,2})\s*(?:일생?|\.)?")
_BETWEEN = str.maketrans("ㅡ·", "--")
_DIGITS = re.compile(r"(\d{4}|\d{2})(\d{2})(\d{2})(?:생|년생)?")
_ENGLISH = ("%d %B %Y", "%B %d %Y", "%d %b %Y", "%b %d %Y")


def days_of(typed: str, *, today: dt.date) -> list[dt.date]:
    """The days that a text may mean, none after `today` where the century is left out; empty for no day.

    Two digits of a year may be of this century or of the last: 120315 is 2012-03-15 and 1912-03-15.
    """
    plain = unicodedata.normalize("NFKC", text.clean(typed).translate(_BETWEEN))
    match = _DIGITS.fullmatch(plain) or _PARTED.fullmatch(plain)
    if match is None:
        return _english(plain)
    year, month, day = (int(part) for part in match.groups())
    if len(match[1]) == 4:
        return _real(year, month, day)
    return [found for century in (2000, 1900) for found in _real(century + year, month, day) if found <= today]


def _real(year: int, month: int, day: int) -> list[dt.date]:
    try:
        return [dt.date(year, month, day)]
    except ValueError:
        return []


def _english(plain: str) -> list[dt.date]:
    words = " ".join(plain.replace(",", " ").replace(".", " ").split())
    for pattern in _ENGLISH:
        try:
            return [dt.datetime.strptime(words, pattern).date()]  # noqa: DTZ007  (a day has no time zone)
        except ValueError:
            continue
    return []
