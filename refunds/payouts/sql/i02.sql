-- title: 마감 전에 승인됐는데 회차에도 없고 이유도 없음
--
-- Forbids that an application is forgotten: it was approved before the cut-off of the last frozen batch and was due by
-- the table that batch was frozen with, but no batch holds it and no freeze since then wrote down why.
--
-- Not forgotten are: an application whose payment came back after the last freeze, which waits for the next one; one
-- that a batch holds which was opened again and is still to be frozen; one that was paid by hand.

CREATE VIEW money_i2 AS
SELECT what
FROM (
    SELECT 'application ' || a.id AS what
    FROM (
        SELECT *
        FROM refunds_batch
        WHERE status <> 'OPEN' AND programme_snapshot <> '{}'
        ORDER BY pay_on DESC
        LIMIT 1
    ) round
    JOIN refunds_application a ON a.status = 'APPROVED' AND a.status_since < round.cut_off
    JOIN eligibility_line l ON l.contract_no = a.contract_no
    LEFT JOIN LATERAL (
        -- The day on which the table of the batch pays this application: its first row that fits.
        SELECT (p.row ->> 'pay_on')::date AS pay_on
        FROM jsonb_array_elements(round.programme_snapshot -> 'payouts') WITH ORDINALITY AS p (row, n)
        WHERE LEAST(l.terminated_on, (round.programme_snapshot ->> 'terminated_to')::date)
              BETWEEN (p.row ->> 'terminated_from')::date AND (p.row ->> 'terminated_to')::date
          AND a.applied_on BETWEEN (p.row ->> 'applied_from')::date AND (p.row ->> 'applied_to')::date
        ORDER BY p.n
        LIMIT 1
    ) wanted ON true
    WHERE (wanted.pay_on IS NULL OR wanted.pay_on <= round.pay_on)
      AND NOT EXISTS (
          SELECT
          FROM refunds_item i
          WHERE i.application_id = a.id AND i.kind = 'REFUND'
            AND (i.status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID')
                 OR i.status = 'RETURNED' AND i.status_at >= round.prepared_at))
      AND NOT EXISTS (
          SELECT
          FROM refunds_left_behind r
          JOIN refunds_batch b ON b.id = r.batch_id
          WHERE r.application_id = a.id AND b.prepared_at >= round.prepared_at)
      AND NOT EXISTS (
          SELECT
          FROM refunds_item i
          JOIN refunds_batch b ON b.id = i.batch_id
          WHERE i.application_id = a.id AND i.status = 'VOID' AND b.status = 'OPEN')
) old
WHERE NOT EXISTS (
    SELECT
    FROM refunds_manual_payment m
    WHERE m.status = 'CONFIRMED' AND old.what = 'application ' || m.application_id)
