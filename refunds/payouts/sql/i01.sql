-- title: 한 신청에 살아 있는 지급이 둘 이상
--
-- Forbids that one application, or one correction, has two payments that hold money or may still send it: an item that
-- is queued, filed, unanswered or paid, or a payment by hand that is recorded or confirmed.

CREATE VIEW money_i1 AS
SELECT 'application ' || application_id AS what
FROM refunds_item
WHERE kind = 'REFUND' AND status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID')
GROUP BY application_id
HAVING count(*) > 1

UNION ALL
SELECT 'adjustment ' || adjustment_id
FROM refunds_item
WHERE kind = 'ADJUSTMENT' AND status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID')
GROUP BY adjustment_id
HAVING count(*) > 1

UNION ALL
SELECT 'application ' || application_id
FROM (
    SELECT application_id
    FROM refunds_manual_payment
    WHERE status IN ('RECORDED', 'CONFIRMED')
    UNION ALL
    SELECT application_id
    FROM refunds_item
    WHERE kind = 'REFUND' AND status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID')
      AND application_id IN (SELECT application_id FROM refunds_manual_payment)
) paid
GROUP BY application_id
HAVING count(*) > 1
