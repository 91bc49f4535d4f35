-- title: 한 사람이 준비하고 승인했거나 승인 없이 나감
--
-- Forbids that one person, under one account or two, prepares and approves a batch or records and confirms a payment by
-- hand; that an approval stands before the act it approves or for another digest than the batch has; that a batch or a
-- payment goes on without approval; that a bank file is older than the approval or handed over before it was made.

CREATE VIEW money_i7 AS
SELECT 'batch ' || b.pay_on AS what
FROM refunds_batch b
WHERE b.prepared_by_id = b.approved_by_id
   OR b.prepared_person = b.approved_person
   OR b.approved_at < b.prepared_at
   OR b.approved_digest NOT IN ('', b.digest)
   OR b.status NOT IN ('OPEN', 'FROZEN') AND b.approved_by_id IS NULL

UNION ALL
SELECT 'file ' || f.name
FROM refunds_bank_file f
JOIN refunds_batch b ON b.id = f.batch_id
WHERE f.status <> 'DISCARDED'
      AND NOT EXISTS (SELECT FROM refunds_bank_file later WHERE later.replaces_id = f.id)
      AND (b.status IN ('OPEN', 'FROZEN', 'APPROVED') OR f.made_at < b.approved_at)
   OR f.handed_over_at < f.made_at
   OR f.approved_by_id = f.made_by_id
   OR f.approved_person = f.made_person
   OR f.approved_at < f.made_at

UNION ALL
SELECT 'offline payment ' || m.id
FROM refunds_manual_payment m
WHERE m.recorded_by_id = m.decided_by_id
   OR m.recorded_person = m.decided_person
   OR m.decided_at < m.recorded_at
   OR m.status <> 'RECORDED' AND m.decided_by_id IS NULL
