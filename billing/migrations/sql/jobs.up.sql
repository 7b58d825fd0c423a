-- I8: nothing is handed to a backend without a live hold of that very job.
CREATE FUNCTION billing_attempt_has_a_live_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM billing_job AS j JOIN billing_hold AS h ON h.id = j.hold_id
        WHERE j.id = NEW.job_id AND h.state = 'open'
    ) THEN
        RAISE EXCEPTION 'attempt_has_a_live_hold: job %', NEW.job_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'attempt_has_a_live_hold';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attempt_has_a_live_hold BEFORE INSERT ON billing_attempt
    FOR EACH ROW EXECUTE FUNCTION billing_attempt_has_a_live_hold();

-- I7: a job that has ended stays ended the way it did, with its hold resolved in the same commit.
CREATE FUNCTION billing_job_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.finished_at IS NOT NULL
       AND (NEW.status, NEW.finished_at, NEW.hold_id) IS DISTINCT FROM
           (OLD.status, OLD.finished_at, OLD.hold_id) THEN
        RAISE EXCEPTION 'job_ends_once: job %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'job_ends_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER job_ends_once BEFORE UPDATE ON billing_job
    FOR EACH ROW EXECUTE FUNCTION billing_job_ends_once();

CREATE FUNCTION billing_job_matches_its_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    job record;
BEGIN
    IF TG_TABLE_NAME = 'billing_job' THEN
        SELECT j.id, j.status, h.state INTO job
        FROM billing_job AS j JOIN billing_hold AS h ON h.id = j.hold_id WHERE j.id = NEW.id;
    ELSE
        SELECT j.id, j.status, h.state INTO job
        FROM billing_job AS j JOIN billing_hold AS h ON h.id = j.hold_id WHERE h.id = NEW.id;
    END IF;
    IF FOUND AND NOT (
        (job.status IN ('queued', 'dispatched', 'running', 'unknown') AND job.state = 'open')
        OR (job.status = 'succeeded' AND job.state = 'captured')
        OR (job.status IN ('failed', 'canceled', 'expired')
            AND job.state IN ('captured', 'released'))
    ) THEN
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
