"""The programme as data: `programme.toml`, read once, checked, frozen.

Every date, exclusion and amount the announcement fixes stands in that file and nowhere in the code. This module
turns it into typed values and refuses, by the name of the key, whatever it cannot mean: unknown and missing keys,
wrong types, contradictions. It knows no Django, no clock and no database.
"""

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

DEFAULT_FILE = Path(__file__).with_name("programme.toml")
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
PERK_MODES = ("AUTOMATIC", "CHOICE", "APPLICATION")
PERK_UNITS = ("LINE", "PERSON")

_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,39}", re.ASCII)
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


class ProgrammeError(Exception):
    """The programme file cannot be used; the message is one sentence that names the file and the key."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """[waiver]: whose early-termination penalty is waived. Dates are local and inclusive at both ends."""

    terminated_from: date
    forward_from: date
    terminated_to: date
    contract_before: date
    excluded_events: tuple[str, ...]
    review_events: tuple[str, ...]
    excluded_networks: tuple[str, ...]
    excluded_products: tuple[str, ...]
    excluded_termination_reasons: tuple[str, ...]
    exclude_rejoined: bool
    refundable_items: tuple[str, ...]
    non_refundable_items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Penalty:
    """[penalty]: days of grace by length of the commitment in months."""

    grace_days: Mapping[int, int] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Applications:
    """[applications]: when and where one may apply."""

    opens: date
    closes: date
    channels: tuple[str, ...]
    late_cured_until: date
    late_accepted_until: date
    change_hold_hours: int


@dataclass(frozen=True, slots=True)
class Payout:
    """[[payout]]: one pay day and the terminations and applications it is for. The first row that fits counts."""

    pay_on: date
    terminated_from: date
    terminated_to: date
    applied_from: date
    applied_to: date
    cut_off: datetime


@dataclass(frozen=True, slots=True)
class Supplementary:
    """[supplementary_payouts]: the weekly rounds after the fixed ones. `weekday` as date.weekday(), Monday is 0."""

    weekday: int
    cut_off_days_before: int
    cut_off_time: time
    until: date


@dataclass(frozen=True, slots=True)
class Reminder:
    """[[reminder]]: a round of notices to those who have not applied."""

    round: int
    send_on: date


@dataclass(frozen=True, slots=True)
class Notices:
    """[notices]: hours of the day in which messages may leave, and the registered sender number."""

    send_from: time
    send_until: time
    sender: str


@dataclass(frozen=True, slots=True)
class Rewards:
    """[rewards]: in service at the end of `base_date`."""

    base_date: date
    excluded_networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One service of a perk that lets the customer choose."""

    code: str
    name: str
    minimum_age: int | None


@dataclass(frozen=True, slots=True)
class Perk:
    """[[perk]]: one reward. It runs for `months` or to `ends`; whatever the file leaves out is None or empty."""

    code: str
    mode: str
    unit: str
    starts: date
    months: int | None
    ends: date | None
    excluded_products: tuple[str, ...]
    skipped_while: tuple[str, ...]
    skipped_once: bool  # the state on the base date decides for all months (D-48, the strict reading)
    choices: tuple[Choice, ...]
    choose_until: date | None
    categories: tuple[str, ...]
    covers: tuple[str, ...]
    automatic_from_age: int | None
    monthly_gb: int | None
    bonus_percent: int | None


