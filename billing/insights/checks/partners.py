"""Referrals and their rewards: nobody brings himself, and what was earned is what was granted."""

from typing import Final

CHECKS: Final = (
    (
        "I17",
        "the account was brought by itself, by one who came after it, or by another's code",
        """SELECT r.id FROM billing_referral r
           JOIN billing_account a ON a.id = r.account_id
           JOIN billing_account b ON b.id = r.referrer_id
           JOIN billing_referralcode c ON c.id = r.code_id
           WHERE r.referrer_id COLLATE "C" >= r.account_id COLLATE "C"
              OR c.account_id <> r.referrer_id OR a.is_sandbox <> b.is_sandbox
              OR r.number > r.number_max""",
    ),
    (
        "I17",
        "the same thing earned a reward twice",
        """SELECT min(id) FROM billing_reward
           GROUP BY referral_id, account_id, fact HAVING count(*) > 1""",
    ),
    (
        "I17",
        "the reward is not what was granted for it",
        """SELECT w.id FROM billing_reward w
           LEFT JOIN billing_campaigngrant s ON s.id = w.campaign_grant_id
           LEFT JOIN billing_campaignbudget b ON b.id = s.budget_id
           WHERE (w.state IN ('granted', 'taken_back')) <> (s.id IS NOT NULL)
              OR s.account_id <> w.account_id OR s.amount_micros <> w.amount_micros
              OR b.campaign <> w.campaign""",
    ),
    (
        "I17",
        "the share was given for a referral, and no reward says so",
        """SELECT s.id FROM billing_campaigngrant s
           LEFT JOIN billing_reward w ON w.campaign_grant_id = s.id
           WHERE s.fact LIKE 'referral:%' AND w.id IS NULL""",
    ),
    (
        "I15",
        "the reward was taken back, and its grant lost less",
        """SELECT w.id FROM billing_reward w
           JOIN billing_campaigngrant s ON s.id = w.campaign_grant_id
           JOIN billing_grant g ON g.id = s.grant_id
           LEFT JOIN LATERAL (SELECT COALESCE(sum(amount_micros), 0) owed
               FROM billing_debt d WHERE d.grant_id = g.id) d ON true
           WHERE w.state = 'taken_back'
             AND g.revoked_micros + g.expired_micros + d.owed < w.amount_micros""",
    ),
)
