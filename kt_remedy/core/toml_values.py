"""The values a TOML file may hold, as pydantic types, each with its own sentence for a value that it refuses.

`faults` turns a ValidationError into these sentences, by the path of the key. Nothing here knows of a programme.
"""

import json
import re
from datetime import date, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_MONTHS = re.compile(r"[1-9][0-9]{0,2}")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SENTENCES = {
    "missing": "is missing",
    "unexpected_keyword_argument": "is not a known key",
    "dataclass_type": "must be a table",
}


def must(sentence: str) -> WrapValidator:
    """A validator that refuses a value with "must …"; faults inside a list or a table keep sentences of their own."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if any(fault["loc"] for fault in error.errors(include_url=False, include_input=False)):
                raise
            raise PydanticCustomError("refused", "must {sentence}", {"sentence": sentence}) from None

    return WrapValidator(check)


def _matched(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError
    return value


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError
    return text


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise PydanticCustomError("zone", "({name}) is not a known time zone", {"name": name}) from None
    return name


Text = Annotated[str, Strict(), AfterValidator(_not_blank), must("be a text that is not empty")]
Zone = Annotated[Text, AfterValidator(_known_zone)]
Code = Annotated[
    str,
    Strict(),
    StringConstraints(pattern=re.compile(r"\A[A-Z0-9][A-Z0-9_-]{0,39}\Z")),
    must("be a code of capital letters, digits, _ and -"),
]
# Short, because an SMS has 90 bytes and the texts of the code were measured with it.
MessagePrefix = Annotated[
    str,
    Strict(),
    StringConstraints(pattern=re.compile(r"\A\[[0-9A-Za-z가-힣+]{1,10}\]\Z")),
    must("be a short name in square brackets"),
]
ReferencePrefix = Annotated[
    str, Strict(), StringConstraints(pattern=re.compile(r"\A[A-Z]{2,5}\Z")), must("be 2 to 5 capital letters")
]
HomePage = Annotated[
    str,
    Strict(),
    StringConstraints(pattern=re.compile(r"\A(?:[a-z0-9-]+\.)+[a-z]{2,}\Z")),
    must("be a host name such as www.example.kr"),
]
BusinessNumber = Annotated[
    str,
    Strict(),
    StringConstraints(pattern=re.compile(r"\A[0-9]{3}-[0-9]{2}-[0-9]{5}\Z")),
    must("be a business registration number such as 123-45-67890"),
]
Codes = Annotated[tuple[Code, ...], must("be a list of codes")]
PhoneNumber = Annotated[
    str, Strict(), StringConstraints(pattern=re.compile(r"\A[0-9]+\Z")), must("be a telephone number, digits only")
]
Day = Annotated[date, Strict(), must("be a date such as 2026-01-13")]
Instant = Annotated[AwareDatetime, Strict(), must("be a time with its offset, such as 2026-01-20T18:00:00+09:00")]
TimeOfDay = Annotated[
    time,
    BeforeValidator(lambda value: time.fromisoformat(_matched(_TIME_OF_DAY, value))),
    must('be a time of day such as "09:00"'),
]
Weekday = Annotated[int, BeforeValidator(WEEKDAYS.index), must(f"be one of {', '.join(WEEKDAYS)}")]
Flag = Annotated[bool, Strict(), must("be true or false")]
Number = Annotated[int, Strict(), Field(ge=0), must("be a whole number, 0 or more")]
Positive = Annotated[int, Strict(), Field(ge=1), must("be a whole number, 1 or more")]
Months = Annotated[
    int, BeforeValidator(lambda key: int(_matched(_MONTHS, key))), must("be named by a number of months")
]


def path(location: tuple[int | str, ...]) -> str:
    """The path of a key as it is written in TOML; rows are counted from 1: payout[2].pay_on."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif part != "[key]":  # pydantic's mark of a fault in the name of a key
            name = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


def faults(error: ValidationError) -> dict[str, str]:
    """The faults that pydantic reports: for each path the end of a sentence that begins with it."""
    sentences: dict[str, str] = {}
    for fault in error.errors(include_url=False, include_input=False):
        sentences.setdefault(path(fault["loc"]), _SENTENCES.get(fault["type"], fault["msg"]))
    return sentences
