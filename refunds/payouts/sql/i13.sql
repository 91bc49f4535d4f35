-- title: 그때 남은 금액보다 많이 나감
--
-- Forbids that a payment exceeds what the balance allowed when it was made, which is stored with it (D-63): the items of
-- one application in one batch together, a payment outside the rounds, and an approved correction or claim, except one
-- by exception. Bills that a later feed lowers break nothing here; what they turn into an overpayment stands on the list
-- of exceptions for a person.

CREATE VIEW money_i13 AS
SELECT 'application ' || i.application_id AS what
FROM refunds_item i
WHERE i.status <> 'VOID' AND i.allowed_krw IS NOT NULL
GROUP BY i.batch_id, i.application_id
HAVING sum(i.amount_krw) > min(i.allowed_krw)

UNION ALL
SELECT 'offline payment ' || m.id
FROM refunds_manual_payment m
WHERE m.status <> 'DECLINED' AND m.amount_krw > m.allowed_krw

UNION ALL
SELECT 'adjustment ' || j.id
FROM refunds_adjustment j
WHERE j.status NOT IN ('PROPOSED', 'DECLINED') AND NOT j.by_exception AND j.amount_krw > j.allowed_krw

UNION ALL
-- What a customer is asked for and has paid back never exceeds what was ever sent to them.
SELECT 'application ' || j.application_id
FROM refunds_adjustment j
WHERE j.status IN ('CLAIMED', 'RECOVERED')
GROUP BY j.application_id
HAVING sum(j.amount_krw) > (
    SELECT COALESCE(sum(sent.won), 0)
    FROM (
        SELECT i.amount_krw AS won
        FROM refunds_item i
        WHERE i.application_id = j.application_id AND i.status NOT IN ('QUEUED', 'VOID')
        UNION ALL
        SELECT m.amount_krw
        FROM refunds_manual_payment m
        WHERE m.application_id = j.application_id AND m.status <> 'DECLINED'
    ) sent)
