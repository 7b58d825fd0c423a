-- All at once, the wallet last, as a statement that writes takes them: no deadlock with one.
LOCK TABLE billing_allocation, billing_debt, billing_grant, billing_hold, billing_wallet
    IN SHARE ROW EXCLUSIVE MODE;

-- However many of their rows a transaction changes, a wallet and a hold are looked at once when it
-- commits: the first of the pending checks sees all of it, and says so in `linggan.checked` for
-- those behind it. Any later change has it forgotten. The setting ends with the transaction, and
-- goes back with a savepoint as the rows do. Up to now the last one was to look, but the order in
-- which rows are written had each of them look.
CREATE OR REPLACE FUNCTION billing_is_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('linggan.checked', '', true);
    RETURN NEW;
END $$;
-- Before the row, so that it comes before any check of this very change.
CREATE OR REPLACE TRIGGER wallet_is_touched BEFORE INSERT OR UPDATE ON billing_wallet FOR EACH ROW
    WHEN (current_setting('linggan.checked', true) <> '') EXECUTE FUNCTION billing_is_touched();
CREATE OR REPLACE TRIGGER hold_is_touched BEFORE INSERT OR UPDATE ON billing_hold FOR EACH ROW
    WHEN (current_setting('linggan.checked', true) <> '') EXECUTE FUNCTION billing_is_touched();
CREATE OR REPLACE TRIGGER grant_is_touched BEFORE INSERT OR UPDATE ON billing_grant FOR EACH ROW
    WHEN (current_setting('linggan.checked', true) <> '') EXECUTE FUNCTION billing_is_touched();
CREATE OR REPLACE TRIGGER debt_is_touched BEFORE INSERT OR UPDATE ON billing_debt FOR EACH ROW
    WHEN (current_setting('linggan.checked', true) <> '') EXECUTE FUNCTION billing_is_touched();
CREATE OR REPLACE TRIGGER allocation_is_touched BEFORE INSERT ON billing_allocation FOR EACH ROW
    WHEN (current_setting('linggan.checked', true) <> '') EXECUTE FUNCTION billing_is_touched();

CREATE OR REPLACE FUNCTION billing_wallet_is_balanced() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan TO off SET enable_hashjoin TO off SET enable_mergejoin TO off
SET plan_cache_mode TO force_generic_plan AS $$
DECLARE
    subject text;
    checked text := COALESCE(current_setting('linggan.checked', true), '');
    balanced boolean;
BEGIN
    IF TG_TABLE_NAME = 'billing_wallet' THEN
        subject := NEW.id;
    ELSE
        subject := NEW.wallet_id;
    END IF;
    IF position(';' || subject || ';' IN checked) > 0 THEN
        RETURN NULL;
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
    PERFORM set_config('linggan.checked', checked || ';' || subject || ';', true);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION billing_hold_adds_up() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan TO off SET enable_hashjoin TO off SET enable_mergejoin TO off
SET plan_cache_mode TO force_generic_plan AS $$
DECLARE
    subject text;
    checked text := COALESCE(current_setting('linggan.checked', true), '');
    since text;
    wrong boolean;
BEGIN
    IF TG_TABLE_NAME = 'billing_hold' THEN
        subject := NEW.id;
    ELSE
        subject := NEW.hold_id;
    END IF;
    IF position(';' || subject || ';' IN checked) > 0 THEN
        RETURN NULL;
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
    PERFORM set_config('linggan.checked', checked || ';' || subject || ';', true);
    RETURN NULL;
END $$;

-- The same answers as before, by one expression instead of a loop of statements. Operators that
-- are neither sums nor comparisons stand from left to right: x << 5 | y is (x << 5) | y.
CREATE OR REPLACE FUNCTION billing_made_at(id text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    digits CONSTANT text := '0123456789abcdefghjkmnpqrstvwxyz';
    moment bigint;
BEGIN
    -- A digit that is none is -1, and whatever comes behind it leaves the sum below zero.
    moment := (strpos(digits, substr(id, 4, 1)) - 1)::bigint
        << 5 | strpos(digits, substr(id, 5, 1)) - 1
        << 5 | strpos(digits, substr(id, 6, 1)) - 1
        << 5 | strpos(digits, substr(id, 7, 1)) - 1
        << 5 | strpos(digits, substr(id, 8, 1)) - 1
        << 5 | strpos(digits, substr(id, 9, 1)) - 1
        << 5 | strpos(digits, substr(id, 10, 1)) - 1
        << 5 | strpos(digits, substr(id, 11, 1)) - 1
        << 5 | strpos(digits, substr(id, 12, 1)) - 1
        << 5 | strpos(digits, substr(id, 13, 1)) - 1;
    IF moment < 0 OR length(id) < 13 THEN
        RETURN NULL;
    END IF;
    RETURN to_timestamp(moment / 1000.0);
END $$;

CREATE OR REPLACE FUNCTION billing_entry_floor(instant timestamptz) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    digits CONSTANT text := '0123456789abcdefghjkmnpqrstvwxyz';
    moment bigint := floor(extract(epoch FROM instant) * 1000);
BEGIN
    RETURN 'en_'
        || substr(digits, (moment >> 45 & 31)::int + 1, 1)
        || substr(digits, (moment >> 40 & 31)::int + 1, 1)
        || substr(digits, (moment >> 35 & 31)::int + 1, 1)
        || substr(digits, (moment >> 30 & 31)::int + 1, 1)
        || substr(digits, (moment >> 25 & 31)::int + 1, 1)
        || substr(digits, (moment >> 20 & 31)::int + 1, 1)
        || substr(digits, (moment >> 15 & 31)::int + 1, 1)
        || substr(digits, (moment >> 10 & 31)::int + 1, 1)
        || substr(digits, (moment >> 5 & 31)::int + 1, 1)
        || substr(digits, (moment & 31)::int + 1, 1);
END $$;

-- Entries stand in partitions, one a month. A plan that is made for one id alone looks cheaper than
-- one for all ids, so it was made anew for each: 0.1 ms, more than the look itself.
ALTER FUNCTION billing_entry_continues() SET plan_cache_mode TO force_generic_plan;
ALTER FUNCTION billing_wallet_follows_its_entries() SET plan_cache_mode TO force_generic_plan;
ALTER FUNCTION billing_allocation_takes_live_credit() SET plan_cache_mode TO force_generic_plan;
