-- I7, I10: what was taken beyond a job's hold is what the job says, at every commit: nothing is
-- taken for a job that has ended, and none of it twice. `job_matches_its_hold` asks when the job
-- changes; this asks when such a hold does.
CREATE FUNCTION billing_overrun_matches_its_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1
        FROM billing_job AS j
        JOIN billing_hold AS o ON o.id = NEW.id
        WHERE j.id = split_part(NEW.reference, ':', 2) AND j.wallet_id = o.wallet_id
          AND (j.overrun_micros <> o.captured_micros OR o.state = 'open')
    ) THEN
        RAISE EXCEPTION 'job_matches_its_hold: hold % for %', NEW.id, NEW.reference
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'job_matches_its_hold';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER overrun_matches_its_job AFTER INSERT OR UPDATE ON billing_hold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.reference LIKE 'job:%:overrun')
    EXECUTE FUNCTION billing_overrun_matches_its_job();
