-- What those who listen to a job see of it is numbered: the number rises with each change of it,
-- by one, whoever changes the row; nobody sets it.
CREATE FUNCTION billing_job_version_rises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version;
    IF (NEW.status, NEW.progress_percent, NEW.failure_class, NEW.failure_detail,
        NEW.cancel_requested_at, NEW.late_success_at, NEW.started_at, NEW.finished_at,
        NEW.outputs_made, NEW.charge_lines, NEW.charged_micros, NEW.owed_micros)
       IS DISTINCT FROM
       (OLD.status, OLD.progress_percent, OLD.failure_class, OLD.failure_detail,
        OLD.cancel_requested_at, OLD.late_success_at, OLD.started_at, OLD.finished_at,
        OLD.outputs_made, OLD.charge_lines, OLD.charged_micros, OLD.owed_micros) THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER job_version_rises BEFORE UPDATE ON billing_job
    FOR EACH ROW EXECUTE FUNCTION billing_job_version_rises();
