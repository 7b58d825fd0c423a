-- What a CHECK cannot say about money that came and went back.

-- I13: a purchase keeps what it is of; what it leads to is filled in once.
CREATE FUNCTION billing_purchase_keeps_its_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.kind, NEW.fact, NEW.stripe_id, NEW.currency,
        NEW.amount_micros, NEW.paid_at, NEW.recorded_at) IS DISTINCT FROM
       (OLD.id, OLD.account_id, OLD.kind, OLD.fact, OLD.stripe_id, OLD.currency,
        OLD.amount_micros, OLD.paid_at, OLD.recorded_at)
       OR (OLD.pack_purchase_id IS NOT NULL
           AND NEW.pack_purchase_id IS DISTINCT FROM OLD.pack_purchase_id)
       OR (OLD.subscription_id IS NOT NULL
           AND NEW.subscription_id IS DISTINCT FROM OLD.subscription_id)
       OR NEW.credited_micros < OLD.credited_micros THEN
        RAISE EXCEPTION 'purchase_keeps_its_facts: purchase %', OLD.id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'purchase_keeps_its_facts';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER purchase_keeps_its_facts BEFORE UPDATE ON billing_purchase
    FOR EACH ROW EXECUTE FUNCTION billing_purchase_keeps_its_facts();
CREATE TRIGGER purchase_is_never_deleted BEFORE DELETE ON billing_purchase
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER purchase_is_never_emptied BEFORE TRUNCATE ON billing_purchase
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();

-- A refund keeps what was asked for, is decided once, and goes one way: money that Stripe could
-- not pay back does not set out again.
CREATE FUNCTION billing_refund_goes_one_way() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        moves := (NEW.source = 'stripe' AND NEW.state IN ('sent', 'succeeded', 'failed'))
            OR (NEW.source <> 'stripe' AND NEW.state = 'requested');
    ELSE
        moves := (OLD.state, NEW.state) IN (
                ('requested', 'approved'), ('requested', 'refused'), ('requested', 'withdrawn'),
                ('approved', 'sent'), ('approved', 'succeeded'), ('approved', 'failed'),
                ('sent', 'succeeded'), ('sent', 'failed'), ('succeeded', 'failed'))
            AND (NEW.id, NEW.purchase_id, NEW.key, NEW.amount_micros, NEW.source, NEW.rule,
                 NEW.takes_micros, NEW.reason, NEW.text, NEW.requester_id, NEW.requested_at)
                IS NOT DISTINCT FROM
                (OLD.id, OLD.purchase_id, OLD.key, OLD.amount_micros, OLD.source, OLD.rule,
                 OLD.takes_micros, OLD.reason, OLD.text, OLD.requester_id, OLD.requested_at)
            AND (OLD.stripe_id = '' OR NEW.stripe_id = OLD.stripe_id)
            AND (OLD.state = 'requested' OR (NEW.approver_id, NEW.decided_at)
                IS NOT DISTINCT FROM (OLD.approver_id, OLD.decided_at));
    END IF;
    IF NOT moves THEN
        RAISE EXCEPTION 'refund_goes_one_way: refund %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'refund_goes_one_way';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_goes_one_way BEFORE INSERT OR UPDATE ON billing_refund
    FOR EACH ROW EXECUTE FUNCTION billing_refund_goes_one_way();
CREATE TRIGGER refund_is_never_deleted BEFORE DELETE ON billing_refund
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER refund_is_never_emptied BEFORE TRUNCATE ON billing_refund
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE FUNCTION billing_dispute_is_of_its_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.stripe_id, NEW.purchase_id, NEW.opened_at) IS DISTINCT FROM
       (OLD.stripe_id, OLD.purchase_id, OLD.opened_at) THEN
        RAISE EXCEPTION 'dispute_is_of_its_payment: dispute %', OLD.stripe_id
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'dispute_is_of_its_payment';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_is_of_its_payment BEFORE UPDATE ON billing_dispute
    FOR EACH ROW EXECUTE FUNCTION billing_dispute_is_of_its_payment();
CREATE TRIGGER dispute_is_never_deleted BEFORE DELETE ON billing_dispute
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER dispute_is_never_emptied BEFORE TRUNCATE ON billing_dispute
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER taking_is_append_only BEFORE UPDATE OR DELETE ON billing_taking
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER taking_is_never_emptied BEFORE TRUNCATE ON billing_taking
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();

-- I15: at every commit a purchase says what its refunds, disputes and takings say; what is taken is
-- what the money that went back makes it, and no more is given back than was taken.
CREATE FUNCTION billing_purchase_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject text;
    p billing_purchase%ROWTYPE;
    refunded bigint; agreed bigint; agreed_takes bigint; disputed bigint;
    taken bigint; given bigint; moved bigint;
    back numeric; due numeric;
BEGIN
    IF TG_TABLE_NAME = 'billing_purchase' THEN
        subject := NEW.id;
    ELSE
        subject := NEW.purchase_id;
    END IF;
    SELECT * INTO p FROM billing_purchase WHERE id = subject;
    SELECT COALESCE(sum(r.amount_micros), 0),
           COALESCE(sum(r.amount_micros) FILTER (WHERE r.takes_micros IS NOT NULL), 0),
           COALESCE(sum(r.takes_micros), 0)
    INTO refunded, agreed, agreed_takes
    FROM billing_refund AS r
    WHERE r.purchase_id = subject AND r.state IN ('approved', 'sent', 'succeeded');
    SELECT LEAST(COALESCE(sum(d.amount_micros), 0), p.amount_micros) INTO disputed
    FROM billing_dispute AS d WHERE d.purchase_id = subject AND d.is_taken;
    SELECT COALESCE(sum(t.delta_micros), 0), COALESCE(sum(t.given_micros), 0),
           COALESCE(sum(t.revoked_micros + t.owed_micros), 0)
    INTO taken, given, moved
    FROM billing_taking AS t WHERE t.purchase_id = subject;
    back := LEAST(p.amount_micros, refunded::numeric + disputed);
    due := CASE
        WHEN back = 0 THEN 0
        WHEN back = p.amount_micros THEN p.credited_micros
        ELSE LEAST(p.credited_micros, agreed_takes + div(
            p.credited_micros * GREATEST(0, back - agreed), p.amount_micros))
    END;
    IF (p.refunded_micros, p.disputed_micros, p.taken_micros) <> (refunded, disputed, taken)
       OR taken <> due OR given > moved THEN
        RAISE EXCEPTION 'purchase_adds_up: purchase %', subject
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'purchase_adds_up';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER purchase_adds_up AFTER INSERT OR UPDATE ON billing_purchase
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_purchase_adds_up();
CREATE CONSTRAINT TRIGGER refund_is_counted AFTER INSERT OR UPDATE ON billing_refund
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_purchase_adds_up();
CREATE CONSTRAINT TRIGGER dispute_is_counted AFTER INSERT OR UPDATE ON billing_dispute
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_purchase_adds_up();
CREATE CONSTRAINT TRIGGER taking_is_counted AFTER INSERT ON billing_taking
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_purchase_adds_up();
