-- A note stays as it was written.
CREATE TRIGGER account_note_never_changes BEFORE UPDATE OR DELETE ON billing_accountnote
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER account_note_is_never_emptied BEFORE TRUNCATE ON billing_accountnote
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
