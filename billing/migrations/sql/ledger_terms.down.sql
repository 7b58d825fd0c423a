DROP TRIGGER counted_use_is_never_emptied ON billing_counteduse;
DROP TRIGGER counted_use_is_never_deleted ON billing_counteduse;
DROP TRIGGER counted_use_settles_once ON billing_counteduse;
DROP TRIGGER counted_use_is_left ON billing_counteduse;
DROP FUNCTION billing_counted_use_settles_once();
DROP FUNCTION billing_counted_use_is_left();
CREATE OR REPLACE FUNCTION billing_allocation_takes_live_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1
        FROM billing_grant AS g
        JOIN billing_hold AS h ON h.id = NEW.hold_id
        JOIN billing_wallet AS w ON w.id = NEW.wallet_id
        WHERE g.id = NEW.grant_id
          AND g.wallet_id = NEW.wallet_id AND h.wallet_id = NEW.wallet_id
          AND h.state = 'open'
          AND g.effective_at <= NEW.created_at
          AND (g.expires_at IS NULL OR g.expires_at > NEW.created_at)
          AND NEW.created_at > clock_timestamp() + w.clock_offset - interval '1 minute'
          AND NEW.created_at <= GREATEST(clock_timestamp() + w.clock_offset, w.touched_at)
    ) THEN
        RAISE EXCEPTION 'allocation_takes_live_credit: grant % for hold %',
            NEW.grant_id, NEW.hold_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'allocation_takes_live_credit';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION billing_grant_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.wallet_id, NEW.source, NEW.fact, NEW.amount_micros, NEW.priority,
        NEW.effective_at, NEW.created_at) IS DISTINCT FROM
       (OLD.id, OLD.wallet_id, OLD.source, OLD.fact, OLD.amount_micros, OLD.priority,
        OLD.effective_at, OLD.created_at)
       OR NEW.expires_at IS DISTINCT FROM OLD.expires_at THEN
        RAISE EXCEPTION 'grant_keeps_its_terms: grant %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'grant_keeps_its_terms';
    END IF;
    RETURN NEW;
END $$;
