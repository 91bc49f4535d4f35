-- title: 돈의 합이 맞지 않거나, 끝난 신청의 돈이 나감
--
-- Forbids that money is lost or made between batch, file and item: the newest bank file states the count and sum of its
-- items, the files of a filed batch sum up to the batch, and a settled batch has no unanswered item. Forbids also that
-- an application that is not approved (withdrawn, rejected, in review) has a living payment.

CREATE VIEW money_i5 AS
SELECT 'file ' || f.name AS what
FROM refunds_bank_file f
LEFT JOIN (
    SELECT file_id, count(*) AS n, sum(amount_krw) AS won
    FROM refunds_item
    GROUP BY file_id
) s ON s.file_id = f.id
WHERE NOT EXISTS (SELECT FROM refunds_bank_file later WHERE later.replaces_id = f.id)
  AND (f.count, f.won) IS DISTINCT FROM (s.n, s.won)

UNION ALL
SELECT 'batch ' || b.pay_on
FROM refunds_batch b
WHERE b.status IN ('FILED', 'SETTLED')
  AND b.won <> (
      SELECT COALESCE(sum(f.won), 0)
      FROM refunds_bank_file f
      WHERE f.batch_id = b.id AND f.status <> 'DISCARDED'
        AND NOT EXISTS (SELECT FROM refunds_bank_file later WHERE later.replaces_id = f.id))

UNION ALL
SELECT 'application ' || a.id
FROM refunds_application a
WHERE a.status <> 'APPROVED'
  AND EXISTS (
      SELECT
      FROM refunds_item i
      WHERE i.application_id = a.id AND i.kind = 'REFUND' AND i.status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID'))

UNION ALL
SELECT 'batch ' || b.pay_on
FROM refunds_batch b
WHERE b.status = 'SETTLED'
  AND EXISTS (
      SELECT
      FROM refunds_item i
      WHERE i.batch_id = b.id AND i.status IN ('QUEUED', 'FILED', 'UNKNOWN'))

UNION ALL
SELECT 'application ' || a.id
FROM refunds_application a
JOIN refunds_manual_payment m ON m.application_id = a.id AND m.status IN ('RECORDED', 'CONFIRMED')
WHERE a.status <> 'APPROVED'
