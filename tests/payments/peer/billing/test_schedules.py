from typing import Any

import pytest
import stripe

from tests.payments.peer.billing.shop import Shop, at


def scheduled(shop: Shop, subscription: Any, price: str, **phase: Any) -> Any:  # noqa: ANN401 (Stripe's)
    """Put a subscription under a schedule that gives it another price at its period's end."""
    schedule = shop.v1.subscription_schedules.create({"from_subscription": subscription.id})
    now = schedule.phases[0]
    first: Any = {
        "items": [{"price": now.items[0].price, "quantity": now.items[0].quantity}],
        "start_date": now.start_date,
        "end_date": now.end_date,
    }
    then: Any = {"items": [{"price": price, "quantity": 1}], **phase}
    return shop.v1.subscription_schedules.update(schedule.id, {"phases": [first, then]})


def test_a_lower_price_begins_with_the_next_period(shop: Shop) -> None:
    begun = shop.subscribe(shop.large)
    schedule = scheduled(shop, begun, shop.small, metadata={"plan": "small"})
    assert schedule.phases[1].start_date == at("2026-02-28T10:00:00")
    assert shop.look(begun).schedule == schedule.id

    shown = shop.v1.invoices.create_preview({"subscription": begun.id})
    shop.go_to("2026-02-28T12:00:00")

    now = shop.look(begun)
    assert [invoice.amount_paid for invoice in shop.invoices(begun)] == [5000, 2000]
    assert shown.amount_due == 2000
    assert now["items"].data[0].price.id == shop.small
    assert now["items"].data[0].id == begun["items"].data[0].id
    assert now.metadata.to_dict() == {"plan": "small"}
    assert now.latest_invoice.billing_reason == "subscription_cycle"


def test_after_its_last_phase_a_schedule_lets_go(shop: Shop) -> None:
    begun = shop.subscribe(shop.large)
    schedule = scheduled(shop, begun, shop.small)

    shop.go_to("2026-03-31T12:00:00")

    ended = shop.v1.subscription_schedules.retrieve(schedule.id)
    assert (ended.status, ended.released_subscription) == ("released", begun.id)
    assert (shop.look(begun).status, shop.look(begun).schedule) == ("active", None)
    assert [invoice.amount_paid for invoice in shop.invoices(begun)] == [5000, 2000, 2000]


def test_another_rhythm_begins_with_the_next_period(shop: Shop) -> None:
    begun = shop.subscribe()
    scheduled(shop, begun, shop.yearly)

    shop.go_to("2026-02-28T12:00:00")

    now = shop.look(begun)
    assert [invoice.amount_paid for invoice in shop.invoices(begun)] == [2000, 20_000]
    assert now["items"].data[0].current_period_end == at("2027-02-28T10:00:00")


def test_a_schedule_that_is_released_changes_nothing(shop: Shop) -> None:
    begun = shop.subscribe(shop.large)
    schedule = scheduled(shop, begun, shop.small)

    shop.v1.subscription_schedules.release(schedule.id)
    shop.go_to("2026-02-28T12:00:00")

    assert [invoice.amount_paid for invoice in shop.invoices(begun)] == [5000, 5000]


def test_a_schedule_that_is_canceled_takes_the_subscription_with_it(shop: Shop) -> None:
    begun = shop.subscribe(shop.large)
    schedule = scheduled(shop, begun, shop.small)

    ended = shop.v1.subscription_schedules.cancel(schedule.id)

    assert (ended.status, shop.look(begun).status) == ("canceled", "canceled")


def test_the_end_of_a_scheduled_subscription_is_the_schedules_matter(shop: Shop) -> None:
    begun = shop.subscribe(shop.large)
    scheduled(shop, begun, shop.small)

    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        shop.update(begun, cancel_at_period_end=True)

    assert shop.look(begun).cancel_at_period_end is False


def test_the_phase_that_runs_cannot_be_left_out(shop: Shop) -> None:
    begun = shop.subscribe(shop.large)
    schedule = scheduled(shop, begun, shop.small)
    later: Any = {
        "items": [{"price": shop.small}],
        "start_date": at("2026-02-28T10:00:00"),
        "duration": {"interval": "month", "interval_count": 3},
    }

    with pytest.raises(stripe.InvalidRequestError, match="current phase"):
        shop.v1.subscription_schedules.update(schedule.id, {"phases": [later]})

    assert len(shop.v1.subscription_schedules.retrieve(schedule.id).phases) == 2
