"""Periods that were given against money that was paid for them."""

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
           WHERE NOT d.is_trial AND d.taken_back_at IS NULL AND d.recorded_at >= %(since)s
             AND NOT EXISTS (
                 SELECT 1 FROM billing_purchase p WHERE p.subscription_id = d.subscription_id
                   AND p.period_starts_at = d.starts_at)""",
    ),
)
