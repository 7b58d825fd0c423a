-- What a CHECK cannot say about packs, campaigns and codes.

-- A purchase keeps what it was; it is activated once, and never deleted.
CREATE FUNCTION billing_pack_purchase_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.catalog_version_id, NEW.pack, NEW.quantity, NEW.fact,
        NEW.credits_micros, NEW.bonus_micros, NEW.paid_micros, NEW.paid_currency,
        NEW.concurrency, NEW.concurrency_more, NEW.is_while_subscribed, NEW.bought_at,
        NEW.activate_by) IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.catalog_version_id, OLD.pack, OLD.quantity, OLD.fact,
        OLD.credits_micros, OLD.bonus_micros, OLD.paid_micros, OLD.paid_currency,
        OLD.concurrency, OLD.concurrency_more, OLD.is_while_subscribed, OLD.bought_at,
        OLD.activate_by)
       OR (OLD.activated_at IS NOT NULL
           AND (NEW.activated_at, NEW.grant_id, NEW.bonus_grant_id, NEW.expires_at)
               IS DISTINCT FROM
               (OLD.activated_at, OLD.grant_id, OLD.bonus_grant_id, OLD.expires_at)) THEN
        RAISE EXCEPTION 'pack_purchase_keeps_its_terms: purchase %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'pack_purchase_keeps_its_terms';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pack_purchase_keeps_its_terms BEFORE UPDATE ON billing_packpurchase
    FOR EACH ROW EXECUTE FUNCTION billing_pack_purchase_keeps_its_terms();
CREATE TRIGGER pack_purchase_is_never_deleted BEFORE DELETE ON billing_packpurchase
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- A purchase's grants are its account's, and of its amounts.
CREATE FUNCTION billing_pack_purchase_has_its_grants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1
        FROM (VALUES (NEW.grant_id, NEW.credits_micros), (NEW.bonus_grant_id, NEW.bonus_micros))
             AS said(grant_id, amount)
        LEFT JOIN billing_grant AS g ON g.id = said.grant_id
        LEFT JOIN billing_wallet AS w ON w.id = g.wallet_id
        WHERE said.grant_id IS NOT NULL
          AND (g.amount_micros IS DISTINCT FROM said.amount
               OR w.account_id IS DISTINCT FROM NEW.account_id)) THEN
        RAISE EXCEPTION 'pack_purchase_has_its_grants: purchase %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'pack_purchase_has_its_grants';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER pack_purchase_has_its_grants AFTER INSERT OR UPDATE ON billing_packpurchase
    FOR EACH ROW EXECUTE FUNCTION billing_pack_purchase_has_its_grants();

-- A campaign's shares follow each other without a gap, so that what it has given is the last
-- one's sum: given(n) = given(n - 1) + share(n).
CREATE FUNCTION billing_campaign_grant_continues() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.granted_after_micros > NEW.amount_micros AND NOT EXISTS (
            SELECT 1 FROM billing_campaigngrant AS p
            WHERE p.budget_id = NEW.budget_id
              AND p.granted_after_micros = NEW.granted_after_micros - NEW.amount_micros))
       OR NOT EXISTS (
            SELECT 1 FROM billing_grant AS g JOIN billing_wallet AS w ON w.id = g.wallet_id
            WHERE g.id = NEW.grant_id AND g.amount_micros = NEW.amount_micros
              AND w.account_id = NEW.account_id)
       OR EXISTS (
            SELECT 1 FROM billing_account AS a JOIN billing_campaignbudget AS b
                ON b.id = NEW.budget_id
            WHERE a.id = NEW.account_id AND a.is_sandbox <> b.is_sandbox) THEN
        RAISE EXCEPTION 'campaign_grant_continues_the_last: share %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'campaign_grant_continues_the_last';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER campaign_grant_continues_the_last AFTER INSERT ON billing_campaigngrant
    FOR EACH ROW EXECUTE FUNCTION billing_campaign_grant_continues();
CREATE TRIGGER campaign_grant_is_append_only BEFORE UPDATE OR DELETE ON billing_campaigngrant
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- At every commit a budget has given what its last share says, and nothing comes back into it.
CREATE FUNCTION billing_campaign_budget_is_spent_by_shares() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    subject bigint := (to_jsonb(NEW) ->> CASE TG_TABLE_NAME
                       WHEN 'billing_campaignbudget' THEN 'id' ELSE 'budget_id' END)::bigint;
