-- What stands in the tables already learns the new words, before rules that fix them.
UPDATE billing_grant SET series = split_part(fact, ':', 2) WHERE fact LIKE 'allowance:%';
UPDATE billing_allowance SET started_at = anchor_at, terms = jsonb_build_object(
    'code', code, 'cadence', cadence, 'mode', mode, 'zone', zone, 'source', source,
    'priority', priority, 'expiry', expiry,
    'credits', trim_scale(amount_micros::numeric / 1000000)::text);
-- No check of these rows is left pending: the tables are altered next.
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
