-- What has begun cannot be taken back: sales were made by it. By the database's clock, for that
-- is the one by which it began. A withdrawal stays as it was made, as the publication does.
CREATE FUNCTION plans_withdraw_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT effective_at FROM plans_publication WHERE sequence = NEW.publication_id)
       <= clock_timestamp() THEN
        RAISE EXCEPTION 'Publication % has begun; it cannot be withdrawn.', NEW.publication_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER withdrawal_comes_in_time
    BEFORE INSERT ON plans_withdrawal
    FOR EACH ROW EXECUTE FUNCTION plans_withdraw_in_time();

CREATE TRIGGER withdrawal_is_immutable
    BEFORE UPDATE OR DELETE ON plans_withdrawal
    FOR EACH ROW EXECUTE FUNCTION plans_refuse_change();
