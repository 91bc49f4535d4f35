"""The programme as data: `programme.toml`, read once, checked, frozen.

Every date, exclusion and amount the announcement fixes stands in that file and nowhere in the code. pydantic turns it
into the frozen dataclasses below. All faults of a file are named at once, each by the path of its key: unknown and
missing keys, wrong types, contradictions. This module knows no Django, no clock and no database.

To add a table: write its class, and add it to `_Document` under its name in TOML and to `Programme`.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, time
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from kt_remedy.core import toml_values
from kt_remedy.core.toml_values import (
    BusinessNumber,
    Code,
    Codes,
    Day,
    Flag,
    HomePage,
    Instant,
    MessagePrefix,
    Months,
    Number,
    PhoneNumber,
    Positive,
    ReferencePrefix,
    Text,
    TimeOfDay,
    Weekday,
    Zone,
    must,
)

# The own code of a carrier whose programme file names none (docs/feed.md).
DEFAULT_NETWORK = "KT"
DEFAULT_FILE = Path(__file__).with_name("programme.toml")


class ProgrammeError(Exception):
    """The programme file cannot be used. `faults` holds one sentence for each fault; as text they stand one a line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(self.faults)


# The tables ----------------------------------------------------------------------------------------------
#
# Dataclasses of the standard library: the rules read their attributes millions of times, and slots are the fastest.

_table = with_config(ConfigDict(extra="forbid"))
_ROWS = must("be a list of tables")


@_table
@dataclass(frozen=True, slots=True)
class Carrier:
    """[carrier]: whose programme it is, as its pages, messages and references say.

    `short_name` stands in sentences of both languages, in Korean with the particles of a vowel. Each message begins
    with `message_prefix`, each reference with `reference_prefix`, and `network` is the carrier's own code in a delivery
    (docs/feed.md). The other values are shown where the file has them.
    """

    name_ko: Text
    name_en: Text
    short_name: Text
    message_prefix: MessagePrefix
    reference_prefix: ReferencePrefix
    network: Code = DEFAULT_NETWORK
    home_page: HomePage = ""
    hotline_hours_ko: Text | None = None
    hotline_hours_en: Text | None = None
    privacy_officer_ko: Text | None = None
    privacy_officer_en: Text | None = None
    address_ko: Text | None = None
    address_en: Text | None = None
    business_number: BusinessNumber = ""


def _carrier_of(code: str) -> Carrier:
    """The carrier of a file without [carrier]: what stands before the first hyphen of the programme's code."""
    name = code.split("-", maxsplit=1)[0]
    return Carrier(name, name, name, f"[{name}]", name)


@_table
@dataclass(frozen=True, slots=True)
class Waiver:
    """[waiver]: whose early-termination penalty is waived. Dates are local and inclusive at both ends."""

    terminated_from: Day
    forward_from: Day
    terminated_to: Day
    contract_before: Day
    excluded_events: Codes
    review_events: Codes
    excluded_networks: Codes
    excluded_products: Codes
    excluded_termination_reasons: Codes
    exclude_rejoined: Flag
    refundable_items: Codes
    non_refundable_items: Codes


@_table
@dataclass(frozen=True, slots=True)
class Penalty:
    """[penalty]: days of grace by length of the commitment in months."""

    grace_days: Annotated[Mapping[Months, Number], must("be a table of months and days")] = field(hash=False)


@_table
@dataclass(frozen=True, slots=True)
class Applications:
    """[applications]: when and where one may apply."""

    opens: Day
    closes: Day
    channels: Codes
    late_cured_until: Day
    late_accepted_until: Day
    change_hold_hours: Number


@_table
@dataclass(frozen=True, slots=True)
class Payout:
    """[[payout]]: one pay day and the terminations and applications it is for. The first row that fits counts."""

    pay_on: Day
    terminated_from: Day
    terminated_to: Day
    applied_from: Day
    applied_to: Day
    cut_off: Instant


@_table
@dataclass(frozen=True, slots=True)
class Supplementary:
    """[supplementary_payouts]: the weekly rounds after the fixed ones. `weekday` as date.weekday(), Monday is 0."""

    weekday: Weekday
    cut_off_days_before: Number
    cut_off_time: TimeOfDay
    until: Day


@_table
@dataclass(frozen=True, slots=True)
class Deliveries:
    """[deliveries]: when billing is expected to deliver; a payment is known by the next delivery after its day.

    `weekdays` as date.weekday(), Monday is 0. A file without this table means a delivery every morning.
    A delivery that an act of a day needs and that is not loaded by `late_at` is an alarm (D-67), and so is a last
    delivery that is more than `silent_after_days` old while an act still needs one.
    """

    weekdays: Annotated[tuple[Weekday, ...], must("be a list of weekdays")] = tuple(range(7))
    at: TimeOfDay = time(5)
    late_at: TimeOfDay = time(12)
    silent_after_days: Positive = 8


