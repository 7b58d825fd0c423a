-- The database is the last reviewer of the ledger: what a CHECK cannot say, these say.
-- Each raises an integrity violation whose constraint name is the trigger's sentence.

CREATE FUNCTION billing_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % of % is refused', TG_NAME, TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME;
END $$;

-- I4: entries are append-only. Holds, allocations, grants and wallets are never deleted.
CREATE TRIGGER entry_is_append_only BEFORE UPDATE OR DELETE ON billing_entry
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER entry_is_never_emptied BEFORE TRUNCATE ON billing_entry
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER allocation_is_never_emptied BEFORE TRUNCATE ON billing_allocation
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER allocation_is_append_only BEFORE UPDATE OR DELETE ON billing_allocation
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER hold_is_never_deleted BEFORE DELETE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER grant_is_never_deleted BEFORE DELETE ON billing_grant
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER wallet_is_never_deleted BEFORE DELETE ON billing_wallet
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- I2: an entry continues the one before it: no gap, and after(n) = after(n - 1) + delta(n).
-- I27: what counts never counts before what was said earlier.
CREATE FUNCTION billing_entry_continues() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.wallet_id, n.seq INTO wrong
    FROM written AS n
    LEFT JOIN billing_entry AS p ON p.wallet_id = n.wallet_id AND p.seq = n.seq - 1
    JOIN billing_grant AS g ON g.id = n.grant_id
    LEFT JOIN billing_hold AS h ON h.id = n.hold_id
    WHERE (n.seq > 1 AND p.seq IS NULL)
       OR n.effective_at < p.effective_at
       OR g.wallet_id <> n.wallet_id
       OR h.wallet_id <> n.wallet_id
       OR n.available_after_micros <> COALESCE(p.available_after_micros, 0)
            + CASE 'available' WHEN n.target THEN n.amount_micros
                               WHEN n.source THEN -n.amount_micros ELSE 0 END
       OR n.held_after_micros <> COALESCE(p.held_after_micros, 0)
            + CASE 'held' WHEN n.target THEN n.amount_micros
                          WHEN n.source THEN -n.amount_micros ELSE 0 END
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry_continues_the_last: wallet % seq %', wrong.wallet_id, wrong.seq
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'entry_continues_the_last';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entry_continues_the_last AFTER INSERT ON billing_entry
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION billing_entry_continues();

-- A wallet belongs to one account for ever, and its clock never runs back.
CREATE FUNCTION billing_wallet_keeps_its_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.is_sandbox, NEW.created_at) IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.is_sandbox, OLD.created_at)
       OR NEW.touched_at < OLD.touched_at OR NEW.clock_offset < OLD.clock_offset
       OR NEW.seq < OLD.seq THEN
        RAISE EXCEPTION 'wallet_keeps_its_owner_and_its_past: wallet %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'wallet_keeps_its_owner_and_its_past';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER wallet_keeps_its_owner_and_its_past BEFORE UPDATE ON billing_wallet
    FOR EACH ROW EXECUTE FUNCTION billing_wallet_keeps_its_owner();

-- I2: at every commit the wallet's sums are its last entry's, its grants' and its holds'.
-- The sums are taken once for each change of the wallet's row. What changes a grant, a hold or
-- an entry without touching the wallet is looked at by itself: a mark of this transaction tells.
CREATE FUNCTION billing_is_touched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('linggan.touched',
        COALESCE(current_setting('linggan.touched', true), '') || NEW.id || ';', true);
    RETURN NULL;
END $$;
CREATE TRIGGER wallet_is_touched AFTER INSERT OR UPDATE ON billing_wallet
    FOR EACH ROW EXECUTE FUNCTION billing_is_touched();
CREATE TRIGGER hold_is_touched AFTER INSERT OR UPDATE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_is_touched();

CREATE FUNCTION billing_wallet_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
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
-- Whichever of the four is queued first: one of them takes the sums after the last change.
CREATE CONSTRAINT TRIGGER wallet_is_balanced
    AFTER INSERT OR UPDATE ON billing_wallet
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_wallet_is_balanced();
CREATE CONSTRAINT TRIGGER wallet_matches_its_grants
    AFTER INSERT OR UPDATE OF available_micros, held_micros, pending_micros ON billing_grant
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_wallet_is_balanced();
CREATE CONSTRAINT TRIGGER wallet_matches_its_holds
    AFTER INSERT OR UPDATE OF state, amount_micros ON billing_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_wallet_is_balanced();
CREATE CONSTRAINT TRIGGER wallet_matches_its_entries
    AFTER INSERT ON billing_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_wallet_is_balanced();

-- A sold grant keeps the terms it was sold with.
CREATE FUNCTION billing_grant_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER grant_keeps_its_terms BEFORE UPDATE ON billing_grant
    FOR EACH ROW EXECUTE FUNCTION billing_grant_keeps_its_terms();

-- I6: a hold ends exactly once. I9: what it set aside never changes.
CREATE FUNCTION billing_hold_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER hold_ends_once BEFORE UPDATE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_hold_ends_once();

-- A hold is allocated in full, to the micro, when it is committed; and what it says of its end
-- is what its entries say.
CREATE FUNCTION billing_hold_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject text;
    touched text := COALESCE(current_setting('linggan.touched', true), '');
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
    SELECT h.amount_micros <> (SELECT COALESCE(sum(a.amount_micros), 0)
                               FROM billing_allocation AS a WHERE a.hold_id = h.id)
        OR (h.amount_micros, h.captured_micros,
            CASE h.state WHEN 'open' THEN 0 ELSE h.amount_micros END) <> (
                SELECT COALESCE(sum(e.amount_micros) FILTER (WHERE e.kind = 'hold'), 0),
                       COALESCE(sum(e.amount_micros) FILTER (WHERE e.kind = 'capture'), 0),
                       COALESCE(sum(e.amount_micros) FILTER (WHERE e.kind <> 'hold'), 0)
                FROM billing_entry AS e WHERE e.hold_id = h.id)
    INTO wrong
    FROM billing_hold AS h WHERE h.id = subject;
    IF wrong THEN
        RAISE EXCEPTION 'hold_adds_up: hold %', subject
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'hold_adds_up';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER hold_adds_up AFTER INSERT OR UPDATE ON billing_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_hold_adds_up();
CREATE CONSTRAINT TRIGGER allocation_adds_up AFTER INSERT ON billing_allocation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_hold_adds_up();

-- I14: no hold takes from a grant that is not in effect, by the database's own clock.
-- The minute allows for the length of a transaction, and for nothing else: an instant that
-- lies further back was not read from the lock.
CREATE FUNCTION billing_allocation_takes_live_credit() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER allocation_takes_live_credit BEFORE INSERT ON billing_allocation
    FOR EACH ROW EXECUTE FUNCTION billing_allocation_takes_live_credit();
