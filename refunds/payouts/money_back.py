"""When the money of a returned payment is back (D-95); until then the freeze does not pay its refund again."""

from typing import Any

from django.conf import settings
from django.db import connection

from kt_remedy.core import clock
from refunds.models.item_states import NOT_BACK_SQL
from refunds.payouts import statement_chain

# A returned payment that was never debited. Where its part was debited payment by payment, its own debit is missing
# although others are there, or all of them came back. Where the part was debited in one sum, that sum lacks exactly the
# returned payments.
_NEVER_DEBITED = f"""
    WITH waiting AS MATERIALIZED (
        SELECT i.id, i.file_id FROM refunds_item i JOIN refunds_bank_file f ON f.id = i.file_id
        WHERE {NOT_BACK_SQL} AND f.execution_on BETWEEN %(first)s AND %(last)s
    ), parts AS MATERIALIZED (
        SELECT f.id, f.won, f.execution_on,
               (SELECT COALESCE(sum(l.won), 0) FROM refunds_statement_line l
                WHERE l.file_id = f.id AND l.match = 'PART') AS whole,
               (SELECT COALESCE(sum(l.won), 0) FROM refunds_statement_line l
                WHERE l.file_id = f.id AND l.match = 'PAYMENT') AS single,
               (SELECT COALESCE(sum(o.amount_krw), 0) FROM refunds_item o
                WHERE o.file_id = f.id AND o.status = 'RETURNED' AND NOT EXISTS (
                    SELECT FROM refunds_statement_line l
                    WHERE l.item_id = o.id AND l.match IN ('PAYMENT', 'RETURN'))) AS undebited,
               NOT EXISTS (SELECT FROM refunds_item o WHERE o.file_id = f.id AND o.status <> 'RETURNED') AS all_returned
        FROM refunds_bank_file f WHERE f.id IN (SELECT file_id FROM waiting)
    )
    SELECT i.id, %(now)s::timestamptz,
           (SELECT s.id FROM refunds_statement s WHERE s.status = 'CONFIRMED' AND s.day >= f.execution_on
            ORDER BY s.number LIMIT 1)
    FROM waiting i JOIN parts f ON f.id = i.file_id
    WHERE NOT EXISTS (SELECT FROM refunds_statement_line l WHERE l.item_id = i.id AND l.match = 'PAYMENT')
      AND CASE WHEN f.whole > 0 THEN f.won - f.whole - f.single = f.undebited ELSE f.single > 0 OR f.all_returned END
"""  # noqa: S608  (names of our own columns)


def find() -> int:
    """Record the returned payments whose money is back now; returns their number.

    Call it in the transaction that confirmed an answer or a statement. With `RETURNS_NEED_STATEMENT` off each return
    counts at once. A credit that names its payment is recorded where the statement is applied.
    """
    if not settings.RETURNS_NEED_STATEMENT:
        return _insert(f"SELECT i.id, %(now)s::timestamptz, NULL::bigint FROM refunds_item i WHERE {NOT_BACK_SQL}", {})  # noqa: S608
    days = statement_chain.complete_days()
    return _insert(_NEVER_DEBITED, {"first": days[0], "last": days[1]}) if days else 0


def _insert(select: str, params: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO refunds_money_back (item_id, at, statement_id) {select}",
            {**params, "now": clock.now()},
        )
        return cursor.rowcount
