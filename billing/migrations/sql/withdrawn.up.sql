-- Who has asked for a compensation may take that back while it waits.
CREATE OR REPLACE FUNCTION billing_compensation_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
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
        ('requested', 'approved'), ('requested', 'refused'), ('requested', 'withdrawn'),
        ('requested', 'expired'), ('approved', 'done'));
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
