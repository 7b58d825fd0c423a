"""Who keeps what he was sold, and who is moved to the terms of the catalog in force."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from billing.accounts.models import Account
from billing.ledger.models import Allowance, Grant
from billing.subscriptions import selectors, services
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Event
from plans import selectors as plans
from plans.catalog.offers import Plan
from plans.credits import MICROS
from tests import factories
from tests.subscriptions.conftest import MONTHLY, MOVE, PRICE, STANDARD, Vary

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
FEWER = (MONTHLY, 'credits = "600"\n  rollover')
DEARER = (PRICE, PRICE.replace('"66"', '"88"'))
ROOMIER = ("concurrency = 5", "concurrency = 6")


def terms(account: Account) -> Plan:
    plan = selectors.plan_of(account, catalog=plans.current().catalog)
    assert plan is not None
    return plan


def move_all() -> int:
    total = 0
    while found := services.move_subscribers(now=timezone.now()):
        total += found
    return total


@pytest.fixture
def sold(ada: Account) -> Subscription:
    """Ada pays 66 a month for 660 credits."""
    return services.start(account=ada, plan="standard", interval="P1M", currency="CNY")


def test_subscribers_keep_what_they_were_sold(ada: Account, sold: Subscription, vary: Vary) -> None:
    vary(FEWER, DEARER, ROOMIER)

    assert move_all() == 0

    assert terms(ada).entitlements.concurrency == 5
    factories.later(ada, 31 * DAY)
    assert factories.free_micros(ada) == 660 * MICROS
    sold.refresh_from_db()
    assert sold.renewal_micros == 66 * MICROS
    assert sold.terms_version_id == sold.catalog_version_id


def test_who_comes_after_a_change_is_sold_the_new_terms(kling: None, vary: Vary) -> None:
    vary(FEWER, DEARER, ROOMIER)
    eve = factories.new_account("eve")

    services.start(account=eve, plan="standard")

    assert terms(eve).entitlements.concurrency == 6
    assert factories.free_micros(eve) == 600 * MICROS


def test_a_plan_that_the_catalog_has_no_more_goes_on_for_its_subscribers(
    ada: Account, sold: Subscription, vary: Vary
) -> None:
    vary(('code = "standard"', 'code = "normal"'))

    assert move_all() == 0

    assert terms(ada).code == "standard"
    factories.later(ada, 31 * DAY)
    assert factories.free_micros(ada) == 660 * MICROS


def test_who_is_moved_has_the_new_terms_from_the_next_window_on(
    ada: Account, sold: Subscription, vary: Vary
) -> None:
    factories.later(ada, 10 * DAY)
    new = vary((STANDARD, MOVE), FEWER, DEARER, ROOMIER)
    assert terms(ada).entitlements.concurrency == 5

    assert move_all() == 1
    assert move_all() == 0

    assert terms(ada).entitlements.concurrency == 6
    sold.refresh_from_db()
    assert sold.terms_version_id == new.pk != sold.catalog_version_id
    assert (sold.price_micros, sold.renewal_micros) == (66 * MICROS, 88 * MICROS)
    assert factories.free_micros(ada) == 660 * MICROS  # this month's stay
    factories.later(ada, 17 * DAY)
    assert factories.free_micros(ada) == 660 * MICROS  # day 27: not yet
    factories.later(ada, 5 * DAY)
    assert factories.free_micros(ada) == 600 * MICROS  # the next month's, once
    assert Grant.objects.filter(wallet__account=ada).count() == 2
    assert [one.type for one in Event.objects.order_by("sequence")] == [
        *("subscription.activated", "subscription.changed")
    ]


def test_a_move_waits_for_its_instant(ada: Account, sold: Subscription, vary: Vary) -> None:
    at = datetime(2099, 1, 1, tzinfo=UTC)
    vary((STANDARD, f"{MOVE}moves_at = 2099-01-01T00:00:00Z\n"), ROOMIER)

    assert services.move_subscribers(now=at - DAY) == 0
    assert terms(ada).entitlements.concurrency == 5
    upcoming = selectors.next_change(sold, plans.current().catalog, at=timezone.now())
    assert upcoming == selectors.NextChange(at, "moves", "standard")

    assert services.move_subscribers(now=at) == 1
    assert terms(ada).entitlements.concurrency == 6


def test_what_is_due_is_given_on_the_old_terms_before_a_move(
    ada: Account, sold: Subscription, vary: Vary
) -> None:
    """She slept into her second month; the sweep that moves her must not take it away."""
    vary((STANDARD, MOVE), FEWER)
    factories.later(ada, 40 * DAY)

    assert move_all() == 1

    assert factories.free_micros(ada) == 660 * MICROS
    factories.later(ada, 31 * DAY)
    assert factories.free_micros(ada) == 600 * MICROS


def test_an_allowance_of_another_name_takes_the_old_ones_windows(
    ada: Account, sold: Subscription, vary: Vary
) -> None:
    factories.later(ada, 10 * DAY)
    vary((STANDARD, MOVE), ('code = "monthly"', 'code = "credits"'), FEWER)

    assert move_all() == 1

    assert factories.free_micros(ada) == 660 * MICROS
    factories.later(ada, 22 * DAY)
    assert factories.free_micros(ada) == 600 * MICROS


def test_what_a_plan_gives_no_more_is_over_and_what_is_new_begins(
    ada: Account, sold: Subscription, vary: Vary
) -> None:
    weekly = 'code = "monthly"\n  cadence = "weekly"'
    vary((STANDARD, MOVE), ('code = "monthly"\n  cadence = "monthly"', weekly), FEWER)

    assert move_all() == 1

    assert factories.free_micros(ada) == 1260 * MICROS
    open_ones = Allowance.objects.filter(wallet__account=ada, ends_at=None)
    assert [one.cadence for one in open_ones] == ["weekly"]
    factories.later(ada, 8 * DAY)
    assert factories.free_micros(ada) == 1260 * MICROS  # the week's rest went, the next came


def test_equal_terms_move_nobody(ada: Account, sold: Subscription, vary: Vary) -> None:
    """Only rates have changed: a sweep must not touch a million rows for that."""
    vary((STANDARD, MOVE), ('table = { 5 = "10", 10 = "20" }', 'table = { 5 = "12", 10 = "20" }'))

    assert move_all() == 0

    sold.refresh_from_db()
    assert sold.moved_at is None


def test_many_are_moved_batch_by_batch(kling: None, vary: Vary) -> None:
    for number in range(5):
        services.start(account=factories.new_account(f"user-{number}"), plan="standard")
    vary((STANDARD, MOVE), FEWER)

    counts = [services.move_subscribers(now=timezone.now(), limit=2) for _round in range(4)]

    assert counts == [2, 2, 1, 0]
    assert Subscription.objects.filter(moved_at=None).count() == 0


def test_a_gift_that_is_moved_still_ends(ada: Account, vary: Vary) -> None:
    now = factories.later(ada, timedelta())
    services.start(account=ada, plan="standard", ends_at=now + 40 * DAY)
    vary((STANDARD, MOVE), FEWER)

    assert move_all() == 1

    factories.later(ada, 32 * DAY)
    assert factories.free_micros(ada) == 600 * MICROS
    factories.later(ada, 60 * DAY)
    assert factories.free_micros(ada) == 0


# -- the free plan --------------------------------------------------------------------------------

FREE = 'code = "free"\nname = { en = "Free", zh = "免费版" }\n'
FREE_MOVES = (FREE, f'{FREE}existing = "move"\n')
FEWER_A_DAY = ('credits = "66"', 'credits = "50"')


def test_open_wallets_keep_the_free_plans_allowances(ada: Account, vary: Vary) -> None:
    factories.settle(ada)
    vary(FEWER_A_DAY)

    assert move_all() == 0

    assert factories.claim(ada).amount_micros == 66 * MICROS


def test_accounts_on_the_free_plan_are_moved_where_it_says_so(ada: Account, vary: Vary) -> None:
    factories.claim(ada)
    eve = factories.new_account("eve")
    services.start(account=eve, plan="standard")
    vary(FREE_MOVES, FEWER_A_DAY)

    assert move_all() == 1
    assert move_all() == 0

    assert factories.claim(ada).amount_micros == 66 * MICROS  # today's were given
    factories.later(ada, DAY)
    assert factories.claim(ada).amount_micros == 50 * MICROS
    assert Allowance.objects.get(wallet__account=eve, ends_at=None).cadence == "monthly"


def test_the_free_plan_waits_for_its_instant_too(ada: Account, vary: Vary) -> None:
    factories.settle(ada)
    moves = f'{FREE}existing = "move"\nmoves_at = 2099-01-01T00:00:00Z\n'
    vary((FREE, moves), FEWER_A_DAY)

    assert move_all() == 0
    assert services.move_subscribers(now=datetime(2099, 1, 1, tzinfo=UTC)) == 1
