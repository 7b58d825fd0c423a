"""What is ended, kept, paused and resumed, here, on the portal or by an operator, is followed."""

from datetime import datetime

import pytest
from stripe.params import SubscriptionUpdateParamsPauseCollection

from billing.payments.models import Invoice, Purchase
from tests.acts import frozen
from tests.payments.lives import COLLECTED, DAY, HOUR, Life

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscriber(life: Life) -> Life:
    """Ada has paid for a month, of which ten days have passed."""
    life.subscribe("small")
    life.go_on(10 * DAY)
    return life


def pause(life: Life, *, until: datetime | None = None) -> None:
    """Have an operator let Stripe collect no more; Stripe tells of it."""
    how: SubscriptionUpdateParamsPauseCollection = {"behavior": "void"}
    if until is not None:
        how["resumes_at"] = int(until.timestamp())
    life.dashboard.v1.subscriptions.update(life.contract.stripe_id, {"pause_collection": how})
    life.till.settle()


def resume(life: Life) -> None:
    """Have an operator let Stripe collect again; Stripe tells of it."""
    life.dashboard.v1.subscriptions.update(life.contract.stripe_id, {"pause_collection": ""})
    life.till.settle()


def test_what_is_canceled_lasts_to_its_end_and_is_charged_no_more(subscriber: Life) -> None:
    ends_at = subscriber.subscription.paid_until

    assert subscriber.ask("/v1/subscription/cancel").status_code == 201

    assert subscriber.shown()["next_change"]["kind"] == "ends"
    subscriber.sweep()
    assert ends_at is not None
    subscriber.go_on(ends_at - subscriber.now - HOUR)
    assert (subscriber.subscription.plan, subscriber.credits) == ("small", 100)
    subscriber.sweep()
    subscriber.go_on(HOUR + COLLECTED)
    subscriber.sweep()
    assert (subscriber.is_free, subscriber.credits) == (True, 0)
    assert (subscriber.charges(), subscriber.contract.status) == ([1000], "canceled")
    assert subscriber.told("subscription.")[-1] == "subscription.canceled"
    assert subscriber.letters() == [
        "payment_received",
        "subscription_canceled",
        "subscription_ending",
        "subscription_ended",
    ]


def test_what_is_resumed_in_time_goes_on_as_if_nothing_had_been(subscriber: Life) -> None:
    subscriber.ask("/v1/subscription/cancel")
    begun = subscriber.subscription

    assert subscriber.ask("/v1/subscription/resume").status_code == 201

    assert subscriber.subscription.ends_at is None
    subscriber.go_to_renewal()
    assert (subscriber.subscription.pk, subscriber.credits) == (begun.pk, 100)
    assert subscriber.charges() == [1000, 1000]


def test_a_frozen_account_resumes_nothing_and_is_charged_no_more(subscriber: Life) -> None:
    frozen.freeze(subscriber.account)
    assert subscriber.ask("/v1/subscription/cancel").status_code == 201
    ends_at = subscriber.subscription.ends_at
    assert ends_at is not None

    refused = subscriber.ask("/v1/subscription/resume")

    assert (refused.status_code, refused.json()["code"]) == (403, "account_frozen")
    assert subscriber.subscription.ends_at == ends_at
    assert subscriber.at_stripe["cancel_at_period_end"] is True
    subscriber.go_to_renewal()
    assert (subscriber.is_free, subscriber.charges()) == (True, [1000])


def test_what_was_ended_is_bought_again_and_begins_anew(subscriber: Life) -> None:
    assert subscriber.ask("/v1/subscription/cancel", when="now").status_code == 201
    assert subscriber.is_free
    assert subscriber.ask("/v1/subscription/resume").status_code == 409

    again = subscriber.subscribe("large")

    assert (again.plan, subscriber.charges()) == ("large", [1000, 41000])
    # The first month's credits stay to its end, beside those of the new one.
    assert subscriber.credits == 700


