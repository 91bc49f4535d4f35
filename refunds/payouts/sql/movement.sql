-- Every movement of money by day and round, from the histories of items, payments outside the rounds and corrections:
-- what entered (+) or left (-) each account of the trial balance, in won, by KST day. A payment that goes from one state
-- to another leaves one account and enters the other; one that is taken out leaves the accounts. A returned payment stays
-- with the bank until its money is back (D-95). The accounts are those of `refunds_balance`, so the sums over all days
-- equal the sums over all applications (money_i14).

CREATE VIEW refunds_movement AS
SELECT
    (moved.status_at AT TIME ZONE 'Asia/Seoul')::date AS day,
    b.pay_on,
    side.account,
    side.won
FROM (
    SELECT
        e.pgh_obj_id, e.status, e.status_at, e.amount_krw,
        lag(e.status) OVER (PARTITION BY e.pgh_obj_id ORDER BY e.pgh_id) AS before
    FROM refunds_itemevent e
) moved
JOIN refunds_item i ON i.id = moved.pgh_obj_id
JOIN refunds_batch b ON b.id = i.batch_id
CROSS JOIN LATERAL (
    SELECT
        CASE state.status
            WHEN 'QUEUED' THEN 'queued'
            WHEN 'FILED' THEN 'at_bank'
            WHEN 'UNKNOWN' THEN 'at_bank'
            WHEN 'RETURNED' THEN 'at_bank'
            WHEN 'PAID' THEN CASE i.kind WHEN 'ADJUSTMENT' THEN 'corrected' ELSE 'paid' END
        END AS account,
        state.sign * moved.amount_krw AS won
    FROM (VALUES (moved.before, -1), (moved.status, 1)) AS state (status, sign)
    WHERE state.status <> 'VOID'
) side
WHERE moved.before IS DISTINCT FROM moved.status

UNION ALL
SELECT (back.at AT TIME ZONE 'Asia/Seoul')::date, b.pay_on, side.account, side.won
FROM refunds_money_back back
JOIN refunds_item i ON i.id = back.item_id AND i.status = 'RETURNED'
JOIN refunds_batch b ON b.id = i.batch_id
CROSS JOIN LATERAL (VALUES ('at_bank', -i.amount_krw), ('returned', i.amount_krw)) AS side (account, won)

UNION ALL
SELECT (m.recorded_at AT TIME ZONE 'Asia/Seoul')::date, NULL, 'outside', m.amount_krw
FROM refunds_manual_payment m

UNION ALL
SELECT (m.decided_at AT TIME ZONE 'Asia/Seoul')::date, NULL, 'outside', -m.amount_krw
FROM refunds_manual_payment m
WHERE m.status = 'DECLINED'

UNION ALL
SELECT (j.decided_at AT TIME ZONE 'Asia/Seoul')::date, NULL, 'claimed', j.amount_krw
FROM refunds_adjustment j
WHERE j.status IN ('CLAIMED', 'RECOVERED')

UNION ALL
SELECT (COALESCE(j.recovered_at, j.decided_at) AT TIME ZONE 'Asia/Seoul')::date, NULL, side.account, side.won
FROM refunds_adjustment j
CROSS JOIN LATERAL (VALUES ('claimed', -j.amount_krw), ('recovered', j.amount_krw)) AS side (account, won)
WHERE j.status = 'RECOVERED'
