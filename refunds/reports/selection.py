"""The applications that a report is about: a period, a channel, a store, a round."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kt_remedy.core import clock
from kt_remedy.core.programme import Programme


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters of a report; None and "" choose everything.

    `first` and `last` are KST days of application, both included. `pay_on` is the pay day of a frozen round: of the
    applications with a payment in it.
    """

    first: dt.date | None = None
    last: dt.date | None = None
    channel: str = ""
    store_id: int | None = None
    pay_on: dt.date | None = None

    def where(self, *, of_items: bool = False) -> str:
        """SQL conditions on `refunds_application a`; `params` fills their places.

        With `of_items` the round is a condition on the batch `b` of each payment of the statement.
        """
        conditions = [
            (self.first, "a.applied_on >= %(first)s"),
            (self.last, "a.applied_on <= %(last)s"),
            (self.channel, "a.channel = %(channel)s"),
            (self.store_id, "a.store_id = %(store_id)s"),
            (self.pay_on and of_items, "b.pay_on = %(pay_on)s"),
            (
                self.pay_on and not of_items,
                "a.id IN (SELECT i.application_id FROM refunds_item i JOIN refunds_batch b ON b.id = i.batch_id"
                " WHERE b.pay_on = %(pay_on)s AND i.status <> 'VOID')",
            ),
        ]
        return " AND ".join(["true", *(sql for value, sql in conditions if value)])

    def params(self) -> dict[str, Any]:
        """The values of the conditions, by name."""
        return {
            "first": self.first,
            "last": self.last,
            "channel": self.channel,
            "store_id": self.store_id,
            "pay_on": self.pay_on,
        }

    def names(self) -> list[str]:
        """The names of the filters in use, for the audit."""
        return [name for name, value in self.params().items() if value]

    def days(self, programme: Programme, *, today: dt.date | None = None) -> Iterator[dt.date]:
        """Each KST day of the period up to today, those without any application too; none before the window."""
        day = max(self.first or dt.date.min, programme.applications.opens)
        last = min(self.last or dt.date.max, today or clock.today())
        while day <= last:
            yield day
            day += dt.timedelta(days=1)