BEGIN
    IF (SELECT b.granted_micros FROM billing_campaignbudget AS b WHERE b.id = subject)
       IS DISTINCT FROM COALESCE(
           (SELECT max(g.granted_after_micros) FROM billing_campaigngrant AS g
            WHERE g.budget_id = subject), 0) THEN
        RAISE EXCEPTION 'campaign_budget_is_spent_by_shares: budget %', subject
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'campaign_budget_is_spent_by_shares';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER campaign_budget_is_spent_by_shares
    AFTER INSERT OR UPDATE ON billing_campaignbudget DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing_campaign_budget_is_spent_by_shares();
CREATE CONSTRAINT TRIGGER campaign_grant_is_in_the_budget
    AFTER INSERT ON billing_campaigngrant DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing_campaign_budget_is_spent_by_shares();
CREATE FUNCTION billing_campaign_budget_keeps_its_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.campaign, NEW.is_sandbox) IS DISTINCT FROM
       (OLD.id, OLD.campaign, OLD.is_sandbox) OR NEW.granted_micros < OLD.granted_micros THEN
        RAISE EXCEPTION 'campaign_budget_only_fills: budget %', OLD.campaign
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'campaign_budget_only_fills';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER campaign_budget_only_fills BEFORE UPDATE ON billing_campaignbudget
    FOR EACH ROW EXECUTE FUNCTION billing_campaign_budget_keeps_its_name();
CREATE TRIGGER campaign_budget_is_never_deleted BEFORE DELETE ON billing_campaignbudget
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- A code keeps what it gives and how often; it is used one by one, and ended once.
CREATE FUNCTION billing_redemption_code_keeps_its_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.prefix, NEW.digest, NEW.kind, NEW.offer, NEW.quantity, NEW.period,
        NEW.catalog_version_id, NEW.batch, NEW.is_sandbox, NEW.uses_max, NEW.created_at,
        NEW.expires_at) IS DISTINCT FROM
       (OLD.id, OLD.prefix, OLD.digest, OLD.kind, OLD.offer, OLD.quantity, OLD.period,
        OLD.catalog_version_id, OLD.batch, OLD.is_sandbox, OLD.uses_max, OLD.created_at,
        OLD.expires_at)
       OR NEW.used NOT IN (OLD.used, OLD.used + 1)
       OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at) THEN
        RAISE EXCEPTION 'redemption_code_keeps_its_terms: code %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'redemption_code_keeps_its_terms';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER redemption_code_keeps_its_terms BEFORE UPDATE ON billing_redemptioncode
    FOR EACH ROW EXECUTE FUNCTION billing_redemption_code_keeps_its_terms();
CREATE TRIGGER redemption_code_is_never_deleted BEFORE DELETE ON billing_redemptioncode
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- At every commit a code was used as often as it was redeemed.
CREATE FUNCTION billing_redemption_code_is_used_by_redemptions() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    subject text := to_jsonb(NEW) ->> CASE TG_TABLE_NAME
                    WHEN 'billing_redemptioncode' THEN 'id' ELSE 'code_id' END;
BEGIN
    IF (SELECT c.used FROM billing_redemptioncode AS c WHERE c.id = subject)
       IS DISTINCT FROM COALESCE(
           (SELECT max(r.number) FROM billing_redemption AS r WHERE r.code_id = subject), 0) THEN
        RAISE EXCEPTION 'redemption_code_is_used_by_redemptions: code %', subject
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'redemption_code_is_used_by_redemptions';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER redemption_code_is_used_by_redemptions
    AFTER INSERT OR UPDATE ON billing_redemptioncode DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing_redemption_code_is_used_by_redemptions();
CREATE CONSTRAINT TRIGGER redemption_is_a_use_of_its_code
    AFTER INSERT ON billing_redemption DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing_redemption_code_is_used_by_redemptions();
CREATE TRIGGER redemption_is_append_only BEFORE UPDATE OR DELETE ON billing_redemption
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

CREATE TRIGGER pack_purchase_is_never_emptied BEFORE TRUNCATE ON billing_packpurchase
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER campaign_grant_is_never_emptied BEFORE TRUNCATE ON billing_campaigngrant
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER campaign_budget_is_never_emptied BEFORE TRUNCATE ON billing_campaignbudget
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER redemption_code_is_never_emptied BEFORE TRUNCATE ON billing_redemptioncode
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER redemption_is_never_emptied BEFORE TRUNCATE ON billing_redemption
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
