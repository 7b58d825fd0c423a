from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.payments.peer.billing.shop import ASKS, DECLINED_LATER, Shop, at, lines, refused

NOW = {"proration_behavior": "always_invoice"}


def previewed(shop: Shop, subscription: Any, price: str, **details: Any) -> Any:  # noqa: ANN401 (Stripe's)
    """Return what it would cost to give a subscription's only item another price."""
    item = {"id": subscription["items"].data[0].id, "price": price}
    wanted: Any = {
        "subscription": subscription.id,
        "subscription_details": {"items": [item], **details},
    }
    return shop.v1.invoices.create_preview(wanted)


def test_a_preview_is_what_the_change_then_costs_and_keeps_nothing(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_to("2026-02-14T10:00:00")

    shown = previewed(shop, begun, shop.large, **NOW)
    assert shop.look(begun)["items"].data[0].price.id == shop.small
    assert len(shop.invoices(begun)) == 1
    changed = shop.switch(begun, shop.large, **NOW)

    # half of 50 dollars, without half of 20
    assert lines(changed.latest_invoice) == [
        ("Unused time on 1 × Pro after 14 Feb 2026", -1000),  # noqa: RUF001 (Stripe's)
        ("Remaining time on 1 × Pro after 14 Feb 2026", 2500),  # noqa: RUF001 (Stripe's)
    ]
    assert lines(shown) == lines(changed.latest_invoice)
    assert changed.latest_invoice.amount_paid == 1500
    assert changed.latest_invoice.billing_reason == "subscription_update"
    assert changed["items"].data[0].current_period_end == at("2026-02-28T10:00:00")


def test_prorations_wait_for_the_renewal(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_to("2026-02-14T10:00:00")

    shown = previewed(shop, begun, shop.large)
    shop.switch(begun, shop.large)
    assert len(shop.invoices(begun)) == 1
    waiting = shop.v1.invoice_items.list({"customer": shop.customer, "pending": True})
    assert sorted(item.amount for item in waiting.data) == [-1000, 2500]
    shop.go_to("2026-02-28T12:00:00")

    assert shop.invoices(begun)[-1].amount_paid == 6500
    assert shown.amount_due == 6500


def test_without_prorations_only_the_next_period_costs_more(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_to("2026-02-14T10:00:00")

    shop.switch(begun, shop.large, proration_behavior="none")
    shop.go_to("2026-02-28T12:00:00")

    assert [invoice.amount_paid for invoice in shop.invoices(begun)] == [2000, 5000]


def test_another_rhythm_begins_a_period_now(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_to("2026-02-14T10:00:00")

    changed = shop.switch(begun, shop.yearly)

    assert changed.latest_invoice.amount_paid == 19_000
    assert changed["items"].data[0].current_period_end == at("2027-02-14T10:00:00")
    assert changed.billing_cycle_anchor == at("2026-02-14T10:00:00")


def test_an_anchor_of_now_begins_a_period_of_the_same_price(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_to("2026-02-14T10:00:00")

    changed = shop.update(begun, billing_cycle_anchor={"type": "now"})

    assert changed.latest_invoice.amount_paid == 1000
    assert changed["items"].data[0].current_period_end == at("2026-03-14T10:00:00")


def test_more_seats_are_paid_for_the_rest(shop: Shop) -> None:
    begun = shop.subscribe()
    item = begun["items"].data[0].id
    shop.go_to("2026-02-21T10:00:00")

    shop.v1.subscription_items.update(item, {"quantity": 3, "proration_behavior": "always_invoice"})

    assert shop.look(begun).latest_invoice.amount_paid == 1000
    assert shop.look(begun)["items"].data[0].quantity == 3


def test_what_a_downgrade_gives_back_pays_the_next_invoice(shop: Shop) -> None:
    begun = shop.subscribe(shop.large)
    shop.go_to("2026-02-14T10:00:00")

    lowered = shop.switch(begun, shop.small, **NOW)
    assert (lowered.latest_invoice.total, lowered.latest_invoice.amount_due) == (-1500, 0)
    assert lowered.latest_invoice.status == "paid"
    assert shop.v1.customers.retrieve(shop.customer).balance == -1500
    shop.go_to("2026-02-28T12:00:00")

    renewed = shop.invoices(begun)[-1]
    assert (renewed.total, renewed.starting_balance, renewed.amount_paid) == (2000, -1500, 500)
    assert shop.v1.customers.retrieve(shop.customer).balance == 0


def test_what_a_discount_took_off_is_not_given_back(shop: Shop) -> None:
    half = shop.v1.coupons.create({"percent_off": 50, "duration": "once"}).id
    begun = shop.subscribe(discounts=[{"coupon": half}])
    assert begun.latest_invoice.amount_paid == 1000
    shop.go_to("2026-02-14T10:00:00")

    changed = shop.switch(begun, shop.large, **NOW)

    assert changed.latest_invoice.amount_paid == 2500 - 500


def test_what_was_never_asked_for_is_not_given_back(shop: Shop) -> None:
    begun = shop.subscribe(trial_period_days=14)
    shop.go_on(days=7)

    changed = shop.switch(begun, shop.large, **NOW)

    assert changed.status == "trialing"
    assert shop.v1.customers.retrieve(shop.customer).balance == 0
    shop.go_to("2026-02-14T12:00:00")
    assert [invoice.amount_paid for invoice in shop.invoices(begun)] == [0, 5000]


def test_a_trial_that_ends_now_is_paid_now(shop: Shop) -> None:
    begun = shop.subscribe(trial_period_days=14)
    shop.go_on(days=7)

    ended = shop.update(begun, trial_end="now")

    assert (ended.status, ended.latest_invoice.amount_paid) == ("active", 2000)
    assert ended["items"].data[0].current_period_end == at("2026-03-07T10:00:00")


def test_a_refused_change_leaves_all_as_it_was(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.go_to("2026-02-14T10:00:00")
    shop.give_card(shop.customer, DECLINED_LATER)

    with pytest.raises(stripe.CardError) as refusal:
        shop.switch(
            begun, shop.large, payment_behavior="error_if_incomplete", metadata={"a": "b"}, **NOW
        )

    assert refused(refusal.value) == (402, "card_declined")
    now = shop.look(begun)
    assert (now["items"].data[0].price.id, now.status) == (shop.small, "active")
    assert now.metadata.to_dict() == {}
    assert now.latest_invoice.id == begun.latest_invoice.id
    # what was not done can still be done
    shop.give_card(shop.customer, "tok_visa")
    assert shop.switch(begun, shop.large, **NOW).latest_invoice.amount_paid == 1500


def test_a_refused_change_is_past_due_if_that_is_allowed(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.give_card(shop.customer, DECLINED_LATER)
    shop.go_to("2026-02-14T10:00:00")

    changed = shop.switch(begun, shop.large, **NOW)

    assert (changed.status, changed.latest_invoice.status) == ("past_due", "open")
    assert changed["items"].data[0].price.id == shop.large


def test_a_pending_change_takes_effect_when_it_is_paid(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.give_card(shop.customer, ASKS)
    shop.go_to("2026-02-14T10:00:00")

    waiting = shop.switch(begun, shop.large, payment_behavior="pending_if_incomplete", **NOW)
    assert (waiting.status, waiting["items"].data[0].price.id) == ("active", shop.small)
    assert waiting.pending_update.subscription_items[0].price.id == shop.large
    shown = shop.peer.pay(waiting.latest_invoice.hosted_invoice_url, number="4000002760003184")
    shop.peer.decide(shown)

    now = shop.look(begun)
    assert (now["items"].data[0].price.id, now.pending_update) == (shop.large, None)
    assert now.latest_invoice.amount_paid == 1500


def test_a_pending_change_that_nobody_pays_expires(shop: Shop) -> None:
    begun = shop.subscribe()
    shop.give_card(shop.customer, DECLINED_LATER)
    shop.go_to("2026-02-14T10:00:00")
    shop.switch(begun, shop.large, payment_behavior="pending_if_incomplete", **NOW)

    shop.go_on(hours=23)

    now = shop.look(begun)
    assert (now.status, now.pending_update) == ("active", None)
    assert now["items"].data[0].price.id == shop.small
    assert shop.invoices(begun)[-1].status == "void"


# Each history is some twenty requests to another process: a night's thousands would be days.
@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.lists(
        st.tuples(st.sampled_from(["small", "large"]), st.integers(1, 4), st.integers(0, 5)),
        min_size=1,
        max_size=5,
    )
)
def test_switching_back_and_forth_costs_what_was_had(
    shop: Shop, switches: list[tuple[str, int, int]]
) -> None:
    """Each day costs what its price says, to a unit of rounding for each line."""
    shop.clock = type(shop.clock)(shop.client, shop.clock.now.replace(month=1, day=31))
    shop.customer = shop.customer_with("tok_visa")
    begun = shop.subscribe()
    had, rate, expected = 28.0, 2000 / 28, 0.0
    for price, seats, days in switches:
        shop.go_on(days=days)
        expected += rate * days
        had -= days
        item = {"id": begun["items"].data[0].id, "price": getattr(shop, price), "quantity": seats}
        shop.update(begun, items=[item], **NOW)
        rate = {"small": 2000, "large": 5000}[price] * seats / 28
    expected += rate * had

    asked = sum(invoice.total for invoice in shop.invoices(begun))

    assert abs(asked - expected) <= 2 * len(switches)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"items": [{"id": "si_absent", "quantity": 2}]}, (400, "resource_missing")),
        ({"proration_behaviour": "none"}, (400, "parameter_unknown")),
        ({"billing_cycle_anchor": "now"}, (400, None)),
        ({"default_payment_method": "pm_absent"}, (400, "resource_missing")),
        ({"cancel_at": 5}, (400, None)),
    ],
)
def test_what_does_not_fit_changes_nothing(
    shop: Shop, wanted: dict[str, object], expected: tuple[int, str | None]
) -> None:
    begun = shop.subscribe()

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.update(begun, **wanted)

    assert refused(refusal.value) == expected
    assert shop.look(begun).to_dict() == begun.to_dict()


def test_the_last_item_cannot_go(shop: Shop) -> None:
    begun = shop.subscribe()

    with pytest.raises(stripe.InvalidRequestError, match="at least one active item"):
        shop.v1.subscription_items.delete(begun["items"].data[0].id)

    assert len(shop.look(begun)["items"].data) == 1
