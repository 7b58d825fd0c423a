-- What was sold stays as it was sold; an open subscription ends once and is then history.
CREATE FUNCTION billing_subscription_keeps_what_was_sold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL
       OR (NEW.id, NEW.account_id, NEW.catalog_version_id, NEW.plan, NEW.interval, NEW.currency,
           NEW.book, NEW.price_micros, NEW.started_at) IS DISTINCT FROM
          (OLD.id, OLD.account_id, OLD.catalog_version_id, OLD.plan, OLD.interval, OLD.currency,
           OLD.book, OLD.price_micros, OLD.started_at) THEN
        RAISE EXCEPTION 'subscription_keeps_what_was_sold: %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'subscription_keeps_what_was_sold';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER subscription_keeps_what_was_sold BEFORE UPDATE ON billing_subscription
    FOR EACH ROW EXECUTE FUNCTION billing_subscription_keeps_what_was_sold();
CREATE TRIGGER subscription_is_never_deleted BEFORE DELETE ON billing_subscription
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
