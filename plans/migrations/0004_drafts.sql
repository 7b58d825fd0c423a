-- What somebody saved stays as he saved it: a request to publish and a simulation point at it.
CREATE TRIGGER draftrevision_is_immutable
    BEFORE UPDATE OR DELETE ON plans_draftrevision
    FOR EACH ROW EXECUTE FUNCTION plans_refuse_change();
