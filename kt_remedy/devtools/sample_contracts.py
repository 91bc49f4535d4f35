"""Lines and holders of an invented register, and the rows in which billing tells them.

This is the billing system's side of the story, so it knows nothing of the portal's rules: it computes the penalties
it bills by itself and cuts them to 10 won, as carriers do.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from kt_remedy.core import programme
from kt_remedy.devtools import sample_dates

# A delivery tells what happened before its day.
DELIVERIES = sample_dates.deliveries()
LINE_COLUMNS = (
    "contract_no",
    "customer_no",
    "ci",
    "guardian_ci",
    "holder_kind",
    "holder_name",
    "birth_date",
    "msisdn",
    "contact_msisdn",
    "network",
    "product",
    "opened_at",
    "contract_type",
    "contract_event",
    "contract_started_at",
    "commitment_started_at",
    "contract_months",
    "subsidy_krw",
    "extra_subsidy_krw",
    "discount_krw",
    "suspended_days",
    "status",
    "terminated_at",
    "termination_reason",
    "port_requested_at",
    "rejoined_at",
    "plan_name",
    "plan_data",
)
BILL_COLUMNS = ("contract_no", "item", "billed_on", "billed_krw", "paid_krw", "waived_krw", "refunded_krw")

OWN = programme.current().carrier.network  # the carrier's own code


@dataclass(frozen=True, slots=True)
class Holder:
    """Holder of a line. `ci` and `birth_date` are empty for a company."""

    customer_no: str
    name: str
    ci: str = ""
    birth_date: str = ""
    kind: str = "PERSON"
    guardian_ci: str = ""


@dataclass(slots=True)
class Contract:
    """A line's whole life as the billing system will tell it. Times are KST, written `2025-12-31T10:00`."""

    contract_no: str
    holder: Holder
    msisdn: str
    opened: str
    started: str = ""  # running contract; empty: since it was opened
    committed: str = ""  # commitment; empty: since the running contract
    event: str = "NEW"
    kind: str = "DISCOUNT"
    months: int = 24
    subsidy: int = 0
    extra: int = 0
    monthly: int = 0  # discount a month
    contact: str = ""
    network: str = OWN
    product: str = "HANDSET"
    suspended_days: int = 0
    suspended: bool = False
    ended: str = ""
    reason: str = ""
    asked: str = ""  # when the port-out was asked for
    rejoined: str = ""
    told: str = ""  # when billing first told the line, if later than it was opened
    plan: tuple[str, str] = ("", "")  # name and kind of data, where billing says
    # What happened to a line that stays, in order: the day, and suspended or not, or the new holder (D-48, D-57).
    changes: list[tuple[str, "bool | Holder"]] = field(default_factory=list)
    bills: list[tuple[date, tuple[str, str, int, int, int, int]]] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[date, str]]:
        """The line as it is told: since when, and the row without its end of line."""
        opened = day_of(self.told or self.opened)
        if not self.ended:
            yield opened, self._row("SUSPENDED" if self.suspended else "ACTIVE", DELIVERIES[0], False)
            yield from self._later_rows()
            return
        ended = day_of(self.ended)
        if ended >= DELIVERIES[0]:
            yield opened, self._row("ACTIVE", DELIVERIES[0], False)
        yield ended, self._row("TERMINATED", ended, False)
        if self.rejoined:
            yield day_of(self.rejoined), self._row("TERMINATED", ended, True)

    def _later_rows(self) -> Iterator[tuple[date, str]]:
        """The line after each of its changes. A transfer keeps the start of the commitment (D-14)."""
        now = replace(self)
        for moment, change in self.changes:
            if isinstance(change, Holder):
                committed = now.committed or now.started or now.opened
                now = replace(now, holder=change, event="TRANSFER", started=moment, committed=committed)
            else:
                now = replace(now, suspended=change)
            yield day_of(moment), now._row("SUSPENDED" if now.suspended else "ACTIVE", DELIVERIES[0], False)

    def _row(self, status: str, on: date, rejoined: bool) -> str:
        holder, ended = self.holder, status == "TERMINATED"
        started = self.started or self.opened
        return ",".join(
            (
                self.contract_no,
                holder.customer_no,
                holder.ci,
                holder.guardian_ci,
                holder.kind,
                holder.name,
                holder.birth_date,
                self.msisdn,
                self.contact,
                self.network,
                self.product,
                self.opened + "+09:00",
                self.kind,
                self.event,
                started + "+09:00",
                (self.committed or started) + "+09:00",
                str(self.months),
                str(self.subsidy),
                str(self.extra),
                str(self.discount(on)),
                str(self.suspended_days),
                status,
                self.ended + "+09:00" if ended else "",
                self.reason if ended else "",
                self.asked + "+09:00" if self.asked and day_of(self.asked) <= on else "",
                self.rejoined + "+09:00" if rejoined else "",
                *self.plan,
            )
        )

    def discount(self, on: date) -> int:
        """Discounts received until `on`, in won."""
        if self.kind != "DISCOUNT":
            return 0
        start = day_of(self.committed or self.started or self.opened)
        months = (on.year - start.year) * 12 + on.month - start.month
        return self.monthly * max(0, min(self.months, months))

    def penalties(self) -> list[tuple[str, int]]:
        """Items that billing charges at the end of the line, with their won."""
        if self.kind == "NONE":
            return []
        start, end = day_of(self.committed or self.started or self.opened), day_of(self.ended)
        year, month = divmod(start.year * 12 + start.month - 1 + self.months, 12)
        # The day before the same day of the last month; the first of the next where that month is too short.
        day = min(start.day, (date(year + (month == 11), (month + 1) % 12 + 1, 1) - date(year, month + 1, 1)).days)
        total = (date(year, month + 1, day) - start).days
        used = (end - start).days + 1 - self.suspended_days
        grace = {12: 90, 24: 180}[self.months]
        amounts = (
            (("DISCOUNT_CLAWBACK", self.discount(end)),)
            if self.kind == "DISCOUNT"
            else (("SUBSIDY_CLAWBACK", self.subsidy), ("EXTRA_SUBSIDY_CLAWBACK", self.extra))
        )
        asked = []
        for item, received in amounts:
            owed = received
            if used > grace:
                owed = received * max(0, total - used) // (total - grace)
            if owed >= 10:
                asked.append((item, owed // 10 * 10))
        return asked

    def bill(
        self,
        item: str,
        on: str | date,
        billed: int,
        *,
        paid_on: str | date = "",
        paid: int = 0,
        waived: int = 0,
        refunded: int = 0,
    ) -> None:
        """Bill an item on a day, `paid` of it at once; `paid_on` names the day the rest is paid."""
        day = _as_date(on)
        self.bills.append((day, (item, str(day), billed, paid, waived, refunded)))
        if paid_on:
            self.bills.append((_as_date(paid_on), (item, str(day), billed, billed - waived, waived, refunded)))


def ci_of(person: str) -> str:
    """88 characters of connecting information, the same for the same person everywhere.

    The cast are "cast:<key>" ("cast:hong"), the crowd "<seed>:<number>".
    """
    return base64.b64encode(hashlib.sha512(f"ci:{person}".encode()).digest()).decode()


def day_of(moment: str) -> date:
    """The day of a moment as the deliveries write it."""
    return date.fromisoformat(moment[:10])


def _as_date(day: str | date) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day
