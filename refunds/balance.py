"""The balance of an application: what it is owed, where each won of it is, and what may still be sent (D-63).

`balance.sql` is the only statement of it, as a view of the database, `refunds_balance`. Every amount that is frozen,
proposed, claimed or paid outside the rounds comes from here; only the independent check of a batch counts by other
means.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from django.db import connection, connections, transaction
from psycopg2.extensions import adapt

from kt_remedy.core import grants, programme

VIEW = "refunds_balance"
# The corrections as the balance counts them, a part of it with a name of its own.
_CORRECTION = "refunds_correction"
FILE = Path(__file__).with_name("balance.sql")


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of one application, in won; `balance.sql` says what each figure is."""

    application_id: int
    owed: int
    queued: int
    at_bank: int
    paid: int
    returned: int
    corrected: int
    outside: int
    claimed: int
    recovered: int
    due: int
    granted: int
    promised: int
    above_bill: int
    coming_back: int
    refund_coming_back: int
    bills_digest: bytes
    movements: str

    @property
    def payable(self) -> int:
        """Won that a refund, another correction or a payment outside the rounds may send; 0 if nothing."""
        return max(0, self.due - self.promised)

    @property
    def expected(self) -> int:
        """Won that the refund sends once the money of its return is back; `payable` where none is awaited."""
        return max(0, self.due + self.refund_coming_back - self.promised)

    @property
    def claimable(self) -> int:
        """Won that were sent too much and are neither claimed nor back nor coming back; 0 if nothing."""
        return max(0, -self.due - self.coming_back - self.claimed)

    @property
    def kept(self) -> int:
        """Won that the customer has or may have by now: sent, less what was returned and what was recovered."""
        return self.at_bank - self.coming_back + self.paid + self.corrected + self.outside - self.recovered


_NAMES = tuple(field.name for field in fields(Balance))


def of(application_id: int) -> Balance:
    """The balance of one application as it is now. Raises KeyError for an unknown one."""
    return for_applications([application_id])[application_id]


def for_applications(ids: Iterable[int]) -> dict[int, Balance]:
    """The balances of some applications, by their keys; unknown ones are left out."""
    with connection.cursor() as cursor:
        columns = ", ".join(_NAMES)
        cursor.execute(f"SELECT {columns} FROM {VIEW} WHERE application_id = ANY(%s)", [list(ids)])  # noqa: S608
        found = (dict(zip(_NAMES, row, strict=True)) for row in cursor.fetchall())
        return {row["application_id"]: Balance(**row | {"bills_digest": bytes(row["bills_digest"])}) for row in found}


def view_text() -> str:
    """The statement that makes the view for the programme in force."""
    items = ", ".join(adapt(item).getquoted().decode() for item in programme.current().waiver.refundable_items)
    return FILE.read_text(encoding="utf-8").replace(":refundable_items", f"ARRAY[{items}]")


def drop_view(using: str, plan: list[Any], **_signal: Any) -> None:
    """Drop the view before a migration, because it blocks changes of the columns it reads."""
    if plan:
        with connections[using].cursor() as cursor:
            cursor.execute(f"DROP VIEW IF EXISTS {VIEW}, {_CORRECTION} CASCADE")


def make_view(using: str, **signal: Any) -> None:
    """Create the view after a migration, if the database has every table it reads; the invariants follow it."""
    if not grants.is_migrated(using, signal):
        return
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute(f"DROP VIEW IF EXISTS {VIEW}, {_CORRECTION} CASCADE")
        cursor.execute(view_text())
        grants.let_read(using, [VIEW])
