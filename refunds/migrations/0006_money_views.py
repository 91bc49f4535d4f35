# ruff: noqa: S608  (names and lists of this file)
from django.db import migrations

HOLDING = "('QUEUED', 'FILED', 'UNKNOWN', 'PAID')"
EDGES = (
    "('-', 'QUEUED'), ('QUEUED', 'VOID'), ('QUEUED', 'FILED'), ('FILED', 'PAID'), ('FILED', 'RETURNED'),"
    " ('FILED', 'UNKNOWN'), ('UNKNOWN', 'PAID'), ('UNKNOWN', 'RETURNED'), ('PAID', 'RETURNED')"
)
DIGEST = "encode(sha256(string_agg(i.digest, ''::bytea ORDER BY i.reference COLLATE \"C\")), 'hex')"
HASH = "(sum(('x' || encode(substr(a.number_index, 1, 5), 'hex'))::bit(40)::bigint) % 10000000000)::bigint"

# One column, what: the row at fault. Each view is empty when all is well.
VIEWS = {
    "money_i1": f"""
        SELECT 'application ' || application_id AS what FROM refunds_item
        WHERE kind = 'REFUND' AND status IN {HOLDING} GROUP BY application_id HAVING count(*) > 1
        UNION ALL
        SELECT 'adjustment ' || adjustment_id FROM refunds_item
        WHERE kind = 'ADJUSTMENT' AND status IN {HOLDING} GROUP BY adjustment_id HAVING count(*) > 1""",
    "money_i4": f"""
        SELECT 'batch ' || b.pay_on AS what FROM refunds_batch b
        LEFT JOIN (
            SELECT i.batch_id, count(*) AS n, sum(i.amount_krw) AS won, {HASH} AS hash_total, {DIGEST} AS digest
            FROM refunds_item i JOIN refunds_account a ON a.id = i.account_id
            WHERE i.status <> 'VOID' GROUP BY i.batch_id) s ON s.batch_id = b.id
        WHERE b.status <> 'OPEN'
          AND (b.count, b.won, b.hash_total, b.digest) IS DISTINCT FROM (s.n, s.won, s.hash_total, s.digest)
           OR b.status = 'OPEN' AND s.n IS NOT NULL
        UNION ALL
        SELECT 'item ' || i.reference FROM refunds_item i
        WHERE i.digest <> sha256(convert_to(concat_ws('|', reference, kind, application_id, account_id, amount_krw,
            attempt, encode(bills_digest, 'hex')), 'UTF8'))""",
    "money_i5": f"""
        SELECT 'file ' || f.name AS what FROM refunds_bank_file f
        LEFT JOIN (SELECT file_id, count(*) AS n, sum(amount_krw) AS won FROM refunds_item GROUP BY file_id) s
            ON s.file_id = f.id
        WHERE NOT EXISTS (SELECT FROM refunds_bank_file later WHERE later.replaces_id = f.id)
          AND (f.count, f.won) IS DISTINCT FROM (s.n, s.won)
        UNION ALL
        SELECT 'batch ' || b.pay_on FROM refunds_batch b
        WHERE b.status IN ('FILED', 'HANDED_OVER', 'REFUSED', 'SETTLED') AND b.won <> (
            SELECT COALESCE(sum(f.won), 0) FROM refunds_bank_file f WHERE f.batch_id = b.id
            AND NOT EXISTS (SELECT FROM refunds_bank_file later WHERE later.replaces_id = f.id))
        UNION ALL
        SELECT 'application ' || a.id FROM refunds_application a
        WHERE a.status <> 'APPROVED' AND EXISTS (
            SELECT FROM refunds_item i WHERE i.application_id = a.id AND i.kind = 'REFUND' AND i.status IN {HOLDING})
        UNION ALL
        SELECT 'batch ' || b.pay_on FROM refunds_batch b
        WHERE b.status = 'SETTLED' AND EXISTS (
            SELECT FROM refunds_item i WHERE i.batch_id = b.id AND i.status IN ('QUEUED', 'FILED', 'UNKNOWN'))""",
    "money_i6": f"""
        SELECT 'item ' || i.reference AS what FROM refunds_item i
        LEFT JOIN LATERAL (
            SELECT e.status, e.amount_krw FROM refunds_itemevent e WHERE e.pgh_obj_id = i.id
            ORDER BY e.pgh_id DESC LIMIT 1) last ON true
        WHERE (last.status, last.amount_krw) IS DISTINCT FROM (i.status, i.amount_krw)
        UNION ALL
        SELECT 'item ' || pgh_obj_id FROM (
            SELECT pgh_obj_id, status, lag(status, 1, '-') OVER (PARTITION BY pgh_obj_id ORDER BY pgh_id) AS before
            FROM refunds_itemevent) moved
        WHERE before <> status AND (before, status) NOT IN (VALUES {EDGES})""",
    "money_i7": """
        SELECT 'batch ' || b.pay_on AS what FROM refunds_batch b
        WHERE b.prepared_by_id = b.approved_by_id OR b.prepared_person = b.approved_person
           OR b.approved_at < b.prepared_at OR b.approved_digest NOT IN ('', b.digest)
           OR b.status NOT IN ('OPEN', 'FROZEN') AND b.approved_by_id IS NULL
        UNION ALL
        SELECT 'file ' || f.name FROM refunds_bank_file f JOIN refunds_batch b ON b.id = f.batch_id
        WHERE b.status IN ('OPEN', 'FROZEN', 'APPROVED') OR f.made_at < b.approved_at OR f.handed_over_at < f.made_at""",
}


class Migration(migrations.Migration):
    dependencies = [("refunds", "0005_left_behind")]
    operations = [
        migrations.RunSQL(f"CREATE VIEW {name} AS {text}", f"DROP VIEW {name}") for name, text in VIEWS.items()
    ]
