DROP TRIGGER overrun_matches_its_job ON billing_hold;
DROP FUNCTION billing_overrun_matches_its_job();
