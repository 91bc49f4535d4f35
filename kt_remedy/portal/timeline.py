"""Dates of the programme for pages: moments, phases and pay days. Pure: today is an argument."""

import calendar
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from kt_remedy.core import clock
from kt_remedy.core.programme import Payout, Perk, Programme
from kt_remedy.core.templatetags.remedy import kday, kmonth
from kt_remedy.portal.programme_words import Words
from refunds.applications.reviews import HARDSHIP_DAYS
from rewards.templatetags.perks import perk_name

_MORNING = dt.time(9)


@dataclass(frozen=True, slots=True)
class Moment:
    """An event of the programme at a fixed instant; `at` is an aware datetime."""

    key: str
    at: dt.datetime
    title: str


@dataclass(frozen=True, slots=True)
class TimelineDate:
    """One date on the timeline of the home page; `state` is done, now or next."""

    date: dt.date
    title: str
    text: str
    state: str


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """One row of the table of pay days: termination, application, pay day."""

    left: str
    applied: str
    pay_on: dt.date
    # today: an application today is paid then; always: any day of application; tomorrow: paid on the next day;
    # sending: its day has come and answers are missing; sent: all is settled; "" otherwise
    state: str


def phase(programme: Programme, today: dt.date) -> str:
    """Phase of the programme: before, lookup (no applications yet), open, late (after the deadline) or over."""
    window = programme.applications
    if today < programme.lookup_opens:
        return "before"
    if today < window.opens:
        return "lookup"
    if today <= window.closes:
        return "open"
    return "late" if today <= window.late_accepted_until else "over"


def moments(programme: Programme) -> list[Moment]:
    """The days of the programme in order on which nothing runs: opening, last days, end of a perk.

    The calendar has dated tasks and payout rounds for everything else.
    """
    window, waiver = programme.applications, programme.waiver
    rows = [
        Moment("lookup", clock.kst(programme.lookup_opens, _MORNING), _("조회 시작")),
        Moment("waiver-ends", clock.kst(waiver.terminated_to, _MORNING), _("위약금 없는 해지 마지막 날")),
        Moment("opens", clock.kst(window.opens, _MORNING), _("환급 신청 시작")),
        Moment("closes", clock.kst(window.closes, _MORNING), _("환급 신청 마지막 날")),
        Moment("closed", clock.kst(window.closes + dt.timedelta(days=1)), _("환급 신청 마감")),
    ]
    for perk in programme.perks:
        if perk.choose_until:
            last_day = clock.kst(perk.choose_until, _MORNING)
            rows.append(Moment(f"choose-{perk.code}", last_day, _("영상 서비스 고르기 마지막 날")))
        if perk.ends:
            title = _last_title(perk)
            rows.append(Moment(f"ends-{perk.code}", clock.kst(perk.ends, _MORNING), title))
            after = clock.kst(perk.ends + dt.timedelta(days=1))
            rows.append(Moment(f"ended-{perk.code}", after, _end_title(perk)))
    return sorted(rows, key=lambda moment: moment.at)


def overview(programme: Programme, today: dt.date, settled: Mapping[dt.date, bool]) -> dict[str, object]:
    """Template context of the home page for this day (KST).

    `settled`: pay days whose payments are at the bank, True once all are answered (`batches.at_bank`).
    """
    closes = programme.applications.closes
    return {
        "phase": phase(programme, today),
        "today": today,
        "days_left": (closes - today).days + 1,
        "payout_rows": payout_rows(programme, today, settled),
        "timeline_dates": timeline_dates(programme, today, settled),
        "perks": [PerkSummary.of(perk) for perk in programme.perks],
    }


def payout_rows(programme: Programme, today: dt.date, settled: Mapping[dt.date, bool]) -> list[PayoutRow]:
    """Payout table of the announcement; each row carries its state on this day, never "sent" by the calendar alone."""
    rows = []
    for payout in programme.payouts:
        alone = not any(
            other is not payout
            and other.terminated_from <= payout.terminated_to
            and other.terminated_to >= payout.terminated_from
            for other in programme.payouts
        )
        if payout.pay_on <= today:
            state = {True: "sent", False: "sending", None: ""}[settled.get(payout.pay_on)]
        elif payout.pay_on == today + dt.timedelta(days=1):
            state = "tomorrow"
        elif alone:
            state = "always"
        else:
            state = "today" if payout.applied_from <= today <= payout.applied_to else ""
        left = _("%(span)s 해지") % {"span": span(payout.terminated_from, payout.terminated_to, year=True)}
        applied = _("%(span)s 신청") % {"span": span(payout.applied_from, payout.applied_to)}
        rows.append(PayoutRow(left, applied, payout.pay_on, state))
    return rows


