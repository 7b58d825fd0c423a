-- The plain table of 0008, and its rules.
SET LOCAL statement_timeout = 0;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
DROP TRIGGER wallet_follows_its_entries ON billing_wallet;
DROP FUNCTION billing_wallet_follows_its_entries();
CREATE TEMP TABLE again ON COMMIT DROP AS
SELECT 1 AS turn, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') AS sentence
FROM pg_index AS i
WHERE i.indrelid = 'billing_entry'::regclass AND NOT i.indisunique
UNION ALL
SELECT 2, format('ALTER TABLE billing_entry ADD CONSTRAINT %I %s',
                 c.conname, pg_get_constraintdef(c.oid))
FROM pg_constraint AS c WHERE c.conrelid = 'billing_entry'::regclass AND c.contype = 'f'
UNION ALL
SELECT 3, pg_get_triggerdef(t.oid)
FROM pg_trigger AS t WHERE t.tgrelid = 'billing_entry'::regclass AND NOT t.tgisinternal;
ALTER TABLE billing_entry RENAME TO billing_entry_before;
CREATE TABLE billing_entry (LIKE billing_entry_before INCLUDING CONSTRAINTS);
ALTER TABLE billing_entry ALTER COLUMN id TYPE varchar(48) COLLATE "default";
INSERT INTO billing_entry SELECT * FROM billing_entry_before;
ALTER TABLE billing_entry DROP COLUMN previous_id;
DROP TABLE billing_entry_before;
ALTER TABLE billing_entry
    ADD CONSTRAINT billing_entry_pkey PRIMARY KEY (id),
    ADD CONSTRAINT entry_seq_once UNIQUE (wallet_id, seq);
DO $$
DECLARE
    sentence text;
BEGIN
    FOR sentence IN SELECT a.sentence FROM again AS a ORDER BY a.turn, a.sentence LOOP
        EXECUTE sentence;
    END LOOP;
END $$;
DROP TABLE again;
ALTER TABLE billing_wallet DROP COLUMN last_entry_id;
DROP FUNCTION billing_make_partitions(int);
DROP FUNCTION billing_make_partition(date);
DROP FUNCTION billing_guard_partition(text);
DROP FUNCTION billing_entry_floor_of(text);
DROP FUNCTION billing_made_at(text);
DROP FUNCTION billing_entry_floor(timestamptz);

CREATE OR REPLACE FUNCTION billing_entry_continues() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE CONSTRAINT TRIGGER wallet_matches_its_entries
    AFTER INSERT ON billing_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_wallet_is_balanced();

CREATE OR REPLACE FUNCTION billing_hold_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
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
