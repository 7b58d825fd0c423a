"""A shop in the sandbox whose accounts live by clocks, and what Stripe's clocks show."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import clocks as ledger_clocks
from billing.outbox import gateway as outbox_gateway
from billing.payments import services as payments
from billing.payments.models import Checkout, Customer
from billing.sandbox.models import TestClock, TestClockAccount
from billing.subscriptions import selectors
from billing.subscriptions.models import Subscription
from tests import factories
from tests.payments import till as tills
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import GOOD, Peer

DAY: Final = timedelta(days=1)
MONTH: Final = timedelta(days=31)
SOON: Final = timedelta(seconds=90)  # a slow machine; the clock ticks on
CLOCK: Final = "test_helpers.test_clock"
ADVANCES: Final = "POST /v1/test_helpers/test_clocks/"
PLANS: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
  [[plan.allowance]]
  code = "daily"
  credits = "1"
  cadence = "daily"
  mode = "auto"

[[plan]]
code = "small"
name = { en = "Small", zh = "小型版" }
prices = [{ currency = "USD", interval = "P1M", list = "10" }]
  [[plan.allowance]]
  code = "daily"
  credits = "1"
  cadence = "daily"
  mode = "auto"
  [[plan.allowance]]
  code = "monthly"
  credits = "100"
  cadence = "monthly"
"""


@pytest.fixture
def nobody_is_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_gateway, "nudge", lambda _ring: None)


@pytest.fixture
def till(db: None, peer: Peer) -> Till:
    """A shop that sells a plan."""
    tills.open_till(packs="", plans=PLANS)
    return Till(peer)


@pytest.fixture
def ada(till: Till) -> Account:
    """Ada lives in the sandbox, by no clock yet."""
    return factories.new_account("ada")


def wish(account: Account) -> Checkout:
    """Return what an account wants to pay for, before Stripe hears of it."""
    with transaction.atomic():
        asked = payments.Wish(success_url=BACK, plan="small", interval="P1M")
        return payments.ask(account=account, wish=asked, now=datetime.now(UTC))


def open_page(asked: Checkout) -> Checkout:
    return payments.open_page(checkout_id=asked.pk, now=datetime.now(UTC))


def subscribe(till: Till, account: Account, number: str = GOOD) -> Subscription:
    """Have an account pay for a month, and its card be kept."""
    page = open_page(wish(account))
    assert till.peer.pay(page.url).status == 303
    if number != GOOD:
        portal = payments.open_portal(
            account=account, return_url=BACK, language="en", now=datetime.now(UTC)
        )
        assert till.peer.pay(portal, number, action="card").status == 303
    till.settle()
    found = selectors.open_of(account)
    assert found is not None
    return found


def shown_at_stripe(till: Till, account: Account) -> datetime:
    """Return what the account's clock at Stripe shows."""
    mine = Customer.objects.get(account=account).clock_stripe_id
    [found] = [one for one in till.peer.objects()[CLOCK] if one["id"] == mine]
    return datetime.fromtimestamp(found["frozen_time"], UTC)


def advances(till: Till) -> int:
    return sum(1 for one in till.peer.requests() if one.startswith(ADVANCES))


def state(account: Account) -> tuple[object, ...]:
    """Return what a refusal must not move."""
    return (
        TestClock.objects.filter(members__account=account).count(),
        TestClockAccount.objects.count(),
        list(
            Customer.objects.order_by("pk").values_list(
                "account", "lives_by_clock", "clock_stripe_id"
            )
        ),
        ledger_clocks.clock_offsets([account.pk]),
    )


def near(one: datetime | None, other: datetime) -> bool:
    return one is not None and timedelta(0) <= one - other < SOON
