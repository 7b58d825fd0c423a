-- What is over is over: the past of a wallet is told from these rows.
CREATE TRIGGER standstill_is_append_only BEFORE UPDATE OR DELETE ON billing_standstill
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER standstill_is_never_emptied BEFORE TRUNCATE ON billing_standstill
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
