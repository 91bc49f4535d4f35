# ruff: noqa: S608  (names and lists of this file)
from django.db import migrations

HOLDING = "('QUEUED', 'FILED', 'UNKNOWN', 'PAID')"
BY_HAND = "('RECORDED', 'CONFIRMED')"
EDGES = "('-', 'RECORDED'), ('RECORDED', 'CONFIRMED'), ('RECORDED', 'DECLINED')"
BILLS = """sha256(convert_to(string_agg(
    concat_ws('|', b.item, to_char(b.billed_on, 'YYYY-MM-DD'), b.billed_krw, b.paid_krw, b.waived_krw, b.refunded_krw),
    E'\\n' ORDER BY b.item COLLATE "C", b.billed_on), 'UTF8'))"""

# What each view finds besides, of payments by hand.
BESIDES = {
    "money_i1": f"""
        SELECT 'application ' || application_id FROM (
            SELECT application_id FROM refunds_manual_payment WHERE status IN {BY_HAND}
            UNION ALL
            SELECT application_id FROM refunds_item WHERE kind = 'REFUND' AND status IN {HOLDING}
                AND application_id IN (SELECT application_id FROM refunds_manual_payment)) paid
        GROUP BY application_id HAVING count(*) > 1""",
    "money_i3": """
        SELECT 'manual payment ' || m.id FROM refunds_manual_payment m
        LEFT JOIN LATERAL (
            SELECT e.* FROM refunds_manualpaymentevent e WHERE e.pgh_obj_id = m.id
            ORDER BY e.pgh_id DESC LIMIT 1) last ON true
        WHERE (last.status, last.decided_by_id) IS DISTINCT FROM (m.status, m.decided_by_id)""",
    "money_i5": f"""
        SELECT 'application ' || a.id FROM refunds_application a
        JOIN refunds_manual_payment m ON m.application_id = a.id AND m.status IN {BY_HAND}
        WHERE a.status <> 'APPROVED'""",
    "money_i6": f"""
        SELECT DISTINCT 'manual payment ' || pgh_obj_id FROM (
            SELECT pgh_obj_id, status, lag(status, 1, '-') OVER (PARTITION BY pgh_obj_id ORDER BY pgh_id) AS before
            FROM refunds_manualpaymentevent) moved
        WHERE before <> status AND (before, status) NOT IN (VALUES {EDGES})""",
    "money_i7": """
        SELECT 'manual payment ' || m.id FROM refunds_manual_payment m
        WHERE m.recorded_by_id = m.decided_by_id OR m.recorded_person = m.decided_person
           OR m.decided_at < m.recorded_at OR m.status <> 'RECORDED' AND m.decided_by_id IS NULL""",
    "money_i12": f"""
        SELECT 'manual payment ' || m.id FROM refunds_manual_payment m
        CROSS JOIN LATERAL (
            SELECT {BILLS} AS digest,
                   COALESCE(SUM(GREATEST(0, LEAST(b.billed_krw, b.paid_krw) - b.refunded_krw))
                       FILTER (WHERE m.refundable_items ? b.item), 0) AS amount
            FROM eligibility_bill b JOIN refunds_application a ON a.contract_no = b.contract_no
            WHERE a.id = m.application_id) bills
        WHERE m.status <> 'DECLINED' AND bills.digest = m.bills_digest AND bills.amount <> m.amount_krw""",
}
# Whoever was sent their money by hand is in no round, and not forgotten.
PAID = """
    SELECT what FROM ({old}) old WHERE NOT EXISTS (
        SELECT FROM refunds_manual_payment m
        WHERE m.status = 'CONFIRMED' AND old.what = 'application ' || m.application_id)"""


def widen(apps, schema_editor):
    """Each view as it stands, with payments by hand."""
    with schema_editor.connection.cursor() as cursor:
        for name in (*BESIDES, "money_i2"):
            cursor.execute("SELECT pg_get_viewdef(%s::regclass)", [name])
            old = cursor.fetchone()[0].rstrip().rstrip(";")
            text = f"{old} UNION ALL {BESIDES[name]}" if name in BESIDES else PAID.replace("{old}", old)
            cursor.execute(f"CREATE OR REPLACE VIEW {name} AS {text}")


class Migration(migrations.Migration):
    dependencies = [("refunds", "0015_manual_payment")]
    operations = [migrations.RunPython(widen, migrations.RunPython.noop)]
