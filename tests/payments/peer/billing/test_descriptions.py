"""What Billing makes has the fields, and the kinds of values, of Stripe's own description."""

from typing import Any

from tests.payments.peer.billing.shop import DECLINED_LATER, Shop
from tests.payments.peer.describing import class_of, misfits

KINDS = {
    "billing_portal.configuration",
    "billing_portal.session",
    "coupon",
    "discount",
    "event",
    "invoice",
    "invoice_payment",
    "invoiceitem",
    "promotion_code",
    "subscription",
    "subscription_item",
    "subscription_schedule",
    "test_helpers.test_clock",
}


def live(shop: Shop) -> None:
    """Let one customer meet all that Billing has."""
    v1 = shop.v1
    half: Any = {"percent_off": 50, "duration": "repeating", "duration_in_months": 2}
    coupon = v1.coupons.create(half).id
    code = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}}).id
    fee = shop.price(700, interval=None)
    first = shop.subscribe(discounts=[{"promotion_code": code}], add_invoice_items=[{"price": fee}])
    v1.invoice_items.create({"customer": shop.customer, "amount": 900, "currency": "usd"})
    shop.go_on(days=10)
    shop.switch(first, shop.large, proration_behavior="always_invoice")
    shop.switch(first, shop.small)
    v1.billing_portal.sessions.create(
        {
            "customer": shop.customer,
            "flow_data": {
                "type": "subscription_cancel",
                "subscription_cancel": {"subscription": first.id},
            },
        }
    )
    shop.subscribe(trial_period_days=7)
    v1.subscriptions.pause(shop.subscribe().id)
    shop.subscribe(cancel_at_period_end=True)
    v1.subscriptions.cancel(shop.subscribe().id)
    scheduled = shop.subscribe()
    v1.subscription_schedules.create({"from_subscription": scheduled.id})
    shop.update(shop.subscribe(), pause_collection={"behavior": "void"})
    shop.give_card(shop.customer, DECLINED_LATER)
    shop.subscribe()
    shop.switch(
        scheduled,
        shop.large,
        payment_behavior="pending_if_incomplete",
        proration_behavior="always_invoice",
    )
    shop.go_on(days=60)
    owed = v1.invoices.list({"customer": shop.customer, "status": "open"}).data[0]
    v1.invoices.mark_uncollectible(owed.id)


def test_all_of_billing_is_as_stripe_describes_it(shop: Shop) -> None:
    live(shop)

    made = shop.peer.objects()
    wrong = {
        misfit
        for kind in KINDS
        for thing in made[kind]
        for misfit in misfits(thing, class_of(kind), kind)
    }

    assert sorted(wrong) == []


def test_a_preview_is_as_stripe_describes_an_invoice(shop: Shop) -> None:
    begun = shop.subscribe()

    shown = shop.v1.invoices.create_preview({"subscription": begun.id})

    assert list(misfits(shown.to_dict(for_json=True), class_of("invoice"), "invoice")) == []
