"""Balances that a person looks at: later bills made an overpayment or left something unpaid, a correction passes what
is left, or somebody paid billing more than the bill (D-63, D-70).

None of them breaks an invariant. The check of the money finds them, because reading every balance takes seconds.
"""

from django.db import connection, transaction
from django.db.models import Count, Sum

from kt_remedy.core import clock
from refunds.models.cases import BalanceFinding
from refunds.models.item_states import HOLDING_SQL

_FIND = f"""
    CREATE TEMP TABLE found ON COMMIT DROP AS
    SELECT b.application_id, f.kind, f.won
    FROM refunds_balance b
    CROSS JOIN LATERAL (VALUES
        ('OVERPAID', -b.due - b.coming_back - b.claimed),
        ('UNDERPAID', CASE WHEN b.outside > 0 OR EXISTS (
            SELECT FROM refunds_item i
            WHERE i.application_id = b.application_id AND i.kind = 'REFUND' AND i.status IN {HOLDING_SQL})
            THEN b.due - b.promised END),
        ('BEYOND', CASE WHEN b.promised > 0 THEN b.promised - b.due - b.coming_back END),
        ('ABOVE_BILL', b.above_bill)) AS f (kind, won)
    WHERE f.won > 0
"""  # noqa: S608  (states are ours)


def refresh() -> int:
    """Find the balances anew; a finding that is no longer true goes. Returns their number. Safe to run twice."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'; DROP TABLE IF EXISTS pg_temp.found")
        # One run at a time.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('refunds.findings'))")
        cursor.execute(_FIND)
        cursor.execute(
            "DELETE FROM refunds_balance_finding o WHERE NOT EXISTS ("
            " SELECT FROM found f WHERE f.application_id = o.application_id AND f.kind = o.kind)"
        )
        cursor.execute(
            "INSERT INTO refunds_balance_finding (application_id, kind, won, found_at)"
            " SELECT application_id, kind, won, %s FROM found"
            " ON CONFLICT (application_id, kind) DO UPDATE SET won = excluded.won, found_at = excluded.found_at"
            " WHERE refunds_balance_finding.won <> excluded.won",
            [clock.now()],
        )
        cursor.execute("SELECT count(*) FROM found")
        return cursor.fetchone()[0]


def sums() -> dict[str, tuple[int, int]]:
    """Applications and won of each kind, as last found."""
    rows = BalanceFinding.objects.values_list("kind").annotate(count=Count("pk"), total=Sum("won")).order_by()
    return {kind: (count, total) for kind, count, total in rows}


def largest(kind: str, limit: int = 100) -> list[BalanceFinding]:
    """The largest findings of one kind, with their applications."""
    rows = BalanceFinding.objects.filter(kind=kind).select_related("application__filing", "application__line__customer")
    return list(rows.order_by("-won", "application_id")[:limit])
