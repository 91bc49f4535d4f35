-- The next case of a reviewer, chosen and locked; null where there is none. As a function it is planned once for each
-- connection, which takes longer than carrying it out. It has the rights of its caller. Made twice, for all kinds of
-- cases and for one.
--
-- One row after the other along the index: a scalar subquery is never made a join, which would read the register. Those
-- that the reviewer gave back come last. `closed` are keys of persons whose cases the reviewer may not decide.

CREATE OR REPLACE FUNCTION {name}(
    levels text[], wanted text, today date, reviewer integer, closed bytea[], other_than bigint[]
) RETURNS bigint LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET search_path = public, pg_temp AS $$
DECLARE
    again boolean;
    one text;
    chosen bigint;
BEGIN
    FOREACH again IN ARRAY ARRAY[false, true] LOOP
        FOREACH one IN ARRAY levels LOOP
            SELECT c.id INTO chosen FROM refunds_case c
            WHERE c.level = one AND c.kind <> '' {kind}
              AND (c.held_until IS NULL OR c.held_until < now())
              AND (c.parked_until IS NULL OR c.parked_until <= today)
              AND (c.kept_for_id IS NULL OR c.kept_for_id = reviewer OR c.kept_until <= today)
              AND c.decided_by_id IS DISTINCT FROM reviewer
              AND c.id <> ALL (other_than)
              AND (again OR NOT c.given_back_by @> to_jsonb(reviewer))
              AND NOT COALESCE((
                  SELECT f.person_index = ANY (closed) OR u.person_index = ANY (closed)
                         OR COALESCE(u.guardian_ci_index = ANY (closed), false)
                         OR f.filed_by_id IS NOT DISTINCT FROM reviewer
                  FROM refunds_application a JOIN refunds_filing f ON f.id = a.filing_id
                  JOIN eligibility_line l ON l.contract_no = a.contract_no
                  JOIN eligibility_customer u ON u.customer_no = l.customer_no
                  WHERE a.id = c.application_id), false)
              AND NOT COALESCE((
                  SELECT o.person_index = ANY (closed) FROM refunds_objection o WHERE o.id = c.objection_id), false)
            ORDER BY c.due_on, c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED;
            IF FOUND THEN
                RETURN chosen;
            END IF;
        END LOOP;
    END LOOP;
    RETURN NULL;
END
$$;
