"""Voucher codes: the queue of those who wait for one, and the alarm when few are left (D-79)."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import structlog
from django.db.models import Count, Q
from django.utils.translation import gettext, gettext_noop

from kt_remedy.core import clock, programme
from kt_remedy.core.programme import Choice, Perk
from kt_remedy.core.tasks import schedule
from rewards import service
from rewards.models import Voucher

LOW_PERCENT = 5  # D-79
# Before the choice opens there is time to buy codes, so their lack is an alarm.
DAYS_BEFORE = dt.timedelta(days=7)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stock:
    """The codes of one service: bought, not issued yet, and entitlements that wait for one."""

    perk: Perk
    choice: Choice
    bought: int
    left: int
    waiting: int

    @property
    def is_low(self) -> bool:
        """True if at most LOW_PERCENT of the codes are left while people may still need one."""
        today = clock.today()
        first = self.perk.starts - DAYS_BEFORE
        needed = first <= today and (self.perk.choose_until is None or today <= self.perk.choose_until)
        return (needed or self.waiting > 0) and self.left * 100 <= self.bought * LOW_PERCENT


def stocks() -> list[Stock]:
    """The codes of each service of the programme, in its order; one query and one for each service."""
    counts = {
        (row["perk"], row["choice"]): row
        for row in Voucher.objects.values("perk", "choice").annotate(
            bought=Count("id"), left=Count("id", filter=Q(entitlement=None))
        )
    }
    none = {"bought": 0, "left": 0}
    return [
        Stock(perk, choice, found["bought"], found["left"], service.waiting_for_codes(perk, choice.code).count())
        for perk in programme.current().perks
        for choice in perk.choices
        for found in [counts.get((perk.code, choice.code), none)]
    ]


def low_stocks() -> list[Stock]:
    """The services of which few codes are left."""
    return [stock for stock in stocks() if stock.is_low]


def alarms() -> list[str]:
    """The services of which few codes are left, for `/pulsez`."""
    return [f"few voucher codes of {stock.choice.code}" for stock in low_stocks()]


def words_of_alarms() -> list[str]:
    """The same as sentences for staff."""
    words = gettext("%(service)s 번호가 얼마 남지 않았습니다.")
    return [words % {"service": stock.choice.code} for stock in low_stocks()]


def issue_waiting() -> int:
    """Issue codes to those who wait, in the order of choice, as far as codes are left; returns their number.

    Each code is one transaction with its message. A line that ended meanwhile loses its turn.
    """
    issued = 0
    for stock in stocks():
        if not stock.left or not stock.waiting:
            continue
        for row in service.waiting_for_codes(stock.perk, stock.choice.code)[: stock.left]:
            assert row.contract_no is not None, "a choice belongs to a line"
            try:
                issued += service.issue_waiting_code(
                    perk_code=row.perk, contract_no=row.contract_no, person_index=row.person_index
                )
            except service.PerkRefused as refusal:
                log.info("code not issued", entitlement=row.pk, why=refusal.code)
    return issued


def queue_results(_job: Any) -> schedule.TaskResult:
    """Periodic task: issue codes to those who wait. Safe to run twice: an entitlement gets one code."""
    issued = issue_waiting()
    return schedule.result_message(gettext_noop("기다리던 분께 드린 번호 %(n)s개"), n=issued) if issued else None


def watch_stock(_job: Any) -> schedule.TaskResult:
    """Periodic task: warn of each service of which few codes are left. Safe to run twice: it only reads and warns."""
    low = low_stocks()
    for stock in low:
        log.warning(
            "few voucher codes left",
            service=stock.choice.code,
            left=stock.left,
            bought=stock.bought,
            waiting=stock.waiting,
        )
    return [
        schedule.result_message(
            gettext_noop("%(service)s 번호가 얼마 남지 않음: %(left)s/%(bought)s, 기다리는 분 %(waiting)s명"),
            service=stock.choice.name,
            left=stock.left,
            bought=stock.bought,
            waiting=stock.waiting,
        )
        for stock in low
    ]
