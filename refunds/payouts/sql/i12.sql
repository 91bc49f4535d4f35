-- title: 청구 자료가 주는 금액과 다른 지급
--
-- Forbids that a refund differs from its bill rows: for each refundable item the smaller of billed and paid, less what
-- was refunded before, never below zero, in won. An item is asked by the list of refundable items its batch was frozen
-- with, a payment by hand by its own. Bill rows that a later feed changed have another digest and prove nothing.

CREATE VIEW money_i12 AS
SELECT 'item ' || i.reference AS what
FROM refunds_item i
JOIN refunds_batch round ON round.id = i.batch_id AND round.programme_snapshot <> '{}'
CROSS JOIN LATERAL (
    SELECT
        sha256(convert_to(string_agg(
            concat_ws('|', b.item, to_char(b.billed_on, 'YYYY-MM-DD'),
                      b.billed_krw, b.paid_krw, b.waived_krw, b.refunded_krw),
            E'\n' ORDER BY b.item COLLATE "C", b.billed_on), 'UTF8')) AS digest,
        COALESCE(SUM(GREATEST(0, LEAST(b.billed_krw, b.paid_krw) - b.refunded_krw))
            FILTER (WHERE (round.programme_snapshot -> 'refundable_items') ? b.item), 0) AS amount
    FROM eligibility_bill b
    WHERE b.contract_no = i.contract_no
) bills
WHERE i.kind = 'REFUND' AND i.status <> 'VOID'
  AND bills.digest = i.bills_digest
  AND bills.amount <> i.amount_krw

UNION ALL
SELECT 'offline payment ' || m.id
FROM refunds_manual_payment m
CROSS JOIN LATERAL (
    SELECT
        sha256(convert_to(string_agg(
            concat_ws('|', b.item, to_char(b.billed_on, 'YYYY-MM-DD'),
                      b.billed_krw, b.paid_krw, b.waived_krw, b.refunded_krw),
            E'\n' ORDER BY b.item COLLATE "C", b.billed_on), 'UTF8')) AS digest,
        COALESCE(SUM(GREATEST(0, LEAST(b.billed_krw, b.paid_krw) - b.refunded_krw))
            FILTER (WHERE m.refundable_items ? b.item), 0) AS amount
    FROM eligibility_bill b
    JOIN refunds_application a ON a.contract_no = b.contract_no
    WHERE a.id = m.application_id
) bills
WHERE m.status <> 'DECLINED'
  AND bills.digest = m.bills_digest
  AND bills.amount <> m.amount_krw
