"""Periods against the money that was paid for them, and accounts that are collected from twice."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from billing.insights.reconcile.drift import Comparison

PERIODS: Final = (
    Comparison(
        "period_paid_and_not_given",
        ("purchases", "subscriptions"),
        _("%(first)s was paid for a period, and %(second)s is given for it."),
        _("Replay Stripe's events; if nothing comes of it, pay the period back."),
        """SELECT p.id, p.amount_micros, NULL FROM billing_purchase p
           WHERE p.kind = 'plan' AND p.recorded_at >= %(since)s
             AND p.subscription_id IS NOT NULL
             AND p.refunded_micros + p.disputed_micros < p.amount_micros
             AND NOT EXISTS (
                 SELECT 1 FROM billing_paidperiod d WHERE d.subscription_id = p.subscription_id
                   AND d.starts_at = p.period_starts_at AND d.taken_back_at IS NULL)""",
    ),
    Comparison(
        "period_given_and_not_paid",
        ("subscriptions", "purchases"),
        _("a period until %(first)s is given, and %(second)s was paid for it."),
        _("Look at the subscription at Stripe: replay its events, or take the period back."),
        """SELECT d.subscription_id, d.ends_at::text, NULL FROM billing_paidperiod d
           JOIN billing_subscription s ON s.id = d.subscription_id
           WHERE NOT d.is_trial AND d.taken_back_at IS NULL AND d.recorded_at >= %(since)s
             AND NOT EXISTS (
                 SELECT 1 FROM billing_purchase p WHERE p.account_id = s.account_id
                   AND p.period_starts_at = d.starts_at)""",
    ),
)

IN_VAIN: Final = (
    Comparison(
        "paid_in_vain_and_kept",
        ("purchases", "refunds"),
        _("%(first)s was paid for what could not be given, and %(second)s has gone back."),
        _("Look at its refund and at its dispute; pay back what is left at Stripe."),
        """SELECT p.id, trim_scale(p.amount_micros / 1000000.0) || ' ' || p.currency,
                  trim_scale(p.refunded_micros / 1000000.0) || ' ' || p.currency
           FROM billing_purchase p
           WHERE p.recorded_at >= %(since)s AND p.disputed_micros = 0
             AND p.refunded_micros < p.amount_micros
             AND (p.kind = 'plan' AND p.subscription_id IS NULL
                  OR p.kind IN ('pack', 'top_up') AND p.pack_purchase_id IS NULL
                  OR p.kind = 'change' AND EXISTS (
                      SELECT 1 FROM billing_planchange c
                      WHERE 'stripe:' || c.id = p.fact AND c.state = 'failed'))""",
    ),
)

# Of these Stripe collects nothing, though they have not ended.
_DEAD: Final = "('incomplete', 'incomplete_expired', 'canceled')"
CONTRACTS: Final = (
    Comparison(
        "contract_beside_another",
        ("Stripe", "accounts"),
        _("Stripe collects from its account by %(second)s, and by %(first)s as well."),
        _("End one of them at Stripe, and pay back what was paid for it."),
        f"""SELECT c.id, c.stripe_id, o.stripe_id
           FROM billing_contract c JOIN billing_contract o
             ON o.account_id = c.account_id AND o.id < c.id
           WHERE c.ended_at IS NULL AND c.superseded_at IS NULL AND c.status NOT IN {_DEAD}
             AND o.ended_at IS NULL AND o.superseded_at IS NULL AND o.status NOT IN {_DEAD}""",  # noqa: S608 (a constant)
    ),
    Comparison(
        "contract_superseded_and_collected",
        ("contracts", "Stripe"),
        _("it was to end at Stripe since %(first)s, and is %(second)s there."),
        _("Look why Stripe was not asked, or end it there."),
        """SELECT c.id, c.superseded_at::text, c.status FROM billing_contract c
           WHERE c.ended_at IS NULL AND c.superseded_at < now() - interval '1 hour'""",
    ),
)
