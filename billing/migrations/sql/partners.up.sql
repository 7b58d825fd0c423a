-- What a CHECK cannot say about partners, codes, referrals and rewards.

-- A partner and a code stay those of their account and programme.
CREATE FUNCTION billing_partner_keeps_its_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.programme, NEW.admitted_at) IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.programme, OLD.admitted_at) THEN
        RAISE EXCEPTION 'partner_keeps_its_name: partner %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'partner_keeps_its_name';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER partner_keeps_its_name BEFORE UPDATE ON billing_partner
    FOR EACH ROW EXECUTE FUNCTION billing_partner_keeps_its_name();
CREATE TRIGGER partner_is_never_deleted BEFORE DELETE ON billing_partner
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
-- Refused is only what would change it: who locks a row needs the right to update it (ADR 32).
CREATE TRIGGER referral_code_is_append_only BEFORE UPDATE ON billing_referralcode
    FOR EACH ROW WHEN (NEW IS DISTINCT FROM OLD) EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER referral_code_is_never_deleted BEFORE DELETE ON billing_referralcode
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- Who brings somebody was here before him: ids sort by the millisecond in which they were made.
-- Each referral so points back, and no circle can be, whoever writes at the same time.
ALTER TABLE billing_referral ADD CONSTRAINT referral_points_back
    CHECK (referrer_id COLLATE "C" < account_id COLLATE "C");

-- A referral is by its code's account, and never crosses the sandbox's border.
CREATE FUNCTION billing_referral_is_by_its_code() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM billing_referralcode AS c
        JOIN billing_account AS b ON b.id = c.account_id
        JOIN billing_account AS a ON a.id = NEW.account_id
        WHERE c.id = NEW.code_id AND c.account_id = NEW.referrer_id
          AND a.is_sandbox = b.is_sandbox) THEN
        RAISE EXCEPTION 'referral_is_by_its_code: referral %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'referral_is_by_its_code';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER referral_is_by_its_code AFTER INSERT ON billing_referral
    FOR EACH ROW EXECUTE FUNCTION billing_referral_is_by_its_code();

-- It keeps who, by whom and on which terms; it is closed once.
CREATE FUNCTION billing_referral_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.referrer_id, NEW.code_id, NEW.catalog_version_id, NEW.window,
        NEW.number, NEW.number_max, NEW.came_at, NEW.counts_until) IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.referrer_id, OLD.code_id, OLD.catalog_version_id, OLD.window,
        OLD.number, OLD.number_max, OLD.came_at, OLD.counts_until)
       OR (OLD.closed_at IS NOT NULL AND NEW.closed_at IS DISTINCT FROM OLD.closed_at) THEN
        RAISE EXCEPTION 'referral_keeps_its_terms: referral %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'referral_keeps_its_terms';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER referral_keeps_its_terms BEFORE UPDATE ON billing_referral
    FOR EACH ROW EXECUTE FUNCTION billing_referral_keeps_its_terms();
CREATE TRIGGER referral_is_never_deleted BEFORE DELETE ON billing_referral
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- A reward is of one of the referral's two, and keeps what it is. It is settled once; what was
-- granted may be taken back, and nothing else ever changes.
CREATE FUNCTION billing_reward_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.referral_id, NEW.account_id, NEW.occasion, NEW.fact, NEW.campaign,
        NEW.amount_micros, NEW.share_micros, NEW.earned_at, NEW.due_at) IS DISTINCT FROM
       (OLD.id, OLD.referral_id, OLD.account_id, OLD.occasion, OLD.fact, OLD.campaign,
        OLD.amount_micros, OLD.share_micros, OLD.earned_at, OLD.due_at)
       OR (OLD.state <> 'pending'
           AND ((NEW.campaign_grant_id, NEW.settled_at, NEW.reason) IS DISTINCT FROM
                (OLD.campaign_grant_id, OLD.settled_at, OLD.reason)
                OR NOT (NEW.state = OLD.state
                        OR OLD.state = 'granted' AND NEW.state = 'taken_back')))
       OR (OLD.state = 'pending' AND NEW.state = 'taken_back')
       OR (OLD.taken_back_at IS NOT NULL
           AND NEW.taken_back_at IS DISTINCT FROM OLD.taken_back_at) THEN
        RAISE EXCEPTION 'reward_keeps_its_terms: reward %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'reward_keeps_its_terms';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reward_keeps_its_terms BEFORE UPDATE ON billing_reward
    FOR EACH ROW EXECUTE FUNCTION billing_reward_keeps_its_terms();
CREATE TRIGGER reward_is_never_deleted BEFORE DELETE ON billing_reward
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- What was granted for it is a share of its campaign, for its account, of its amount.
CREATE FUNCTION billing_reward_has_its_grant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM billing_referral AS r
        WHERE r.id = NEW.referral_id AND NEW.account_id IN (r.account_id, r.referrer_id))
       OR (NEW.campaign_grant_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM billing_campaigngrant AS s JOIN billing_campaignbudget AS b
            ON b.id = s.budget_id
        WHERE s.id = NEW.campaign_grant_id AND s.account_id = NEW.account_id
          AND s.amount_micros = NEW.amount_micros AND b.campaign = NEW.campaign)) THEN
        RAISE EXCEPTION 'reward_has_its_grant: reward %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'reward_has_its_grant';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER reward_has_its_grant AFTER INSERT OR UPDATE ON billing_reward
    FOR EACH ROW EXECUTE FUNCTION billing_reward_has_its_grant();

CREATE TRIGGER partner_is_never_emptied BEFORE TRUNCATE ON billing_partner
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER referral_code_is_never_emptied BEFORE TRUNCATE ON billing_referralcode
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER referral_is_never_emptied BEFORE TRUNCATE ON billing_referral
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER reward_is_never_emptied BEFORE TRUNCATE ON billing_reward
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
