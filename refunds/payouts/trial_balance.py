"""The trial balance: by day and by round, where the money of all applications stands, from `refunds_movement`.

Each row states the accounts at the end of its day, or of its round so far. The sums equal those of `refunds_balance`
over all applications; I14 compares them.
"""

import datetime as dt
from dataclasses import dataclass, fields
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _
from openpyxl import Workbook

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.models.cases import BalanceFinding
from refunds.payouts import sheets
from refunds.payouts.guards import require_permission, require_reason


@dataclass(frozen=True, slots=True)
class Accounts:
    """Won on each account; the names are those of `refunds_balance`."""

    queued: int = 0
    at_bank: int = 0
    paid: int = 0
    corrected: int = 0
    returned: int = 0
    outside: int = 0
    claimed: int = 0
    recovered: int = 0

    @property
    def out(self) -> int:
        """Won that customers have or may have: sent, less what was recovered."""
        return self.at_bank + self.paid + self.corrected + self.outside - self.recovered

    def plus(self, other: "Accounts") -> "Accounts":
        """The sums of both."""
        return Accounts(*(getattr(self, name) + getattr(other, name) for name in ACCOUNTS))


ACCOUNTS = tuple(field.name for field in fields(Accounts))


def titles() -> list[str]:
    """The accounts in words, in their order."""
    return [
        _("확정, 파일 전"),
        _("은행에 있음"),
        _("입금됨"),
        _("정정 입금됨"),
        _("되돌아옴"),
        _("따로 보냄"),
        _("돌려받는 중"),
        _("돌려받음"),
    ]


def by_day() -> list[tuple[dt.date, Accounts]]:
    """The accounts at the end of each day on which money moved, the first day first."""
    closing, rows = Accounts(), []
    for day, moved in _sums("day"):
        closing = closing.plus(moved)
        rows.append((day, closing))
    return rows


def by_round() -> list[tuple[dt.date | None, Accounts]]:
    """What stands on the accounts from each round, by its pay day; None for what moved outside the rounds."""
    return _sums("pay_on")


def _sums(column: str) -> list[tuple[Any, Accounts]]:
    sums = ", ".join(f"COALESCE(sum(won) FILTER (WHERE account = '{name}'), 0)::bigint" for name in ACCOUNTS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column}, {sums} FROM refunds_movement GROUP BY 1 ORDER BY 1 NULLS LAST")  # noqa: S608
        return [(key, Accounts(*figures)) for key, *figures in cursor.fetchall()]


def write_sheet(*, to: Any, user: User, reason: str) -> str:
    """Write the trial balance as a workbook into the file object `to` and record the download; returns its name.

    Its last sheet lists for billing what customers paid above their bills (D-70), by contract number, without names.
    Raises Refused: ROLE, REASON.
    """
    require_permission(user, "payouts.download_settlement")
    reason = require_reason(reason)
    with transaction.atomic():
        with connection.cursor() as cursor:
            if not connection.savepoint_ids:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET LOCAL statement_timeout = '15min'")
        book = Workbook(write_only=True)
        _sheet(book, _("날마다"), _("날"), by_day())
        rounds = by_round()
        total = Accounts()
        for _pay_on, accounts in rounds:
            total = total.plus(accounts)
        _sheet(book, _("회차"), _("지급일"), [*((day or _("회차 밖"), row) for day, row in rounds), (_("모두"), total)])
        page = book.create_sheet(_("청구서보다 더 낸 돈"))
        sheets.head(page, [_("접수번호"), _("계약번호"), _("금액(원)")])
        above = BalanceFinding.objects.filter(kind=BalanceFinding.Kind.ABOVE_BILL).select_related("application__filing")
        for row in above.order_by("application_id").iterator():
            page.append(sheets.cells(page, [row.application.filing.reference, row.application.line_id, row.won]))
        book.save(to)
        audit.record(
            actor=audit.actor(user),
            action="settlement.trial_balance",
            object="batches",
            reason=reason,
            detail={"count": above.count(), "filters": []},
        )
    return f"trial-balance-{clock.today():%Y%m%d}.xlsx"


def _sheet(book: Workbook, title: str, first: str, rows: list) -> None:
    page = book.create_sheet(title)
    sheets.head(page, [first, *titles(), _("나가 있는 돈")])
    for key, accounts in rows:
        page.append(sheets.cells(page, [key, *(getattr(accounts, name) for name in ACCOUNTS), accounts.out]))
