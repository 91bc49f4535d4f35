# ruff: noqa: S608  (names and lists of this file)
from django.db import migrations

ITEM_EDGES = (
    "('-', 'QUEUED'), ('QUEUED', 'VOID'), ('QUEUED', 'FILED'), ('FILED', 'PAID'), ('FILED', 'RETURNED'),"
    " ('FILED', 'UNKNOWN'), ('UNKNOWN', 'PAID'), ('UNKNOWN', 'RETURNED'), ('PAID', 'RETURNED')"
)
BATCH_EDGES = (
    "('-', 'OPEN'), ('OPEN', 'FROZEN'), ('FROZEN', 'APPROVED'), ('FROZEN', 'OPEN'), ('APPROVED', 'OPEN'),"
    " ('APPROVED', 'FILED'), ('FILED', 'HANDED_OVER'), ('HANDED_OVER', 'REFUSED'), ('REFUSED', 'FILED'),"
    " ('HANDED_OVER', 'SETTLED')"
)
FILE_EDGES = "('-', 'MADE'), ('MADE', 'HANDED_OVER'), ('HANDED_OVER', 'REFUSED')"
BILLS = """sha256(convert_to(string_agg(
    concat_ws('|', b.item, to_char(b.billed_on, 'YYYY-MM-DD'), b.billed_krw, b.paid_krw, b.waived_krw, b.refunded_krw),
    E'\\n' ORDER BY b.item COLLATE "C", b.billed_on), 'UTF8'))"""


def moved(events: str, edges: str, what: str) -> str:
    """Rows of `events` that follow another by a way that does not exist."""
    return f"""
        SELECT DISTINCT '{what} ' || pgh_obj_id AS what FROM (
            SELECT pgh_obj_id, status, lag(status, 1, '-') OVER (PARTITION BY pgh_obj_id ORDER BY pgh_id) AS before
            FROM {events}) moved
        WHERE before <> status AND (before, status) NOT IN (VALUES {edges})"""


def last(events: str, row: str) -> str:
    """The newest event of a row, as `last`."""
    return f"""LEFT JOIN LATERAL (
            SELECT e.* FROM {events} e WHERE e.pgh_obj_id = {row}.id ORDER BY e.pgh_id DESC LIMIT 1) last ON true"""


VIEWS = {
    # Approved before the cut-off of the last round, due by the table it was frozen with, in no batch, and no freeze
    # since then wrote down why. A batch that was opened again and is still to be frozen holds its own.
    "money_i2": """
        SELECT 'application ' || a.id AS what
        FROM (SELECT * FROM refunds_batch WHERE status <> 'OPEN' AND frame <> '{}'
              ORDER BY pay_on DESC LIMIT 1) round
        JOIN refunds_application a ON a.status = 'APPROVED' AND a.status_since < round.cut_off
        JOIN eligibility_line l ON l.contract_no = a.contract_no
        LEFT JOIN LATERAL (
            SELECT (p.row ->> 'pay_on')::date AS pay_on
            FROM jsonb_array_elements(round.frame -> 'payouts') WITH ORDINALITY AS p (row, n)
            WHERE LEAST(l.terminated_on, (round.frame ->> 'terminated_to')::date)
                  BETWEEN (p.row ->> 'terminated_from')::date AND (p.row ->> 'terminated_to')::date
              AND a.applied_on BETWEEN (p.row ->> 'applied_from')::date AND (p.row ->> 'applied_to')::date
            ORDER BY p.n LIMIT 1) wanted ON true
        WHERE (wanted.pay_on IS NULL OR wanted.pay_on <= round.pay_on)
          AND NOT EXISTS (
              SELECT FROM refunds_item i WHERE i.application_id = a.id AND i.kind = 'REFUND'
              AND i.status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID'))
          AND NOT EXISTS (
              SELECT FROM refunds_left_behind r JOIN refunds_batch b ON b.id = r.batch_id
              WHERE r.application_id = a.id AND b.prepared_at >= round.prepared_at)
          AND NOT EXISTS (
              SELECT FROM refunds_item i JOIN refunds_batch b ON b.id = i.batch_id
              WHERE i.application_id = a.id AND i.status = 'VOID' AND b.status = 'OPEN')""",
    # What the events say last is what stands in the row, figures included: nothing was moved past its history.
    "money_i3": f"""
        SELECT 'item ' || i.reference AS what FROM refunds_item i {last("refunds_itemevent", "i")}
        WHERE (last.status, last.amount_krw, last.file_id, last.code)
              IS DISTINCT FROM (i.status, i.amount_krw, i.file_id, i.code)
        UNION ALL
        SELECT 'batch ' || b.pay_on FROM refunds_batch b {last("refunds_batchevent", "b")}
        WHERE (last.status, last.count, last.won, last.hash_total, last.digest, last.prepared_by_id,
               last.approved_by_id)
              IS DISTINCT FROM (b.status, b.count, b.won, b.hash_total, b.digest, b.prepared_by_id, b.approved_by_id)
        UNION ALL
        SELECT 'file ' || f.name FROM refunds_bank_file f {last("refunds_bankfileevent", "f")}
        WHERE (last.status, last.handed_over_by_id) IS DISTINCT FROM (f.status, f.handed_over_by_id)
        UNION ALL
        SELECT 'application ' || a.id FROM refunds_application a
        JOIN LATERAL (
            SELECT d.to_status FROM refunds_decision d WHERE d.application_id = a.id
            ORDER BY d.id DESC LIMIT 1) last ON last.to_status <> a.status""",
    "money_i6": f"""
        SELECT 'item ' || i.reference AS what FROM refunds_item i {last("refunds_itemevent", "i")}
        WHERE (last.status, last.amount_krw) IS DISTINCT FROM (i.status, i.amount_krw)
        UNION ALL {moved("refunds_itemevent", ITEM_EDGES, "item")}
        UNION ALL {moved("refunds_batchevent", BATCH_EDGES, "batch")}
        UNION ALL {moved("refunds_bankfileevent", FILE_EDGES, "file")}""",
    # What the bill rows behind an item give by the rules it was frozen with. Rows a later feed changed prove nothing.
    "money_i12": f"""
        SELECT 'item ' || i.reference AS what FROM refunds_item i
        JOIN refunds_batch round ON round.id = i.batch_id AND round.frame <> '{{}}'
        CROSS JOIN LATERAL (
            SELECT {BILLS} AS digest,
                   COALESCE(SUM(GREATEST(0, LEAST(b.billed_krw, b.paid_krw) - b.refunded_krw))
                       FILTER (WHERE (round.frame -> 'refundable_items') ? b.item), 0) AS amount
            FROM eligibility_bill b WHERE b.contract_no = i.contract_no) bills
        WHERE i.kind = 'REFUND' AND i.status <> 'VOID' AND bills.digest = i.bills_digest
          AND bills.amount <> i.amount_krw""",
}


class Migration(migrations.Migration):
    dependencies = [("refunds", "0011_frozen_frame")]
    operations = [
        migrations.RunSQL(f"CREATE OR REPLACE VIEW {name} AS {text}", migrations.RunSQL.noop)
        for name, text in VIEWS.items()
    ]
