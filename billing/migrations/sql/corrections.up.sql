-- What a CHECK cannot say about corrections.

-- Jobs are asked for by the span in which they were ordered, and lie on the disk in that order: a
-- BRIN index of a few pages finds them, and costs an order next to nothing.
CREATE INDEX job_by_time ON billing_job USING brin (created_at);

-- I36: an adjustment keeps what it was asked for, and is decided once.
CREATE FUNCTION billing_adjustment_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'requested' THEN
            RAISE EXCEPTION 'adjustment_begins_as_a_request: adjustment %', NEW.id
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = 'adjustment_begins_as_a_request';
        END IF;
    ELSIF OLD.state <> 'requested'
       OR (NEW.id, NEW.key, NEW.account_id, NEW.catalog_version_id, NEW.amount_micros,
           NEW.grant_ids, NEW.as_debt, NEW.reason, NEW.text, NEW.alone_max_micros,
           NEW.requester_id, NEW.requested_at, NEW.expires_at) IS DISTINCT FROM
          (OLD.id, OLD.key, OLD.account_id, OLD.catalog_version_id, OLD.amount_micros,
           OLD.grant_ids, OLD.as_debt, OLD.reason, OLD.text, OLD.alone_max_micros,
           OLD.requester_id, OLD.requested_at, OLD.expires_at) THEN
        RAISE EXCEPTION 'adjustment_is_decided_once: adjustment %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'adjustment_is_decided_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER adjustment_is_decided_once BEFORE INSERT OR UPDATE ON billing_adjustment
    FOR EACH ROW EXECUTE FUNCTION billing_adjustment_keeps_its_terms();
CREATE TRIGGER adjustment_is_never_deleted BEFORE DELETE ON billing_adjustment
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER adjustment_is_never_emptied BEFORE TRUNCATE ON billing_adjustment
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();

-- What an adjustment says that it moved is what the ledger moved for it.
CREATE FUNCTION billing_adjustment_moved_what_it_says() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM billing_wallet AS w
        LEFT JOIN billing_grant AS g ON g.id = NEW.grant_id
        LEFT JOIN billing_debt AS d ON d.id = NEW.debt_id
        WHERE w.account_id = NEW.account_id
          AND (NEW.grant_id IS NULL
               OR (g.wallet_id = w.id AND g.amount_micros = NEW.amount_micros
                   AND g.fact = 'adjustment:' || NEW.id))
          AND (NEW.debt_id IS NULL
               OR (d.wallet_id = w.id AND d.fact = 'adjustment:' || NEW.id
                   AND d.amount_micros = -NEW.amount_micros - NEW.revoked_micros))
          AND NEW.revoked_micros = (
              SELECT COALESCE(sum(e.amount_micros), 0) FROM billing_entry AS e
              WHERE e.wallet_id = w.id AND e.cause_type = 'adjustment' AND e.cause_id = NEW.id
                AND e.kind IN ('revoke', 'withdraw'))
    ) THEN
        RAISE EXCEPTION 'adjustment_moved_what_it_says: adjustment %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'adjustment_moved_what_it_says';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER adjustment_moved_what_it_says AFTER UPDATE ON billing_adjustment
    FOR EACH ROW WHEN (NEW.state = 'executed')
    EXECUTE FUNCTION billing_adjustment_moved_what_it_says();

-- I36: at every commit a person's day is the sum of what he had a hand in, and it only fills.
CREATE FUNCTION billing_operator_day_is_wrong(person int, that_day date, sandbox bool)
RETURNS bool LANGUAGE sql STABLE AS $$
    SELECT (SELECT d.used_micros FROM billing_operatorday AS d
            WHERE d.operator_id = person AND d.day = that_day AND d.is_sandbox = sandbox)
           IS DISTINCT FROM (
            SELECT COALESCE(sum(abs(a.amount_micros)), 0)::bigint
            FROM billing_adjustment AS a JOIN billing_account AS c ON c.id = a.account_id
            WHERE a.counted_on = that_day AND c.is_sandbox = sandbox
              AND (a.requester_id = person OR a.approver_id = person))
