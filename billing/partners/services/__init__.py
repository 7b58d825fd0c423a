"""Accounts bring others, earn by it, and are paid; the only writers of what programmes remember.

Lock order: wallet, then referral code, then referral, then reward, then the campaign's budget. No
transaction holds two wallets: who brought and who came are never paid in one.
"""

from billing.partners.services.admitting import admit, grant_partners
from billing.partners.services.bringing import accept, link
from billing.partners.services.earning import look
from billing.partners.services.paying import collect, pay, take_back
from billing.partners.services.sweeping import look_and_pay, sweep

__all__ = [
    "accept",
    "admit",
    "collect",
    "grant_partners",
    "link",
    "look",
    "look_and_pay",
    "pay",
    "sweep",
    "take_back",
]
