-- The rules of 0001, before jobs could cost nothing, more, or less than was held.
CREATE OR REPLACE FUNCTION billing_job_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION billing_job_matches_its_hold() RETURNS trigger LANGUAGE plpgsql AS $$
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
