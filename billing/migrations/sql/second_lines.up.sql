-- I16: who owes credits holds none, whatever the code believes. At the commit, because what has come
-- due by the hold's instant may have paid the debt in the same transaction; and a debt that was
-- made by what the hold paid for is younger than the hold, or as old.
CREATE FUNCTION billing_hold_of_no_debtor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM billing_debt AS d
        WHERE d.wallet_id = NEW.wallet_id AND d.created_at < NEW.created_at
          AND (d.paid_at IS NULL OR d.paid_at > NEW.created_at)
    ) THEN
        RAISE EXCEPTION 'hold_of_no_debtor: hold % of wallet %', NEW.id, NEW.wallet_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'hold_of_no_debtor';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER hold_of_no_debtor AFTER INSERT ON billing_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_hold_of_no_debtor();
