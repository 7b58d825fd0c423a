"""Counted units when a subscription takes another's place: what was used of a window stays used."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.subscriptions import services
from billing.subscriptions.models import Subscription
from billing.subscriptions.services import Sold
from plans.credits import MICROS
from tests import factories
from tests.ledger import shop
from tests.subscriptions import paid

pytestmark = pytest.mark.django_db
DAY: Final = timedelta(days=1)
SEATS: Final = "seats_min = 3\nseats_max = 15\n"
_EACH: Final = shop.allowance(code="orders", cadence="monthly", unit="order", amount=10)
ORDERS: Final = f"{SEATS}{_EACH}\nper_seat = true\n"
OTHER: Final = f"""
[[plan]]
code = "max"
name = {{ en = "Max", zh = "旗舰" }}
unpriced = true
{ORDERS}
"""


@pytest.fixture
def team() -> Account:
    """A studio on four seats, each with ten orders a month."""
    shop.open_shop(pro=ORDERS + OTHER)
    return factories.new_account("studio")


def here(account: Account) -> datetime:
    """Return the account's instant, to the second, as Stripe counts."""
    return factories.later(account, timedelta()).replace(microsecond=0)


def sold(anchor: datetime, *, plan: str = "pro", seats: int = 4) -> Sold:
    return replace(paid.sold(anchor, plan=plan), seats=seats)


@transaction.atomic
def begin(account: Account, anchor: datetime) -> Subscription:
    return services.begin_sold(
        factories.lock(account),
        account=account,
        sold=sold(anchor),
        period=paid.nth(anchor, "P1M", 0),
    )


@transaction.atomic
def change(before: Subscription, *, plan: str = "pro", seats: int) -> Subscription:
    assert before.anchor_at is not None
    return services.change_sold(
        factories.lock(before.account),
        before,
        sold=sold(before.anchor_at, plan=plan, seats=seats),
        gives_micros=0,
        fact=f"change:{plan}:{seats}",
    )


@transaction.atomic
def order(account: Account, number: int) -> None:
    """Order something that is counted, and have it."""
    locked = factories.lock(account)
    covers = ledger.cover(ledger.counted(locked), facts={}, outputs=1, seconds=5)
    ledger.draw(locked, covers, reference=f"job:{number}")


def left(account: Account) -> list[int]:
    balance = ledger_selectors.balance(factories.wallet_of(account), as_of=None)
    return [one.left_micros // MICROS for one in balance.counted]


def test_a_seat_more_brings_its_own_units_and_no_others_anew(team: Account) -> None:
    begun = begin(team, here(team))
    for number in range(38):
        order(team, number)
    factories.later(team, 25 * DAY)

    change(begun, seats=5)

    assert left(team) == [12]


def test_the_windows_go_on_through_change_after_change_and_a_renewal_within_them(
    team: Account,
) -> None:
    anchor = here(team)
    begun = begin(team, anchor)
    order(team, 1)

    fifth = change(begun, seats=5)
    order(team, 2)
    sixth = change(fifth, seats=6)
    order(team, 3)
    with transaction.atomic():
        services.renew(factories.lock(team), sixth, period=paid.nth(anchor, "P1M", 1))

    assert left(team) == [57]
    factories.later(team, 32 * DAY)
    assert left(team) == [60]  # the next window is whole


def test_there_and_back_in_one_window_brings_no_units_anew(team: Account) -> None:
    begun = begin(team, here(team))
    for number in range(30):
        order(team, number)

    other = change(begun, plan="max", seats=4)
    assert left(team) == [40]  # of another plan, which brings its own
    change(other, seats=4)

    assert left(team) == [10]


def test_what_is_bought_anew_from_another_instant_brings_its_units_anew(team: Account) -> None:
    begun = begin(team, here(team))
    order(team, 1)
    with transaction.atomic():
        services.lapse(factories.lock(team), begun)
    factories.later(team, DAY)

    begin(team, here(team))

    assert left(team) == [40]
