-- title: 통장의 거래가 지급 건, 파일, 미결과 맞지 않음
--
-- Forbids that the confirmed statements of the bank do not add up: a statement whose lines do not lead from its opening to
-- its closing balance; a line that is neither a payment, a part, a return nor a suspense entry of the same won; a part of
-- which more was debited than it holds; money that is back for a payment that did not come back; a refund that is paid
-- again although the money of its return is not back (D-95). In won.

CREATE VIEW money_i15 AS
SELECT 'statement ' || s.number AS what
FROM refunds_statement s
LEFT JOIN LATERAL (
    SELECT COALESCE(sum(CASE l.direction WHEN 'CREDIT' THEN l.won ELSE -l.won END), 0) AS won
    FROM refunds_statement_line l
    WHERE l.statement_id = s.id
) moved ON true
WHERE s.status = 'CONFIRMED' AND s.opening + moved.won <> s.closing

UNION ALL
SELECT 'line ' || s.number || '/' || l.number
FROM refunds_statement_line l
JOIN refunds_statement s ON s.id = l.statement_id
LEFT JOIN refunds_item i ON i.id = l.item_id
LEFT JOIN refunds_suspense x ON x.line_id = l.id
WHERE s.status = 'CONFIRMED'
  AND CASE l.match
      WHEN 'PAYMENT' THEN i.amount_krw IS DISTINCT FROM l.won OR x.id IS NOT NULL
      WHEN 'RETURN' THEN i.amount_krw IS DISTINCT FROM l.won OR x.id IS NOT NULL
      WHEN 'PART' THEN l.file_id IS NULL OR x.id IS NOT NULL
      WHEN 'SUSPENSE' THEN x.won IS DISTINCT FROM CASE l.direction WHEN 'CREDIT' THEN l.won ELSE -l.won END
      ELSE true
      END

UNION ALL
SELECT 'part ' || f.message_id
FROM refunds_bank_file f
JOIN refunds_statement_line l ON l.file_id = f.id AND l.match IN ('PART', 'PAYMENT')
GROUP BY f.id, f.message_id, f.won
HAVING sum(l.won) > f.won

UNION ALL
SELECT 'back ' || i.reference
FROM refunds_money_back back
JOIN refunds_item i ON i.id = back.item_id
WHERE i.status <> 'RETURNED'

UNION ALL
SELECT 'again ' || again.reference
FROM refunds_item again
JOIN refunds_item i ON i.application_id = again.application_id AND i.kind = again.kind AND i.attempt < again.attempt
    AND i.adjustment_id IS NOT DISTINCT FROM again.adjustment_id
WHERE again.status <> 'VOID' AND i.status = 'RETURNED'
  AND NOT EXISTS (SELECT FROM refunds_money_back back WHERE back.item_id = i.id)
