-- A key keeps what it is. Its end is drawn once, it is revoked once, and it is never deleted:
-- a receipt is checked against it for ever.
CREATE FUNCTION billing_receipt_key_keeps_its_word() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.public_key, NEW.not_before)
           IS DISTINCT FROM (OLD.id, OLD.public_key, OLD.not_before)
       OR (OLD.not_after IS NOT NULL AND NEW.not_after IS DISTINCT FROM OLD.not_after)
       OR (OLD.revoked_at IS NOT NULL
           AND (NEW.revoked_at, NEW.reason) IS DISTINCT FROM (OLD.revoked_at, OLD.reason)) THEN
        RAISE EXCEPTION 'receipt_key_keeps_its_word: key %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'receipt_key_keeps_its_word';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_key_keeps_its_word BEFORE UPDATE ON billing_receiptkey
    FOR EACH ROW EXECUTE FUNCTION billing_receipt_key_keeps_its_word();
CREATE TRIGGER receipt_key_is_never_deleted BEFORE DELETE ON billing_receiptkey
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER receipt_key_is_never_emptied BEFORE TRUNCATE ON billing_receiptkey
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
