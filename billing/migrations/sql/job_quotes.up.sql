-- I7: a job keeps also which quote, parent, plan and model it is of, and whether it waits.
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
                NEW.outputs_made, NEW.charge_lines) IS DISTINCT FROM
               (OLD.status, OLD.finished_at, OLD.charged_micros, OLD.overrun_micros,
                OLD.outputs_made, OLD.charge_lines)) THEN
        RAISE EXCEPTION 'job_ends_once: job %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'job_ends_once';
    END IF;
    RETURN NEW;
END $$;

-- A quote makes one job: its price was told once. Before this rule it could make several, and those
-- stay. The wallet is locked by whoever inserts, so that two do not pass each other.
CREATE FUNCTION billing_job_quote_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM billing_job WHERE quote_id = NEW.quote_id) THEN
        RAISE EXCEPTION 'job_quote_once: quote %', NEW.quote_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'job_quote_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER job_quote_once BEFORE INSERT ON billing_job
    FOR EACH ROW WHEN (NEW.quote_id IS NOT NULL) EXECUTE FUNCTION billing_job_quote_once();
