"""Won refunded, by day, round, channel and store: payments of the rounds, and those outside them."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from kt_remedy.core import replica
from refunds.reports.selection import Selection

_PAYMENTS = """
    SELECT b.pay_on, i.status, (i.status_at AT TIME ZONE 'Asia/Seoul')::date, a.channel, a.store_id,
           sum(i.amount_krw)::bigint
    FROM refunds_item i
    JOIN refunds_batch b ON b.id = i.batch_id
    JOIN refunds_application a ON a.id = i.application_id
    WHERE i.status NOT IN ('VOID', 'QUEUED') AND {where}
    GROUP BY 1, 2, 3, 4, 5
"""
_OUTSIDE = """
    SELECT m.paid_on, a.channel, a.store_id, sum(m.amount_krw)::bigint
    FROM refunds_manual_payment m JOIN refunds_application a ON a.id = m.application_id
    WHERE m.status = 'CONFIRMED' AND {where}
    GROUP BY 1, 2, 3
"""


@dataclass(slots=True)
class Round:
    """Won of one round: in files of the bank, of that come back, unanswered, and refunded."""

    sent: int = 0
    returned: int = 0
    open: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Money:
    """Won refunded: paid by the bank, or sent outside the rounds and confirmed. What was claimed back stays counted."""

    by_day: Counter[dt.date] = field(default_factory=Counter)  # KST day of the bank's answer, or of sending
    by_channel: Counter[str] = field(default_factory=Counter)
    by_store: Counter[int] = field(default_factory=Counter)
    rounds: dict[dt.date | None, Round] = field(default_factory=dict)  # by pay day; None is outside the rounds

    @property
    def refunded(self) -> int:
        """All won refunded."""
        return self.by_day.total()


def add_up(chosen: Selection) -> Money:
    """Add up the payments of the chosen applications, of the chosen round alone where one is."""
    money = Money()
    with replica.connection().cursor() as cursor:
        cursor.execute(_PAYMENTS.format(where=chosen.where(of_items=True)), chosen.params())
        payments = cursor.fetchall()
        outside = []
        if not chosen.pay_on:
            cursor.execute(_OUTSIDE.format(where=chosen.where()), chosen.params())
            outside = cursor.fetchall()
    for pay_on, status, day, channel, store, won in payments:
        row = money.rounds.setdefault(pay_on, Round())
        row.sent += won
        if status == "RETURNED":
            row.returned += won
        elif status == "PAID":
            _refund(money, row, day, channel, store, won)
        else:
            row.open += won
    for day, channel, store, won in outside:
        row = money.rounds.setdefault(None, Round())
        row.sent += won
        _refund(money, row, day, channel, store, won)
    return money


def _refund(money: Money, row: Round, day: dt.date, channel: str, store: int | None, won: int) -> None:
    row.refunded += won
    money.by_day[day] += won
    money.by_channel[channel] += won
    if store is not None:
        money.by_store[store] += won
