DROP TRIGGER grant_is_touched ON billing_grant;
DROP TRIGGER debt_is_touched ON billing_debt;
DROP TRIGGER allocation_is_touched ON billing_allocation;
CREATE OR REPLACE TRIGGER wallet_is_touched AFTER INSERT OR UPDATE ON billing_wallet
    FOR EACH ROW EXECUTE FUNCTION billing_is_touched();
CREATE OR REPLACE TRIGGER hold_is_touched AFTER INSERT OR UPDATE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_is_touched();

CREATE OR REPLACE FUNCTION billing_wallet_is_balanced() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan TO off SET enable_hashjoin TO off SET enable_mergejoin TO off AS $$
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
    LEFT JOIN billing_entry AS e ON e.id = w.last_entry_id
    WHERE w.id = subject;
    IF NOT balanced THEN
        RAISE EXCEPTION 'wallet_is_balanced: wallet %', subject
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wallet_is_balanced';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION billing_hold_adds_up() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan TO off SET enable_hashjoin TO off SET enable_mergejoin TO off AS $$
DECLARE
    subject text;
    touched text := COALESCE(current_setting('linggan.touched', true), '');
    since text;
    wrong boolean;
BEGIN
    IF TG_TABLE_NAME = 'billing_hold' THEN
        subject := NEW.id;
        PERFORM set_config('linggan.touched', replace(touched, subject || ';', ''), true);
    ELSE
        subject := NEW.hold_id;
        IF position(subject || ';' IN touched) > 0 THEN
            RETURN NULL;  -- the hold's own check is still to come
        END IF;
    END IF;
    since := billing_entry_floor_of(subject);
    SELECT h.amount_micros <> (SELECT COALESCE(sum(a.amount_micros), 0)
                               FROM billing_allocation AS a WHERE a.hold_id = h.id)
        OR (h.amount_micros, h.captured_micros,
            CASE h.state WHEN 'open' THEN 0 ELSE h.amount_micros END) <> (
                SELECT COALESCE(sum(e.amount_micros) FILTER (WHERE e.kind = 'hold'), 0),
                       COALESCE(sum(e.amount_micros) FILTER (WHERE e.kind = 'capture'), 0),
                       COALESCE(sum(e.amount_micros) FILTER (WHERE e.kind <> 'hold'), 0)
                FROM billing_entry AS e WHERE e.hold_id = subject AND e.id >= since)
    INTO wrong
    FROM billing_hold AS h WHERE h.id = subject;
    IF wrong THEN
        RAISE EXCEPTION 'hold_adds_up: hold %', subject
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'hold_adds_up';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION billing_is_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('linggan.touched',
        COALESCE(current_setting('linggan.touched', true), '') || NEW.id || ';', true);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION billing_made_at(id text) RETURNS timestamp with time zone LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    moment bigint := 0;
    digit int;
BEGIN
    FOR place IN 4..13 LOOP
        digit := strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(id, place, 1)) - 1;
        IF digit < 0 OR length(id) < place THEN
            RETURN NULL;
        END IF;
        moment := moment << 5 | digit;
    END LOOP;
    RETURN to_timestamp(moment / 1000.0);
END $$;

CREATE OR REPLACE FUNCTION billing_entry_floor(instant timestamp with time zone) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    left_over bigint := floor(extract(epoch FROM instant) * 1000);
    digits text := '';
BEGIN
    FOR _place IN 1..10 LOOP
        digits := substr('0123456789abcdefghjkmnpqrstvwxyz', (left_over & 31)::int + 1, 1)
                  || digits;
        left_over := left_over >> 5;
    END LOOP;
    RETURN 'en_' || digits;
END $$;

ALTER FUNCTION billing_entry_continues() RESET plan_cache_mode;
ALTER FUNCTION billing_wallet_follows_its_entries() RESET plan_cache_mode;
ALTER FUNCTION billing_allocation_takes_live_credit() RESET plan_cache_mode;
