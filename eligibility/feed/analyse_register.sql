-- Only the owner of a table may ANALYZE it, and a load that changed half of the register must tell the planner. The
-- function runs with the owner's rights, so it takes no name but those of the register's tables.

CREATE OR REPLACE FUNCTION analyse_register(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF name NOT IN ('eligibility_line', 'eligibility_customer', 'eligibility_bill') THEN
        RAISE EXCEPTION '% is no table of the register', name;
    END IF;
    EXECUTE format('ANALYZE public.%I', name);
END
$$;
REVOKE EXECUTE ON FUNCTION analyse_register(text) FROM PUBLIC;
