-- What is known of jobs and quotes from before: each cost what was captured of its hold, made one
-- output, and was priced when it was made.
UPDATE billing_job AS j
SET ordered_at = j.created_at,
    rated_at = j.created_at,
    context = jsonb_build_object('plan', j.plan),
    charged_micros = CASE WHEN j.finished_at IS NULL THEN NULL ELSE h.captured_micros END,
    charge_lines = CASE WHEN j.status = 'succeeded' THEN j.price_lines ELSE '[]'::jsonb END,
    outputs_made = CASE WHEN j.status = 'succeeded' THEN 1 ELSE NULL END
FROM billing_hold AS h
WHERE h.id = j.hold_id;
UPDATE billing_quote SET rated_at = created_at;
-- No check of these rows is left pending: the tables are altered next.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
