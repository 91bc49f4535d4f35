-- title: 청구 자료와 그때까지 오간 돈이 주는 금액과 다른 지급
--
-- Forbids that a payment was allowed another amount than its sources give (D-63): for each refundable item the smaller of
-- billed and paid, less what was refunded before, never below zero (D-23), less what had been sent and had not come back,
-- plus what was recovered and granted, in won. A refund is that amount less the corrections promised beside it. Forbids
-- also that a payment leaves out an earlier payment, a payment outside the rounds or a recovery.
--
-- An item is asked by the list of refundable items its batch was frozen with, a payment outside the rounds by its own. Bill rows
-- that a later feed changed have another digest and prove nothing.

CREATE VIEW money_i12 AS
WITH payment AS (
    SELECT
        'item ' || i.reference AS what, i.id AS item_id, i.batch_id, i.application_id, i.contract_no, i.kind,
        i.amount_krw, i.allowed_krw, i.movements, i.bills_digest, round.prepared_at AS at,
        round.programme_snapshot -> 'refundable_items' AS refundable_items
    FROM refunds_item i
    JOIN refunds_batch round ON round.id = i.batch_id AND round.programme_snapshot <> '{}'
    WHERE i.status <> 'VOID'

    UNION ALL
    SELECT
        'offline payment ' || m.id, NULL, NULL, a.id, a.contract_no, 'REFUND',
        m.amount_krw, m.allowed_krw, m.movements, m.bills_digest, m.recorded_at, m.refundable_items
    FROM refunds_manual_payment m
    JOIN refunds_application a ON a.id = m.application_id
    WHERE m.status <> 'DECLINED'
)
SELECT p.what
FROM payment p
CROSS JOIN LATERAL (
    SELECT
        sha256(convert_to(COALESCE(string_agg(
            concat_ws('|', b.item, to_char(b.billed_on, 'YYYY-MM-DD'),
                      b.billed_krw, b.paid_krw, b.waived_krw, b.refunded_krw),
            E'\n' ORDER BY b.item COLLATE "C", b.billed_on), ''), 'UTF8')) AS digest,
        COALESCE(SUM(GREATEST(0, LEAST(b.billed_krw, b.paid_krw) - b.refunded_krw))
            FILTER (WHERE p.refundable_items ? b.item), 0) AS owed
    FROM eligibility_bill b
    WHERE b.contract_no = p.contract_no
) bills
CROSS JOIN LATERAL (
    SELECT
        COALESCE(sum(CASE line.kind WHEN 'sent' THEN -line.won WHEN 'outside' THEN -line.won
                                    WHEN 'recovered' THEN line.won WHEN 'granted' THEN line.won END), 0) AS net,
        COALESCE(sum(line.won) FILTER (WHERE line.kind = 'promised'), 0) AS promised
    FROM (
        SELECT split_part(text, '|', 1) AS kind, split_part(text, '|', 3)::bigint AS won
        FROM string_to_table(NULLIF(p.movements, ''), E'\n') AS text
    ) line
) moved
WHERE bills.digest = p.bills_digest
  AND (p.allowed_krw <> bills.owed + moved.net
       OR p.kind = 'REFUND' AND p.amount_krw <> bills.owed + moved.net - moved.promised)

UNION
SELECT p.what
FROM payment p
JOIN refunds_item earlier ON earlier.application_id = p.application_id AND earlier.id < p.item_id
    AND earlier.batch_id <> p.batch_id AND earlier.status <> 'VOID'
WHERE p.allowed_krw IS NOT NULL
  AND NOT EXISTS (
      SELECT
      FROM string_to_table(NULLIF(p.movements, ''), E'\n') AS text
      WHERE split_part(text, '|', 1) IN ('sent', 'returned')
        AND split_part(text, '|', 2) = earlier.reference
        AND split_part(text, '|', 3) = earlier.amount_krw::text)

UNION
SELECT p.what
FROM payment p
JOIN refunds_manual_payment earlier ON earlier.application_id = p.application_id AND earlier.recorded_at < p.at
    AND earlier.status <> 'DECLINED'
WHERE p.allowed_krw IS NOT NULL AND p.item_id IS NOT NULL
  AND strpos(E'\n' || p.movements || E'\n', E'\n' || concat_ws('|', 'outside', earlier.id, earlier.amount_krw) || E'\n')
      = 0

UNION
SELECT p.what
FROM payment p
JOIN refunds_adjustment earlier ON earlier.application_id = p.application_id AND earlier.recovered_at < p.at
WHERE p.allowed_krw IS NOT NULL
  AND strpos(E'\n' || p.movements || E'\n',
             E'\n' || concat_ws('|', 'recovered', earlier.id, earlier.amount_krw) || E'\n') = 0
