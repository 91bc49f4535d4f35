-- The balance of each application in won (D-63), from its bill rows and from everything that ever moved for it.
--
-- Nothing else adds up what a customer is owed or was sent: the freeze, corrections, claims, payments outside the rounds
-- and pages read this view. The independent check of a batch does not; it counts the same in Python.
--
--   owed        what the bills give: of each refundable item the smaller of billed and paid, less what was refunded
--               before (D-23); of a bill that is partly paid that is the paid part (D-24)
--   granted     what corrections by exception give beyond the bills (D-72)
--   queued      frozen in a batch, not in a file yet
--   at_bank     in a file and not finally answered, or returned and not yet back on our account (D-95)
--   coming_back the part of at_bank that was returned; refund_coming_back: of that the refund, sent again once it is back
--   paid        refunds that the bank paid            corrected   corrections that the bank paid
--   returned    came back, the money too              outside     sent outside the rounds, recorded or confirmed
--   claimed     claimed back, not here yet            recovered   claimed back and here
--   promised    approved corrections that no item carries yet
--   due         what may still be sent, promised corrections included; negative if too much was sent
--   above_bill  what was paid to billing above the bills (D-70); billing settles it, no round sends it
--   attempts    times that the refund was sent or is being sent
--
-- `movements` lists what `due` counts besides the bills, one movement in a line: kind, key, won. The digest of an item
-- covers it. `bills_digest` is a digest over every bill row of the line.
--
-- Each part is a lateral subquery over an index, so that one application costs a few look-ups and a freeze of half a
-- million as many for each, whatever the planner expects. What needs a sort runs only where there is something to sort.
-- `:refundable_items` is the list of the programme at the time of the migration.

-- What a correction is to the balance: `kind` and won, and won that an exception grants.
CREATE VIEW refunds_correction AS
SELECT
    c.application_id,
    c.id,
    c.amount_krw AS won,
    CASE
        WHEN c.status = 'CLAIMED' THEN 'claimed'
        WHEN c.status = 'RECOVERED' THEN 'recovered'
        WHEN NOT EXISTS (
            SELECT
            FROM refunds_item i
            LEFT JOIN refunds_money_back back ON back.item_id = i.id
            WHERE i.adjustment_id = c.id
              AND (i.status IN ('QUEUED', 'FILED', 'UNKNOWN', 'PAID')
                   OR i.status = 'RETURNED' AND back.item_id IS NULL))
            THEN 'promised'
        ELSE 'carried'
    END AS kind,
    -- An exception gives what it pays beyond what the balance allowed then.
    CASE WHEN c.by_exception AND c.status = 'APPROVED'
         THEN GREATEST(0, c.amount_krw - GREATEST(0, c.allowed_krw)) ELSE 0 END AS granted
FROM refunds_adjustment c
WHERE c.status IN ('APPROVED', 'CLAIMED', 'RECOVERED');

CREATE VIEW refunds_balance AS
SELECT
    a.id AS application_id,
    bills.owed,
    items.queued,
    items.at_bank,
    items.paid,
    items.returned,
    items.corrected,
    outside.outside,
    cases.claimed,
    cases.recovered,
    bills.owed + cases.granted + cases.recovered
        - items.queued - items.at_bank - items.paid - items.corrected - outside.outside AS due,
    cases.granted,
    cases.promised,
    bills.above_bill,
    items.attempts,
    items.coming_back,
    items.refund_coming_back,
    bills.bills_digest,
    concat_ws(E'\n',
        CASE WHEN items.present THEN (
            SELECT string_agg(
                concat_ws('|', CASE WHEN i.status = 'RETURNED' AND back.item_id IS NOT NULL THEN 'returned' ELSE 'sent' END,
                          i.reference, i.amount_krw),
                E'\n' ORDER BY i.reference COLLATE "C")
            FROM refunds_item i
            LEFT JOIN refunds_money_back back ON back.item_id = i.id
            WHERE i.application_id = a.id AND i.status <> 'VOID')
        END,
        CASE WHEN outside.outside > 0 THEN (
            SELECT string_agg(concat_ws('|', 'outside', m.id, m.amount_krw), E'\n' ORDER BY m.id)
            FROM refunds_manual_payment m
            WHERE m.application_id = a.id AND m.status IN ('RECORDED', 'CONFIRMED'))
        END,
        CASE WHEN cases.present THEN (
            SELECT string_agg(concat_ws('|', j.kind, j.id, j.won), E'\n' ORDER BY j.id)
            FROM refunds_correction j
            WHERE j.application_id = a.id AND j.kind IN ('recovered', 'promised'))
        END,
        CASE WHEN cases.granted > 0 THEN (
            SELECT string_agg(concat_ws('|', 'granted', j.id, j.granted), E'\n' ORDER BY j.id)
            FROM refunds_correction j
            WHERE j.application_id = a.id AND j.granted > 0)
        END) AS movements
