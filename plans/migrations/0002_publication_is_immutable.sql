CREATE TRIGGER publication_is_immutable
    BEFORE UPDATE OR DELETE ON plans_publication
    FOR EACH ROW EXECUTE FUNCTION plans_refuse_change();