$$;
CREATE FUNCTION billing_operator_day_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong boolean;
BEGIN
    IF TG_TABLE_NAME = 'billing_operatorday' THEN
        wrong := billing_operator_day_is_wrong(NEW.operator_id, NEW.day, NEW.is_sandbox);
    ELSE
        SELECT billing_operator_day_is_wrong(NEW.requester_id, NEW.counted_on, c.is_sandbox)
            OR (NEW.approver_id IS NOT NULL
                AND billing_operator_day_is_wrong(NEW.approver_id, NEW.counted_on, c.is_sandbox))
        INTO wrong FROM billing_account AS c WHERE c.id = NEW.account_id;
    END IF;
    IF wrong THEN
        RAISE EXCEPTION 'operator_day_adds_up: % %', TG_TABLE_NAME, NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'operator_day_adds_up';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER operator_day_adds_up AFTER INSERT OR UPDATE ON billing_operatorday
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_operator_day_adds_up();
CREATE CONSTRAINT TRIGGER adjustment_is_counted AFTER UPDATE ON billing_adjustment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.counted_on IS NOT NULL)
    EXECUTE FUNCTION billing_operator_day_adds_up();
CREATE TRIGGER operator_day_is_never_deleted BEFORE DELETE ON billing_operatorday
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- What was looked at is what is approved: a compensation keeps its terms, jobs and shares.
CREATE FUNCTION billing_compensation_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'requested' THEN
            RAISE EXCEPTION 'compensation_begins_as_a_request: compensation %', NEW.id
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = 'compensation_begins_as_a_request';
        END IF;
        RETURN NEW;
    END IF;
    moves := (OLD.state, NEW.state) IN (
        ('requested', 'approved'), ('requested', 'refused'), ('requested', 'expired'),
        ('approved', 'done'));
    IF NOT moves
       OR (NEW.id, NEW.key, NEW.is_sandbox, NEW.catalog_version_id, NEW.selection, NEW.rule,
           NEW.digest, NEW.text_en, NEW.text_zh, NEW.reason, NEW.text, NEW.jobs_count,
           NEW.accounts_count, NEW.amount_micros, NEW.requester_id, NEW.requested_at,
           NEW.expires_at) IS DISTINCT FROM
          (OLD.id, OLD.key, OLD.is_sandbox, OLD.catalog_version_id, OLD.selection, OLD.rule,
           OLD.digest, OLD.text_en, OLD.text_zh, OLD.reason, OLD.text, OLD.jobs_count,
           OLD.accounts_count, OLD.amount_micros, OLD.requester_id, OLD.requested_at,
           OLD.expires_at)
       OR (OLD.state = 'approved' AND (NEW.approver_id, NEW.decided_at) IS DISTINCT FROM
                                      (OLD.approver_id, OLD.decided_at)) THEN
        RAISE EXCEPTION 'compensation_is_decided_once: compensation %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'compensation_is_decided_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER compensation_is_decided_once BEFORE INSERT OR UPDATE ON billing_compensation
    FOR EACH ROW EXECUTE FUNCTION billing_compensation_keeps_its_terms();
CREATE TRIGGER compensation_is_never_deleted BEFORE DELETE ON billing_compensation
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- Its shares and jobs are added while it waits, and add up when it is approved.
CREATE FUNCTION billing_compensation_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM billing_compensation AS c
                   WHERE c.id = NEW.compensation_id AND c.state = 'requested') THEN
        RAISE EXCEPTION 'compensation_takes_no_more: compensation %', NEW.compensation_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'compensation_takes_no_more';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER compensation_share_is_looked_at BEFORE INSERT ON billing_compensationshare
    FOR EACH ROW EXECUTE FUNCTION billing_compensation_waits();
CREATE TRIGGER compensated_job_is_looked_at BEFORE INSERT ON billing_compensatedjob
    FOR EACH ROW EXECUTE FUNCTION billing_compensation_waits();