FROM refunds_application a
CROSS JOIN LATERAL (
    SELECT
        COALESCE(sum(GREATEST(0, LEAST(b.billed_krw, b.paid_krw) - b.refunded_krw))
            FILTER (WHERE b.item = ANY (:refundable_items)), 0)::bigint AS owed,
        COALESCE(sum(GREATEST(0, b.paid_krw - GREATEST(b.billed_krw, b.refunded_krw)))
            FILTER (WHERE b.item = ANY (:refundable_items)), 0)::bigint AS above_bill,
        sha256(convert_to(COALESCE(string_agg(
            concat_ws('|', b.item, to_char(b.billed_on, 'YYYY-MM-DD'),
                      b.billed_krw, b.paid_krw, b.waived_krw, b.refunded_krw),
            E'\n' ORDER BY b.item COLLATE "C", b.billed_on), ''), 'UTF8')) AS bills_digest
    FROM eligibility_bill b
    WHERE b.contract_no = a.contract_no
) bills
CROSS JOIN LATERAL (
    SELECT
        COALESCE(sum(i.amount_krw) FILTER (WHERE i.status = 'QUEUED'), 0)::bigint AS queued,
        COALESCE(sum(i.amount_krw) FILTER (
            WHERE i.status IN ('FILED', 'UNKNOWN') OR i.status = 'RETURNED' AND back.item_id IS NULL
        ), 0)::bigint AS at_bank,
        COALESCE(sum(i.amount_krw) FILTER (WHERE i.status = 'PAID' AND i.kind = 'REFUND'), 0)::bigint AS paid,
        COALESCE(sum(i.amount_krw) FILTER (WHERE i.status = 'PAID' AND i.kind = 'ADJUSTMENT'), 0)::bigint AS corrected,
        COALESCE(sum(i.amount_krw) FILTER (
            WHERE i.status = 'RETURNED' AND back.item_id IS NOT NULL
        ), 0)::bigint AS returned,
        COALESCE(sum(i.amount_krw) FILTER (
            WHERE i.status = 'RETURNED' AND back.item_id IS NULL
        ), 0)::bigint AS coming_back,
        COALESCE(sum(i.amount_krw) FILTER (
            WHERE i.status = 'RETURNED' AND i.kind = 'REFUND' AND back.item_id IS NULL
        ), 0)::bigint AS refund_coming_back,
        count(*) FILTER (WHERE i.kind = 'REFUND') AS attempts,
        count(*) > 0 AS present
    FROM refunds_item i
    LEFT JOIN refunds_money_back back ON back.item_id = i.id
    WHERE i.application_id = a.id AND i.status <> 'VOID'
) items
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(m.amount_krw), 0)::bigint AS outside
    FROM refunds_manual_payment m
    WHERE m.application_id = a.id AND m.status IN ('RECORDED', 'CONFIRMED')
) outside
CROSS JOIN LATERAL (
    SELECT
        COALESCE(sum(j.won) FILTER (WHERE j.kind = 'claimed'), 0)::bigint AS claimed,
        COALESCE(sum(j.won) FILTER (WHERE j.kind = 'recovered'), 0)::bigint AS recovered,
        COALESCE(sum(j.won) FILTER (WHERE j.kind = 'promised'), 0)::bigint AS promised,
        COALESCE(sum(j.granted), 0)::bigint AS granted,
        count(*) > 0 AS present
    FROM refunds_correction j
    WHERE j.application_id = a.id
) cases
