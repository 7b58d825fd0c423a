-- I36: a campaign's run counts for the days of both its persons, as adjustments do.
CREATE OR REPLACE FUNCTION billing_operator_day_is_wrong(person int, that_day date, sandbox bool)
RETURNS bool LANGUAGE sql STABLE AS $$
    SELECT (SELECT d.used_micros FROM billing_operatorday AS d
            WHERE d.operator_id = person AND d.day = that_day AND d.is_sandbox = sandbox)
           IS DISTINCT FROM (
            SELECT COALESCE(sum(moved), 0)::bigint FROM (
                SELECT abs(a.amount_micros) AS moved
                FROM billing_adjustment AS a JOIN billing_account AS c ON c.id = a.account_id
                WHERE a.counted_on = that_day AND c.is_sandbox = sandbox
                  AND (a.requester_id = person OR a.approver_id = person)
                UNION ALL
                SELECT r.amount_micros FROM billing_campaignrun AS r
                WHERE r.counted_on = that_day AND r.is_sandbox = sandbox
                  AND (r.requester_id = person OR r.approver_id = person)) AS counted)
$$;

-- It is counted with its approval or never, and for that day for ever. Older runs were not, and
-- those are not which the release of before approves, while processes of it still run.
CREATE FUNCTION billing_campaign_run_is_counted_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'requested' AND NEW.counted_on IS DISTINCT FROM OLD.counted_on THEN
        RAISE EXCEPTION 'campaign_run_is_counted_once: run %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'campaign_run_is_counted_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER campaign_run_is_counted_once BEFORE UPDATE ON billing_campaignrun
    FOR EACH ROW EXECUTE FUNCTION billing_campaign_run_is_counted_once();

CREATE FUNCTION billing_campaign_run_is_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF billing_operator_day_is_wrong(NEW.requester_id, NEW.counted_on, NEW.is_sandbox)
       OR billing_operator_day_is_wrong(NEW.approver_id, NEW.counted_on, NEW.is_sandbox) THEN
        RAISE EXCEPTION 'operator_day_adds_up: run %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'operator_day_adds_up';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER campaign_run_is_counted AFTER UPDATE ON billing_campaignrun
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.counted_on IS NOT NULL)
    EXECUTE FUNCTION billing_campaign_run_is_counted();
