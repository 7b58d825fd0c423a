-- What a CHECK cannot say about test clocks: nothing of them touches a live account.

CREATE FUNCTION billing_test_clock_is_for_the_sandbox() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject text := to_jsonb(NEW) ->> CASE TG_TABLE_NAME
        WHEN 'billing_testclock' THEN 'owner_id' ELSE 'account_id' END;
BEGIN
    IF EXISTS (SELECT 1 FROM billing_account AS a WHERE a.id = subject AND NOT a.is_sandbox) THEN
        RAISE EXCEPTION 'test_clock_is_for_the_sandbox: account %', subject
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'test_clock_is_for_the_sandbox';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER test_clock_is_for_the_sandbox AFTER INSERT OR UPDATE ON billing_testclock
    FOR EACH ROW EXECUTE FUNCTION billing_test_clock_is_for_the_sandbox();
CREATE TRIGGER test_clock_account_is_of_the_sandbox AFTER INSERT OR UPDATE
    ON billing_testclockaccount
    FOR EACH ROW EXECUTE FUNCTION billing_test_clock_is_for_the_sandbox();

-- Who is in the sandbox stays there, and who is not never comes into it; his wallet neither
-- (`wallet_keeps_its_owner_and_its_past`, which also lets no wallet's clock run back).
CREATE TRIGGER account_keeps_its_side BEFORE UPDATE OF is_sandbox ON billing_account
    FOR EACH ROW WHEN (NEW.is_sandbox <> OLD.is_sandbox) EXECUTE FUNCTION billing_refuse();

CREATE TRIGGER test_clock_never_runs_back BEFORE UPDATE ON billing_testclock
    FOR EACH ROW WHEN (NEW."offset" < OLD."offset") EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER test_clock_is_never_deleted BEFORE DELETE ON billing_testclock
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
