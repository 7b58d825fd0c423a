-- What a CHECK cannot say about organizations, and about credits that go from wallet to wallet.

-- A membership is one person's in one organization for ever; its history is written once.
CREATE FUNCTION billing_membership_keeps_its_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM billing_account AS p, billing_organization AS o
        JOIN billing_account AS a ON a.id = o.account_id
        WHERE o.id = NEW.organization_id AND p.id = NEW.account_id
          AND a.kind = 'organization' AND p.kind = 'person' AND a.is_sandbox = p.is_sandbox)
       OR (TG_OP = 'UPDATE'
           AND (NEW.id, NEW.organization_id, NEW.account_id)
               IS DISTINCT FROM (OLD.id, OLD.organization_id, OLD.account_id)) THEN
        RAISE EXCEPTION 'membership_keeps_its_person: membership %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'membership_keeps_its_person';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER membership_keeps_its_person BEFORE INSERT OR UPDATE ON billing_membership
    FOR EACH ROW EXECUTE FUNCTION billing_membership_keeps_its_person();
CREATE TRIGGER membership_is_never_deleted BEFORE DELETE ON billing_membership
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER membership_change_is_append_only
    BEFORE UPDATE OR DELETE ON billing_membershipchange
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- At every commit an organization has an owner, and no more members than its subscription has
-- seats. The organization's row is locked first, so that of two changes at once the second sees
-- what the first has made of it.
CREATE FUNCTION billing_organization_is_locked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'billing_membership' THEN
        PERFORM 1 FROM billing_organization WHERE id = NEW.organization_id FOR UPDATE;
    ELSE
        PERFORM 1 FROM billing_organization WHERE account_id = NEW.account_id FOR UPDATE;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER organization_is_locked BEFORE INSERT OR UPDATE ON billing_membership
    FOR EACH ROW EXECUTE FUNCTION billing_organization_is_locked();
CREATE TRIGGER organization_is_locked BEFORE INSERT OR UPDATE OF seats ON billing_subscription
    FOR EACH ROW WHEN (NEW.seats IS NOT NULL) EXECUTE FUNCTION billing_organization_is_locked();

CREATE FUNCTION billing_organization_has_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM billing_membership AS m
                   WHERE m.organization_id = COALESCE(to_jsonb(NEW) ->> 'organization_id', NEW.id)
                     AND m.state = 'active' AND m.role = 'owner') THEN
        RAISE EXCEPTION 'organization_has_an_owner: %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'organization_has_an_owner';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER organization_has_an_owner
    AFTER INSERT ON billing_organization DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing_organization_has_an_owner();
CREATE CONSTRAINT TRIGGER membership_leaves_an_owner
    AFTER UPDATE ON billing_membership DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing_organization_has_an_owner();

CREATE FUNCTION billing_membership_has_a_seat() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM billing_organization AS o
        JOIN billing_subscription AS s ON s.account_id = o.account_id AND s.ended_at IS NULL
        WHERE CASE TG_TABLE_NAME WHEN 'billing_membership'
                   THEN o.id = to_jsonb(NEW) ->> 'organization_id'
                   ELSE o.account_id = NEW.account_id END
          AND s.seats < (SELECT count(*) FROM billing_membership AS m
                         WHERE m.organization_id = o.id AND m.state = 'active')) THEN
        RAISE EXCEPTION 'membership_has_a_seat: %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'membership_has_a_seat';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER membership_has_a_seat
    AFTER INSERT OR UPDATE ON billing_membership DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.state = 'active') EXECUTE FUNCTION billing_membership_has_a_seat();
CREATE CONSTRAINT TRIGGER subscription_seats_its_members
    AFTER INSERT OR UPDATE ON billing_subscription DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.seats IS NOT NULL AND NEW.ended_at IS NULL)
    EXECUTE FUNCTION billing_membership_has_a_seat();

-- A member's order is paid by his organization's pool, below his ceiling, or by himself. The
-- pool's wallet is locked by the hold before it, so that orders are judged one after the other.
CREATE FUNCTION billing_job_is_the_members() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place record;
    used numeric;
    held bigint;
    since timestamptz;
