"""A catalog that sells one of everything, so that each operation has something to answer."""

from datetime import UTC, datetime
from typing import Final

from tests.jobs import shop

_PLANS: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
  [[plan.allowance]]
  code = "day"
  cadence = "daily"
  mode = "claimed"
  credits = "10"
  [plan.entitlements]
  concurrency = 100
  packs = true

[[plan]]
code = "pro"
name = { en = "Pro", zh = "专业版" }
prices = [
  { currency = "USD", interval = "P1M", list = "20" },
  { currency = "USD", interval = "P1Y", list = "200" },
]
  [[plan.allowance]]
  code = "month"
  cadence = "monthly"
  credits = "50"
  [plan.entitlements]
  concurrency = 100
  packs = true

[[plan]]
code = "gift"
name = { en = "Gift", zh = "礼品" }
unpriced = true
  [plan.entitlements]
  concurrency = 100
  packs = true
"""
_OFFERS: Final = """
[transfers]
sources = ["goodwill"]

[payments]
methods = { USD = ["card"] }

[payments.cooling_off]
within = "P7D"

[[pack]]
code = "plain"
name = { en = "Plain", zh = "普通包" }
credits = "20"
expiry = "P30D"
quantity_max = 50
prices = [{ currency = "USD", list = "10" }]

[[pack]]
code = "later"
name = { en = "Later", zh = "以后包" }
credits = "50"
expiry = "P10D"
activate_within = "P20D"

[[campaign]]
code = "many"
name = { en = "Many", zh = "很多" }
kind = "promo"
credits = "2"
budget = "1000000"
per_account = 1000

[[campaign]]
code = "invited"
name = { en = "Invited", zh = "邀请" }
kind = "referral"
credits = "10"
budget = "1000000"
per_account = 1000

[[campaign]]
code = "fund"
name = { en = "Fund", zh = "基金" }
kind = "partner"
credits = "25"
budget = "1000000"
per_account = 1000

[[programme]]
code = "invite"
name = { en = "Invite", zh = "邀请好友" }
kind = "referral"
when = "first_video"
reward = "invited"

[[programme]]
code = "studio"
name = { en = "Studio", zh = "工作室" }
kind = "partner"
when = "each_purchase"
reward = "fund"
share = "0.1"
within = "P90D"
holdback = "P14D"
"""
MONTH: Final = datetime.now(UTC).strftime("%Y-%m")


def open_shop() -> None:
    """Put the catalog in force."""
    shop.open_shop(_OFFERS, plans=_PLANS)
