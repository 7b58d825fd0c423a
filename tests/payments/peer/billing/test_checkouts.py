from typing import Any

from tests.payments.peer.billing.shop import Shop, at


def checkout(shop: Shop, **wanted: Any) -> Any:  # noqa: ANN401 (Stripe's)
    """Return a session that sells the small plan."""
    given: Any = {
        "mode": "subscription",
        "customer": shop.customer,
        "line_items": [{"price": shop.small, "quantity": 1}],
        "success_url": "http://127.0.0.1/done?id={CHECKOUT_SESSION_ID}",
        **wanted,
    }
    return shop.v1.checkout.sessions.create(given)


def test_a_plan_is_sold_through_checkout_and_renews(shop: Shop) -> None:
    fee = shop.price(700, interval=None)
    session = checkout(
        shop,
        line_items=[{"price": shop.small, "quantity": 2}, {"price": fee, "quantity": 1}],
        subscription_data={"metadata": {"linggan_checkout": "co_1"}},
    )

    shown = shop.peer.pay(session.url)
    paid: Any = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    shop.go_to("2026-02-28T12:00:00")

    assert shown.location == f"http://127.0.0.1/done?id={session.id}"
    assert (paid.status, paid.payment_status, paid.amount_total) == ("complete", "paid", 4700)
    assert paid.subscription.metadata.to_dict() == {"linggan_checkout": "co_1"}
    assert shop.v1.invoices.retrieve(paid.invoice).amount_paid == 4700
    assert [invoice.amount_paid for invoice in shop.invoices(paid.subscription)] == [4700, 4000]


def test_a_trial_is_sold_for_nothing_today(shop: Shop) -> None:
    session = checkout(shop, subscription_data={"trial_period_days": 7})

    shop.peer.pay(session.url)

    paid: Any = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (paid.payment_status, paid.amount_total) == ("no_payment_required", 0)
    assert paid.subscription.status == "trialing"
    assert paid.subscription.trial_end == at("2026-02-07T10:00:00")


def test_a_declined_card_begins_nothing(shop: Shop) -> None:
    session = checkout(shop)

    shown = shop.peer.pay(session.url, number="4000000000000341")

    assert (shown.status, "declined" in shown.html) == (402, True)
    assert shop.v1.subscriptions.list({"customer": shop.customer, "status": "all"}).data == []
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_bank_that_asks_once_lets_renewals_pass(shop: Shop) -> None:
    session = checkout(shop)

    shown = shop.peer.pay(session.url, number="4000002500003155")
    shop.peer.decide(shown)
    shop.go_to("2026-02-28T12:00:00")

    begun = shop.v1.subscriptions.list({"customer": shop.customer}).data[0]
    assert [invoice.status for invoice in shop.invoices(begun)] == ["paid", "paid"]


def test_a_coupon_makes_the_first_period_cheaper(shop: Shop) -> None:
    first = shop.v1.coupons.create({"amount_off": 1500, "currency": "usd", "duration": "once"}).id
    session = checkout(shop, discounts=[{"coupon": first}])

    shop.peer.pay(session.url)
    shop.go_to("2026-02-28T12:00:00")

    begun = shop.v1.subscriptions.list({"customer": shop.customer}).data[0]
    assert session.amount_total == 500
    assert [invoice.amount_paid for invoice in shop.invoices(begun)] == [500, 2000]
