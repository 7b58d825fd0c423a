"""One person has one trial, however many accounts he has; whom it is refused may buy."""

from datetime import UTC, datetime
from typing import Final

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.accounts.signals import Signal
from billing.payments.models import Checkout, Contract, Purchase
from billing.subscriptions import selectors
from billing.subscriptions import services as subscriptions
from plans.credits import MICROS
from tests import factories
from tests.payments import till as tills
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import GOOD, Peer

pytestmark = pytest.mark.django_db
OTHER_CARD: Final = "5555555555554444"
PLANS: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true

[[plan]]
code = "tried"
name = { en = "Tried", zh = "试用版" }
trial = { period = "P7D", credits = "50" }
prices = [{ currency = "USD", interval = "P1M", list = "20", first = "12" }]
  [[plan.allowance]]
  code = "monthly"
  credits = "1000"
  cadence = "monthly"
"""


@pytest.fixture
def till(db: None, peer: Peer) -> Till:
    """A shop that sells a plan with a trial."""
    tills.open_till(packs="", plans=PLANS)
    return Till(peer)


@pytest.fixture
def bob(till: Till) -> Account:
    """Another account, of the same person perhaps."""
    return factories.new_account("bob", is_sandbox=False)


@transaction.atomic
def see(account: Account, kind: Signal, value: str) -> None:
    """Let an account be seen with a device, an address or the like."""
    subscriptions.tell_signals(account=account, told={kind: value}, now=datetime.now(UTC))


def subscribe(till: Till, name: str, *, number: str = GOOD) -> Checkout:
    """Let somebody buy the plan, on trial where he may."""
    body = {"plan": "tried", "interval": "P1M", "success_url": BACK}
    answer = till.ask(body, name=name)
    assert answer.status_code == 201, answer.content
    till.peer.pay(answer.json()["url"], number)
    till.settle()
    return Checkout.objects.get(pk=answer.json()["id"])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Signal.DEVICE, "device-1"),
        (Signal.PHONE, "+8613800138000"),
        (Signal.EMAIL, "ada@example.com"),
    ],
)
def test_a_second_account_of_one_person_buys_without_a_trial(
    till: Till, ada: Account, bob: Account, kind: Signal, value: str
) -> None:
    for account in (ada, bob):
        see(account, kind, value)
    assert subscribe(till, "ada").trial == "P7D"

    bought = subscribe(till, "bob", number=OTHER_CARD)

    assert (bought.trial, bought.amount_micros) == ("", 12 * MICROS)
    assert Purchase.objects.get(account=bob).amount_micros == 12 * MICROS
    assert factories.free_micros(bob) == 1000 * MICROS


def test_whoever_shares_only_an_address_has_a_trial_of_his_own(
    till: Till, ada: Account, bob: Account
) -> None:
    for account in (ada, bob):
        see(account, Signal.IP, "203.0.113.7")
    subscribe(till, "ada")

    assert subscribe(till, "bob", number=OTHER_CARD).trial == "P7D"

    assert factories.free_micros(bob) == 50 * MICROS


def test_a_second_trial_with_the_same_card_brings_no_credits(
    till: Till, ada: Account, bob: Account
) -> None:
    """Whose card it is, is known when it is typed, after the trial was offered."""
    subscribe(till, "ada")
    assert factories.free_micros(ada) == 50 * MICROS

    assert subscribe(till, "bob").trial == "P7D"

    assert factories.free_micros(bob) == 0
    assert Contract.objects.get(account=bob).status == "trialing"
    current = selectors.open_of(bob)
    assert current is not None
    assert current.plan == "tried"
