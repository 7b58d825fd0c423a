-- What was done stays written down as it was.
CREATE TRIGGER access_record_never_changes BEFORE UPDATE OR DELETE ON billing_accessrecord
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER access_record_is_never_emptied BEFORE TRUNCATE ON billing_accessrecord
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();

-- A second factor goes forward only. Whose it is never changes; what was confirmed stays confirmed
-- until a reset takes it away, and changes by nothing but a code that is later than the last one.
CREATE FUNCTION billing_authenticator_goes_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.operator_id) IS DISTINCT FROM (OLD.id, OLD.operator_id)
       OR NEW.last_step < OLD.last_step
       OR (OLD.confirmed_at IS NOT NULL
           AND (NEW.last_step = OLD.last_step
                OR NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at)) THEN
        RAISE EXCEPTION 'authenticator_goes_forward: %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'authenticator_goes_forward';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER authenticator_goes_forward BEFORE UPDATE ON billing_authenticator
    FOR EACH ROW EXECUTE FUNCTION billing_authenticator_goes_forward();

-- A code on paper opens once.
CREATE FUNCTION billing_recovery_code_opens_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.used_at IS NOT NULL OR NEW.digest IS DISTINCT FROM OLD.digest
       OR NEW.authenticator_id IS DISTINCT FROM OLD.authenticator_id THEN
        RAISE EXCEPTION 'recovery_code_opens_once: %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'recovery_code_opens_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recovery_code_opens_once BEFORE UPDATE ON billing_recoverycode
    FOR EACH ROW EXECUTE FUNCTION billing_recovery_code_opens_once();
