"""Whose wallet is halted, because too much came by itself, still gets what he pays for (I26)."""

from datetime import UTC, datetime
from typing import Final

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger.models import Wallet
from billing.subscriptions import selectors
from billing.subscriptions import services as subscriptions
from plans.credits import MICROS
from tests import factories
from tests.payments import till as tills
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import Peer

pytestmark = pytest.mark.django_db
SAFETY: Final = """
[safety]
automatic_grants_per_day = 1
"""
PLANS: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
  [plan.entitlements]
  packs = ["plain"]
  [[plan.allowance]]
  code = "one"
  credits = "1"
  cadence = "daily"
  [[plan.allowance]]
  code = "two"
  credits = "1"
  cadence = "daily"

[[plan]]
code = "pro"
name = { en = "Pro", zh = "专业版" }
prices = [{ currency = "USD", interval = "P1M", list = "20" }]
  [[plan.allowance]]
  code = "monthly"
  credits = "1000"
  cadence = "monthly"
"""


@pytest.fixture
def till(db: None, peer: Peer) -> Till:
    """A shop in which one grant a day comes by itself."""
    tills.open_till(SAFETY, plans=PLANS)
    return Till(peer)


@pytest.fixture
def halted(ada: Account) -> Account:
    """Ada has had her one grant, and the second has halted her wallet."""
    factories.settle(ada)
    assert factories.free_micros(ada) == 1 * MICROS
    assert Wallet.objects.get(account=ada).halted_at is not None
    return ada


def is_halted(account: Account) -> bool:
    return Wallet.objects.get(account=account).halted_at is not None


def test_a_pack_and_its_bonus(till: Till, halted: Account) -> None:
    till.buy()
    till.settle()

    assert factories.free_micros(halted) == (1 + 100 + 5) * MICROS
    assert is_halted(halted)


def test_a_plan(till: Till, halted: Account) -> None:
    answer = till.ask({"plan": "pro", "interval": "P1M", "success_url": BACK})
    till.peer.pay(answer.json()["url"])
    till.settle()

    assert factories.free_micros(halted) == (1 + 1000) * MICROS


def test_what_a_change_of_plan_brings_at_once(till: Till, halted: Account) -> None:
    answer = till.ask({"plan": "pro", "interval": "P1M", "success_url": BACK})
    till.peer.pay(answer.json()["url"])
    till.settle()
    before = selectors.open_of(halted)
    assert before is not None
    sold = subscriptions.Sold(
        version_id=before.catalog_version_id,
        plan="pro",
        interval="P1M",
        currency="USD",
        book="",
        price_micros=20 * MICROS,
        renewal_micros=20 * MICROS,
        seats=None,
        anchor_at=before.anchor_at or datetime.now(UTC),
    )

    with transaction.atomic():
        locked = factories.lock(halted)
        subscriptions.change_sold(
            locked, before, sold=sold, gives_micros=7 * MICROS, fact="change:one"
        )

    assert factories.free_micros(halted) == (1 + 1000 + 7) * MICROS
    assert is_halted(halted)
