DROP TRIGGER repayment_adds_up ON billing_entry;
DROP TRIGGER debt_adds_up ON billing_debt;
DROP TRIGGER debt_is_paid_once ON billing_debt;
DROP TRIGGER debt_is_never_emptied ON billing_debt;
DROP TRIGGER debt_is_never_deleted ON billing_debt;
DROP TRIGGER wallet_matches_its_debts ON billing_debt;
DROP FUNCTION billing_debt_adds_up();
DROP FUNCTION billing_debt_is_paid_once();
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
       AND w.held_micros = (
                SELECT COALESCE(sum(h.amount_micros), 0)
                FROM billing_hold AS h WHERE h.wallet_id = w.id AND h.state = 'open')
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
CREATE OR REPLACE FUNCTION billing_hold_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open'
       OR (NEW.id, NEW.wallet_id, NEW.reference, NEW.amount_micros, NEW.created_at)
          IS DISTINCT FROM
          (OLD.id, OLD.wallet_id, OLD.reference, OLD.amount_micros, OLD.created_at) THEN
        RAISE EXCEPTION 'hold_ends_once: hold % is %', OLD.id, OLD.state
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'hold_ends_once';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION billing_grant_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.wallet_id, NEW.source, NEW.fact, NEW.amount_micros, NEW.priority,
        NEW.effective_at, NEW.created_at, NEW.series, NEW.pack, NEW.scope, NEW.locked_while,
        NEW.with_subscription, NEW.lasts, NEW.streak_days, NEW.paid_micros, NEW.paid_currency)
       IS DISTINCT FROM
       (OLD.id, OLD.wallet_id, OLD.source, OLD.fact, OLD.amount_micros, OLD.priority,
        OLD.effective_at, OLD.created_at, OLD.series, OLD.pack, OLD.scope, OLD.locked_while,
        OLD.with_subscription, OLD.lasts, OLD.streak_days, OLD.paid_micros, OLD.paid_currency)
       OR NEW.expires_at IS DISTINCT FROM OLD.expires_at
       OR (NEW.ends_at IS DISTINCT FROM OLD.ends_at
           AND (NEW.ends_at IS NULL OR NEW.ends_at > OLD.ends_at
                OR NOT (OLD.with_subscription OR OLD.lasts <> ''))) THEN
        RAISE EXCEPTION 'grant_keeps_its_terms: grant %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'grant_keeps_its_terms';
    END IF;
    RETURN NEW;
END $$;
