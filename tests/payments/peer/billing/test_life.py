import stripe

from tests.payments.peer.billing.shop import DECLINED_LATER, Shop, at

NOW = {"proration_behavior": "always_invoice"}


def test_a_year_of_one_subscribers_life(shop: Shop) -> None:
    """Trial, renewals, a failed card, recovery, upgrade, downgrade, refund, the end."""
    session = shop.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": shop.customer,
            "line_items": [{"price": shop.small, "quantity": 1}],
            "subscription_data": {"trial_period_days": 28},
            "success_url": "http://127.0.0.1/done",
        }
    )
    shop.peer.pay(str(session.url))
    begun = shop.v1.subscriptions.list({"customer": shop.customer}).data[0]
    shop.go_to("2026-04-28T12:00:00")  # the trial, and two months
    bad = shop.give_card(shop.customer, DECLINED_LATER)
    shop.update(begun, default_payment_method=bad)
    shop.go_to("2026-05-29T00:00:00")
    assert shop.look(begun).status == "past_due"
    good = shop.give_card(shop.customer, "tok_visa")
    shop.update(begun, default_payment_method=good)
    shop.go_to("2026-06-12T22:00:00")  # half of the period from the 28th of May
    assert shop.look(begun).status == "active"
    shop.switch(begun, shop.large, **NOW)
    shop.go_to("2026-07-28T12:00:00")
    schedule = shop.v1.subscription_schedules.create({"from_subscription": begun.id})
    phase = schedule.phases[0]
    shop.v1.subscription_schedules.update(
        schedule.id,
        {
            "phases": [
                {
                    "items": [{"price": shop.large}],
                    "start_date": phase.start_date,
                    "end_date": phase.end_date,
                },
                {"items": [{"price": shop.small}]},
            ]
        },
    )
    shop.go_to("2026-12-15T00:00:00")
    shop.update(begun, cancel_at_period_end=True)
    shop.go_to("2027-01-31T10:00:00")

    ended = shop.look(begun)
    paid = [invoice.amount_paid for invoice in shop.invoices(begun)]
    assert (ended.status, ended.ended_at) == ("canceled", at("2026-12-28T10:00:00"))
    #        trial, Feb..May, upgrade, Jun, Jul, then the small plan from August to November
    assert paid == [0, 2000, 2000, 2000, 2000, 1500, 5000, 5000, 2000, 2000, 2000, 2000]
    last = shop.invoices(begun)[-1]
    intent = shop.v1.invoice_payments.list({"invoice": last.id}).data[0].payment.payment_intent
    shop.v1.refunds.create({"payment_intent": str(intent), "amount": 500})
    assert received(shop) == sum(paid) - 500


def received(shop: Shop) -> int:
    """Return what came in, less what went back."""
    charges: list[stripe.Charge] = shop.v1.charges.list(
        {"customer": shop.customer, "limit": 100}
    ).data
    return sum(charge.amount - charge.amount_refunded for charge in charges if charge.paid)