@_table
@dataclass(frozen=True, slots=True)
class Reminder:
    """[[reminder]]: a round of notices to those who have not applied."""

    round: Positive
    send_on: Day


@_table
@dataclass(frozen=True, slots=True)
class Notices:
    """[notices]: hours of the day in which messages may leave, the registered sender number, and the fewest days
    between two reminders to one person (D-68)."""

    send_from: TimeOfDay
    send_until: TimeOfDay
    sender: PhoneNumber
    reminder_gap_days: Number = 2


@_table
@dataclass(frozen=True, slots=True)
class Rewards:
    """[rewards]: in service at the end of `base_date`."""

    base_date: Day
    excluded_networks: Codes


@_table
@dataclass(frozen=True, slots=True)
class Choice:
    """One service of a perk that lets the customer choose."""

    code: Code
    name: Text
    minimum_age: Number | None = None


@_table
@dataclass(frozen=True, slots=True)
class Perk:
    """[[perk]]: one reward. It runs for `months` or to `ends`; every other value the file omits is None or empty."""

    code: Code
    mode: Annotated[Literal["AUTOMATIC", "CHOICE", "APPLICATION"], must("be one of AUTOMATIC, CHOICE, APPLICATION")]
    unit: Annotated[Literal["LINE", "PERSON"], must("be one of LINE, PERSON")]
    starts: Day
    name_ko: Text | None = None  # for a perk whose values below say not enough
    name_en: Text | None = None
    months: Positive | None = None
    ends: Day | None = None
    excluded_products: Codes = ()
    skipped_while: Codes = ()
    skipped_once: Flag = False  # the state on the base date decides for all months (D-48, the strict reading)
    choices: Annotated[tuple[Choice, ...], _ROWS] = ()
    choose_until: Day | None = None
    categories: Codes = ()
    covers: Codes = ()
    automatic_from_age: Number | None = None
    monthly_gb: Number | None = None
    bonus_percent: Number | None = None


@_table
@dataclass(frozen=True, slots=True)
class _Head:
    """[programme]: its attributes are those of `Programme` itself."""

    code: Code
    name_ko: Text
    name_en: Text
    timezone: Zone
    hotline: Text
    lookup_opens: Day


@_table
@dataclass(frozen=True, slots=True)
class _Document:
    """The file as it is written: the names of the attributes are the names of the tables in TOML."""

    programme: _Head
    waiver: Waiver
    penalty: Penalty
    applications: Applications
    supplementary_payouts: Supplementary
    notices: Notices
    rewards: Rewards
    carrier: Carrier | None = None
    deliveries: Deliveries = Deliveries()
    payout: Annotated[tuple[Payout, ...], _ROWS] = ()
    reminder: Annotated[tuple[Reminder, ...], _ROWS] = ()
    perk: Annotated[tuple[Perk, ...], _ROWS] = ()


_DOCUMENT = TypeAdapter(_Document)


