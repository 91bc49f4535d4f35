"""A day of the bank's account: opening, debits by part, credits by kind, suspense, closing; and the act that closes it.

The day closes to zero, or the page names each difference between what the bank booked and what the payments say.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.staff.models import User
from refunds.calendar import business_days_before
from refunds.models.bank_files import BankFile
from refunds.models.statements import BankStatement, ClosedDay, StatementLine, Suspense
from refunds.payouts import statement_chain
from refunds.payouts.guards import Refused, require_permission, require_reason

# Differences between the bank's books and the state of the payments, of all days up to this one.
DIFFERENCES: dict[str, Any] = {
    "PAID_NOT_DEBITED": gettext_lazy("입금되었다는데 통장에서 나가지 않은 지급 건"),
    "RETURNED_NOT_BACK": gettext_lazy("되돌아왔는데 돈이 아직 들어오지 않은 지급 건"),
    "OPEN_NOT_DEBITED": gettext_lazy("은행 답도 통장 출금도 없는 지급 건"),
    "SUSPENSE": gettext_lazy("미결"),
}


@dataclass(frozen=True, slots=True)
class Sum:
    """Lines and won of one kind."""

    code: str
    count: int
    won: int
    part: BankFile | None = None


@dataclass(frozen=True)
class Day:
    """The reconciliation of one day. `difference` is 0 if opening, lines and closing agree (won)."""

    day: dt.date
    statements: list[BankStatement]
    debits: list[Sum]
    credits: list[Sum]
    suspense: list[Sum]
    differences: list[Sum]
    gaps: list[statement_chain.Gap]
    closed: ClosedDay | None

    @property
    def opening(self) -> int:
        """Opening balance of the first statement, in won."""
        return self.statements[0].opening or 0

    @property
    def closing(self) -> int:
        """Closing balance of the last statement, in won."""
        return self.statements[-1].closing or 0

    @property
    def difference(self) -> int:
        """Closing balance less what opening and lines give, in won."""
        moved = sum(row.won for row in (*self.credits, *self.suspense)) - sum(row.won for row in self.debits)
        return self.closing - self.opening - moved

    @property
    def clean(self) -> bool:
        """True if nothing differs."""
        return not (self.difference or self.differences or self.gaps)

    def figures(self) -> dict[str, Any]:
        """The sums as they are kept with the closing."""
        return {
            "debits": {row.part.message_id if row.part else "": [row.count, row.won] for row in self.debits},
            "credits": {row.code: [row.count, row.won] for row in self.credits},
            "suspense": {row.code: [row.count, row.won] for row in self.suspense},
            "differences": {row.code: [row.count, row.won] for row in self.differences},
            "difference": self.difference,
        }


def of(day: dt.date) -> Day | None:
    """The reconciliation of a day with a confirmed statement; None for any other day. Reads only."""
    chain = statement_chain.confirmed()
    statements = [row for row in chain if row.day == day]
    if not statements:
        return None
    ids = [row.pk for row in statements]
    rows = _rows(
        """
        SELECT l.match, l.file_id, COALESCE(s.kind, ''), count(*),
               sum(CASE WHEN l.match = 'SUSPENSE' AND l.direction = 'DEBIT' THEN -l.won ELSE l.won END)::bigint
        FROM refunds_statement_line l LEFT JOIN refunds_suspense s ON s.line_id = l.id
        WHERE l.statement_id = ANY(%s) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
        [ids],
    )
    parts = BankFile.objects.in_bulk({file_id for _match, file_id, *_rest in rows if file_id})
    by_part: dict[int, list[int]] = {}
    returned, suspense = [0, 0], dict[str, list[int]]()
    for match, file_id, kind, count, won in rows:
        sums = (
            suspense.setdefault(kind, [0, 0])
            if match == StatementLine.Match.SUSPENSE
            else returned
            if match == StatementLine.Match.RETURN
            else by_part.setdefault(file_id, [0, 0])
        )
        sums[0] += count
        sums[1] += won
    return Day(
        day=day,
        statements=statements,
        debits=[Sum("PART", sums[0], sums[1], parts[file_id]) for file_id, sums in sorted(by_part.items())],
        credits=[Sum("RETURN", returned[0], returned[1])] if returned[0] else [],
        suspense=[Sum(kind, sums[0], sums[1]) for kind, sums in suspense.items()],
        differences=_differences(day),
        gaps=[gap for gap in statement_chain.gaps(chain) if gap.since <= day],
        closed=ClosedDay.objects.filter(statement=statements[-1]).select_related("closed_by").first(),
    )


