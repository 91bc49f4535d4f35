-- title: 회차나 파일의 건수, 합계, 확인값이 담긴 건과 다름
--
-- Forbids that a frozen batch states another count, sum, hash total or digest than the items in it give, that an open
-- batch holds items, and that an item's digest is not the one of its own figures. The hash total sums the first five
-- bytes of the keyed index of each account number, modulo 10^10. The bytes of the bank files need a key and are checked
-- by `manage.py verify_money` besides.

CREATE VIEW money_i4 AS
SELECT 'batch ' || b.pay_on AS what
FROM refunds_batch b
LEFT JOIN (
    SELECT
        i.batch_id,
        count(*) AS n,
        sum(i.amount_krw) AS won,
        (sum(('x' || encode(substr(a.number_index, 1, 5), 'hex'))::bit(40)::bigint) % 10000000000)::bigint
            AS hash_total,
        encode(sha256(string_agg(i.digest, ''::bytea ORDER BY i.reference COLLATE "C")), 'hex') AS digest
    FROM refunds_item i
    JOIN refunds_account a ON a.id = i.account_id
    WHERE i.status <> 'VOID'
    GROUP BY i.batch_id
) s ON s.batch_id = b.id
WHERE b.status <> 'OPEN'
      AND (b.count, b.won, b.hash_total, b.digest) IS DISTINCT FROM (s.n, s.won, s.hash_total, s.digest)
   OR b.status = 'OPEN' AND s.n IS NOT NULL

UNION ALL
SELECT 'item ' || i.reference
FROM refunds_item i
WHERE i.digest <> sha256(convert_to(
    concat_ws('|', reference, kind, application_id, account_id, amount_krw, attempt, encode(bills_digest, 'hex'),
              -- An item of a release before the balance has neither.
              allowed_krw, CASE WHEN allowed_krw IS NOT NULL THEN movements END),
    'UTF8'))
