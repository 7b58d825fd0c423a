-- Entries stand in one partition a month of their ids: `en_` and ten digits of the millisecond, in
-- Crockford's alphabet, which sorts as its bytes do. See ADR 31.
SET LOCAL statement_timeout = 0;
-- No check of these rows is left pending: the tables are altered next.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;

-- The lowest id that an entry made at `instant` can have.
CREATE FUNCTION billing_entry_floor(instant timestamptz) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
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

-- The millisecond in which an id was made, whatever its prefix of two letters; NULL for one that
-- `billing.ids` did not make.
CREATE FUNCTION billing_made_at(id text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
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

-- The lowest id that an entry of this hold can have. The day allows for processes whose clocks
-- differ; the trigger `entry_continues_the_last` refuses an entry below it.
CREATE FUNCTION billing_entry_floor_of(hold_id text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT billing_entry_floor(billing_made_at(hold_id) - interval '1 day')
$$;

-- What a partition has and no table above it can give: numbers of a wallet once in the month, and the
-- guards of whole statements, should one name the partition itself.
CREATE FUNCTION billing_guard_partition(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (wallet_id, seq)',
                   replace(name, 'billing_entry', 'entry_seq_once'), name);
    EXECUTE format('CREATE TRIGGER entry_continues_the_last AFTER INSERT ON %I
                    REFERENCING NEW TABLE AS written
                    FOR EACH STATEMENT EXECUTE FUNCTION billing_entry_continues()', name);
    EXECUTE format('CREATE TRIGGER entry_is_never_emptied BEFORE TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse()', name);
END $$;

-- Make the partition of the month that begins on `month`, with what strayed into the default one
-- until now; false when it is there. Entries are moved whole: what they say is not touched.
CREATE FUNCTION billing_make_partition(month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    name text := 'billing_entry_' || to_char(month, 'YYYY_MM');
    low text := billing_entry_floor(month::timestamp AT TIME ZONE 'UTC');
    high text := billing_entry_floor((month + interval '1 month') AT TIME ZONE 'UTC');
    has_strays boolean;
BEGIN
    IF to_regclass(quote_ident(name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE billing_entry INCLUDING CONSTRAINTS)', name);
    has_strays := EXISTS (SELECT 1 FROM billing_entry_default AS e
                          WHERE e.id >= low AND e.id < high);
    IF has_strays THEN
        -- Detached it has no guard of rows, and gives what it should not have.
        ALTER TABLE billing_entry DETACH PARTITION billing_entry_default;
        EXECUTE format('WITH strays AS (
                            DELETE FROM billing_entry_default AS e
                            WHERE e.id >= %L AND e.id < %L RETURNING *)
                        INSERT INTO %I SELECT * FROM strays', low, high, name);
    END IF;
    EXECUTE format('ALTER TABLE billing_entry ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, low, high);
    PERFORM billing_guard_partition(name);
    IF has_strays THEN
        ALTER TABLE billing_entry ATTACH PARTITION billing_entry_default DEFAULT;
    END IF;
    RETURN true;
END $$;

-- Have this month's partition, those of the next `ahead` months, and those of earlier months from
-- which something strayed; return how many were made. The application may call it, and needs no
-- right to make tables for that.
CREATE FUNCTION billing_make_partitions(ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '2s' AS $$
DECLARE
    this_month timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
    beyond text;
    month date;
    made int := 0;
BEGIN
    IF ahead NOT BETWEEN 0 AND 24 THEN
        RAISE EXCEPTION 'partitions are made for 0 to 24 months ahead, not for %', ahead;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('billing_make_partitions'));
    beyond := billing_entry_floor((this_month + make_interval(months => ahead + 1))
                                  AT TIME ZONE 'UTC');
    FOR month IN
        SELECT this_month + make_interval(months => step) FROM generate_series(0, ahead) AS step
        UNION
        SELECT date_trunc('month', billing_made_at(e.id) AT TIME ZONE 'UTC')
        FROM billing_entry_default AS e
        WHERE e.id < beyond AND billing_made_at(e.id) IS NOT NULL
        ORDER BY 1
    LOOP
        made := made + billing_make_partition(month)::int;
    END LOOP;
    RETURN made;
END $$;
DO $$ BEGIN
    -- Who calls it may not lend it tables or functions of his own.
    EXECUTE format('ALTER FUNCTION billing_make_partitions(int) SET search_path = %I, pg_temp',
                   current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION billing_make_partitions(int) FROM PUBLIC;

-- The entries become a table of partitions with the columns, checks, indexes, keys and triggers
-- that they have by now; what cannot hold over months is left out.
ALTER TABLE billing_wallet ADD COLUMN last_entry_id varchar(48) COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE billing_wallet ALTER COLUMN last_entry_id DROP DEFAULT;
CREATE TEMP TABLE again ON COMMIT DROP AS
SELECT 1 AS turn, pg_get_indexdef(i.indexrelid) AS sentence
FROM pg_index AS i
WHERE i.indrelid = 'billing_entry'::regclass AND NOT i.indisunique
  -- Nobody looks for an entry by the beginning of an id.
  AND pg_get_indexdef(i.indexrelid) NOT LIKE '%varchar_pattern_ops%'
UNION ALL
SELECT 2, format('ALTER TABLE billing_entry ADD CONSTRAINT %I %s',
                 c.conname, pg_get_constraintdef(c.oid))
FROM pg_constraint AS c WHERE c.conrelid = 'billing_entry'::regclass AND c.contype = 'f'
UNION ALL
SELECT 3, pg_get_triggerdef(t.oid)
FROM pg_trigger AS t
WHERE t.tgrelid = 'billing_entry'::regclass AND NOT t.tgisinternal
  -- Nothing is written beside its wallet any more: `entry_moves_its_wallet`.
  AND t.tgname <> 'wallet_matches_its_entries';
ALTER TABLE billing_entry RENAME TO billing_entry_before;
CREATE TABLE billing_entry_shape (LIKE billing_entry_before INCLUDING CONSTRAINTS);
ALTER TABLE billing_entry_shape
    ALTER COLUMN id TYPE varchar(48) COLLATE "C",
    ADD COLUMN previous_id varchar(48) COLLATE "C" NOT NULL;
CREATE TABLE billing_entry (LIKE billing_entry_shape INCLUDING CONSTRAINTS) PARTITION BY RANGE (id);
DROP TABLE billing_entry_shape;
CREATE TABLE billing_entry_default PARTITION OF billing_entry DEFAULT;
SELECT billing_guard_partition('billing_entry_default');
-- The first five digits of an id count in steps of nine hours: few to look at in a long table.
SELECT billing_make_partition(made.month)
FROM (SELECT DISTINCT date_trunc('month', billing_made_at(rpad(id, 13, filler)) AT TIME ZONE 'UTC')::date
      FROM (SELECT DISTINCT substr(id, 1, 8) AS id FROM billing_entry_before) AS e,
           unnest(ARRAY['0', 'z']) AS filler) AS made(month)
WHERE made.month IS NOT NULL;
SELECT billing_make_partitions(3);
INSERT INTO billing_entry
SELECT b.*, COALESCE(lag(b.id) OVER (PARTITION BY b.wallet_id ORDER BY b.seq), '')
FROM billing_entry_before AS b;
UPDATE billing_wallet AS w SET last_entry_id = b.id
FROM billing_entry_before AS b WHERE b.wallet_id = w.id AND b.seq = w.seq;
DROP TABLE billing_entry_before;
ALTER TABLE billing_entry ADD CONSTRAINT billing_entry_pkey PRIMARY KEY (id);
DO $$
DECLARE
    sentence text;
BEGIN
    FOR sentence IN SELECT a.sentence FROM again AS a ORDER BY a.turn, a.sentence LOOP
        EXECUTE sentence;
    END LOOP;
END $$;
DROP TABLE again;

-- I2: an entry continues the one before it: no gap, and after(n) = after(n - 1) + delta(n).
-- I27: what counts never counts before what was said earlier.
-- What one statement writes for a wallet is one piece of its chain, and the wallet's row ends in it
-- as soon as the statement has ended; with `wallet_follows_its_entries` this keeps each number
-- single over all months, where no index can (ADR 31). Looked up is only the entry before the
-- first, by its id: in one partition.
CREATE OR REPLACE FUNCTION billing_entry_continues() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
    rule text;
BEGIN
    SELECT found.* INTO wrong FROM (
        SELECT n.wallet_id, n.seq,
               n.previous_id <> COALESCE(n.id_before, p.id, '')
               OR n.seq <> COALESCE(n.seq_before, p.seq, 0) + 1
               OR p.wallet_id <> n.wallet_id
               OR n.effective_at < COALESCE(n.effective_before, p.effective_at)
               OR g.wallet_id <> n.wallet_id
               OR h.wallet_id <> n.wallet_id
               OR n.id < billing_entry_floor_of(n.hold_id)
               OR n.available_after_micros
                  <> COALESCE(n.available_before, p.available_after_micros, 0)
                    + CASE 'available' WHEN n.target THEN n.amount_micros
                                       WHEN n.source THEN -n.amount_micros ELSE 0 END
               OR n.held_after_micros <> COALESCE(n.held_before, p.held_after_micros, 0)
                    + CASE 'held' WHEN n.target THEN n.amount_micros
                                  WHEN n.source THEN -n.amount_micros ELSE 0 END AS is_broken,
               n.is_last AND (w.last_entry_id, w.seq) IS DISTINCT FROM (n.id, n.seq) AS is_loose
        FROM (
            SELECT e.*, lead(e.id) OVER chain IS NULL AS is_last,
                   lag(e.id) OVER chain AS id_before, lag(e.seq) OVER chain AS seq_before,
                   lag(e.effective_at) OVER chain AS effective_before,
                   lag(e.available_after_micros) OVER chain AS available_before,
                   lag(e.held_after_micros) OVER chain AS held_before
            FROM written AS e
            WINDOW chain AS (PARTITION BY e.wallet_id ORDER BY e.seq, e.id)
        ) AS n
        -- OFFSET 0: looked up for each row, never by reading a table from end to end.
        LEFT JOIN LATERAL (
            SELECT f.seq, f.last_entry_id FROM billing_wallet AS f
            WHERE n.is_last AND f.id = n.wallet_id OFFSET 0) AS w ON true
        LEFT JOIN LATERAL (
            SELECT f.* FROM billing_entry AS f
            WHERE n.id_before IS NULL AND f.id = n.previous_id OFFSET 0) AS p ON true
        LEFT JOIN LATERAL (
            SELECT f.wallet_id FROM billing_grant AS f
            WHERE f.id = n.grant_id OFFSET 0) AS g ON true
        LEFT JOIN LATERAL (
            SELECT f.wallet_id FROM billing_hold AS f
            WHERE f.id = n.hold_id OFFSET 0) AS h ON true
    ) AS found
    WHERE found.is_broken OR found.is_loose
    ORDER BY COALESCE(found.is_broken, false) DESC
    LIMIT 1;
    IF FOUND THEN
        rule := CASE WHEN wrong.is_broken THEN 'entry_continues_the_last'
                     ELSE 'entry_moves_its_wallet' END;
        RAISE EXCEPTION '%: wallet % seq %', rule, wrong.wallet_id, wrong.seq
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = rule;
    END IF;
    RETURN NULL;
END $$;

-- I2: a wallet goes on to an entry only by all the entries in between, each by the one before it.
CREATE FUNCTION billing_wallet_follows_its_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    here text := NEW.last_entry_id;
    number bigint := NEW.seq;
BEGIN
    WHILE number > COALESCE(OLD.seq, 0) LOOP
        SELECT e.previous_id INTO here
        FROM billing_entry AS e
        WHERE e.id = here AND e.wallet_id = NEW.id AND e.seq = number;
        EXIT WHEN NOT FOUND;
        number := number - 1;
    END LOOP;
    IF here IS DISTINCT FROM COALESCE(OLD.last_entry_id, '') THEN
        RAISE EXCEPTION 'wallet_follows_its_entries: wallet % seq %', NEW.id, NEW.seq
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'wallet_follows_its_entries';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER wallet_follows_its_entries AFTER INSERT OR UPDATE ON billing_wallet
    FOR EACH ROW EXECUTE FUNCTION billing_wallet_follows_its_entries();

-- I2, I16: at every commit the wallet's sums are its last entry's, its grants', its holds' and its
-- debts'. The last entry is found by its id; that none stands after it is shown when it is written.
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

-- A hold is allocated in full, to the micro, when it is committed; and what it says of its end
-- is what its entries say. None of them is older than the hold, so that older months are not read.
CREATE OR REPLACE FUNCTION billing_hold_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- Each wallet is looked at by the new rules now, and nothing is left pending.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
