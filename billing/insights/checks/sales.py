"""Campaigns, codes, packs and free tiers: what was given is what was granted."""

from typing import Final

CHECKS: Final = (
    (
        "I17",
        "the campaign has given other than its shares, or beyond its budget",
        """SELECT 'campaignbudget ' || b.id FROM billing_campaignbudget b LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) given
               FROM billing_campaigngrant s WHERE s.budget_id = b.id) s ON true
           WHERE s.given <> b.granted_micros OR b.granted_micros > b.budget_micros""",
    ),
    (
        "I19",
        "the identity's free tier is with an account that was never admitted or seen with it",
        """SELECT i.id::text FROM billing_identity i
           LEFT JOIN billing_freetier t ON t.account_id = i.free_tier_of_id
           LEFT JOIN billing_accountsignal s
             ON s.account_id = i.free_tier_of_id AND s.identity_id = i.id
           WHERE i.free_tier_of_id IS NOT NULL
             AND (t.state IS NULL OR t.state = 'waiting' OR s.id IS NULL)""",
    ),
    (
        "I19",
        "more free tiers began in the window than its cap lets begin",
        """SELECT id::text FROM billing_freetiercount WHERE begun > most""",
    ),
    (
        "I17",
        "the code was redeemed other than it was used, or more often than it may be",
        """SELECT c.id FROM billing_redemptioncode c LEFT JOIN LATERAL (
               SELECT count(*) n FROM billing_redemption r WHERE r.code_id = c.id) s ON true
           WHERE s.n <> c.used OR c.used > c.uses_max""",
    ),
    (
        "I17",
        "the share, or the purchase, is not what its grants are",
        """SELECT s.id FROM (
               SELECT id, account_id, grant_id, amount_micros FROM billing_campaigngrant
               UNION ALL SELECT id, account_id, grant_id, credits_micros
               FROM billing_packpurchase WHERE activated_at IS NOT NULL
               UNION ALL SELECT id, account_id, bonus_grant_id, bonus_micros
               FROM billing_packpurchase WHERE activated_at IS NOT NULL AND bonus_micros > 0) s
           LEFT JOIN billing_grant g ON g.id = s.grant_id
           LEFT JOIN billing_wallet w ON w.id = g.wallet_id
           WHERE g.amount_micros IS DISTINCT FROM s.amount_micros
              OR w.account_id IS DISTINCT FROM s.account_id""",
    ),
)
