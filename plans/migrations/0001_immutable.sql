-- What was published stays as it was: sold grants, quotes and holds point at it.
-- (I4's way for the ledger, applied to the terms that the ledger's rows were made by.)
CREATE FUNCTION plans_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what was published stays as it was.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER catalogversion_is_immutable
    BEFORE UPDATE OR DELETE ON plans_catalogversion
    FOR EACH ROW EXECUTE FUNCTION plans_refuse_change();

CREATE TRIGGER publication_is_immutable
    BEFORE UPDATE OR DELETE ON plans_publication
    FOR EACH ROW EXECUTE FUNCTION plans_refuse_change();
