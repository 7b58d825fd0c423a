DROP TRIGGER lane_clock_goes_forward ON billing_laneclock;
DROP FUNCTION billing_lane_clock_goes_forward();
DROP TRIGGER job_keeps_its_turn ON billing_job;
DROP FUNCTION billing_job_keeps_its_turn();
