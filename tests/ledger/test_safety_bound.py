"""What comes by itself too often is stopped, and goes on when somebody has looked (I26)."""

from datetime import timedelta

import pytest
from django.db import transaction

from billing.ledger import services as ledger
from billing.ledger.errors import GrantsHalted
from billing.ledger.models import Grant, Wallet
from billing.ledger.services import Cause, GrantTerms
from plans.credits import MICROS
from tests import factories
from tests.ledger.shop import allowance, customer, free

pytestmark = pytest.mark.usefixtures("ends_clean")

DAY = timedelta(days=1)
BOUND = "safety = { automatic_grants_per_day = 3 }"
OFTEN = allowance(cadence="rolling", period="PT1H", credits="1", expiry="never")


def test_the_day_has_so_many_automatic_grants_and_no_more() -> None:
    ada = customer(free=OFTEN, keys=BOUND)  # the first came with the plan
    for _hour in range(6):
        if free(ada):
            factories.release(ada, factories.hold(ada, 1))
        factories.later(ada, timedelta(hours=1))

    wallet = Wallet.objects.get()
    assert Grant.objects.filter(created_at__date=wallet.automatic_on).count() <= 3
    assert wallet.halted_at is not None
    assert wallet.due_at is None


def test_it_goes_on_when_an_operator_has_looked() -> None:
    ada = customer(
        free="".join(
            allowance(code=f"a{number}", cadence="daily", credits="1") for number in range(1)
        )
        + "".join(
            "\n" + allowance(code=f"b{number}", cadence="daily", credits="1") for number in range(4)
        ),
        keys=BOUND,
    )
    assert (free(ada), Grant.objects.count()) == (3, 3)

    with transaction.atomic():
        ledger.resume_grants(factories.lock(ada))

    assert (free(ada), Grant.objects.count()) == (5, 5)
    assert Wallet.objects.get().halted_at is None


def test_a_past_instant_knows_that_nothing_came_then() -> None:
    daily = "\n".join(
        allowance(code=f"a{number}", cadence="daily", credits="1", expiry="never")
        for number in range(4)
    )
    ada = customer(free=daily, keys=BOUND)
    halted = factories.later(ada, 2 * DAY)
    told = free(ada)
    with transaction.atomic():
        ledger.resume_grants(factories.lock(ada))
    factories.later(ada, DAY)

    assert (told, free(ada, halted)) == (3, 3)
    assert free(ada) > 3


def test_a_loop_of_the_system_is_refused_and_a_persons_grants_are_not() -> None:
    ada = customer(keys=BOUND)

    @transaction.atomic
    def by_itself(number: int) -> Grant:
        return ledger.grant(
            factories.lock(ada),
            GrantTerms(amount_micros=MICROS, source="promo", fact=f"loop:{number}"),
            cause=Cause("campaign", "launch"),
            actor=factories.SYSTEM,
        )

    for number in range(3):
        by_itself(number)
    for number in range(3, 6):
        with pytest.raises(GrantsHalted):
            by_itself(number)
    assert by_itself(0).fact == "loop:0"  # a repeat gives nothing
    factories.give(ada, 10)

    assert free(ada) == 13


def test_a_sleeper_who_catches_up_is_no_loop() -> None:
    keeps = allowance(cadence="daily", credits="1", rollover="periods", rollover_periods="40")
    ada = customer(free=keeps.replace('"40"', "40"), keys=BOUND)

    factories.later(ada, 30 * DAY)

    assert free(ada) == 31
    assert Wallet.objects.get().halted_at is None
