-- The rule of 0003, before what is made of an order was kept too.
CREATE OR REPLACE FUNCTION billing_job_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.wallet_id, NEW.hold_id, NEW.quoted_micros,
        NEW.catalog_version_id, NEW.created_at, NEW.dimensions, NEW.context, NEW.covers,
        NEW.flags, NEW.price_lines, NEW.max_micros, NEW.outputs_ordered, NEW.ordered_at,
        NEW.rated_at) IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.wallet_id, OLD.hold_id, OLD.quoted_micros,
        OLD.catalog_version_id, OLD.created_at, OLD.dimensions, OLD.context, OLD.covers,
        OLD.flags, OLD.price_lines, OLD.max_micros, OLD.outputs_ordered, OLD.ordered_at,
        OLD.rated_at)
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

DROP TRIGGER job_quote_once ON billing_job;
DROP FUNCTION billing_job_quote_once();
