-- I8: nothing is handed to a backend without a live hold of that very job, and a try that has
-- ended is never taken up again.
CREATE FUNCTION billing_attempt_has_a_live_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state = 'ended' AND NEW.state <> 'ended'
           OR (NEW.id, NEW.job_id, NEW.number, NEW.backend) IS DISTINCT FROM
              (OLD.id, OLD.job_id, OLD.number, OLD.backend) THEN
            RAISE EXCEPTION 'attempt_ends_once: attempt %', OLD.id
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = 'attempt_ends_once';
        END IF;
    ELSIF NOT EXISTS (
        SELECT 1 FROM billing_job AS j JOIN billing_hold AS h ON h.id = j.hold_id
        WHERE j.id = NEW.job_id AND h.state = 'open' AND h.reference = 'job:' || j.id
    ) THEN
        RAISE EXCEPTION 'attempt_has_a_live_hold: job %', NEW.job_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'attempt_has_a_live_hold';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attempt_has_a_live_hold BEFORE INSERT OR UPDATE ON billing_attempt
    FOR EACH ROW EXECUTE FUNCTION billing_attempt_has_a_live_hold();

-- I7: a job keeps its owner, its hold and its price, and ends once.
CREATE FUNCTION billing_job_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.wallet_id, NEW.hold_id, NEW.quoted_micros,
        NEW.catalog_version_id, NEW.created_at) IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.wallet_id, OLD.hold_id, OLD.quoted_micros,
        OLD.catalog_version_id, OLD.created_at)
       OR (OLD.finished_at IS NOT NULL
           AND (NEW.status, NEW.finished_at) IS DISTINCT FROM (OLD.status, OLD.finished_at)) THEN
        RAISE EXCEPTION 'job_ends_once: job %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'job_ends_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER job_ends_once BEFORE UPDATE ON billing_job
    FOR EACH ROW EXECUTE FUNCTION billing_job_ends_once();

-- I7: at every commit a job and its hold tell the same story. What was never sent is not charged.
CREATE FUNCTION billing_job_matches_its_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    job record;
BEGIN
    SELECT j.id, j.status, h.state,
           h.wallet_id = j.wallet_id AND w.account_id = j.account_id
               AND h.reference = 'job:' || j.id AND h.amount_micros = j.quoted_micros AS fits
    INTO job
    FROM billing_job AS j
    JOIN billing_hold AS h ON h.id = j.hold_id
    JOIN billing_wallet AS w ON w.id = j.wallet_id
    WHERE CASE TG_TABLE_NAME WHEN 'billing_job' THEN j.id ELSE h.id END = NEW.id;
    IF FOUND AND NOT (job.fits AND (
        (job.status IN ('queued', 'dispatched', 'running', 'unknown') AND job.state = 'open')
        OR (job.status = 'succeeded' AND job.state = 'captured')
        OR (job.status IN ('failed', 'canceled') AND job.state IN ('captured', 'released'))
        OR (job.status = 'expired' AND job.state = 'released')
    )) THEN
        RAISE EXCEPTION 'job_matches_its_hold: job % is %, its hold is %',
            job.id, job.status, job.state
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'job_matches_its_hold';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER job_matches_its_hold AFTER INSERT OR UPDATE OF status ON billing_job
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_job_matches_its_hold();
CREATE CONSTRAINT TRIGGER hold_matches_its_job AFTER UPDATE OF state ON billing_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_job_matches_its_hold();

-- A job, its tries and what backends said are kept as long as the credits they moved.
CREATE TRIGGER job_is_never_deleted BEFORE DELETE ON billing_job
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER attempt_is_never_deleted BEFORE DELETE ON billing_attempt
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER job_is_never_emptied BEFORE TRUNCATE ON billing_job
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
