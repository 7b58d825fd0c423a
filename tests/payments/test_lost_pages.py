"""A database was restored to before a page was opened: what was paid on it comes all the same."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.accounts.models import Account
from billing.insights import reconcile
from billing.packs.models import PackPurchase
from billing.payments import gateway
from billing.payments.models import Checkout, Contract, Customer, Purchase
from plans.credits import MICROS
from tests.payments.till import BACK, Till

pytestmark = pytest.mark.django_db


def forget_pages() -> None:
    """Know nothing of any page, as a database of before does."""
    Checkout.objects.all().delete()
    Customer.objects.all().delete()


def test_a_pack_is_given_once_by_what_stands_on_its_payment(till: Till, ada: Account) -> None:
    checkout = till.buy(quantity=2)
    forget_pages()

    till.settle()
    till.settle()

    purchase = Purchase.objects.get()
    given = PackPurchase.objects.get()
    assert (purchase.kind, purchase.fact) == ("pack", f"stripe:{checkout.pk}")
    assert (given.pack, given.quantity) == ("plain", 2)
    assert purchase.amount_micros == 17 * MICROS
    assert till.read("/v1/balance").json()["available"] == "210"


def test_a_plan_is_its_accounts_by_what_stands_on_its_contract(till: Till, ada: Account) -> None:
    answer = till.ask({"plan": "pro", "interval": "P1M", "success_url": BACK})
    till.peer.pay(answer.json()["url"])
    forget_pages()

    till.settle()
    till.settle()

    contract = Contract.objects.get()
    assert (contract.account, contract.plan) == (ada, "pro")
    assert till.read("/v1/subscription").json()["plan"] == "pro"
    assert till.read("/v1/balance").json()["available"] == "1000"


def test_a_payment_of_an_account_that_is_lost_gives_nothing(till: Till, ada: Account) -> None:
    checkout = till.buy()
    intent = till.session_of(checkout)["payment_intent"]
    forget_pages()
    payment = till.peer.client().v1.payment_intents.update(
        intent, {"metadata": {"linggan_account": "acc_of_after_the_backup"}}
    )

    till.settle()
    now = datetime.now(UTC) + timedelta(hours=2)  # a younger payment may be on its way
    report = reconcile.run(since=now - timedelta(days=1), now=now, gateway=gateway.configured())

    assert [drift.row for drift in report.drifts] == [intent]
    assert payment.metadata["linggan_account"] == "acc_of_after_the_backup"
    assert not Purchase.objects.exists()
    assert till.read("/v1/balance").json()["available"] == "0"
