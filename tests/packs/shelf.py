"""A catalog with packs, campaigns and books of every kind, on top of the default one."""

from datetime import UTC, datetime
from typing import Final

from django.db import transaction

from billing.accounts.models import Account
from billing.ledger.services import Actor
from billing.packs import services as packs
from billing.packs.models import PackPurchase
from billing.packs.services import Paid
from billing.promotions import services as promotions
from billing.promotions.models import CampaignGrant, Redemption
from plans.catalog import publish
from plans.models import CatalogVersion
from tests import factories

PLATFORM: Final = Actor("service", "key_platform")
ADA: Final = Actor("user", "ada")
EXTRA: Final = """
[[book]]
code = "world"
currencies = ["USD"]

[[book]]
code = "mainland"
regions = ["cn"]
currencies = ["CNY"]

[[pack]]
code = "plain"
name = { en = "Plain", zh = "普通包" }
credits = "100"
expiry = "P30D"
priority = 30
scope = { model = "kling-v1-6" }
locked_while = ["past_due"]
prices = [
  { currency = "USD", list = "10", first = "7" },
  { currency = "USD", list = "9", book = "world", until = 2020-01-01T00:00:00Z },
  { currency = "CNY", list = "66", book = "mainland" },
]

  [pack.bonus]
  credits = "5"
  expiry = "P7D"
  source = "present"
  priority = 5
  scope = { mode = "std" }

[[pack]]
code = "later"
name = { en = "Later", zh = "以后包" }
credits = "50"
expiry = "P10D"
activate_within = "P20D"
perks = { concurrency = 7 }

[[pack]]
code = "fast"
name = { en = "Fast", zh = "加速包" }
credits = "10"
expiry = "P5D"
perks = { concurrency_more = 2 }

[[pack]]
code = "subscribed"
name = { en = "While subscribed", zh = "订阅期包" }
credits = "10"
expiry = "subscription_end"
perks = { concurrency = 30 }

[[pack]]
code = "dozen"
name = { en = "Dozen", zh = "一打" }
credits = "1"
quantity_min = 12
quantity_max = 24

[[pack]]
code = "gone"
name = { en = "Gone", zh = "已下架" }
credits = "1"
until = 2020-01-01T00:00:00Z

[[campaign]]
code = "welcome"
name = { en = "Welcome", zh = "欢迎" }
kind = "promo"
credits = "3"
budget = "30"
expiry = "P3D"

[[campaign]]
code = "dice"
name = { en = "Dice", zh = "骰子" }
kind = "event"
credits_min = "1"
credits_max = "1.02"
budget = "1000000"
per_account = 2
per = "day"

[[campaign]]
code = "pros"
name = { en = "For pros", zh = "专业版专享" }
kind = "partner"
credits = "8"
budget = "80"
per = "month"
plans = ["pro", "premier"]

[[campaign]]
code = "over"
name = { en = "Over", zh = "已结束" }
kind = "promo"
credits = "1"
budget = "10"
until = 2020-01-01T00:00:00Z
"""
FREE: Final = 'excess = "refuse"\n  allow'  # of the free plan's entitlements


def shop_text(*, free_packs: str = "true", steps: str = "") -> str:
    """Return the catalog; `free_packs` is what the free plan may buy."""
    text = factories.KLING.read_text()
    assert FREE in text
    text = text.replace(FREE, f"packs = {free_packs}\n  {steps}\n  {FREE}", 1)
    return text + EXTRA


def publish_shop(text: str | None = None) -> CatalogVersion:
    """Put the catalog in force."""
    return publish.publish(text or shop_text(), now=datetime.now(UTC))


@transaction.atomic
def give(
    account: Account,
    pack: str,
    *,
    quantity: int = 1,
    fact: str = "order:1",
    paid: Paid | None = None,
) -> PackPurchase:
    """Sell a pack, as the platform's server would."""
    return packs.give(
        account=account, pack=pack, quantity=quantity, fact=fact, paid=paid, actor=PLATFORM
    )


@transaction.atomic
def activate(account: Account, purchase: PackPurchase) -> PackPurchase:
    """Activate a pack, as its owner would."""
    return packs.activate(account=account, purchase_id=purchase.pk, actor=ADA)


@transaction.atomic
def share(account: Account, campaign: str, *, fact: str = "welcome:1") -> CampaignGrant:
    """Give a share of a campaign, as the platform's server would."""
    return promotions.grant(account=account, campaign=campaign, fact=fact, actor=PLATFORM)


@transaction.atomic
def redeem(account: Account, typed: str) -> Redemption | None:
    """Redeem a code, as its owner would."""
    return promotions.redeem(account=account, typed=typed, actor=ADA)
