"""Packs that nobody activated in time: an order begins them, as the sweep would."""

from datetime import timedelta

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger.models import Wallet
from billing.packs import services
from plans.credits import MICROS
from tests import factories
from tests.packs import shelf

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@transaction.atomic
def begin_overdue(account: Account) -> None:
    services.begin_overdue(factories.lock(account), account)


def credits_of(account: Account) -> int:
    return factories.free_micros(account) // MICROS


def test_an_order_that_comes_before_the_sweep_has_what_is_overdue(ada: Account) -> None:
    bought = shelf.give(ada, "later")
    factories.later(ada, 21 * DAY)

    begin_overdue(ada)

    bought.refresh_from_db()
    assert (bought.activated_at, credits_of(ada)) == (bought.activate_by, 50)


def test_an_order_begins_nothing_before_its_last_day(ada: Account) -> None:
    bought = shelf.give(ada, "later")
    factories.later(ada, 19 * DAY)

    begin_overdue(ada)

    bought.refresh_from_db()
    assert (bought.is_active, credits_of(ada)) == (False, 0)


def test_a_pack_that_the_wallet_has_no_room_for_stops_neither_orders_nor_other_packs(
    ada: Account,
) -> None:
    bob = factories.new_account("bob")
    full, other = shelf.give(ada, "later"), shelf.give(bob, "later")
    factories.give(ada, 10**12 - 1)
    for account in (ada, bob):
        factories.later(account, 21 * DAY)

    begin_overdue(ada)
    done = services.activate_due(now=full.bought_at)

    full.refresh_from_db()
    other.refresh_from_db()
    assert (full.is_active, other.is_active, done) == (False, True, 1)
    assert credits_of(ada) == 10**12 - 1


def test_a_halted_wallet_has_what_it_paid_for_on_its_last_day_and_orders_go_on(
    ada: Account,
) -> None:
    bought = shelf.give(ada, "later")
    factories.later(ada, 21 * DAY)
    factories.halt(ada)

    begin_overdue(ada)

    bought.refresh_from_db()
    assert (bought.activated_at, credits_of(ada)) == (bought.activate_by, 50)
    assert Wallet.objects.get().halted_at is not None  # what comes by itself waits still


def test_the_sweep_begins_a_pack_in_a_halted_wallet_too(ada: Account) -> None:
    bought = shelf.give(ada, "later")
    factories.later(ada, 21 * DAY)
    factories.halt(ada)

    assert services.activate_due(now=bought.bought_at) == 1

    assert credits_of(ada) == 50


def test_packs_that_begin_by_themselves_are_not_counted_to_what_halts_a_wallet(
    ada: Account,
) -> None:
    shelf.publish_shop(shelf.shop_text() + "\n[safety]\nautomatic_grants_per_day = 2\n")
    for number in range(3):
        shelf.give(ada, "later", fact=f"order:{number}")
    factories.later(ada, 21 * DAY)

    begin_overdue(ada)

    wallet = Wallet.objects.get()
    assert (wallet.automatic_count, wallet.halted_at) == (0, None)
    assert credits_of(ada) == 150
