"""A pack is paid on Stripe's page, and given once, whatever is told how often."""

import pytest

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.packs.models import PackPurchase
from billing.payments.models import Checkout, Customer, Purchase
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests.payments import till as tills
from tests.payments.till import Till
from tests.stripe_peer.driver import CHALLENGED, DECLINED

pytestmark = pytest.mark.django_db


def test_a_pack_that_was_paid_is_given_with_its_bonus(till: Till, ada: Account) -> None:
    checkout = till.buy(quantity=3)
    till.settle()

    checkout.refresh_from_db()
    purchase = Purchase.objects.get()
    given = PackPurchase.objects.get()
    assert checkout.state == "completed"
    assert (purchase.kind, purchase.fact) == ("pack", f"stripe:{checkout.pk}")
    # One of them for the first price, two for the usual one.
    assert (purchase.amount_micros, purchase.currency) == (27 * MICROS, "USD")
    assert purchase.credited_micros == (300 + 15) * MICROS
    assert (given.paid_micros, given.paid_currency) == (27 * MICROS, "USD")
    assert sorted(Grant.objects.values_list("amount_micros", flat=True)) == [
        15 * MICROS,
        300 * MICROS,
    ]
    assert till.read("/v1/balance").json()["available"] == "315"
    told = Event.objects.get(type="payment.succeeded").payload
    assert '"paid":{"amount":"27.00","currency":"USD"}' in str(told).replace(" ", "")


def test_a_second_purchase_costs_the_usual_price(till: Till, ada: Account) -> None:
    till.buy()
    till.settle()
    till.buy()
    till.settle()

    paid = Purchase.objects.order_by("id").values_list("amount_micros", flat=True)
    assert list(paid) == [7 * MICROS, 10 * MICROS]


def test_what_was_paid_is_given_though_it_is_sold_no_more(till: Till, ada: Account) -> None:
    till.buy()
    tills.open_till(
        packs=tills.PACKS.replace('code = "plain"', 'code = "plain"\nuntil = 2020-01-01T00:00:00Z')
    )

    till.settle()

    assert PackPurchase.objects.get().credits_micros == 100 * MICROS
    assert till.read("/v1/balance").json()["available"] == "105"


def test_a_declined_card_gives_nothing_and_another_one_does(till: Till, ada: Account) -> None:
    checkout = till.buy(number=DECLINED)
    till.settle()
    assert (Purchase.objects.count(), Grant.objects.count()) == (0, 0)

    shown = till.peer.pay(checkout.url, CHALLENGED)
    till.settle()
    assert Purchase.objects.count() == 0
    till.peer.decide(shown)
    till.settle()

    assert Purchase.objects.get().amount_micros == 7 * MICROS
    checkout.refresh_from_db()
    assert checkout.state == "completed"


def test_a_wallet_pays_later_or_not_at_all(till: Till, ada: Account) -> None:
    ada.currency = "CNY"
    ada.save(update_fields=["currency"])
    late, never = till.sell(), till.sell()
    for checkout in (late, never):
        shown = till.peer.pay(checkout.url, method="alipay")
        till.peer.decide(shown, "later")
    till.settle()
    assert {one.state for one in Checkout.objects.all()} == {"open"}
    assert not Purchase.objects.exists()

    for checkout, outcome in ((late, "succeeded"), (never, "failed")):
        till.peer.end_payment(till.session_of(checkout)["payment_intent"], outcome)
    till.settle()

    states = dict(Checkout.objects.values_list("pk", "state"))
    assert states == {late.pk: "completed", never.pk: "failed"}
    assert Purchase.objects.get().currency == "CNY"
    assert Event.objects.filter(type="payment.failed").count() == 1


def test_an_expired_page_ends_its_checkout(till: Till, ada: Account) -> None:
    checkout = till.sell()
    till.peer.client().v1.checkout.sessions.expire(checkout.stripe_id)
    till.settle()

    checkout.refresh_from_db()
    assert checkout.state == "expired"
    body = till.read(f"/v1/checkout-sessions/{checkout.pk}").json()
    assert (body["status"], body["url"]) == ("expired", None)


def test_a_code_may_take_off_the_whole_price(till: Till, ada: Account) -> None:
    tills.open_till(ways="[payments]\ncoupons = true\n")
    coupon = till.peer.client().v1.coupons.create({"percent_off": 100, "duration": "once"})
    till.peer.client().v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "GRATIS"}
    )
    checkout = till.sell()
    till.peer.pay(checkout.url, promotion_code="GRATIS")
    till.settle()

    purchase = Purchase.objects.get()
    assert (purchase.amount_micros, purchase.stripe_id) == (0, checkout.stripe_id)
    assert till.read("/v1/balance").json()["available"] == "105"


def test_the_customer_is_known_by_what_he_said_at_the_page(till: Till, ada: Account) -> None:
    till.buy()
    till.settle()

    customer = Customer.objects.get()
    assert (customer.account, customer.email, customer.is_live) == (
        *(ada, "payer@example.com"),
        False,
    )


def test_what_others_sell_at_the_same_stripe_is_left_alone(till: Till, ada: Account) -> None:
    client = till.peer.client()
    customer = client.v1.customers.create({"name": "somebody"})
    client.v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    till.settle()

    assert not Purchase.objects.exists()
    assert not Customer.objects.exists()
