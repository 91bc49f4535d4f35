-- title: 기록을 다시 밟은 결과와 다른 상태나 금액
--
-- Forbids that a row differs from its own history: the state, the figures and the members of staff of an item, a batch,
-- a bank file or a payment by hand are those of its newest event, and the state of an application is the one its last
-- decision led to.

CREATE VIEW money_i3 AS
SELECT 'item ' || i.reference AS what
FROM refunds_item i
LEFT JOIN LATERAL (
    SELECT e.*
    FROM refunds_itemevent e
    WHERE e.pgh_obj_id = i.id
    ORDER BY e.pgh_id DESC
    LIMIT 1
) last ON true
WHERE (last.status, last.amount_krw, last.file_id, last.code)
      IS DISTINCT FROM (i.status, i.amount_krw, i.file_id, i.code)

UNION ALL
SELECT 'batch ' || b.pay_on
FROM refunds_batch b
LEFT JOIN LATERAL (
    SELECT e.*
    FROM refunds_batchevent e
    WHERE e.pgh_obj_id = b.id
    ORDER BY e.pgh_id DESC
    LIMIT 1
) last ON true
WHERE (last.status, last.count, last.won, last.hash_total, last.digest, last.prepared_by_id, last.approved_by_id)
      IS DISTINCT FROM (b.status, b.count, b.won, b.hash_total, b.digest, b.prepared_by_id, b.approved_by_id)

UNION ALL
SELECT 'file ' || f.name
FROM refunds_bank_file f
LEFT JOIN LATERAL (
    SELECT e.*
    FROM refunds_bankfileevent e
    WHERE e.pgh_obj_id = f.id
    ORDER BY e.pgh_id DESC
    LIMIT 1
) last ON true
WHERE (last.status, last.handed_over_by_id) IS DISTINCT FROM (f.status, f.handed_over_by_id)

UNION ALL
SELECT 'application ' || a.id
FROM refunds_application a
JOIN LATERAL (
    SELECT d.to_status
    FROM refunds_decision d
    WHERE d.application_id = a.id
    ORDER BY d.id DESC
    LIMIT 1
) last ON last.to_status <> a.status

UNION ALL
SELECT 'offline payment ' || m.id
FROM refunds_manual_payment m
LEFT JOIN LATERAL (
    SELECT e.*
    FROM refunds_manualpaymentevent e
    WHERE e.pgh_obj_id = m.id
    ORDER BY e.pgh_id DESC
    LIMIT 1
) last ON true
WHERE (last.status, last.decided_by_id) IS DISTINCT FROM (m.status, m.decided_by_id)
