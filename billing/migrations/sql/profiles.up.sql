-- An invoice that says to whom it was made out says so for ever.
CREATE FUNCTION billing_invoice_keeps_its_buyer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.buyer IS NOT NULL AND NEW.buyer IS DISTINCT FROM OLD.buyer THEN
        RAISE EXCEPTION 'invoice_keeps_its_buyer: invoice %', OLD.stripe_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'invoice_keeps_its_buyer';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_keeps_its_buyer BEFORE UPDATE ON billing_invoice
    FOR EACH ROW EXECUTE FUNCTION billing_invoice_keeps_its_buyer();