BEGIN
    SELECT m.state, m.account_id AS person_id, m.ceiling_micros, m.ceiling_per,
           o.account_id AS pool_id, a.zone
    INTO place
    FROM billing_membership AS m
    JOIN billing_organization AS o ON o.id = m.organization_id
    JOIN billing_account AS a ON a.id = o.account_id
    WHERE m.id = NEW.member_id;
    IF place.state <> 'active' OR NEW.account_id NOT IN (place.person_id, place.pool_id) THEN
        RAISE EXCEPTION 'job_is_the_members: job %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'job_is_the_members';
    END IF;
    IF NEW.account_id <> place.pool_id OR place.ceiling_micros IS NULL THEN
        RETURN NEW;
    END IF;
    PERFORM 1 FROM billing_wallet WHERE id = NEW.wallet_id FOR UPDATE;
    SELECT amount_micros INTO held FROM billing_hold WHERE id = NEW.hold_id;
    since := CASE place.ceiling_per WHEN 'ever' THEN '-infinity' ELSE
        date_trunc(place.ceiling_per, NEW.ordered_at AT TIME ZONE place.zone)
            AT TIME ZONE place.zone END;
    SELECT COALESCE(sum(CASE WHEN j.finished_at IS NULL THEN h.amount_micros
                             ELSE j.charged_micros END), 0)
    INTO used
    FROM billing_job AS j JOIN billing_hold AS h ON h.id = j.hold_id
    WHERE j.member_id = NEW.member_id AND j.account_id = NEW.account_id
      -- Older orders are not read; the hours are for clocks that are put back at midnight.
      AND j.ordered_at >= since - interval '3 hours'
      AND (place.ceiling_per = 'ever'
           OR date_trunc(place.ceiling_per, j.ordered_at AT TIME ZONE place.zone)
              = date_trunc(place.ceiling_per, NEW.ordered_at AT TIME ZONE place.zone));
    IF held > 0 AND used + held > place.ceiling_micros THEN
        RAISE EXCEPTION 'job_is_below_the_ceiling: job %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'job_is_below_the_ceiling';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER job_is_the_members BEFORE INSERT ON billing_job
    FOR EACH ROW WHEN (NEW.member_id IS NOT NULL)
    EXECUTE FUNCTION billing_job_is_the_members();
CREATE FUNCTION billing_job_keeps_its_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'job_keeps_its_member: job %', OLD.id
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'job_keeps_its_member';
END $$;
CREATE TRIGGER job_keeps_its_member BEFORE UPDATE OF member_id ON billing_job
    FOR EACH ROW WHEN (NEW.member_id IS DISTINCT FROM OLD.member_id)
    EXECUTE FUNCTION billing_job_keeps_its_member();

-- Transfers are written once.
CREATE TRIGGER transfer_is_append_only BEFORE UPDATE OR DELETE ON billing_transfer
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER transfer_is_never_emptied BEFORE TRUNCATE ON billing_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER transfer_part_is_append_only BEFORE UPDATE OR DELETE ON billing_transferpart
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER transfer_part_is_never_emptied BEFORE TRUNCATE ON billing_transferpart
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();

-- What was sent is what arrived: a transfer is the sum of its parts, each of which left a grant
-- of the sender and is a grant of the receiver, on the same side of the sandbox. A return brings
-- back what its allotment gave, to the wallet that it came from.
CREATE FUNCTION billing_transfer_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject text;
BEGIN
    IF TG_TABLE_NAME = 'billing_transfer' THEN
        subject := NEW.id;
    ELSE
        subject := NEW.transfer_id;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM billing_transfer AS t
        JOIN billing_wallet AS s ON s.id = t.sender_id
        JOIN billing_wallet AS r ON r.id = t.receiver_id
        LEFT JOIN billing_transfer AS g ON g.id = t.returns_id
        WHERE t.id = subject AND s.is_sandbox = r.is_sandbox
          AND t.amount_micros = (SELECT sum(p.amount_micros) FROM billing_transferpart AS p
                                 WHERE p.transfer_id = t.id)
          AND (t.returns_id IS NULL
               OR (g.kind, g.sender_id, g.receiver_id)
                  = ('allotment', t.receiver_id, t.sender_id)))
       OR EXISTS (
        SELECT 1 FROM billing_transferpart AS p
        JOIN billing_transfer AS t ON t.id = p.transfer_id
        JOIN billing_grant AS x ON x.id = p.source_id
        JOIN billing_grant AS y ON y.id = p.target_id
        WHERE p.transfer_id = subject
          AND (x.wallet_id <> t.sender_id OR y.wallet_id <> t.receiver_id
               OR y.amount_micros <> p.amount_micros
               OR y.goes_back <> (t.kind = 'allotment')
               OR x.goes_back <> (t.kind = 'return')
               OR (t.kind = 'return' AND NOT EXISTS (
                   SELECT 1 FROM billing_transferpart AS q
                   WHERE q.transfer_id = t.returns_id AND q.target_id = x.id)))) THEN
        RAISE EXCEPTION 'transfer_adds_up: transfer %', subject
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'transfer_adds_up';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transfer_adds_up AFTER INSERT ON billing_transfer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_transfer_adds_up();
CREATE CONSTRAINT TRIGGER transfer_part_adds_up AFTER INSERT ON billing_transferpart
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_transfer_adds_up();

