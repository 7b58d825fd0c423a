DROP TRIGGER hold_matches_its_job ON billing_hold;
DROP TRIGGER job_matches_its_hold ON billing_job;
DROP TRIGGER job_ends_once ON billing_job;
DROP TRIGGER attempt_has_a_live_hold ON billing_attempt;
DROP FUNCTION billing_job_matches_its_hold();
DROP FUNCTION billing_job_ends_once();
DROP FUNCTION billing_attempt_has_a_live_hold();
