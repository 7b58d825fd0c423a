-- A refund of ours may be on its way while somebody pays the same money back at Stripe, which will
-- refuse ours: what has gone back is never more than came. Ours alone are never more either.
CREATE OR REPLACE FUNCTION billing_purchase_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject text;
    p billing_purchase%ROWTYPE;
    refunded bigint; ours bigint; agreed bigint; agreed_takes bigint; disputed bigint;
    taken bigint; given bigint; moved bigint;
    back numeric; due numeric;
BEGIN
    IF TG_TABLE_NAME = 'billing_purchase' THEN
        subject := NEW.id;
    ELSE
        subject := NEW.purchase_id;
    END IF;
    SELECT * INTO p FROM billing_purchase WHERE id = subject;
    SELECT LEAST(COALESCE(sum(r.amount_micros), 0), p.amount_micros),
           COALESCE(sum(r.amount_micros) FILTER (WHERE r.source <> 'stripe'), 0),
           COALESCE(sum(r.amount_micros) FILTER (WHERE r.takes_micros IS NOT NULL), 0),
           COALESCE(sum(r.takes_micros), 0)
    INTO refunded, ours, agreed, agreed_takes
    FROM billing_refund AS r
    WHERE r.purchase_id = subject AND r.state IN ('approved', 'sent', 'succeeded');
    SELECT LEAST(COALESCE(sum(d.amount_micros), 0), p.amount_micros) INTO disputed
    FROM billing_dispute AS d WHERE d.purchase_id = subject AND d.is_taken;
    SELECT COALESCE(sum(t.delta_micros), 0), COALESCE(sum(t.given_micros), 0),
           COALESCE(sum(t.revoked_micros + t.owed_micros), 0)
    INTO taken, given, moved
    FROM billing_taking AS t WHERE t.purchase_id = subject;
    IF ours > p.amount_micros THEN
        RAISE EXCEPTION 'refunds_within_paid: purchase %', subject
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'refunds_within_paid';
    END IF;
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