def timeline_dates(programme: Programme, today: dt.date, settled: Mapping[dt.date, bool]) -> list[TimelineDate]:
    """Dates for customers, in order. A pay day is done once its round is settled."""
    open_days = {payout.pay_on for payout in programme.payouts if not settled.get(payout.pay_on)}
    window, waiver = programme.applications, programme.waiver
    dated = [
        (programme.lookup_opens, _("조회 시작"), _("내 회선이 대상인지 볼 수 있습니다.")),
        (
            waiver.terminated_to,
            _("위약금 없는 해지 마감"),
            _("이날이 끝날 때 쓰고 계시면 혜택 %(n)d가지의 대상입니다.") % {"n": len(programme.perks)},
        ),
        (window.opens, _("환급 신청 시작"), _("신청하는 곳: %(channels)s") % {"channels": Words(programme).channels}),
        (
            window.closes,
            _("환급 신청 마감"),
            _("군 복무나 해외 체류로 늦으셨다면 제대나 귀국 뒤 %(days)s일 안에 알려 주세요.") % {"days": HARDSHIP_DAYS},
        ),
    ]
    for n, payout in enumerate(programme.payouts, 1):
        dated.append((payout.pay_on, _("%(n)d차 입금") % {"n": n}, _eligible_for_payout(payout)))
    starts = [perk.starts for perk in programme.perks if perk.starts > waiver.terminated_to]
    if starts:
        dated.append((min(starts), _("혜택 시작"), _perks_start_text(programme.perks)))
    for perk in programme.perks:
        if perk.choose_until:
            dated.append((perk.choose_until, _("영상 서비스 고르기 마감"), ""))
        if perk.ends:
            dated.append((perk.ends, _end_title(perk), ""))
    ordered = sorted(dated, key=lambda row: row[0])
    return [
        TimelineDate(day, title, text, "next" if day in open_days and day < today else _date_state(day, today))
        for day, title, text in ordered
    ]


@dataclass(frozen=True, slots=True)
class PerkSummary:
    """One line about a perk: icon, name, start and way to get it."""

    icon: str
    name: str
    note: str

    @classmethod
    def of(cls, perk: Perk) -> "PerkSummary":
        """Summary of a perk in the active language, from its values."""
        day = {"day": kday(perk.starts), "end": kday(perk.ends), "n": perk.months}
        automatic = _("%(day)s부터 자동") % day
        name = perk_name(perk.code)
        if perk.monthly_gb:
            if perk.months:
                name = _("데이터 매월 %(gb)dGB, %(n)d개월") % {"gb": perk.monthly_gb, "n": perk.months}
            return cls("data", name, automatic)
        if perk.bonus_percent:
            return cls("globe", name, _("%(end)s까지 자동") % day if perk.ends else automatic)
        if perk.choices:
            if perk.months:
                name = _("영상 서비스 하나, %(n)d개월") % day
            return cls("play", name, _("%(n)d가지 중 하나를 골라 주세요") % {"n": len(perk.choices)})
        if perk.mode == "APPLICATION":
            age = {"age": perk.automatic_from_age}
            note = _("만 %(age)s세 이상은 자동, 그 밖의 분은 신청") % age if age["age"] else _("신청하시면 시작")
            return cls("shield", name, note)
        if perk.categories:
            return cls("ticket", _("멤버십 할인 %(n)d개월") % day if perk.months else name, automatic)
        return cls("yes", name, automatic)


@cache
def perk_summary(perk: Perk, language: str) -> PerkSummary:
    """`PerkSummary.of`, cached by `language`, which must be the active one."""
    return PerkSummary.of(perk)


def span(first: dt.date, last: dt.date, *, year: bool = False) -> str:
    """Period as text: 2025년 9~12월, 2026년 1월 1~13일, 1월 14~18일; Sep–Dec 2025, 14–18 Jan."""
    korean = (get_language() or "ko").startswith("ko")
    whole_months = first.day == 1 and last.day == calendar.monthrange(last.year, last.month)[1]
    same_year = first.year == last.year
    same_month = same_year and first.month == last.month
    if korean:
        head = f"{first.year}년\u00a0" if year else ""
        if same_month:
            return f"{head}{first.month}월\u00a0{first.day}~{last.day}일"
        if whole_months and same_year:
            return f"{head}{first.month}~{last.month}월"
        return f"{head}{kday(first)}~" + (f"{last.year}년\u00a0" if not same_year else "") + kday(last)
    tail = f"\u00a0{last.year}" if year else ""
    if same_month:
        return f"{first.day}–{last.day}\u00a0{kmonth(last)}{tail}"
    if whole_months and same_year:
        return f"{kmonth(first)}–{kmonth(last)}{tail}"
    return f"{kday(first)}" + (f"\u00a0{first.year}" if not same_year else "") + f"–{kday(last)}{tail}"


def _eligible_for_payout(payout: Payout) -> str:
    return _("%(left)s에 해지하고 %(applied)s에 신청한 분") % {
        "left": span(payout.terminated_from, payout.terminated_to),
        "applied": span(payout.applied_from, payout.applied_to),
    }


def _perks_start_text(perks: tuple[Perk, ...]) -> str:
    for perk in perks:
        if perk.monthly_gb and perk.months:
            return _("데이터 %(gb)dGB는 매달 1일에 들어옵니다. %(last)s까지 %(n)d번입니다.") % {
                "gb": perk.monthly_gb,
                "last": kmonth(_months_later(perk.starts, perk.months - 1)),
                "n": perk.months,
            }
    return ""


def _last_title(perk: Perk) -> str:
    if perk.bonus_percent:
        return _("로밍 혜택 마지막 날")
    return _("혜택 마지막 날: %(perk)s") % {"perk": perk_name(perk.code)}


def _end_title(perk: Perk) -> str:
    return _("로밍 혜택 끝") if perk.bonus_percent else _("혜택 끝: %(perk)s") % {"perk": perk_name(perk.code)}


def _months_later(day: dt.date, count: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _date_state(day: dt.date, today: dt.date) -> str:
    if day == today:
        return "now"
    return "done" if day < today else "next"
