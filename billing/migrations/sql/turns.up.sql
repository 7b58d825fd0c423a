-- What waits already keeps its lane, and goes before all that is ordered from now on: its turn is 0.
UPDATE billing_job SET lane = dimensions ->> 'lane'
WHERE status = 'queued' AND dimensions ? 'lane' AND lane <> dimensions ->> 'lane';

-- A place in the queue is given once, with the order: nobody is moved up or down afterwards.
CREATE FUNCTION billing_job_keeps_its_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.lane, NEW.lane_priority, NEW.turn) IS DISTINCT FROM
       (OLD.lane, OLD.lane_priority, OLD.turn) THEN
        RAISE EXCEPTION 'job_keeps_its_turn: job %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'job_keeps_its_turn';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER job_keeps_its_turn BEFORE UPDATE OF lane, lane_priority, turn ON billing_job
    FOR EACH ROW EXECUTE FUNCTION billing_job_keeps_its_turn();

-- The clock of a lane goes forward: else a new order would overtake what has waited for it.
CREATE FUNCTION billing_lane_clock_goes_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.backend, NEW.lane) IS DISTINCT FROM (OLD.backend, OLD.lane)
       OR NEW.turn < OLD.turn OR NEW.number <= OLD.number OR NEW.starts <> OLD.starts + 1 THEN
        RAISE EXCEPTION 'lane_clock_goes_forward: % at %', OLD.lane, OLD.backend
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'lane_clock_goes_forward';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lane_clock_goes_forward BEFORE UPDATE ON billing_laneclock
    FOR EACH ROW EXECUTE FUNCTION billing_lane_clock_goes_forward();
