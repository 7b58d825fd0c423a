-- A sold grant keeps the terms it was sold with; its end may only come nearer.
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

-- I14: no hold takes from a grant that is not in effect, by the database's own clock.
-- The minute allows for the length of a transaction, and for nothing else: an instant that
-- lies further back was not read from the lock.
CREATE OR REPLACE FUNCTION billing_allocation_takes_live_credit() RETURNS trigger
LANGUAGE plpgsql AS $$
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
          AND (g.ends_at IS NULL OR g.ends_at > NEW.created_at)
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

-- Of a window of counted units never more is used than the allowance counts, whoever asks at
-- the same time: the wallet's row is locked first. It is used in its window, and by its wallet.
CREATE FUNCTION billing_counted_use_is_left() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    limit_micros bigint;
    used_micros numeric;
BEGIN
    PERFORM 1 FROM billing_wallet AS w WHERE w.id = NEW.wallet_id FOR UPDATE;
    SELECT a.amount_micros INTO limit_micros
    FROM billing_allowance AS a
    JOIN billing_wallet AS w ON w.id = a.wallet_id
    WHERE a.id = NEW.allowance_id AND a.wallet_id = NEW.wallet_id AND a.unit <> 'credit'
      AND (a.ends_at IS NULL OR a.ends_at > NEW.created_at)
      AND NEW.created_at > clock_timestamp() + w.clock_offset - interval '1 minute'
      AND NEW.created_at <= GREATEST(clock_timestamp() + w.clock_offset, w.touched_at);
    SELECT COALESCE(sum(COALESCE(u.kept_micros, u.units_micros)), 0) INTO used_micros
    FROM billing_counteduse AS u
    WHERE u.wallet_id = NEW.wallet_id AND u.series = NEW.series AND u."window" = NEW."window";
    IF limit_micros IS NULL OR used_micros + NEW.units_micros > limit_micros THEN
        RAISE EXCEPTION 'counted_use_is_left: % of % in %',
            NEW.units_micros, NEW.series, NEW."window"
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'counted_use_is_left';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counted_use_is_left BEFORE INSERT ON billing_counteduse
    FOR EACH ROW EXECUTE FUNCTION billing_counted_use_is_left();

-- It is settled once, and what was drawn never changes.
CREATE FUNCTION billing_counted_use_settles_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.settled_at IS NOT NULL
       OR (NEW.id, NEW.wallet_id, NEW.allowance_id, NEW.series, NEW."window", NEW.window_ends_at,
           NEW.reference, NEW.units_micros, NEW.created_at) IS DISTINCT FROM
          (OLD.id, OLD.wallet_id, OLD.allowance_id, OLD.series, OLD."window", OLD.window_ends_at,
           OLD.reference, OLD.units_micros, OLD.created_at) THEN
        RAISE EXCEPTION 'counted_use_settles_once: use %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'counted_use_settles_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER counted_use_settles_once BEFORE UPDATE ON billing_counteduse
    FOR EACH ROW EXECUTE FUNCTION billing_counted_use_settles_once();
CREATE TRIGGER counted_use_is_never_deleted BEFORE DELETE ON billing_counteduse
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER counted_use_is_never_emptied BEFORE TRUNCATE ON billing_counteduse
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
