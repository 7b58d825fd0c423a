"""A platform that sells one of everything, so that each operation has something to answer."""

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
  concurrency = 100000
  packs = true

[[plan]]
code = "pro"
name = { en = "Pro", zh = "专业" }
prices = [
  { currency = "CNY", interval = "P1M", list = "66" },
  { currency = "CNY", interval = "P1Y", list = "600" },
]
  [[plan.allowance]]
  code = "month"
  cadence = "monthly"
  credits = "500"
  [plan.entitlements]
  concurrency = 100000
  packs = true

[[plan]]
code = "team"
name = { en = "Team", zh = "团队" }
prices = [{ currency = "CNY", interval = "P1M", list = "99" }]
seats_min = 3
seats_max = 2000
  [[plan.allowance]]
  code = "seat"
  cadence = "monthly"
  credits = "100"
  per_seat = true
  [plan.entitlements]
  concurrency = 100000
  packs = true
"""
_OFFERS: Final = """
[transfers]
sources = ["pack", "goodwill"]

[payments.methods]
CNY = ["card", "alipay"]

[[pack]]
code = "hundred"
name = { en = "A hundred", zh = "一百点" }
credits = "100"
prices = [{ currency = "CNY", list = "10" }]

[[pack]]
code = "later"
name = { en = "Later", zh = "以后包" }
credits = "50"
expiry = "P10D"
activate_within = "P20D"

[[campaign]]
code = "event"
name = { en = "Event", zh = "活动" }
kind = "event"
credits = "1"
budget = "1000000"
per_account = 1000

[[campaign]]
code = "promo"
name = { en = "Promo", zh = "优惠" }
kind = "promo"
credits = "2"
budget = "1000000"
per_account = 1000

[[campaign]]
code = "invited"
name = { en = "Invited", zh = "邀请" }
kind = "referral"
credits = "1"
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
when = "sign_up"
reward = "invited"

[[programme]]
code = "studio"
name = { en = "Studio", zh = "工作室" }
kind = "partner"
when = "each_purchase"
reward = "fund"
share = "0.1"
share_max = "0.2"
within = "P90D"
holdback = "P14D"
"""
CATALOG: Final = f"{shop.HEAD}\n{shop.CREDIT}\n{_PLANS}\n{_OFFERS}\n{shop.MODEL}\n{shop.RATE}"
