-- I7, I10: what of a job's charge is owed is said once, with its end.
CREATE OR REPLACE FUNCTION billing_job_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.wallet_id, NEW.hold_id, NEW.quoted_micros,
        NEW.catalog_version_id, NEW.created_at, NEW.dimensions, NEW.context, NEW.covers,
        NEW.flags, NEW.price_lines, NEW.max_micros, NEW.outputs_ordered, NEW.ordered_at,
        NEW.rated_at, NEW.quote_id, NEW.parent_id, NEW.plan, NEW.model, NEW.waits,
        NEW.chain_seconds) IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.wallet_id, OLD.hold_id, OLD.quoted_micros,
        OLD.catalog_version_id, OLD.created_at, OLD.dimensions, OLD.context, OLD.covers,
        OLD.flags, OLD.price_lines, OLD.max_micros, OLD.outputs_ordered, OLD.ordered_at,
        OLD.rated_at, OLD.quote_id, OLD.parent_id, OLD.plan, OLD.model, OLD.waits,
        OLD.chain_seconds)
       OR (OLD.finished_at IS NOT NULL
           AND (NEW.status, NEW.finished_at, NEW.charged_micros, NEW.overrun_micros,
                NEW.owed_micros, NEW.outputs_made, NEW.charge_lines) IS DISTINCT FROM
               (OLD.status, OLD.finished_at, OLD.charged_micros, OLD.overrun_micros,
                OLD.owed_micros, OLD.outputs_made, OLD.charge_lines)) THEN
        RAISE EXCEPTION 'job_ends_once: job %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'job_ends_once';
    END IF;
    RETURN NEW;
END $$;

-- I7, I10, I16: at every commit a job, its hold and its debt tell the same story. What was charged
-- is what was captured, of the hold and beyond it, and what is owed for it.
CREATE OR REPLACE FUNCTION billing_job_matches_its_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    job record;
BEGIN
    SELECT j.id, j.status, h.state,
           h.wallet_id = j.wallet_id AND w.account_id = j.account_id
               AND h.reference = 'job:' || j.id AND h.amount_micros >= j.quoted_micros
               AND (j.max_micros IS NULL OR h.amount_micros <= j.max_micros) AS fits,
           j.charged_micros IS NULL AND h.state = 'open'
               OR j.charged_micros = h.captured_micros + j.overrun_micros + j.owed_micros
               AS charged,
           j.overrun_micros = COALESCE((
               SELECT o.captured_micros FROM billing_hold AS o
               WHERE o.wallet_id = j.wallet_id AND o.reference = 'job:' || j.id || ':overrun'
           ), 0) AS overran,
           j.owed_micros = COALESCE((
               SELECT d.amount_micros FROM billing_debt AS d
               WHERE d.wallet_id = j.wallet_id AND d.fact = 'job:' || j.id || ':overrun'
           ), 0) AND (j.owed_micros = 0 OR j.charged_micros <= j.max_micros) AS owed
    INTO job
    FROM billing_job AS j
    JOIN billing_hold AS h ON h.id = j.hold_id
    JOIN billing_wallet AS w ON w.id = j.wallet_id
    WHERE CASE TG_TABLE_NAME WHEN 'billing_job' THEN j.id ELSE h.id END = NEW.id;
    -- No maximum was agreed to, so nothing can be owed: unknown is no.
    IF FOUND AND NOT (job.fits AND job.charged AND job.overran AND COALESCE(job.owed, false) AND (
        (job.status IN ('queued', 'dispatched', 'running', 'unknown') AND job.state = 'open')
        OR (job.status IN ('succeeded', 'failed', 'canceled')
            AND job.state IN ('captured', 'released'))
        OR (job.status = 'expired' AND job.state = 'released')
    )) THEN
        RAISE EXCEPTION 'job_matches_its_hold: job % is %, its hold is %',
            job.id, job.status, job.state
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'job_matches_its_hold';
    END IF;
    RETURN NULL;
END $$;
