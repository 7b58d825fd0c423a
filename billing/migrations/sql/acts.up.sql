-- What was done stays written down: a line begins open, ends once, and is never taken out.
CREATE FUNCTION billing_act_record_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.ended_at IS NOT NULL THEN
            RAISE EXCEPTION 'act_record_begins_before_the_act: %', NEW.id
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = 'act_record_begins_before_the_act';
        END IF;
    ELSIF OLD.ended_at IS NOT NULL
       OR (NEW.id, NEW.at, NEW.act, NEW.operator_id, NEW.object_type, NEW.reason, NEW.shown)
          IS DISTINCT FROM
          (OLD.id, OLD.at, OLD.act, OLD.operator_id, OLD.object_type, OLD.reason, OLD.shown)
       OR (OLD.object_id <> ''
           AND (NEW.object_id, NEW.account_id) IS DISTINCT FROM (OLD.object_id, OLD.account_id))
    THEN
        RAISE EXCEPTION 'act_record_ends_once: %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'act_record_ends_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER act_record_ends_once BEFORE INSERT OR UPDATE ON billing_actrecord
    FOR EACH ROW EXECUTE FUNCTION billing_act_record_ends_once();
CREATE TRIGGER act_record_is_never_deleted BEFORE DELETE ON billing_actrecord
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER act_record_is_never_emptied BEFORE TRUNCATE ON billing_actrecord
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();

-- A freeze is lifted once, and both are kept for ever.
CREATE FUNCTION billing_freeze_is_lifted_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.lifted_at IS NOT NULL
       OR (NEW.id, NEW.account_id, NEW.reason, NEW.operator_id, NEW.frozen_at) IS DISTINCT FROM
          (OLD.id, OLD.account_id, OLD.reason, OLD.operator_id, OLD.frozen_at) THEN
        RAISE EXCEPTION 'freeze_is_lifted_once: %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'freeze_is_lifted_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER freeze_is_lifted_once BEFORE UPDATE ON billing_freeze
    FOR EACH ROW EXECUTE FUNCTION billing_freeze_is_lifted_once();
CREATE TRIGGER freeze_is_never_deleted BEFORE DELETE ON billing_freeze
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- What was looked at is what is approved: a campaign run keeps its terms and its accounts.
CREATE FUNCTION billing_campaign_run_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'requested' THEN
            RAISE EXCEPTION 'campaign_run_begins_as_a_request: run %', NEW.id
                USING ERRCODE = 'integrity_constraint_violation',
                      CONSTRAINT = 'campaign_run_begins_as_a_request';
        END IF;
    ELSIF (OLD.state, NEW.state) NOT IN (
            ('requested', 'approved'), ('requested', 'refused'), ('requested', 'withdrawn'),
            ('requested', 'expired'), ('approved', 'done'))
       OR (NEW.id, NEW.campaign, NEW.name, NEW.is_sandbox, NEW.catalog_version_id, NEW.selection,
           NEW.digest, NEW.reason, NEW.text, NEW.accounts_count, NEW.share_micros,
           NEW.amount_micros, NEW.requester_id, NEW.requested_at, NEW.expires_at)
          IS DISTINCT FROM
          (OLD.id, OLD.campaign, OLD.name, OLD.is_sandbox, OLD.catalog_version_id, OLD.selection,
           OLD.digest, OLD.reason, OLD.text, OLD.accounts_count, OLD.share_micros,
           OLD.amount_micros, OLD.requester_id, OLD.requested_at, OLD.expires_at)
       OR (OLD.state = 'approved' AND (NEW.approver_id, NEW.decided_at) IS DISTINCT FROM
                                      (OLD.approver_id, OLD.decided_at)) THEN
        RAISE EXCEPTION 'campaign_run_is_decided_once: run %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'campaign_run_is_decided_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER campaign_run_is_decided_once BEFORE INSERT OR UPDATE ON billing_campaignrun
    FOR EACH ROW EXECUTE FUNCTION billing_campaign_run_keeps_its_terms();
CREATE TRIGGER campaign_run_is_never_deleted BEFORE DELETE ON billing_campaignrun
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- Its accounts are added while it waits, add up when it is approved, and are done when it is done.
CREATE FUNCTION billing_campaign_run_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM billing_campaignrun AS r
                   JOIN billing_account AS a ON a.is_sandbox = r.is_sandbox
                   WHERE r.id = NEW.run_id AND r.state = 'requested' AND a.id = NEW.account_id) THEN
        RAISE EXCEPTION 'campaign_run_takes_no_more: run %', NEW.run_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'campaign_run_takes_no_more';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER campaign_run_share_is_looked_at BEFORE INSERT ON billing_campaignrunshare
    FOR EACH ROW EXECUTE FUNCTION billing_campaign_run_waits();
CREATE FUNCTION billing_campaign_run_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.accounts_count <> (SELECT count(*) FROM billing_campaignrunshare AS s
                              WHERE s.run_id = NEW.id)
       OR (NEW.state = 'done' AND EXISTS (SELECT 1 FROM billing_campaignrunshare AS s
                                          WHERE s.run_id = NEW.id AND s.ended_at IS NULL)) THEN
        RAISE EXCEPTION 'campaign_run_adds_up: run %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'campaign_run_adds_up';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER campaign_run_adds_up AFTER UPDATE ON billing_campaignrun
    FOR EACH ROW WHEN (NEW.state IN ('approved', 'done'))
    EXECUTE FUNCTION billing_campaign_run_adds_up();

-- A share ends once, while its run is carried out, by the account's own share of the campaign.
CREATE FUNCTION billing_campaign_run_share_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL
       OR (NEW.id, NEW.run_id, NEW.account_id) IS DISTINCT FROM
          (OLD.id, OLD.run_id, OLD.account_id)
       OR NOT EXISTS (SELECT 1 FROM billing_campaignrun AS r
                      WHERE r.id = NEW.run_id AND r.state = 'approved')
       OR (NEW.campaign_grant_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM billing_campaigngrant AS g
            JOIN billing_campaignrun AS r ON r.id = NEW.run_id
            WHERE g.id = NEW.campaign_grant_id AND g.account_id = NEW.account_id
              AND g.fact = 'run:' || r.name)) THEN
        RAISE EXCEPTION 'campaign_run_share_ends_once: share %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'campaign_run_share_ends_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER campaign_run_share_ends_once BEFORE UPDATE ON billing_campaignrunshare
    FOR EACH ROW EXECUTE FUNCTION billing_campaign_run_share_ends_once();
CREATE TRIGGER campaign_run_share_is_never_deleted BEFORE DELETE ON billing_campaignrunshare
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
