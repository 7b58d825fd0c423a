-- A sold grant keeps the terms it was sold with; its end may only come nearer. What was only lent
-- may be taken back before its end.
CREATE OR REPLACE FUNCTION billing_grant_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.wallet_id, NEW.source, NEW.fact, NEW.amount_micros, NEW.priority,
        NEW.effective_at, NEW.created_at, NEW.series, NEW.pack, NEW.scope, NEW.locked_while,
        NEW.with_subscription, NEW.goes_back, NEW.lasts, NEW.streak_days, NEW.paid_micros, NEW.paid_currency)
       IS DISTINCT FROM
       (OLD.id, OLD.wallet_id, OLD.source, OLD.fact, OLD.amount_micros, OLD.priority,
        OLD.effective_at, OLD.created_at, OLD.series, OLD.pack, OLD.scope, OLD.locked_while,
        OLD.with_subscription, OLD.goes_back, OLD.lasts, OLD.streak_days, OLD.paid_micros, OLD.paid_currency)
       OR NEW.expires_at IS DISTINCT FROM OLD.expires_at
       OR (NEW.ends_at IS DISTINCT FROM OLD.ends_at
           AND (NEW.ends_at IS NULL OR NEW.ends_at > OLD.ends_at
                OR NOT (OLD.with_subscription OR OLD.goes_back OR OLD.lasts <> ''))) THEN
        RAISE EXCEPTION 'grant_keeps_its_terms: grant %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'grant_keeps_its_terms';
    END IF;
    RETURN NEW;
END $$;

-- I6: a hold ends exactly once. I9: what it set aside, and until when, never changes.
CREATE OR REPLACE FUNCTION billing_hold_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open'
       OR (NEW.id, NEW.wallet_id, NEW.reference, NEW.amount_micros, NEW.created_at,
           NEW.expires_at)
          IS DISTINCT FROM
          (OLD.id, OLD.wallet_id, OLD.reference, OLD.amount_micros, OLD.created_at,
           OLD.expires_at) THEN
        RAISE EXCEPTION 'hold_ends_once: hold % is %', OLD.id, OLD.state
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'hold_ends_once';
    END IF;
    RETURN NEW;
END $$;

-- I2, I16: at every commit the wallet's sums are its last entry's, its grants', its holds' and its
-- debts'.
CREATE OR REPLACE FUNCTION billing_wallet_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject text;
    touched text := COALESCE(current_setting('linggan.touched', true), '');
    balanced boolean;
BEGIN
    IF TG_TABLE_NAME = 'billing_wallet' THEN
        subject := NEW.id;
        -- From here on a change that follows is looked at anew.
        PERFORM set_config('linggan.touched', replace(touched, subject || ';', ''), true);
    ELSE
        subject := NEW.wallet_id;
        IF position(subject || ';' IN touched) > 0 THEN
            RETURN NULL;  -- the wallet's own check is still to come
        END IF;
    END IF;
    SELECT w.available_micros = COALESCE(e.available_after_micros, 0)
       AND w.held_micros = COALESCE(e.held_after_micros, 0)
       AND (w.seq = 0 OR (e.seq IS NOT NULL AND e.digest = w.digest
                          AND w.touched_at >= e.effective_at))
       AND NOT EXISTS (SELECT 1 FROM billing_entry AS m
                       WHERE m.wallet_id = w.id AND m.seq > w.seq)
       AND (w.available_micros, w.held_micros) = (
                SELECT COALESCE(sum(g.available_micros), 0), COALESCE(sum(g.held_micros), 0)
                FROM billing_grant AS g
                WHERE g.wallet_id = w.id AND (g.pending_micros > 0 OR g.available_micros > 0
                                              OR g.held_micros > 0))
       AND (w.held_micros, w.timed_holds) = (
                SELECT COALESCE(sum(h.amount_micros), 0), count(h.expires_at)
                FROM billing_hold AS h WHERE h.wallet_id = w.id AND h.state = 'open')
       AND w.debt_micros = (
                SELECT COALESCE(sum(d.amount_micros - d.paid_micros), 0)
                FROM billing_debt AS d WHERE d.wallet_id = w.id AND d.paid_at IS NULL)
    INTO balanced
    FROM billing_wallet AS w
    LEFT JOIN billing_entry AS e ON e.wallet_id = w.id AND e.seq = w.seq
    WHERE w.id = subject;
    IF NOT balanced THEN
        RAISE EXCEPTION 'wallet_is_balanced: wallet %', subject
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wallet_is_balanced';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wallet_matches_its_debts
    AFTER INSERT OR UPDATE ON billing_debt
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_wallet_is_balanced();

-- I16: what is owed stays as it was written down, and is paid once; it is never forgotten.
CREATE TRIGGER debt_is_never_deleted BEFORE DELETE ON billing_debt
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER debt_is_never_emptied BEFORE TRUNCATE ON billing_debt
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE FUNCTION billing_debt_is_paid_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.wallet_id, NEW.grant_id, NEW.fact, NEW.amount_micros, NEW.cause_type,
        NEW.cause_id, NEW.actor_type, NEW.actor_id, NEW.created_at) IS DISTINCT FROM
       (OLD.id, OLD.wallet_id, OLD.grant_id, OLD.fact, OLD.amount_micros, OLD.cause_type,
        OLD.cause_id, OLD.actor_type, OLD.actor_id, OLD.created_at)
       OR NEW.paid_micros < OLD.paid_micros OR OLD.paid_at IS NOT NULL THEN
        RAISE EXCEPTION 'debt_is_paid_once: debt %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'debt_is_paid_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER debt_is_paid_once BEFORE UPDATE ON billing_debt
    FOR EACH ROW EXECUTE FUNCTION billing_debt_is_paid_once();

-- A debt is paid by entries of its own wallet, to the micro; the grant behind it is the wallet's.
CREATE FUNCTION billing_debt_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject text;
BEGIN
    IF TG_TABLE_NAME = 'billing_debt' THEN
        subject := NEW.id;
    ELSE
        subject := NEW.cause_id;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM billing_debt AS d
        LEFT JOIN billing_grant AS g ON g.id = d.grant_id
        WHERE d.id = subject AND d.wallet_id = NEW.wallet_id
          AND (d.grant_id IS NULL OR g.wallet_id = d.wallet_id)
          AND d.paid_micros = (
              SELECT COALESCE(sum(e.amount_micros), 0) FROM billing_entry AS e
              WHERE e.wallet_id = d.wallet_id AND e.kind = 'repay'
                AND e.cause_type = 'debt' AND e.cause_id = d.id
                AND e.effective_at >= d.created_at)
    ) THEN
        RAISE EXCEPTION 'debt_adds_up: debt %', subject
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'debt_adds_up';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER debt_adds_up AFTER INSERT OR UPDATE ON billing_debt
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_debt_adds_up();
CREATE CONSTRAINT TRIGGER repayment_adds_up AFTER INSERT ON billing_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'repay')
    EXECUTE FUNCTION billing_debt_adds_up();
