-- I30: what was told stays as it was told; a receiver who asks again is told the same.
CREATE FUNCTION billing_event_never_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'event_never_changes: event %', OLD.id
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'event_never_changes';
END $$;
CREATE TRIGGER event_never_changes BEFORE UPDATE ON billing_event
    FOR EACH ROW EXECUTE FUNCTION billing_event_never_changes();
