"""A year and half a year are paid once, and come month by month."""

from datetime import timedelta

import pytest

from billing.ledger.models import Grant
from billing.payments.models import Purchase
from billing.subscriptions.models import PaidPeriod
from plans.credits import MICROS
from tests import factories
from tests.payments.lives import COLLECTED, DAY, HOUR, Life
from tests.payments.till import Till
from tests.stripe_peer.driver import DECLINED_LATER
from tests.subscriptions.paid import months_after

pytestmark = pytest.mark.django_db


def go_to_month(life: Life, number: int) -> None:
    """Let time pass until the month of that number has begun, from the day of the purchase."""
    begins_at = months_after(life.contract.anchor_at, number)
    life.go_on(begins_at + COLLECTED - life.now)


def test_a_year_is_paid_once_and_comes_in_twelve_months(life: Life) -> None:
    begun = life.subscribe("small", interval="P1Y")
    assert begun.paid_until == months_after(life.contract.anchor_at, 12)

    had = [life.credits]
    for month in range(1, 12):
        go_to_month(life, month)
        had.append(life.credits)

    assert had == [100] * 12  # a month's are gone with it
    assert Grant.objects.count() == 12
    starts = sorted(Grant.objects.values_list("effective_at", flat=True))
    # The first came when it was told; the others come at the very instants of Stripe's calendar.
    assert starts[1:] == [months_after(life.contract.anchor_at, month) for month in range(1, 12)]
    assert (life.charges(), Purchase.objects.count()) == ([9000], 1)

    go_to_month(life, 12)

    assert life.charges() == [9000, 9000]
    assert (life.credits, Grant.objects.count()) == (100, 13)
    assert PaidPeriod.objects.count() == 2


def test_a_year_that_is_told_late_brings_the_months_that_were_missed(lives: Till) -> None:
    """Ada's own clock goes on, and nobody has told that she has paid."""
    ada = factories.new_account("ada")
    life = Life(lives, ada)
    url = life.open_page("small", interval="P1Y")
    lives.peer.pay(url)
    factories.later(ada, timedelta(days=70))
    assert life.is_free

    lives.settle()

    # Two months were over: each of them lasts as long again, beside the one under way.
    assert (life.credits, Grant.objects.count()) == (300, 3)
    assert Purchase.objects.get().credited_micros == 300 * MICROS
    lives.settle()
    assert (life.credits, Grant.objects.count()) == (300, 3)


def test_a_year_that_is_canceled_comes_to_its_end(life: Life) -> None:
    life.subscribe("small", interval="P1Y")
    go_to_month(life, 3)

    answer = life.ask("/v1/subscription/cancel")

    assert answer.status_code == 201, answer.content
    assert answer.json()["next_change"]["kind"] == "ends"
    go_to_month(life, 11)
    assert (life.credits, Grant.objects.count()) == (100, 12)
    go_to_month(life, 12)
    assert life.is_free
    assert (life.credits, Grant.objects.count(), life.charges()) == (0, 12, [9000])
    go_to_month(life, 13)
    assert (life.credits, Grant.objects.count()) == (0, 12)


def test_a_year_that_ends_at_once_brings_no_month_more(life: Life) -> None:
    life.subscribe("small", interval="P1Y")
    go_to_month(life, 3)

    assert life.ask("/v1/subscription/cancel", when="now").status_code == 201

    assert (life.is_free, life.credits) == (True, 100)  # its month's stay to the month's end
    go_to_month(life, 5)
    assert (life.credits, Grant.objects.count(), life.charges()) == (0, 4, [9000])


def test_half_a_year_comes_in_six_months_and_is_paid_again(life: Life) -> None:
    begun = life.subscribe("small", interval="P6M")
    assert begun.paid_until == months_after(life.contract.anchor_at, 6)

    go_to_month(life, 5)
    life.go_on(DAY)
    assert (life.charges(), Grant.objects.count(), life.credits) == ([5000], 6, 100)

    go_to_month(life, 6)

    assert life.charges() == [5000, 5000]
    assert (Grant.objects.count(), life.credits) == (7, 100)
    assert life.subscription.paid_until == months_after(life.contract.anchor_at, 12)


def test_a_year_whose_renewal_fails_brings_nothing_beyond_it(life: Life) -> None:
    life.subscribe("small", interval="P1Y")
    life.put_card(DECLINED_LATER)

    go_to_month(life, 12)

    assert life.contract.status == "past_due"
    assert (life.credits, Grant.objects.count()) == (0, 12)
    life.go_on(7 * DAY + HOUR)
    life.sweep()
    assert life.is_free
    assert (Grant.objects.count(), Purchase.objects.count()) == (12, 1)
