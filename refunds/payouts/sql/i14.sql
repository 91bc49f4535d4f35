-- title: 신청별 잔액의 합이 회차와 따로 보낸 지급의 합과 다름
--
-- Forbids that the trial balance does not close: each figure of the balance, summed over all applications, equals the
-- same sum taken from the other side, in won. The other side is the batches as they were frozen, and the movements by day
-- from the histories (`refunds_movement`). A further side is one more row of `side`.

CREATE VIEW money_i14 AS
SELECT concat_ws(' ', side.what, side.balance, side.other) AS what
FROM (
    SELECT
        COALESCE(sum(queued + at_bank + paid + corrected + returned), 0) AS in_rounds,
        COALESCE(sum(queued), 0) AS queued,
        COALESCE(sum(at_bank), 0) AS at_bank,
        COALESCE(sum(paid), 0) AS paid,
        COALESCE(sum(corrected), 0) AS corrected,
        COALESCE(sum(returned), 0) AS returned,
        COALESCE(sum(outside), 0) AS outside,
        COALESCE(sum(claimed), 0) AS claimed,
        COALESCE(sum(recovered), 0) AS recovered,
        COALESCE(sum(due - owed - granted), 0) AS net
    FROM refunds_balance
) b
CROSS JOIN (
    SELECT
        COALESCE(sum(won) FILTER (WHERE account = 'queued'), 0) AS queued,
        COALESCE(sum(won) FILTER (WHERE account = 'at_bank'), 0) AS at_bank,
        COALESCE(sum(won) FILTER (WHERE account = 'paid'), 0) AS paid,
        COALESCE(sum(won) FILTER (WHERE account = 'corrected'), 0) AS corrected,
        COALESCE(sum(won) FILTER (WHERE account = 'returned'), 0) AS returned,
        COALESCE(sum(won) FILTER (WHERE account = 'outside'), 0) AS outside,
        COALESCE(sum(won) FILTER (WHERE account = 'claimed'), 0) AS claimed,
        COALESCE(sum(won) FILTER (WHERE account = 'recovered'), 0) AS recovered
    FROM refunds_movement
) m
CROSS JOIN LATERAL (VALUES
    ('rounds', b.in_rounds, (SELECT COALESCE(sum(won), 0) FROM refunds_batch WHERE status <> 'OPEN')),
    ('queued', b.queued, m.queued),
    ('at the bank', b.at_bank, m.at_bank),
    ('paid', b.paid, m.paid),
    ('corrected', b.corrected, m.corrected),
    ('returned', b.returned, m.returned),
    ('outside', b.outside, m.outside),
    ('claimed', b.claimed, m.claimed),
    ('recovered', b.recovered, m.recovered),
    -- What is due differs from what is owed by what left and did not come back.
    ('net', b.net, m.recovered - m.queued - m.at_bank - m.paid - m.corrected - m.outside)
) side (what, balance, other)
WHERE side.balance <> side.other