def _differences(day: dt.date) -> list[Sum]:
    """Payments of parts whose execution day has come that the bank's books contradict, and open suspense."""
    found = _rows(
        """
        WITH part AS MATERIALIZED (
            SELECT f.id, f.won, COALESCE((
                SELECT sum(l.won) FROM refunds_statement_line l
                WHERE l.file_id = f.id AND l.match = 'PART'), 0) AS whole
            FROM refunds_bank_file f WHERE f.execution_on <= %(day)s
              AND f.execution_on >= (SELECT min(s.day) FROM refunds_statement s WHERE s.status = 'CONFIRMED')
        ), payment AS (
            SELECT i.status, i.amount_krw, p.whole > 0 OR EXISTS (
                       SELECT FROM refunds_statement_line l WHERE l.item_id = i.id AND l.match = 'PAYMENT') AS debited,
                   EXISTS (SELECT FROM refunds_money_back back WHERE back.item_id = i.id) AS back
            FROM refunds_item i JOIN part p ON p.id = i.file_id
        )
        SELECT code, count(*), sum(won)::bigint FROM (
            SELECT CASE WHEN status = 'PAID' AND NOT debited THEN 'PAID_NOT_DEBITED'
                        WHEN status = 'RETURNED' AND NOT back THEN 'RETURNED_NOT_BACK'
                        WHEN status IN ('FILED', 'UNKNOWN') AND NOT debited THEN 'OPEN_NOT_DEBITED' END AS code,
                   amount_krw AS won
            FROM payment
        ) s WHERE code IS NOT NULL GROUP BY code
        UNION ALL
        SELECT 'SUSPENSE', count(*), sum(s.won)::bigint
        FROM refunds_suspense s JOIN refunds_statement_line l ON l.id = s.line_id
        JOIN refunds_statement st ON st.id = l.statement_id
        WHERE s.status <> 'SETTLED' AND st.day <= %(day)s HAVING count(*) > 0
        """,
        {"day": day},
    )
    order = list(DIFFERENCES)
    return [Sum(code, count, won) for code, count, won in sorted(found, key=lambda row: order.index(row[0]))]


def _rows(sql: str, params: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def close(*, day: dt.date, user: User, note: str = "") -> ClosedDay:
    """Close a day of the bank's account by name. A day with differences needs a note.

    Raises Refused: ROLE, STATE (no statement, or closed already), GAP (a statement up to this day is missing or does
    not follow the one before), EARLIER (an earlier day is open), REASON.
    """
    require_permission(user, "payouts.close_day")
    try:
        with transaction.atomic():
            found = of(day)
            if found is None or found.closed:
                raise Refused("STATE", _("마감할 거래내역이 없거나 이미 마감한 날입니다."))
            if found.gaps or found.difference:
                raise Refused(
                    "GAP", _("거래내역이 이어지지 않아 마감할 수 없습니다. 빠진 거래내역을 먼저 올려 주세요.")
                )
            if open_days(before=day):
                raise Refused("EARLIER", _("앞선 날을 먼저 마감해 주세요."))
            note = require_reason(note) if found.differences else note.strip()
            row = ClosedDay.objects.create(
                day=day,
                statement=found.statements[-1],
                opening=found.opening,
                closing=found.closing,
                figures=found.figures(),
                note=note,
                closed_by=user,
                closed_at=clock.now(),
            )
            audit.record(
                actor=audit.actor(user),
                action="statement.day_closed",
                object=f"day:{day}",
                reason=note,
                detail=row.figures,
            )
    except IntegrityError:
        raise Refused("STATE", _("이미 마감한 날입니다.")) from None
    return row


def open_days(*, before: dt.date | None = None) -> list[dt.date]:
    """Days with a confirmed statement that nobody closed, oldest first."""
    last: dict[dt.date, int] = {}
    for row in statement_chain.confirmed():
        assert row.day is not None
        last[row.day] = row.pk
    closed = set(ClosedDay.objects.values_list("statement_id", flat=True))
    return sorted(day for day, pk in last.items() if pk not in closed and (before is None or day < before))


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something about statements that people must see: GAP, MISSING (a day with payments), SUSPENSE."""

    code: str
    text: str


def alarms(*, at: dt.datetime | None = None) -> list[Alarm]:
    """Gaps between statements, execution days without a statement by the next business day's noon, open suspense."""
    at = at or clock.now()
    found = [Alarm("GAP", gap_text(gap)) for gap in statement_chain.gaps()]
    # The statement of a day comes on the next business day.
    latest = business_days_before(clock.kst_date(at - dt.timedelta(hours=12)), 1)
    days = {row.day for row in statement_chain.confirmed() if row.day}
    if days:
        missing = (
            BankFile.objects.filter(execution_on__gte=min(days), execution_on__lte=latest, handed_over_at__isnull=False)
            .exclude(execution_on__in=days)
            .order_by("execution_on")
            .values_list("execution_on", flat=True)
            .distinct()
        )
        found += [Alarm("MISSING", _("%(day)s 거래내역이 없습니다.") % {"day": day.isoformat()}) for day in missing]
    waiting = Suspense.objects.exclude(status=Suspense.Status.SETTLED).count()
    if waiting:
        found.append(Alarm("SUSPENSE", _("미결 %(count)s건") % {"count": f"{waiting:,}"}))
    return found


def gap_text(gap: statement_chain.Gap) -> str:
    """A gap as a sentence: the two statements and the difference."""
    values = {"before": gap.before.number, "after": gap.after.number, "won": f"{gap.won:+,}"}
    if gap.kind == statement_chain.NUMBER:
        return _("%(before)s번 다음이 %(after)s번입니다. 사이의 거래내역을 올려 주세요.") % values
    if gap.kind == statement_chain.BALANCE:
        return _("%(before)s번의 끝 잔액과 %(after)s번의 시작 잔액이 %(won)s원 다릅니다. 은행에 물어보세요.") % values
    return _("%(after)s번의 날짜가 %(before)s번보다 앞섭니다. 은행에 물어보세요.") % values