@dataclass(frozen=True, slots=True)
class Programme:
    """The whole programme. `version` is the SHA-256 of what a verdict depends on: [waiver] and [penalty]."""

    code: str
    name_ko: str
    name_en: str
    timezone: str
    hotline: str
    lookup_opens: date
    carrier: Carrier
    waiver: Waiver
    penalty: Penalty
    applications: Applications
    payouts: tuple[Payout, ...]
    supplementary: Supplementary
    deliveries: Deliveries
    reminders: tuple[Reminder, ...]
    notices: Notices
    rewards: Rewards
    perks: tuple[Perk, ...]
    version: str

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which instants become calendar dates (D-01)."""
        return ZoneInfo(self.timezone)


# Faults --------------------------------------------------------------------------------------------------


class _Table(NamedTuple):
    """One table of the document: its path, its keys, and the values that are not at fault by themselves."""

    path: str
    keys: frozenset[str]
    values: dict[str, Any]

    def in_order(self, first: str, last: str) -> Iterator[str]:
        one, other = self.values.get(first), self.values.get(last)
        if one is not None and other is not None and one > other:
            yield f"{self.path}.{first} ({one}) is after {self.path}.{last} ({other})"

    def apart(self, first: str, last: str) -> Iterator[str]:
        for code in self.values.get(first, ()):
            if code in self.values.get(last, ()):
                yield f"{code} stands in both {self.path}.{first} and {self.path}.{last}"


def _unique(tables: list[_Table], key: str) -> Iterator[str]:
    first: dict[Any, str] = {}
    for table in tables:
        if (value := table.values.get(key)) is None:
            continue
        if value in first:
            yield f"{table.path}.{key} ({value}) is the same as {first[value]}.{key}"
        first.setdefault(value, table.path)


def _contradictions(data: Mapping[str, Any], at_fault: set[str]) -> Iterator[str]:
    """Faults between two values. They are sought in the document itself, so that a fault elsewhere hides none of them;
    a value whose path is `at_fault` is left out."""

    def tables(holder: Mapping[str, Any], name: str, path: str = "") -> list[_Table]:
        path = f"{path}.{name}" if path else name
        if name not in holder or path in at_fault:
            return []
        rows = {path: holder[name]}
        if isinstance(holder[name], list):
            rows = {f"{path}[{number}]": row for number, row in enumerate(holder[name], 1)}
        return [
            _Table(at, frozenset(row), {key: row[key] for key in row if f"{at}.{key}" not in at_fault})
            for at, row in rows.items()
            if at not in at_fault
        ]

    for table in tables(data, "waiver"):
        yield from table.in_order("terminated_from", "terminated_to")
        yield from table.apart("excluded_events", "review_events")
        yield from table.apart("refundable_items", "non_refundable_items")
    for table in tables(data, "penalty"):
        for months in ("12", "24"):  # the lengths a delivery may carry
            if months not in table.values.get("grace_days", (months,)):
                yield f"{table.path}.grace_days.{months} is missing"
    for table in tables(data, "applications"):
        yield from table.in_order("opens", "closes")
        yield from table.in_order("late_cured_until", "late_accepted_until")
    zones = [ZoneInfo(table.values["timezone"]) for table in tables(data, "programme") if "timezone" in table.values]
    for table in tables(data, "payout"):
        yield from table.in_order("terminated_from", "terminated_to")
        yield from table.in_order("applied_from", "applied_to")
        if zones and "cut_off" in table.values:
            table.values["cut_off"] = table.values["cut_off"].astimezone(zones[0]).date()
            yield from table.in_order("cut_off", "pay_on")
    for table in tables(data, "notices"):
        yield from table.in_order("send_from", "send_until")
    yield from _unique(tables(data, "reminder"), "round")
    perks = tables(data, "perk")
    for table in perks:
        if {"months", "ends"} <= table.keys or not {"months", "ends"} & table.keys:
            yield f"{table.path}.months or {table.path}.ends must stand there, and not both"
        yield from table.in_order("starts", "ends")
        yield from table.in_order("starts", "choose_until")
        yield from _unique(tables(table.values, "choices", table.path), "code")
    yield from _unique(perks, "code")


# Reading -------------------------------------------------------------------------------------------------


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
    """Return the programme that a parsed TOML document states; raise ProgrammeError naming every key at fault."""
    faults: dict[str, str] = {}
    try:
        document = _DOCUMENT.validate_python(data)
    except ValidationError as error:
        faults = toml_values.faults(error)
    sentences = [f"{path} {sentence}" for path, sentence in faults.items()]
    sentences += _contradictions(data, set(faults))
    if sentences:
        raise ProgrammeError(sentences)
    return Programme(
        **{item.name: getattr(document.programme, item.name) for item in fields(_Head)},
        carrier=document.carrier or _carrier_of(document.programme.code),
        waiver=document.waiver,
        penalty=document.penalty,
        applications=document.applications,
        payouts=document.payout,
        supplementary=document.supplementary_payouts,
        deliveries=document.deliveries,
        reminders=document.reminder,
        notices=document.notices,
        rewards=document.rewards,
        perks=document.perk,
        version=_version(document.waiver, document.penalty),
    )


def load(path: str | os.PathLike[str]) -> Programme:
    """Read and check one programme file; raise ProgrammeError with a sentence for each fault, naming file and key."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProgrammeError([f"programme file {path} is not UTF-8"]) from None
    except OSError as error:
        raise ProgrammeError([f"programme file {path} cannot be read: {error.strerror or error}"]) from None
    try:
        return parse(tomllib.loads(text.replace("\r\n", "\n")))
    except tomllib.TOMLDecodeError as error:
        raise ProgrammeError([f"programme file {path} is not TOML: {error}"]) from None
    except ProgrammeError as error:
        raise ProgrammeError([f"programme file {path}: {fault}" for fault in error.faults]) from None


@lru_cache(maxsize=1)
def current() -> Programme:
    """The programme this installation runs: PROGRAMME_FILE, or the file beside this module. Read once."""
    return load(os.environ.get("PROGRAMME_FILE") or DEFAULT_FILE)
