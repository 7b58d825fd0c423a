DROP TRIGGER job_version_rises ON billing_job;
DROP FUNCTION billing_job_version_rises();
