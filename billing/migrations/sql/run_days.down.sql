DROP TRIGGER campaign_run_is_counted ON billing_campaignrun;
DROP TRIGGER campaign_run_is_counted_once ON billing_campaignrun;
DROP FUNCTION billing_campaign_run_is_counted();
DROP FUNCTION billing_campaign_run_is_counted_once();
CREATE OR REPLACE FUNCTION billing_operator_day_is_wrong(person int, that_day date, sandbox bool)
RETURNS bool LANGUAGE sql STABLE AS $$
    SELECT (SELECT d.used_micros FROM billing_operatorday AS d
            WHERE d.operator_id = person AND d.day = that_day AND d.is_sandbox = sandbox)
           IS DISTINCT FROM (
            SELECT COALESCE(sum(abs(a.amount_micros)), 0)::bigint
            FROM billing_adjustment AS a JOIN billing_account AS c ON c.id = a.account_id
            WHERE a.counted_on = that_day AND c.is_sandbox = sandbox
              AND (a.requester_id = person OR a.approver_id = person))
$$;
