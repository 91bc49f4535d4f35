-- title: 없는 길로 움직였거나 기록과 다른 상태
--
-- Forbids that an item has another state or amount than its newest event says, and that the history of an item, a
-- batch, a bank file or a payment by hand shows a move that does not exist ('-' is the state before the first event).

CREATE VIEW money_i6 AS
SELECT 'item ' || i.reference AS what
FROM refunds_item i
LEFT JOIN LATERAL (
    SELECT e.*
    FROM refunds_itemevent e
    WHERE e.pgh_obj_id = i.id
    ORDER BY e.pgh_id DESC
    LIMIT 1
) last ON true
WHERE (last.status, last.amount_krw) IS DISTINCT FROM (i.status, i.amount_krw)

UNION ALL
SELECT DISTINCT 'item ' || pgh_obj_id AS what
FROM (
    SELECT pgh_obj_id, status, lag(status, 1, '-') OVER (PARTITION BY pgh_obj_id ORDER BY pgh_id) AS before
    FROM refunds_itemevent
) moved
WHERE before <> status
  AND (before, status) NOT IN (VALUES
      ('-', 'QUEUED'),
      ('QUEUED', 'VOID'),
      ('QUEUED', 'FILED'),
      ('FILED', 'VOID'),
      ('FILED', 'PAID'),
      ('FILED', 'RETURNED'),
      ('FILED', 'UNKNOWN'),
      ('UNKNOWN', 'PAID'),
      ('UNKNOWN', 'RETURNED'),
      ('PAID', 'RETURNED'))

UNION ALL
SELECT DISTINCT 'batch ' || pgh_obj_id AS what
FROM (
    SELECT pgh_obj_id, status, lag(status, 1, '-') OVER (PARTITION BY pgh_obj_id ORDER BY pgh_id) AS before
    FROM refunds_batchevent
) moved
WHERE before <> status
  AND (before, status) NOT IN (VALUES
      ('-', 'OPEN'),
      ('OPEN', 'FROZEN'),
      ('FROZEN', 'APPROVED'),
      ('FROZEN', 'OPEN'),
      ('APPROVED', 'OPEN'),
      ('APPROVED', 'FILED'),
      ('FILED', 'OPEN'),
      ('FILED', 'SETTLED'),
      -- Until the migration refunds 0005 a batch had the states of its parts too.
      ('FILED', 'HANDED_OVER'),
      ('HANDED_OVER', 'REFUSED'),
      ('HANDED_OVER', 'FILED'),
      ('HANDED_OVER', 'SETTLED'),
      ('REFUSED', 'FILED'))

UNION ALL
SELECT DISTINCT 'file ' || pgh_obj_id AS what
FROM (
    SELECT pgh_obj_id, status, lag(status, 1, '-') OVER (PARTITION BY pgh_obj_id ORDER BY pgh_id) AS before
    FROM refunds_bankfileevent
) moved
WHERE before <> status
  AND (before, status) NOT IN (VALUES
      ('-', 'APPROVED'),
      ('-', 'MADE'),
      ('MADE', 'APPROVED'),
      ('MADE', 'DISCARDED'),
      ('APPROVED', 'DISCARDED'),
      ('APPROVED', 'HANDED_OVER'),
      ('HANDED_OVER', 'ACCEPTED'),
      ('HANDED_OVER', 'REFUSED'),
      ('ACCEPTED', 'REFUSED'),
      ('MADE', 'HANDED_OVER'))  -- until the migration refunds 0005

UNION ALL
SELECT DISTINCT 'offline payment ' || pgh_obj_id
FROM (
    SELECT pgh_obj_id, status, lag(status, 1, '-') OVER (PARTITION BY pgh_obj_id ORDER BY pgh_id) AS before
    FROM refunds_manualpaymentevent
) moved
WHERE before <> status
  AND (before, status) NOT IN (VALUES
      ('-', 'RECORDED'),
      ('RECORDED', 'CONFIRMED'),
      ('RECORDED', 'DECLINED'))
