"""No sentence holds a figure of the programme, of a setting or of a constant: the figure is its argument.

Read are the catalogue, Korean and English, and the messages that leave as SMS. A figure counts only with its unit:
that of 24 hours is found in "24시간" and in "24 hours", not in "24개월".
"""

import ast
import dataclasses
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any

import polib
import pytest
from django.conf import settings

from eligibility import admin as deliveries
from kt_remedy.core import persons, programme
from kt_remedy.identity import alarm, service
from kt_remedy.notices import staff_views as messages
from kt_remedy.notices import texts
from kt_remedy.portal import desk_code
from kt_remedy.staff import lockout
from refunds.accounts import service as accounts
from refunds.applications import deadlines, decision, file_types, queue, representation, reviews, window
from refunds.payouts import invariants, overview
from rewards import sms_campaigns
from tests.conftest import ROOT
from tests.project.test_catalogue import CATALOGUE, PLACEHOLDER, ROOMS

PREFIX = "{prefix}"  # with which the text of a message begins
# Unit: the Korean counters and the English words that follow a number.
UNITS = {
    "hours": ("시간", "hours?"),
    "minutes": ("분", "minutes?"),
    "seconds": ("초", "seconds?"),
    "days": ("일", "days?"),
    "months": ("개월|달", "months?"),
    "years": ("년", "years?"),
    "GB": ("GB|기가", "GB"),
    "MB": ("MB|메가", "MB"),
    "percent": ("%|퍼센트|프로", "%|percent"),
    "age": ("세|살", "years old|or over"),
    "times": ("번|차례|회", "times|tries"),
    "people": ("명|사람", "people|persons"),
    "files": ("개", "files|in all"),
    "rows": ("행|건", "rows?"),
    "characters": ("자", "characters?"),
    "bytes": ("바이트", "bytes?"),
    "round": ("차", "round"),
    "만 won": ("만 ?원", "0,000"),
}
KOREAN = dict(enumerate("한 두 세 네 다섯 여섯 일곱 여덟 아홉 열 열한 열두 열세 열네 열다섯".split(), 1)) | {
    20: "스무",
    24: "스물네",
}
ENGLISH = dict(
    enumerate("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split(), 1)
) | {20: "twenty", 24: "twenty-four", 30: "thirty"}
MONTHS = (
    "Jan(?:uary)? Feb(?:ruary)? Mar(?:ch)? Apr(?:il)? May June? July? Aug(?:ust)? Sep(?:tember)? Oct(?:ober)?"
    " Nov(?:ember)? Dec(?:ember)?"
).split()

# The unit of each whole number of the programme file, by its key.
PROGRAMME_UNITS = {
    "change_hold_hours": "hours",
    "cut_off_days_before": "days",
    "grace_days": "days",
    "round": "round",
    "months": "months",
    "monthly_gb": "GB",
    "bonus_percent": "percent",
    "automatic_from_age": "age",
    "minimum_age": "age",
    "silent_after_days": "days",
    "reminder_gap_days": "days",
}
NO_FIGURE = {"weekday", "weekdays"}

CONSTANTS = {
    "ACCOUNT_WIPE_DAYS": (settings.ACCOUNT_WIPE_DAYS, "days"),
    "QA_SAMPLE_PERCENT": (settings.QA_SAMPLE_PERCENT, "percent"),
    "SMS_UNKNOWN_AFTER_MINUTES": (settings.SMS_UNKNOWN_AFTER_MINUTES, "minutes"),
    "BANK_FILE_MAX_ROWS": (settings.BANK_FILE_MAX_ROWS, "rows"),
    "PASSWORD_LEAST": (settings.PASSWORD_LEAST, "characters"),
    "lockout.FAILURES": (lockout.FAILURES, "times"),
    "lockout.SECONDS": (lockout.SECONDS // 60, "minutes"),
    "ACCOUNT_REAUTHENTICATION_TIMEOUT": (settings.ACCOUNT_REAUTHENTICATION_TIMEOUT // 60, "minutes"),
    "persons.ADULT_AGE": (persons.ADULT_AGE, "age"),
    "identity.IDLE_SECONDS": (service.IDLE_SECONDS // 60, "minutes"),
    "identity.WARN_SECONDS": (service.WARN_SECONDS // 60, "minutes"),
    "identity.ABSOLUTE_SECONDS": (service.ABSOLUTE_SECONDS // 3600, "hours"),
    "identity.RESEND_SECONDS": (service.RESEND_SECONDS, "seconds"),
    "alarm.RECENT": (alarm.RECENT // dt.timedelta(minutes=1), "minutes"),
    "desk_code.CODE_MINUTES": (desk_code.CODE_MINUTES, "minutes"),
    "desk_code.TRIES": (desk_code.TRIES, "times"),
    "texts.SMS_BYTES": (texts.SMS_BYTES, "bytes"),
    "texts.LMS_BYTES": (texts.LMS_BYTES, "bytes"),
    "notices.SHOWN": (messages.SHOWN, "rows"),
    "eligibility.REJECTS_SHOWN": (deliveries.REJECTS_SHOWN, "rows"),
    "accounts.TRIES_A_DAY": (accounts.TRIES_A_DAY, "times"),
    "window.EXTENSION_DAYS": (window.EXTENSION_DAYS, "days"),
    "reviews.HARDSHIP_DAYS": (reviews.HARDSHIP_DAYS, "days"),
    "queue.CASE_LEASE": (queue.CASE_LEASE // dt.timedelta(minutes=1), "minutes"),
    "deadlines.REVIEW_DAYS": (deadlines.REVIEW_DAYS, "days"),
    "deadlines.OBJECTION_DAYS": (deadlines.OBJECTION_DAYS, "days"),
    "deadlines.DOCUMENT_DAYS": (deadlines.DOCUMENT_DAYS, "days"),
    "decision.PERSONS_ON_ONE_ACCOUNT": (decision.PERSONS_ON_ONE_ACCOUNT, "people"),
    "representation.FAMILY_MONTHS": (representation.FAMILY_MONTHS, "months"),
    "DOCUMENT_MAX_MB": (settings.DOCUMENT_MAX_MB, "MB"),
    "DOCUMENT_MAX_TOTAL_MB": (settings.DOCUMENT_MAX_TOTAL_MB, "MB"),
    "file_types.MOST_FILES": (file_types.MOST_FILES, "files"),
    "overview.LARGE_KRW": (overview.LARGE_KRW // 10_000, "만 won"),
    "verify.EVERY": (invariants.EVERY // dt.timedelta(minutes=1), "minutes"),
    "letters.DAYS_BEFORE": (sms_campaigns.DAYS_BEFORE, "days"),
}

# Beginnings of the entries that may hold such a figure, each with its reason.
ALLOWED = {
    "24개월": "a length of contract that a delivery may carry (docs/feed.md), as 12 months are; no perk's",
    "%(phone)s로 인증번호를 보냈습니다. 5분": "the life of a code is the verification agency's, not ours",
    "이미 누르셨거나 정보를 넣으셨다면": "118 answers round the clock",
    "3분쯤 걸립니다.": "how long a person takes, from trials",
    "2년 뒤": "how long the law has records of access kept",
    "내 정보를 보거나, 고치거나, 지우거나,": "the ten days of the Personal Information Protection Act",
    "날짜를 2026-02-03처럼": "an example of how to write a date",
    "그날 0시부터 %(day)s 밤 12시까지": "midnight is the end of every day",
    "여러 회선을 한 번에 신청할 수 있습니다.": "midnight is the end of every day",
    "%(day)s에 고쳤습니다. 석 달마다": "how often KT writes its own plan anew",
    "석 달이 지남": "how often KT writes its own plan anew",
}


def number(value: int, unit: str) -> str:
    """A pattern for a number with its unit, in digits or in words of either language."""
    korean, english = UNITS[unit]
    digits = rf"(?<![\d,.:/~-])(?:{value}|{value:,})"
    words = rf"(?<![가-힣]){KOREAN[value]}" if value in KOREAN else digits
    spelt = rf"\b{ENGLISH[value]}" if value in ENGLISH else digits
    found = rf"(?:{digits}|{words})\s?(?:{korean})|(?:{digits}|{spelt})[\s-]?(?:{english})(?![a-z])"
    if unit == "age":
        found += rf"|\b(?:age|aged|under|over|at|age of) {value}\b(?! ?(?:%|minutes|days|hours))"
    if unit == "months" and value % 12 == 0:
        found += "|" + number(value // 12, "years")
    return found


def day(value: dt.date) -> str:
    """A pattern for a date, whole or by its month alone, as either language writes it."""
    english = MONTHS[value.month - 1]
    return (
        rf"(?<!\d){value.month}월|(?<!\d){value.month}/{value.day}(?!\d)|{value:%Y-%m-%d}|{value:%Y%m%d}"
        rf"|\b{value.day} {english}\b|\b{english} {value.day}\b|\b(?:in|from|since|until|to|by|of) {english}\b"
    )


def hour(value: dt.time) -> str:
    """A pattern for a time of day, by 24 and by 12 hours."""
    twelve = value.hour % 12 or 12
    half, name = ("a", "오전|아침|새벽") if value.hour < 12 else ("p", "오후|저녁|밤")
    return (
        rf"(?<!\d)0?{value.hour}:{value:%M}(?!\d)|(?<!\d){value.hour}시(?!간)|(?:{name}) {twelve}시(?!간)"
        rf"|(?<!\d){twelve}(?::{value:%M})? ?{half}\.?m\b"
    )


def phone(value: str) -> str:
    """A pattern for a telephone number, however it is cut into parts."""
    return r"(?<!\d)" + r"[- .]?".join(character for character in value if character.isdigit()) + r"(?!\d)"


def patterns(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Key and pattern of every figure below a value of the programme."""
    name = re.sub(r"\[\d+\]$", "", key).rpartition(".")[2]
    if dataclasses.is_dataclass(value):
        for one in dataclasses.fields(value):
            yield from patterns(getattr(value, one.name), f"{key}.{one.name}" if key else one.name)
    elif isinstance(value, tuple):
        for place, one in enumerate(value):
            yield from patterns(one, f"{key}[{place}]")
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from patterns(one, key)
    elif isinstance(value, dt.datetime):
        yield key, f"{day(value.date())}|{hour(value.time())}"
    elif isinstance(value, dt.date):
        yield key, day(value)
    elif isinstance(value, dt.time):
        yield key, hour(value)
    elif name in {"hotline", "sender"}:
        yield key, phone(value)
    elif isinstance(value, int) and not isinstance(value, bool) and name not in NO_FIGURE:
        yield key, number(value, PROGRAMME_UNITS[name])


FIGURES = [
    (key, re.compile(pattern, re.IGNORECASE))
    for key, pattern in [
        *patterns(programme.load(programme.DEFAULT_FILE), ""),
        *((key, number(value, unit)) for key, (value, unit) in CONSTANTS.items()),
    ]
]


def figures_in(text: str) -> list[str]:
    """The keys of the figures that a sentence states by itself; its arguments do not count."""
    bare = PLACEHOLDER.sub("…", text.replace("%%", "%").replace("\u00a0", " ").replace("\u2060", ""))
    return [key for key, pattern in FIGURES if pattern.search(bare)]


def messages_in_code() -> Iterator[str]:
    """The texts of SMS as the modules write them, with … for what is filled in."""
    for path in (path for room in ROOMS for path in ROOT.glob(f"{room}/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            text = "".join(
                part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "…" for part in parts
            )
            if text.startswith(PREFIX) and len(text) > len(PREFIX):
                yield text


def test_no_sentence_states_a_figure_of_its_own():
    entries = [(entry.msgid, f"{entry.msgid}\n{entry.msgstr}") for entry in polib.pofile(str(CATALOGUE / "django.po"))]
    sent = [(text, text) for text in messages_in_code()]
    assert len(sent) > 40
    stated = {name: keys for name, text in entries + sent if (keys := figures_in(text))}
    used = {start for name in stated for start in ALLOWED if name.startswith(start)}
    assert {name: keys for name, keys in stated.items() if not name.startswith(tuple(ALLOWED))} == {}
    assert ALLOWED.keys() - used == set(), "these state no figure any more"


@pytest.mark.parametrize(
    ("sentence", "key"),
    [
        ("바꾸신 뒤 24시간 동안 지급하지 않습니다.", "applications.change_hold_hours"),
        ("Nothing is paid for twenty-four hours.", "applications.change_hold_hours"),
        ("1월\u00a013일이 끝날 때 쓰고 계시면", "rewards.base_date"),
        ("In service at the end of 13 January", "rewards.base_date"),
        ("왜 9월부터 새로 맺은 약정은", "waiver.contract_before"),
        ("2026-02-05에 입금됩니다", "payouts[1].pay_on"),
        ("문의 080-470-7790", "hotline"),
        ("문자는 아침 9시부터", "notices.send_from"),
        ("until 8 p.m.", "notices.send_until"),
        ("데이터 매월 100GB", "perks[0].monthly_gb"),
        ("로밍 데이터 50%% 더", "perks[1].bonus_percent"),
        ("만 65세 이상", "perks[4].automatic_from_age"),
        ("Two years of insurance", "perks[4].months"),
        ("안심 보험 2년", "perks[4].months"),
        ("지급이 끝나고 180일 뒤", "ACCOUNT_WIPE_DAYS"),
        ("그 이유가 끝난 뒤 14일 안에", "reviews.HARDSHIP_DAYS"),
        ("다섯 번 틀렸습니다", "desk_code.TRIES"),
        ("Under 19 a guardian applies", "persons.ADULT_AGE"),
        ("2,000바이트까지", "texts.LMS_BYTES"),
    ],
)
def test_a_planted_figure_is_found(sentence, key):
    assert key in figures_in(sentence)


@pytest.mark.parametrize(
    "sentence", ["%(hours)s시간", "{{ hours }} hours", "25시간", "124시간", "11월 3일", "1985년 3월 15일", "010", "118"]
)
def test_other_figures_are_not(sentence):
    assert figures_in(sentence) == []
