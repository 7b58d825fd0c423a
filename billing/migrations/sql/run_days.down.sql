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

-- A day is the sum of its adjustments alone again. (The column that says which runs counted goes
-- after this; no run is decided on meanwhile: dropping the triggers has locked the table.)
UPDATE billing_operatorday AS d SET used_micros = d.used_micros - r.moved
FROM (SELECT p.person, c.counted_on, c.is_sandbox, sum(c.amount_micros)::bigint AS moved
      FROM billing_campaignrun AS c
      CROSS JOIN LATERAL (VALUES (c.requester_id), (c.approver_id)) AS p (person)
      WHERE c.counted_on IS NOT NULL
      GROUP BY p.person, c.counted_on, c.is_sandbox) AS r
WHERE d.operator_id = r.person AND d.day = r.counted_on AND d.is_sandbox = r.is_sandbox;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
