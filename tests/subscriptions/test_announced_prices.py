"""A price that is announced reaches all who shall pay it, whenever they came."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.accounts.models import Account
from billing.subscriptions import selectors, services
from billing.subscriptions.models import Subscription
from plans import selectors as plans
from plans.catalog import publish
from plans.catalog.publish import Change, Touched
from plans.credits import MICROS
from tests import factories
from tests.subscriptions.conftest import MOVE, PRICE, STANDARD, Vary, written

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def soon() -> datetime:
    """When the price rises."""
    return (datetime.now(UTC) + 10 * DAY).replace(microsecond=0)


def rise(at: datetime) -> tuple[str, str]:
    """Return the change of a catalog that announces 88 instead of 66."""
    dearer = f'  {{ currency = "CNY", interval = "P1M", list = "88", from = {at.isoformat()} }},\n'
    return PRICE, PRICE + dearer


def buy(account: Account) -> Subscription:
    return services.start(account=account, plan="standard", interval="P1M", currency="CNY")


def paying() -> dict[str, int]:
    rows = Subscription.objects.values_list("account__external_id", "renewal_micros")
    return {name: (micros or 0) // MICROS for name, micros in rows}


def test_a_rise_reaches_who_bought_before_and_who_bought_after_it_was_announced(
    ada: Account, vary: Vary, soon: datetime
) -> None:
    buy(ada)
    vary((STANDARD, f"{MOVE}moves_at = {soon.isoformat()}\n"), rise(soon))
    late = buy(factories.new_account("late"))

    assert services.move_subscribers(now=soon - DAY) == 0
    assert paying() == {"ada": 66, "late": 66}
    upcoming = selectors.next_change(late, plans.current().catalog, at=datetime.now(UTC))
    assert upcoming == selectors.NextChange(soon, "moves", "standard")

    assert services.move_subscribers(now=soon) == 2
    assert services.move_subscribers(now=soon) == 0
    assert paying() == {"ada": 88, "late": 88}


def test_who_was_moved_before_the_rise_has_it_when_it_comes(
    ada: Account, vary: Vary, soon: datetime
) -> None:
    sold = buy(ada)
    vary((STANDARD, MOVE), rise(soon))
    assert services.move_subscribers(now=datetime.now(UTC)) == 1
    assert paying() == {"ada": 66}
    sold.refresh_from_db()
    upcoming = selectors.next_change(sold, plans.current().catalog, at=datetime.now(UTC))
    assert upcoming == selectors.NextChange(soon, "moves", "standard")

    assert services.move_subscribers(now=soon) == 1

    assert paying() == {"ada": 88}
    sold.refresh_from_db()
    assert selectors.next_change(sold, plans.current().catalog, at=soon) is None


def test_where_the_catalog_keeps_its_subscribers_no_rise_reaches_them(
    ada: Account, vary: Vary, soon: datetime
) -> None:
    vary(rise(soon))
    sold = buy(ada)

    assert services.move_subscribers(now=soon + DAY) == 0

    assert paying() == {"ada": 66}
    assert selectors.next_change(sold, plans.current().catalog, at=datetime.now(UTC)) is None


def test_whoever_is_sold_or_given_a_plan_on_a_clock_that_is_ahead_is_left_alone(
    ada: Account, vary: Vary, soon: datetime
) -> None:
    vary((STANDARD, MOVE), rise(soon))
    factories.later(ada, 11 * DAY)
    buy(ada)
    services.start(account=factories.new_account("given"), plan="standard")

    assert services.move_subscribers(now=datetime.now(UTC)) == 0

    assert paying() == {"ada": 88, "given": 0}


def test_a_rise_that_is_announced_names_all_whom_it_will_reach(
    ada: Account, vary: Vary, soon: datetime
) -> None:
    vary((STANDARD, MOVE), rise(soon))
    sold = buy(ada)
    new = publish.read(written((STANDARD, MOVE), rise(soon))).catalog
    now = datetime.now(UTC)

    (row,) = selectors.touched(Change(plans.current().catalog, new, at=now, now=now))

    will = f"88 CNY/P1M from {soon.isoformat()}"
    assert row == Touched("ada", sold.pk, "standard", "price", "66 CNY/P1M", will)
