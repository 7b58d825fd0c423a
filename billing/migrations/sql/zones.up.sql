-- Allowances from before this was kept: they gave from their start on, and of their ends only
-- those to come are known.
UPDATE billing_allowance SET first_at = started_at WHERE mode = 'auto' AND unit = 'credit';
UPDATE billing_allowance SET created_at = started_at;
UPDATE billing_allowance SET announced_end_at = ends_at WHERE ends_at > now();

-- I18: never two grants of a day's credits within 20 hours. A day is at least that long, also
-- where an account moves from zone to zone; so neither the days nor the grants of a series may
-- follow each other faster. (Whoever signs up at noon has the next day's credits at midnight:
-- his days are 24 hours apart.)
CREATE FUNCTION billing_day_is_given_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM billing_grant AS g
        WHERE g.wallet_id = NEW.wallet_id AND g.series = NEW.series AND g.id <> NEW.id
          AND g.day_at > NEW.day_at - interval '20 hours'
          AND g.day_at < NEW.day_at + interval '20 hours'
          AND g.effective_at > NEW.effective_at - interval '20 hours'
          AND g.effective_at < NEW.effective_at + interval '20 hours'
    ) THEN
        RAISE EXCEPTION 'grant_days_are_20_hours_apart: % of %', NEW.fact, NEW.wallet_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'grant_days_are_20_hours_apart';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER grant_days_are_20_hours_apart BEFORE INSERT ON billing_grant
    FOR EACH ROW WHEN (NEW.day_at IS NOT NULL) EXECUTE FUNCTION billing_day_is_given_once();

-- When an account moved is never changed: all its windows are drawn from it.
CREATE FUNCTION billing_zone_change_continues() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    SELECT c.zone, c.at INTO last FROM billing_zonechange AS c
    WHERE c.wallet_id = NEW.wallet_id ORDER BY c.id DESC LIMIT 1;
    IF FOUND AND (NEW.former <> last.zone OR NEW.at < last.at) THEN
        RAISE EXCEPTION 'zone_change_continues_the_last: % from %', NEW.wallet_id, NEW.former
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'zone_change_continues_the_last';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER zone_change_continues_the_last BEFORE INSERT ON billing_zonechange
    FOR EACH ROW EXECUTE FUNCTION billing_zone_change_continues();
CREATE TRIGGER zone_change_is_append_only BEFORE UPDATE OR DELETE ON billing_zonechange
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER zone_change_is_never_emptied BEFORE TRUNCATE ON billing_zonechange
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();

CREATE TRIGGER grant_keeps_its_day BEFORE UPDATE OF day_at ON billing_grant
    FOR EACH ROW WHEN (NEW.day_at IS DISTINCT FROM OLD.day_at) EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER allowance_keeps_its_beginning
    BEFORE UPDATE OF first_at, announced_end_at ON billing_allowance
    FOR EACH ROW WHEN ((NEW.first_at, NEW.announced_end_at)
                       IS DISTINCT FROM (OLD.first_at, OLD.announced_end_at))
    EXECUTE FUNCTION billing_refuse();
