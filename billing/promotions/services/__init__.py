"""Campaigns give, codes are made and redeemed; the only writers of what promotions remember.

Lock order: wallet, then code, then budget. The budget comes last and is held the shortest, for
it is the one row that many accounts want at once.
"""

from billing.promotions.services.bulk import Outcome, grant_each
from billing.promotions.services.coding import Gift, create_codes, revoke_code
from billing.promotions.services.granting import grant
from billing.promotions.services.redeeming import redeem

__all__ = ["Gift", "Outcome", "create_codes", "grant", "grant_each", "redeem", "revoke_code"]
