-- What a CHECK cannot say about who has a free tier.

-- I19: an identity has one free tier, and keeps whose it is; its value never changes.
CREATE FUNCTION billing_identity_keeps_its_free_tier() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.is_sandbox, NEW.kind, NEW.digest, NEW.created_at)
           IS DISTINCT FROM (OLD.is_sandbox, OLD.kind, OLD.digest, OLD.created_at)
       OR (OLD.free_tier_of_id IS NOT NULL
           AND NEW.free_tier_of_id IS DISTINCT FROM OLD.free_tier_of_id) THEN
        RAISE EXCEPTION 'identity_keeps_its_free_tier: identity %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'identity_keeps_its_free_tier';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER identity_keeps_its_free_tier BEFORE UPDATE ON billing_identity
    FOR EACH ROW EXECUTE FUNCTION billing_identity_keeps_its_free_tier();
CREATE TRIGGER identity_is_never_deleted BEFORE DELETE ON billing_identity
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- It is given to an account that has been seen with it, so of the same side of the sandbox.
CREATE FUNCTION billing_identity_is_of_who_was_seen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.free_tier_of_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM billing_accountsignal AS s
            WHERE s.identity_id = NEW.id AND s.account_id = NEW.free_tier_of_id) THEN
        RAISE EXCEPTION 'identity_is_of_who_was_seen: identity %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'identity_is_of_who_was_seen';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER identity_is_of_who_was_seen AFTER INSERT OR UPDATE ON billing_identity
    FOR EACH ROW EXECUTE FUNCTION billing_identity_is_of_who_was_seen();

CREATE FUNCTION billing_account_signal_is_of_its_side() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
            SELECT 1 FROM billing_account AS a JOIN billing_identity AS i
                ON i.is_sandbox = a.is_sandbox
            WHERE a.id = NEW.account_id AND i.id = NEW.identity_id) THEN
        RAISE EXCEPTION 'account_signal_is_of_its_side: signal %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'account_signal_is_of_its_side';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER account_signal_is_of_its_side AFTER INSERT OR UPDATE ON billing_accountsignal
    FOR EACH ROW EXECUTE FUNCTION billing_account_signal_is_of_its_side();
CREATE TRIGGER account_signal_is_never_deleted BEFORE DELETE ON billing_accountsignal
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- An operator's word stands, and only an operator admits who was refused.
CREATE FUNCTION billing_free_tier_moves_as_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.account_id <> OLD.account_id
       OR (OLD.operator <> '' AND (NEW.state, NEW.operator, NEW.note)
               IS DISTINCT FROM (OLD.state, OLD.operator, OLD.note))
       OR (OLD.state = 'refused' AND NEW.state <> 'refused' AND NEW.operator = '')
       OR (OLD.state = 'admitted' AND NEW.state = 'waiting') THEN
        RAISE EXCEPTION 'free_tier_moves_as_decided: account %', OLD.account_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'free_tier_moves_as_decided';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER free_tier_moves_as_decided BEFORE UPDATE ON billing_freetier
    FOR EACH ROW EXECUTE FUNCTION billing_free_tier_moves_as_decided();
CREATE TRIGGER free_tier_is_never_deleted BEFORE DELETE ON billing_freetier
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- A count only grows, and keeps its window.
CREATE FUNCTION billing_free_tier_count_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.is_sandbox, NEW.cap, NEW.window, NEW.digest)
           IS DISTINCT FROM (OLD.is_sandbox, OLD.cap, OLD.window, OLD.digest)
       OR NEW.begun < OLD.begun THEN
        RAISE EXCEPTION 'free_tier_count_only_grows: count %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'free_tier_count_only_grows';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER free_tier_count_only_grows BEFORE UPDATE ON billing_freetiercount
    FOR EACH ROW EXECUTE FUNCTION billing_free_tier_count_only_grows();
