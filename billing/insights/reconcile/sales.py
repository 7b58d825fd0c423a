"""What was sold and given: purchases, campaigns and subscriptions against the ledger's grants."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from billing.insights.reconcile.drift import Comparison

_GRANT_IS_RIGHT: Final = _(
    "A grant keeps the terms it was made with: restore the other row from a backup."
)
_RESTORE: Final = _("Nothing here deletes such a row: restore it from a backup.")


def _given(code: str, side: str, grant: str, amount: str, source: str) -> Comparison:
    """Return the comparison of an amount that was sold or given with its grant's."""
    return Comparison(
        code,
        (side, "grants"),
        _("%(first)s credits were to be given, and its grant is of %(second)s."),
        _GRANT_IS_RIGHT,
        f"""SELECT s.id, s.{amount}, g.amount_micros FROM {source} s
           LEFT JOIN billing_grant g ON g.id = s.{grant}
           WHERE g.amount_micros IS DISTINCT FROM s.{amount}""",  # noqa: S608 (constants)
    )


_ACTIVE: Final = """(SELECT * FROM billing_packpurchase
    WHERE activated_at IS NOT NULL AND bought_at >= %(since)s)"""
_WITH_BONUS: Final = """(SELECT * FROM billing_packpurchase
    WHERE activated_at IS NOT NULL AND bonus_micros > 0 AND bought_at >= %(since)s)"""
_SHARES: Final = "(SELECT * FROM billing_campaigngrant WHERE created_at >= %(since)s)"

SALES: Final = (
    _given("purchase_credits", "purchases", "grant_id", "credits_micros", _ACTIVE),
    _given("purchase_bonus", "purchases", "bonus_grant_id", "bonus_micros", _WITH_BONUS),
    _given("campaign_credits", "campaigns", "grant_id", "amount_micros", _SHARES),
    Comparison(
        "purchase_paid",
        ("purchases", "grants"),
        _("%(first)s was paid for it, and by its grant it was %(second)s."),
        _GRANT_IS_RIGHT,
        """SELECT p.id, trim_scale(p.paid_micros / 1000000.0) || ' ' || p.paid_currency,
                  trim_scale(g.paid_micros / 1000000.0) || ' ' || g.paid_currency
           FROM billing_packpurchase p JOIN billing_grant g ON g.id = p.grant_id
           WHERE p.bought_at >= %(since)s
             AND (p.paid_micros, p.paid_currency) <> (g.paid_micros, g.paid_currency)""",
    ),
    Comparison(
        "purchase_owner",
        ("purchases", "grants"),
        _("the account %(first)s bought it, and its grant is in a wallet of %(second)s."),
        _GRANT_IS_RIGHT,
        """SELECT p.id, p.account_id, w.account_id FROM billing_packpurchase p
           JOIN billing_grant g ON g.id IN (p.grant_id, p.bonus_grant_id)
           JOIN billing_wallet w ON w.id = g.wallet_id
           WHERE p.bought_at >= %(since)s AND w.account_id <> p.account_id""",
    ),
    Comparison(
        "grant_without_sale",
        ("grants", "purchases"),
        _("it was given for %(first)s, and there is %(second)s of that name."),
        _RESTORE,
        """SELECT g.id, g.fact, NULL FROM billing_grant g
           LEFT JOIN billing_packpurchase p ON g.fact = 'pack:' || p.id AND p.grant_id = g.id
               OR g.fact = 'bonus:' || p.id AND p.bonus_grant_id = g.id
           LEFT JOIN billing_campaigngrant c
               ON g.fact = 'campaign:' || c.id AND c.grant_id = g.id
           WHERE g.created_at >= %(since)s AND p.id IS NULL AND c.id IS NULL
             AND (g.fact LIKE 'pack:%%' OR g.fact LIKE 'bonus:%%' OR g.fact LIKE 'campaign:%%')""",
    ),
    Comparison(
        "campaign_budget",
        ("campaigns", "grants"),
        _("the campaign has given %(first)s, and its shares add up to %(second)s."),
        _GRANT_IS_RIGHT,
        """SELECT b.campaign, b.granted_micros, s.given FROM billing_campaignbudget b
           LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) given
               FROM billing_campaigngrant c WHERE c.budget_id = b.id) s ON true
           WHERE s.given <> b.granted_micros""",
    ),
    Comparison(
        "allowance_of_an_ended_subscription",
        ("subscriptions", "allowances"),
        _("the subscription is %(first)s, and an allowance of it goes on: %(second)s."),
        _("End the subscription anew by `run_due`; it ends its allowances."),
        """SELECT a.subscription, CASE WHEN s.id IS NULL THEN NULL
                      WHEN s.ended_at IS NULL THEN 'another''s' ELSE 'ended' END, a.code
           FROM billing_allowance a JOIN billing_wallet w ON w.id = a.wallet_id
           LEFT JOIN billing_subscription s ON s.id = a.subscription
           WHERE a.subscription <> '' AND a.ends_at IS NULL AND w.touched_at >= %(since)s
             AND (s.id IS NULL OR s.ended_at IS NOT NULL OR s.account_id <> w.account_id)""",
    ),
)
