"""Who has an end ahead is borne with like anybody; whose money went back is not."""

import pytest

from tests.payments.lives import COLLECTED, DAY, HOUR, Life
from tests.stripe_peer.driver import DECLINED_LATER

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscriber(life: Life) -> Life:
    """Ada has paid for a month, of which ten days have passed."""
    life.subscribe("small")
    life.go_on(10 * DAY)
    return life


def test_an_end_months_ahead_takes_nobody_his_plan_while_stripe_collects_the_next_month(
    subscriber: Life,
) -> None:
    """Stripe collects an hour after a period has begun: nobody is late by that."""
    begun = subscriber.subscription
    ends_at = subscriber.now.replace(microsecond=0) + 75 * DAY
    subscriber.dashboard.v1.subscriptions.update(
        subscriber.contract.stripe_id, {"cancel_at": int(ends_at.timestamp())}
    )
    subscriber.till.settle()
    assert subscriber.subscription.ends_at == ends_at

    subscriber.go_on(subscriber.contract.period_ends_at - subscriber.now + HOUR / 2)
    subscriber.sweep()

    assert subscriber.subscription.pk == begun.pk
    subscriber.go_on(COLLECTED)
    assert (subscriber.subscription.pk, subscriber.credits) == (begun.pk, 100)
    assert subscriber.charges() == [1000, 1000]


def test_who_cancels_while_he_is_past_due_keeps_his_days_of_grace(subscriber: Life) -> None:
    begun = subscriber.subscription
    subscriber.put_card(DECLINED_LATER)
    subscriber.go_to_renewal()
    assert subscriber.contract.status == "past_due"

    assert subscriber.ask("/v1/subscription/cancel").status_code == 201
    subscriber.sweep()

    assert subscriber.subscription.pk == begun.pk
    subscriber.go_on(7 * DAY)
    subscriber.sweep()
    assert subscriber.is_free
