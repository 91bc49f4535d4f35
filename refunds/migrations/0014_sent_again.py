# ruff: noqa: S608  (a name of this file)
from django.db import migrations

# What came back after the last freeze, for a reason the account is not to blame for, waits approved for the next one.
I2 = """
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
              AND (i.status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID')
                   OR i.status = 'RETURNED' AND i.status_at >= round.prepared_at))
          AND NOT EXISTS (
              SELECT FROM refunds_left_behind r JOIN refunds_batch b ON b.id = r.batch_id
              WHERE r.application_id = a.id AND b.prepared_at >= round.prepared_at)
          AND NOT EXISTS (
              SELECT FROM refunds_item i JOIN refunds_batch b ON b.id = i.batch_id
              WHERE i.application_id = a.id AND i.status = 'VOID' AND b.status = 'OPEN')"""


class Migration(migrations.Migration):
    dependencies = [("refunds", "0013_counted")]
    operations = [migrations.RunSQL(f"CREATE OR REPLACE VIEW money_i2 AS {I2}", migrations.RunSQL.noop)]
