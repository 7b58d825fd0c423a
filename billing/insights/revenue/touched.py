"""Which purchases a time can have done anything to: found by what happened in it, by indexes alone.

A purchase stands at the end of a time as at its beginning, unless in that time
- it was paid, or money of it went back or came again;
- something moved of its credits, or of those that they went on as, or these came to their end;
- a period that it paid for went on, or one that a change of plan carried it on to.
"""

from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet

from billing.insights.revenue.reading import BROUGHT
from billing.payments.models import Purchase

# Where changes of plan may have carried the money on, nobody asks when its own period ended.
_BROUGHT: Final = BROUGHT.format(
    is_before_its_end="""(g.effective_at < p.period_ends_at OR EXISTS (
        SELECT FROM billing_planchange AS c WHERE c.contract_id = p.contract_id))"""
)
# Credits came of other grants as `families` follows them, from the other end. `OFFSET 0`: what
# moved leads to purchases, one index after the other, whatever the planner expects of either.
TOUCHED: Final = f"""
    WITH RECURSIVE family (id) AS (
        SELECT grant_id::text FROM (
            SELECT grant_id FROM billing_entry
            WHERE effective_at >= %(start)s AND effective_at < %(end)s
            UNION ALL
            SELECT id FROM billing_grant
            WHERE COALESCE(ends_at, expires_at) >= %(start)s
              AND COALESCE(ends_at, expires_at) < %(end)s) AS moved
        UNION
        SELECT came.of FROM family
        CROSS JOIN LATERAL (
            SELECT source_id::text FROM billing_transferpart WHERE target_id = family.id
            UNION ALL
            SELECT unnest(CASE
                WHEN starts_with(g.fact, 'returned:') OR starts_with(g.fact, 'back:')
                    THEN ARRAY[split_part(g.fact, ':', -1)]
                WHEN starts_with(g.fact, 'conversion:')
                    THEN (string_to_array(g.fact, ':'))[3:]
                ELSE ARRAY[]::text[] END)
            FROM billing_grant AS g WHERE g.id = family.id) AS came (of)
    )
    SELECT brought.id FROM family
    CROSS JOIN LATERAL (
        SELECT p.id FROM billing_grant g
        JOIN billing_wallet w ON w.id = g.wallet_id
        JOIN billing_purchase p ON p.account_id = w.account_id
        LEFT JOIN billing_packpurchase k ON k.id = p.pack_purchase_id
        WHERE g.id = family.id AND {_BROUGHT}
        OFFSET 0) AS brought
    UNION
    SELECT id FROM billing_purchase WHERE paid_at >= %(start)s AND paid_at < %(end)s
    UNION
    SELECT id FROM billing_purchase
    WHERE period_ends_at >= %(start)s AND period_starts_at < %(end)s
    UNION
    SELECT p.id FROM billing_paidperiod AS t
    CROSS JOIN LATERAL (
        SELECT contract_id FROM billing_planchange
        WHERE subscription_id = t.subscription_id AND begins_anew
        OFFSET 0) AS c
    JOIN billing_purchase AS p ON p.contract_id = c.contract_id
    WHERE t.ends_at >= %(start)s AND t.starts_at < %(end)s AND p.period_ends_at IS NOT NULL
    UNION
    SELECT purchase_id FROM billing_refund
    WHERE COALESCE(decided_at, requested_at) >= %(start)s
      AND COALESCE(decided_at, requested_at) < %(end)s
    UNION
    SELECT purchase_id FROM billing_refund
    WHERE ended_at >= %(start)s AND ended_at < %(end)s AND state = 'failed'
    UNION
    SELECT purchase_id FROM billing_dispute WHERE opened_at >= %(start)s AND opened_at < %(end)s
    UNION
    SELECT purchase_id FROM billing_dispute
    WHERE ended_at >= %(start)s AND ended_at < %(end)s AND status = 'won'
"""  # noqa: S608 (constants of this file)


def purchases(since: datetime, until: datetime) -> QuerySet[Purchase]:
    """Return the purchases whose money can have moved from an instant to right before another."""
    with connection.cursor() as cursor:
        cursor.execute(TOUCHED, {"start": since, "end": until})
        found = [purchase_id for (purchase_id,) in cursor.fetchall()]
    return Purchase.objects.filter(~Q(amount_micros=0), pk__in=found, paid_at__lt=until)