@dataclass(frozen=True, slots=True)
class Programme:
    """The whole programme. `version` is the SHA-256 of what a verdict depends on: [waiver] and [penalty]."""

    code: str
    name_ko: str
    name_en: str
    timezone: str
    hotline: str
    lookup_opens: date
    waiver: Waiver
    penalty: Penalty
    applications: Applications
    payouts: tuple[Payout, ...]
    supplementary: Supplementary
    reminders: tuple[Reminder, ...]
    notices: Notices
    rewards: Rewards
    perks: tuple[Perk, ...]
    version: str

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which instants become calendar dates (D-01)."""
        return ZoneInfo(self.timezone)


class _Table:
    """One TOML table being read: every key is taken once, `done()` refuses what was not."""

    def __init__(self, data: Any, name: str) -> None:
        if not isinstance(data, dict):
            raise ProgrammeError(f"{name} must be a table")
        self._left = dict(data)
        self._name = name

    def key(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key

    def take(self, key: str, kind: str, check: Callable[[Any], bool], optional: bool = False) -> Any:
        if key not in self._left:
            if optional:
                return None
            raise ProgrammeError(f"{self.key(key)} is missing")
        value = self._left.pop(key)
        if not check(value):
            raise ProgrammeError(f"{self.key(key)} must be {kind}")
        return value

    def text(self, key: str) -> str:
        return self.take(key, "a text that is not empty", lambda v: isinstance(v, str) and bool(v.strip()))

    def code(self, key: str) -> str:
        return self.take(key, "a code of capital letters, digits, _ and -", _is_code)

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        return self.take(key, f"one of {', '.join(allowed)}", lambda v: isinstance(v, str) and v in allowed)

    def day(self, key: str, optional: bool = False) -> Any:
        return self.take(key, "a date such as 2026-01-13", _is_date, optional)

    def instant(self, key: str) -> datetime:
        return self.take(
            key,
            "a time with its offset, such as 2026-01-20T18:00:00+09:00",
            lambda v: isinstance(v, datetime) and v.utcoffset() is not None,
        )

    def time_of_day(self, key: str) -> time:
        text = self.take(
            key, 'a time of day such as "09:00"', lambda v: isinstance(v, str) and bool(_TIME_OF_DAY.fullmatch(v))
        )
        return time.fromisoformat(text)

    def flag(self, key: str) -> bool:
        return self.take(key, "true or false", lambda v: isinstance(v, bool))

    def number(self, key: str, optional: bool = False, least: int = 0) -> Any:
        return self.take(key, f"a whole number, {least} or more", lambda v: _is_int(v) and v >= least, optional)

    def codes(self, key: str, optional: bool = False) -> tuple[str, ...]:
        value = self.take(
            key, "a list of codes", lambda v: isinstance(v, list) and all(_is_code(item) for item in v), optional
        )
        return tuple(value or ())

    def table(self, key: str) -> "_Table":
        return _Table(self.take(key, "a table", lambda v: isinstance(v, dict)), self.key(key))

    def tables(self, key: str) -> list["_Table"]:
        rows = self.take(key, "a list of tables", lambda v: isinstance(v, list), optional=True) or []
        return [_Table(row, f"{self.key(key)}[{number}]") for number, row in enumerate(rows, 1)]

    def done(self) -> None:
        if self._left:
            raise ProgrammeError(f"{self.key(min(self._left))} is not a known key")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_date(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and bool(_CODE.fullmatch(value))


def _in_order(table: _Table, first: str, first_value: Any, last: str, last_value: Any) -> None:
    if first_value > last_value:
        raise ProgrammeError(f"{table.key(first)} ({first_value}) is after {table.key(last)} ({last_value})")


def _apart(table: _Table, one: str, ones: tuple[str, ...], other: str, others: tuple[str, ...]) -> None:
    for code in ones:
        if code in others:
            raise ProgrammeError(f"{code} stands in both {table.key(one)} and {table.key(other)}")


def _unique(table: _Table, key: str, values: list[Any]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ProgrammeError(f"{table.key(key)} {value} stands there twice")


def _waiver(table: _Table) -> Waiver:
    waiver = Waiver(
        terminated_from=table.day("terminated_from"),
        forward_from=table.day("forward_from"),
        terminated_to=table.day("terminated_to"),
        contract_before=table.day("contract_before"),
        excluded_events=table.codes("excluded_events"),
        review_events=table.codes("review_events"),
        excluded_networks=table.codes("excluded_networks"),
        excluded_products=table.codes("excluded_products"),
        excluded_termination_reasons=table.codes("excluded_termination_reasons"),
        exclude_rejoined=table.flag("exclude_rejoined"),
        refundable_items=table.codes("refundable_items"),
        non_refundable_items=table.codes("non_refundable_items"),
    )
    table.done()
    _in_order(table, "terminated_from", waiver.terminated_from, "terminated_to", waiver.terminated_to)
    _apart(table, "excluded_events", waiver.excluded_events, "review_events", waiver.review_events)
    _apart(table, "refundable_items", waiver.refundable_items, "non_refundable_items", waiver.non_refundable_items)
    return waiver


def _penalty(table: _Table) -> Penalty:
    grace = table.take("grace_days", "a table of months and days", lambda v: isinstance(v, dict))
    days: dict[int, int] = {}
    for months, value in grace.items():
        key = f"{table.key('grace_days')}.{months}"
        if not re.fullmatch(r"[1-9][0-9]{0,2}", months):
            raise ProgrammeError(f"{key} must be named by a number of months")
        if not _is_int(value) or value < 0:
            raise ProgrammeError(f"{key} must be a whole number of days, 0 or more")
        days[int(months)] = value
    for months in (12, 24):  # the lengths a delivery may carry
        if months not in days:
            raise ProgrammeError(f"{table.key('grace_days')}.{months} is missing")
    table.done()
    return Penalty(grace_days=days)


def _applications(table: _Table) -> Applications:
    applications = Applications(
        opens=table.day("opens"),
        closes=table.day("closes"),
        channels=table.codes("channels"),
        late_cured_until=table.day("late_cured_until"),
        late_accepted_until=table.day("late_accepted_until"),
        change_hold_hours=table.number("change_hold_hours"),
    )
    table.done()
    _in_order(table, "opens", applications.opens, "closes", applications.closes)
    _in_order(
        table,
        "late_cured_until",
        applications.late_cured_until,
        "late_accepted_until",
        applications.late_accepted_until,
    )
    return applications


def _payout(table: _Table, zone: ZoneInfo) -> Payout:
    payout = Payout(
        pay_on=table.day("pay_on"),
        terminated_from=table.day("terminated_from"),
        terminated_to=table.day("terminated_to"),
        applied_from=table.day("applied_from"),
        applied_to=table.day("applied_to"),
        cut_off=table.instant("cut_off"),
    )
    table.done()
    _in_order(table, "terminated_from", payout.terminated_from, "terminated_to", payout.terminated_to)
    _in_order(table, "applied_from", payout.applied_from, "applied_to", payout.applied_to)
    _in_order(table, "cut_off", payout.cut_off.astimezone(zone).date(), "pay_on", payout.pay_on)
    return payout


def _supplementary(table: _Table) -> Supplementary:
    supplementary = Supplementary(
        weekday=WEEKDAYS.index(table.one_of("weekday", WEEKDAYS)),
        cut_off_days_before=table.number("cut_off_days_before"),
        cut_off_time=table.time_of_day("cut_off_time"),
        until=table.day("until"),
    )
    table.done()
    return supplementary


def _reminder(table: _Table) -> Reminder:
    reminder = Reminder(round=table.number("round", least=1), send_on=table.day("send_on"))
    table.done()
    return reminder


def _notices(table: _Table) -> Notices:
    notices = Notices(
        send_from=table.time_of_day("send_from"),
        send_until=table.time_of_day("send_until"),
        sender=table.take(
            "sender", "a telephone number, digits only", lambda v: isinstance(v, str) and v.isascii() and v.isdigit()
        ),
    )
    table.done()
    _in_order(table, "send_from", notices.send_from, "send_until", notices.send_until)
    return notices


def _rewards(table: _Table) -> Rewards:
    rewards = Rewards(base_date=table.day("base_date"), excluded_networks=table.codes("excluded_networks"))
    table.done()
    return rewards


def _choice(table: _Table) -> Choice:
    choice = Choice(
        code=table.code("code"), name=table.text("name"), minimum_age=table.number("minimum_age", optional=True)
    )
    table.done()
    return choice


def _perk(table: _Table) -> Perk:
    perk = Perk(
        code=table.code("code"),
        mode=table.one_of("mode", PERK_MODES),
        unit=table.one_of("unit", PERK_UNITS),
        starts=table.day("starts"),
        months=table.number("months", optional=True, least=1),
        ends=table.day("ends", optional=True),
        excluded_products=table.codes("excluded_products", optional=True),
        skipped_while=table.codes("skipped_while", optional=True),
        skipped_once=bool(table.take("skipped_once", "true or false", lambda v: isinstance(v, bool), optional=True)),
        choices=tuple(_choice(choice) for choice in table.tables("choices")),
        choose_until=table.day("choose_until", optional=True),
        categories=table.codes("categories", optional=True),
        covers=table.codes("covers", optional=True),
        automatic_from_age=table.number("automatic_from_age", optional=True),
        monthly_gb=table.number("monthly_gb", optional=True),
        bonus_percent=table.number("bonus_percent", optional=True),
    )
    table.done()
    if (perk.months is None) == (perk.ends is None):
        raise ProgrammeError(f"{table.key('months')} or {table.key('ends')} must stand there, and not both")
    if perk.ends is not None:
        _in_order(table, "starts", perk.starts, "ends", perk.ends)
    if perk.choose_until is not None:
        _in_order(table, "starts", perk.starts, "choose_until", perk.choose_until)
    _unique(table, "choices.code", [choice.code for choice in perk.choices])
    return perk


def _zone(table: _Table) -> str:
    name = table.text("timezone")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ProgrammeError(f"{table.key('timezone')} ({name}) is not a known time zone") from None
    return name


def _version(waiver: Waiver, penalty: Penalty) -> str:
    """SHA-256 of what verdicts depend on, the same for two files that differ in layout or order only."""
    canonical = {
        "waiver": {
            name: sorted(value) if isinstance(value, tuple) else str(value)
            for name in Waiver.__slots__
            for value in (getattr(waiver, name),)
        },
        "penalty": {"grace_days": {str(months): days for months, days in penalty.grace_days.items()}},
    }
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def parse(data: Mapping[str, Any]) -> Programme:
    """Return the programme that a parsed TOML document states; raise ProgrammeError naming the key at fault."""
    root = _Table(data, "")
    head = root.table("programme")
    code = head.code("code")
    name_ko, name_en = head.text("name_ko"), head.text("name_en")
    timezone, hotline, lookup_opens = _zone(head), head.text("hotline"), head.day("lookup_opens")
    head.done()
    waiver, penalty = _waiver(root.table("waiver")), _penalty(root.table("penalty"))
    programme = Programme(
        code=code,
        name_ko=name_ko,
        name_en=name_en,
        timezone=timezone,
        hotline=hotline,
        lookup_opens=lookup_opens,
        waiver=waiver,
        penalty=penalty,
        applications=_applications(root.table("applications")),
        payouts=tuple(_payout(row, ZoneInfo(timezone)) for row in root.tables("payout")),
        supplementary=_supplementary(root.table("supplementary_payouts")),
        reminders=tuple(_reminder(row) for row in root.tables("reminder")),
        notices=_notices(root.table("notices")),
        rewards=_rewards(root.table("rewards")),
        perks=tuple(_perk(row) for row in root.tables("perk")),
        version=_version(waiver, penalty),
    )
    root.done()
    _unique(root, "reminder.round", [reminder.round for reminder in programme.reminders])
    _unique(root, "perk.code", [perk.code for perk in programme.perks])
    return programme


def load(path: str | os.PathLike[str]) -> Programme:
    """Read and check one programme file; raise ProgrammeError with one sentence that names file and key."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProgrammeError(f"programme file {path} is not UTF-8") from None
    except OSError as error:
        raise ProgrammeError(f"programme file {path} cannot be read: {error.strerror or error}") from None
    try:
        return parse(tomllib.loads(text.replace("\r\n", "\n")))
    except tomllib.TOMLDecodeError as error:
        raise ProgrammeError(f"programme file {path} is not TOML: {error}") from None
    except ProgrammeError as error:
        raise ProgrammeError(f"programme file {path}: {error}") from None


@lru_cache(maxsize=1)
def current() -> Programme:
    """The programme this installation runs: PROGRAMME_FILE, or the file beside this module. Read once."""
    return load(os.environ.get("PROGRAMME_FILE") or DEFAULT_FILE)