-- Nothing leaves a grant for another wallet but by a part that says where it went; what was only
-- lent may be under way: it has left, and has not been brought back yet.
CREATE FUNCTION billing_grant_went_somewhere() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject text := COALESCE(to_jsonb(NEW) ->> 'source_id', NEW.id::text);
BEGIN
    IF EXISTS (
        SELECT 1 FROM billing_grant AS g
        LEFT JOIN LATERAL (SELECT COALESCE(sum(p.amount_micros), 0) AS went
                           FROM billing_transferpart AS p WHERE p.source_id = g.id) AS s ON true
        WHERE g.id = subject
          AND (s.went > g.transferred_micros
               OR (s.went < g.transferred_micros AND NOT g.goes_back))) THEN
        RAISE EXCEPTION 'grant_went_somewhere: grant %', subject
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'grant_went_somewhere';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER grant_went_somewhere
    AFTER INSERT OR UPDATE OF transferred_micros ON billing_grant
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.transferred_micros > 0)
    EXECUTE FUNCTION billing_grant_went_somewhere();
CREATE CONSTRAINT TRIGGER transfer_part_left_its_grant AFTER INSERT ON billing_transferpart
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_grant_went_somewhere();

-- A grant that goes back was lent by somebody.
CREATE FUNCTION billing_grant_was_lent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM billing_transferpart AS p WHERE p.target_id = NEW.id) THEN
        RAISE EXCEPTION 'grant_was_lent: grant %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'grant_was_lent';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER grant_was_lent AFTER INSERT ON billing_grant
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.goes_back)
    EXECUTE FUNCTION billing_grant_was_lent();

-- An allotment is what its transfer says, ends once, and is never forgotten.
CREATE FUNCTION billing_allotment_is_its_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM billing_transfer AS t
        JOIN billing_wallet AS s ON s.id = t.sender_id
        JOIN billing_wallet AS r ON r.id = t.receiver_id
        JOIN billing_organization AS o ON o.account_id = s.account_id
        WHERE t.id = NEW.transfer_id AND t.kind = 'allotment'
          AND o.id = NEW.organization_id AND r.account_id = NEW.account_id)
       OR (TG_OP = 'UPDATE'
           AND ((NEW.id, NEW.organization_id, NEW.account_id, NEW.transfer_id, NEW.expires_at,
                 NEW.created_at) IS DISTINCT FROM
                (OLD.id, OLD.organization_id, OLD.account_id, OLD.transfer_id, OLD.expires_at,
                 OLD.created_at)
                OR (OLD.taken_back_at IS NOT NULL
                    AND NEW.taken_back_at IS DISTINCT FROM OLD.taken_back_at)
                OR (OLD.closed_at IS NOT NULL
                    AND NEW.closed_at IS DISTINCT FROM OLD.closed_at))) THEN
        RAISE EXCEPTION 'allotment_is_its_transfer: allotment %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'allotment_is_its_transfer';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER allotment_is_its_transfer BEFORE INSERT OR UPDATE ON billing_allotment
    FOR EACH ROW EXECUTE FUNCTION billing_allotment_is_its_transfer();
CREATE TRIGGER allotment_is_never_deleted BEFORE DELETE ON billing_allotment
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
