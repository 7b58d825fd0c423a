"""A trial costs nothing, comes once, and turns into what is paid, or ends."""

from datetime import timedelta
from typing import Final

import pytest

from billing.ledger.models import Grant, Wallet
from billing.payments.models import Checkout, Purchase
from plans.credits import MICROS
from tests import factories
from tests.payments.lives import COLLECTED, DAY, HOUR, Life
from tests.stripe_peer.driver import DECLINED_LATER

pytestmark = pytest.mark.django_db
WEEK: Final = timedelta(days=7)


def test_a_trial_charges_nothing_and_brings_its_credits_until_it_ends(life: Life) -> None:
    begun = life.subscribe("tried")

    assert begun.plan == "tried"
    assert begun.paid_until == begun.trial_ends_at == life.contract.trial_ends_at
    assert life.credits == 50
    assert Grant.objects.get().expires_at == begun.trial_ends_at
    assert not Purchase.objects.exists()
    assert life.charges() == []
    assert life.told() == ["subscription.activated"]
    assert life.letters() == []
    assert life.shown()["payment"]["status"] == "trialing"


def test_the_bill_of_a_trial_is_applied_in_a_halted_wallet(life: Life) -> None:
    factories.halt(life.account)

    begun = life.subscribe("tried")

    assert begun.plan == "tried"
    assert Grant.objects.get(source="trial").available_micros == 50 * MICROS
    assert Wallet.objects.get().halted_at is not None


def test_a_trial_turns_into_what_is_paid_and_its_credits_into_the_plans(life: Life) -> None:
    begun = life.subscribe("tried")
    life.go_on(WEEK - HOUR)
    assert (life.credits, Purchase.objects.count()) == (50, 0)

    life.go_on(HOUR + COLLECTED)

    paid = Purchase.objects.get()
    assert (paid.amount_micros, paid.credited_micros) == (20 * MICROS, 200 * MICROS)
    assert paid.period_starts_at == begun.trial_ends_at
    assert life.credits == 200
    assert life.subscription.pk == begun.pk
    assert life.subscription.paid_until == paid.period_ends_at
    assert life.shown()["payment"]["status"] == "active"
    assert "subscription.renewed" in life.told()
    assert life.letters() == ["trial_ends_soon", "subscription_renewed"]
    life.till.settle()  # whatever Stripe has to tell of it changes nothing more
    assert (life.credits, Purchase.objects.count()) == (200, 1)


def test_an_account_has_one_trial_whatever_it_was_of(life: Life) -> None:
    life.subscribe("tried")
    assert life.ask("/v1/subscription/cancel", when="now").status_code == 201
    assert life.is_free
    assert life.credits == 0

    again = life.subscribe("tried")

    asked = Checkout.objects.latest("id")
    assert (asked.trial, asked.amount_micros) == ("", 12 * MICROS)  # it has paid for none yet
    assert (again.trial_ends_at, life.credits) == (None, 200)
    assert life.charges() == [1200]


def test_a_trial_whose_card_fails_brings_nothing_more_and_ends_with_its_grace(life: Life) -> None:
    begun = life.subscribe("tried", number=DECLINED_LATER)
    assert life.credits == 50

    life.go_on(WEEK + COLLECTED)

    assert life.shown()["payment"]["status"] == "past_due"
    assert life.subscription.past_due_at is not None
    assert life.subscription.paid_until == begun.trial_ends_at
    assert (life.credits, Purchase.objects.count()) == (0, 0)
    assert life.letters() == ["trial_ends_soon", "payment_failed"]
    assert life.told("subscription.") == ["subscription.activated", "subscription.past_due"]

    life.go_on(WEEK)  # seven days of grace, from the end of the trial
    life.sweep()

    assert life.is_free
    assert (life.credits, life.charges()) == (0, [])
    assert life.told("subscription.")[-1] == "subscription.canceled"


def test_a_card_that_is_replaced_in_time_pays_what_follows_the_trial(life: Life) -> None:
    life.subscribe("tried", number=DECLINED_LATER)
    life.go_on(WEEK + COLLECTED)

    life.put_card()
    life.go_on(3 * DAY + HOUR)  # when it is tried again

    assert life.subscription.past_due_at is None
    assert (life.credits, life.charges()) == (200, [2000])
    assert Purchase.objects.get().credited_micros == 200 * MICROS


def test_a_trial_that_is_canceled_lasts_to_its_end_and_costs_nothing(life: Life) -> None:
    begun = life.subscribe("tried")

    assert life.ask("/v1/subscription/cancel").status_code == 201

    assert life.subscription.ends_at == begun.trial_ends_at
    life.sweep()
    assert life.letters() == ["subscription_canceled"]
    life.go_on(WEEK - HOUR)
    assert life.credits == 50
    life.go_on(HOUR + COLLECTED)
    assert life.is_free
    assert (life.credits, life.charges()) == (0, [])
    assert life.shown()["payment"]["status"] == "canceled"