CREATE TRIGGER compensated_job_is_append_only BEFORE UPDATE OR DELETE ON billing_compensatedjob
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER compensation_share_is_never_deleted BEFORE DELETE ON billing_compensationshare
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE FUNCTION billing_compensation_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.accounts_count, NEW.jobs_count, NEW.amount_micros) <> (
            SELECT count(*), COALESCE(sum(s.jobs_count), 0), COALESCE(sum(s.amount_micros), 0)
            FROM billing_compensationshare AS s WHERE s.compensation_id = NEW.id)
       OR EXISTS (
            SELECT 1 FROM billing_compensationshare AS s
            JOIN billing_account AS a ON a.id = s.account_id
            LEFT JOIN (
                SELECT j.account_id, count(*) AS jobs FROM billing_compensatedjob AS n
                JOIN billing_job AS j ON j.id = n.job_id
                WHERE n.compensation_id = NEW.id GROUP BY j.account_id
            ) AS named ON named.account_id = s.account_id
            WHERE s.compensation_id = NEW.id
              AND (a.is_sandbox <> NEW.is_sandbox OR s.jobs_count IS DISTINCT FROM named.jobs))
       OR NEW.jobs_count <> (SELECT count(*) FROM billing_compensatedjob AS n
                             WHERE n.compensation_id = NEW.id) THEN
        RAISE EXCEPTION 'compensation_adds_up: compensation %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'compensation_adds_up';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER compensation_adds_up AFTER UPDATE ON billing_compensation
    FOR EACH ROW WHEN (NEW.state = 'approved')
    EXECUTE FUNCTION billing_compensation_adds_up();
CREATE FUNCTION billing_compensation_is_done() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM billing_compensationshare AS s
               WHERE s.compensation_id = NEW.id AND s.ended_at IS NULL) THEN
        RAISE EXCEPTION 'compensation_is_done_when_all_have_it: compensation %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'compensation_is_done_when_all_have_it';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER compensation_is_done_when_all_have_it AFTER UPDATE ON billing_compensation
    FOR EACH ROW WHEN (NEW.state = 'done') EXECUTE FUNCTION billing_compensation_is_done();

-- A share ends once, while its compensation is carried out, by the account's own grant.
CREATE FUNCTION billing_compensation_share_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL
       OR (NEW.id, NEW.compensation_id, NEW.account_id, NEW.amount_micros, NEW.jobs_count)
          IS DISTINCT FROM
          (OLD.id, OLD.compensation_id, OLD.account_id, OLD.amount_micros, OLD.jobs_count)
       OR NOT EXISTS (SELECT 1 FROM billing_compensation AS c
                      WHERE c.id = NEW.compensation_id AND c.state = 'approved')
       OR (NEW.grant_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM billing_grant AS g JOIN billing_wallet AS w ON w.id = g.wallet_id
            WHERE g.id = NEW.grant_id AND w.account_id = NEW.account_id
              AND g.amount_micros = NEW.amount_micros
              AND g.fact = 'compensation:' || NEW.compensation_id)) THEN
        RAISE EXCEPTION 'compensation_share_ends_once: share %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'compensation_share_ends_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER compensation_share_ends_once BEFORE UPDATE ON billing_compensationshare
    FOR EACH ROW EXECUTE FUNCTION billing_compensation_share_ends_once();

-- A halt is resumed once, and both are kept for ever.
CREATE FUNCTION billing_halt_is_resumed_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.halted_at) IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.halted_at)
       OR (OLD.told_at IS NOT NULL AND NEW.told_at IS DISTINCT FROM OLD.told_at)
       OR (OLD.resumed_at IS NOT NULL
           AND (NEW.resumed_at, NEW.operator_id, NEW.reason) IS DISTINCT FROM
               (OLD.resumed_at, OLD.operator_id, OLD.reason)) THEN
        RAISE EXCEPTION 'halt_is_resumed_once: halt %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'halt_is_resumed_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER halt_is_resumed_once BEFORE UPDATE ON billing_halt
    FOR EACH ROW EXECUTE FUNCTION billing_halt_is_resumed_once();
CREATE TRIGGER halt_is_never_deleted BEFORE DELETE ON billing_halt
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