def test_who_ends_and_keeps_his_plan_on_the_portal_is_followed(subscriber: Life) -> None:
    portal, contract_id = subscriber.open_portal(), subscriber.contract.stripe_id

    subscriber.till.peer.pay(portal, action="cancel", subscription=contract_id)
    subscriber.till.settle()
    assert subscriber.subscription.ends_at == subscriber.subscription.paid_until
    subscriber.till.peer.pay(portal, action="keep", subscription=contract_id)
    subscriber.till.settle()
    assert subscriber.subscription.ends_at is None

    subscriber.till.peer.pay(portal, action="cancel", subscription=contract_id)
    subscriber.till.settle()
    subscriber.go_to_renewal()
    assert (subscriber.is_free, subscriber.charges()) == (True, [1000])


def test_what_an_operator_ends_at_stripe_has_ended(subscriber: Life) -> None:
    subscriber.dashboard.v1.subscriptions.cancel(subscriber.contract.stripe_id)
    subscriber.till.settle()

    assert subscriber.is_free
    assert subscriber.told("subscription.")[-1] == "subscription.canceled"
    assert subscriber.shown()["payment"]["status"] == "canceled"
    subscriber.go_on(31 * DAY)
    assert (subscriber.charges(), subscriber.credits) == ([1000], 0)


def test_an_end_that_an_operator_sets_within_the_month_is_kept(subscriber: Life) -> None:
    ends_at = subscriber.now.replace(microsecond=0) + 5 * DAY
    subscriber.dashboard.v1.subscriptions.update(
        subscriber.contract.stripe_id, {"cancel_at": int(ends_at.timestamp())}
    )
    subscriber.till.settle()
    assert subscriber.subscription.ends_at == ends_at

    subscriber.go_on(ends_at - subscriber.now - HOUR)
    assert subscriber.subscription.plan == "small"
    subscriber.go_on(2 * HOUR)

    assert subscriber.is_free
    assert subscriber.contract.ended_at == ends_at


def test_what_is_paused_lasts_to_the_end_of_what_is_paid_for(subscriber: Life) -> None:
    pause(subscriber)

    assert subscriber.subscription.paused_at is not None
    assert subscriber.credits == 100
    assert subscriber.told("subscription.")[-1] == "subscription.changed"
    subscriber.till.settle()  # told again, it is no news
    assert subscriber.told("subscription.").count("subscription.changed") == 1

    subscriber.go_to_renewal()
    subscriber.sweep()

    # Nobody owes anything, so there are no days of grace.
    assert (subscriber.is_free, subscriber.credits) == (True, 0)
    assert (subscriber.charges(), Purchase.objects.count()) == ([1000], 1)
    assert set(Invoice.objects.values_list("status", flat=True)) == {"paid", "void"}
    assert "payment_failed" not in subscriber.letters()


def test_what_is_paused_and_resumed_within_its_month_is_collected_again(subscriber: Life) -> None:
    begun = subscriber.subscription
    pause(subscriber)
    subscriber.go_on(5 * DAY)
    resume(subscriber)

    assert subscriber.subscription.paused_at is None
    subscriber.go_to_renewal()
    subscriber.sweep()
    assert (subscriber.subscription.pk, subscriber.credits) == (begun.pk, 100)
    assert subscriber.charges() == [1000, 1000]


def test_what_lapsed_in_a_pause_begins_anew_with_the_next_bill_that_is_paid(
    subscriber: Life,
) -> None:
    pause(subscriber)
    subscriber.go_to_renewal()
    subscriber.sweep()
    assert subscriber.is_free
    resume(subscriber)
    assert subscriber.is_free  # of the month under way the bill is void

    subscriber.go_to_renewal()

    assert subscriber.subscription.paid_until == subscriber.contract.period_ends_at
    assert (subscriber.credits, subscriber.charges()) == (100, [1000, 1000])


def test_a_pause_with_an_end_ends_by_itself(subscriber: Life) -> None:
    pause(subscriber, until=subscriber.now + 3 * DAY)
    paused = subscriber.subscription
    assert paused.paused_at is not None

    subscriber.go_to_renewal()

    resumed = subscriber.subscription
    assert (resumed.pk, resumed.paused_at) == (paused.pk, None)
    assert (subscriber.credits, subscriber.charges()) == (100, [1000, 1000])
