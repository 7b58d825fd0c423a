"""A card that is declined or asked about by its bank, and wallets whose money takes its time."""

from datetime import timedelta
from typing import Final

import pytest

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.payments.models import Checkout, Contract, Purchase
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests.payments.lives import Life
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import CHALLENGED, DECLINED

pytestmark = pytest.mark.django_db
ALWAYS_ASKED: Final = "4000002760003184"  # its bank asks at every payment
WALLETS: Final = ["alipay", "wechat_pay"]


@pytest.fixture
def pays_in_yuan(ada: Account) -> Account:
    """Ada, where wallets are taken."""
    ada.currency = "CNY"
    ada.save(update_fields=["currency"])
    return ada


def nothing_came() -> bool:
    kinds = (Purchase, Grant, Subscription)
    return not any(kind.objects.exists() for kind in kinds)


def ask_for_plan(till: Till) -> str:
    answer = till.ask({"plan": "pro", "interval": "P1M", "success_url": BACK})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["url"])


def test_a_plan_begins_when_its_bank_says_yes_and_not_before(till: Till, ada: Account) -> None:
    url = ask_for_plan(till)
    asked = till.peer.pay(url, CHALLENGED)
    assert "/authorize/" in asked.location
    till.settle()
    assert nothing_came()

    till.peer.decide(asked, "fail")
    till.settle()
    assert nothing_came()
    assert Checkout.objects.get().state == "open"

    till.peer.decide(till.peer.pay(url, CHALLENGED))
    till.settle()

    assert Subscription.objects.get().plan == "pro"
    assert (Purchase.objects.get().amount_micros, Grant.objects.count()) == (12 * MICROS, 1)
    assert Checkout.objects.get().state == "completed"


def test_a_plan_does_not_begin_with_a_declined_card_but_with_the_next(
    till: Till, ada: Account
) -> None:
    url = ask_for_plan(till)
    assert till.peer.pay(url, DECLINED).status == 402
    till.settle()
    assert nothing_came()
    assert not Contract.objects.exclude(status__startswith="incomplete").exists()

    till.peer.pay(url)
    till.settle()

    assert (Subscription.objects.count(), Purchase.objects.count()) == (1, 1)
    till.settle()
    assert (Subscription.objects.count(), Purchase.objects.count()) == (1, 1)


def test_a_renewal_that_the_bank_asks_about_is_paid_on_its_page(life: Life) -> None:
    life.subscribe("small")
    life.put_card(ALWAYS_ASKED)
    life.go_to_renewal()
    assert (life.contract.status, life.charges()) == ("past_due", [1000])
    page = life.shown()["payment"]["pay_url"]
    assert page is not None

    asked = life.till.peer.pay(page, ALWAYS_ASKED)
    life.till.settle()
    assert life.charges() == [1000]
    life.till.peer.decide(asked)
    life.till.settle()

    assert (life.contract.status, life.charges()) == ("active", [1000, 1000])
    assert (life.subscription.past_due_at, life.credits) == (None, 100)


def test_a_plan_is_paid_by_cards_alone(till: Till, pays_in_yuan: Account) -> None:
    """A wallet cannot be charged again without its owner."""
    ask_for_plan(till)
    assert till.session_of(Checkout.objects.get())["payment_method_types"] == ["card"]

    till.sell()
    offered = till.session_of(Checkout.objects.latest("id"))["payment_method_types"]
    assert offered == ["card", "alipay", "wechat_pay"]


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_wallet_pays_a_pack_at_once(till: Till, pays_in_yuan: Account, wallet: str) -> None:
    checkout = till.sell()

    till.peer.decide(till.peer.pay(checkout.url, method=wallet))
    till.settle()

    paid = Purchase.objects.get()
    assert (paid.amount_micros, paid.currency) == (66 * MICROS, "CNY")
    assert till.read("/v1/balance").json()["available"] == "105"


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_wallet_that_is_turned_down_leaves_the_page_open_for_a_card(
    till: Till, pays_in_yuan: Account, wallet: str
) -> None:
    checkout = till.sell()
    till.peer.decide(till.peer.pay(checkout.url, method=wallet), "fail")
    till.settle()
    assert nothing_came()
    checkout.refresh_from_db()
    assert checkout.state == "open"

    till.peer.pay(checkout.url)
    till.settle()

    assert till.read("/v1/balance").json()["available"] == "105"


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_wallets_money_that_comes_days_later_gives_the_pack_then(
    till: Till, pays_in_yuan: Account, wallet: str
) -> None:
    checkout = till.sell()
    till.peer.decide(till.peer.pay(checkout.url, method=wallet), "later")
    till.settle()
    assert nothing_came()
    checkout.refresh_from_db()
    assert checkout.state == "open"
    till.peer.advance(int(timedelta(days=3).total_seconds()))
    payment = till.session_of(checkout)["payment_intent"]

    till.peer.end_payment(payment, "succeeded")
    till.settle(till.events("payment_intent.succeeded"))  # its other events are lost

    assert till.read("/v1/balance").json()["available"] == "105"
    checkout.refresh_from_db()
    assert checkout.state == "completed"
    till.settle()
    assert (Purchase.objects.count(), Event.objects.filter(type="payment.failed").count()) == (1, 0)
