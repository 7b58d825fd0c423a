DROP TRIGGER event_never_changes ON billing_event;
DROP FUNCTION billing_event_never_changes();
