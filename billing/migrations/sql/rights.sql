-- What the application may do: rows, and no tables. `migrate` runs this after the migrations, as
-- their owner, and names the role in the setting linggan.application. A repeat changes nothing.
DO $$
DECLARE
    application text := current_setting('linggan.application');
    here text := current_schema();
    found record;
BEGIN
    IF (SELECT r.rolsuper OR pg_has_role(r.oid, current_user, 'MEMBER')
        FROM pg_roles AS r WHERE r.rolname = application) THEN
        RAISE EXCEPTION 'role % has the owner''s rights; the application needs one of its own',
            application;
    END IF;
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', here);
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', here, application);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', here, application);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', here, application);
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I', here, application);
    -- What a trigger refuses in every case, the role has no right to either; nothing is emptied.
    -- A partition is reached through its table only.
    FOR found IN
        SELECT c.oid::regclass AS name, c.relname = 'django_migrations' AS is_history,
               COALESCE(bool_or(t.tgtype & 16 <> 0), false) AS is_kept,
               COALESCE(bool_or(t.tgtype & 8 <> 0), false) AS is_never_deleted
        FROM pg_class AS c
        LEFT JOIN pg_trigger AS t ON t.tgrelid = c.oid AND t.tgqual IS NULL
            AND t.tgattr::text = '' AND t.tgfoid IN (
                SELECT p.oid FROM pg_proc AS p
                WHERE p.proname IN ('billing_refuse', 'billing_event_never_changes',
                                    'plans_refuse_change'))
        WHERE c.relnamespace = here::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition
        GROUP BY c.oid
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %I', found.name, application);
        CONTINUE WHEN found.is_history;
        EXECUTE format('GRANT INSERT ON %s TO %I', found.name, application);
        IF NOT found.is_kept THEN
            EXECUTE format('GRANT UPDATE ON %s TO %I', found.name, application);
        END IF;
        IF NOT found.is_never_deleted THEN
            EXECUTE format('GRANT DELETE ON %s TO %I', found.name, application);
        END IF;
    END LOOP;
    EXECUTE format('GRANT SELECT ON billing_entry_default TO %I', application);
    EXECUTE format('GRANT EXECUTE ON FUNCTION billing_make_partitions(int) TO %I', application);
    -- As the settings have them for a session: a pooler hands out sessions that it opened itself.
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET lock_timeout = ''4s''',
                   application, current_database());
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET statement_timeout = ''15s''',
                   application, current_database());
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET idle_in_transaction_session_timeout = ''30s''',
                   application, current_database());
END $$;
