"""Whom a new catalog touches: every subscriber, and every account on the free plan."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from billing.accounts.models import Account
from billing.subscriptions import selectors, services
from billing.subscriptions.models import Subscription
from billing.subscriptions.selectors import touching
from plans import selectors as plans
from plans.catalog import publish
from plans.catalog.publish import Change, Touched
from plans.credits import MICROS
from tests import factories
from tests.subscriptions.conftest import MONTHLY, MOVE, PRICE, STANDARD, written
from tests.subscriptions.paid import nth, tell
from tests.subscriptions.paid import sold as what_is_sold

pytestmark = pytest.mark.django_db
DEARER = (PRICE, PRICE.replace('"66"', '"88"'))
GRACE = ('grace = "P7D"', 'grace = "P3D"')
POLICY = ('credits = "difference", prorate', 'credits = "add", prorate')
METHODS = ('["card", "alipay", "wechat_pay"]', '["card"]')
TEAM = ('code = "team"\n', 'code = "team"\nexisting = "move"\n')
DEARER_SEAT = ('renewal = "79.00"', 'renewal = "89.00"')
FEWER = (MONTHLY, 'credits = "600"\n  rollover')


def touched(*changes: tuple[str, str]) -> list[Touched]:
    now = datetime.now(UTC)
    new = publish.read(written(*changes)).catalog
    change = Change(plans.current().catalog, new, at=now, now=now)
    return list(selectors.touched(change))


@pytest.fixture
def sold(ada: Account) -> Subscription:
    return services.start(account=ada, plan="standard", interval="P1M", currency="CNY")


def test_whoever_is_moved_is_told_with_all_that_changes(sold: Subscription) -> None:
    rows = touched((STANDARD, MOVE), DEARER, FEWER, ("concurrency = 5\n", "concurrency = 6\n"))

    who = ("ada", sold.pk, "standard")
    assert rows == [
        Touched(*who, "price", "66 CNY/P1M", "88 CNY/P1M"),
        Touched(*who, "allowances", "monthly credits: 660", "monthly credits: 600"),
        Touched(*who, "entitlements", "concurrency: 5", "concurrency: 6"),
    ]


def test_whoever_keeps_what_he_was_sold_is_named_too(sold: Subscription) -> None:
    (row,) = touched(DEARER, FEWER)

    assert (row.account, row.kind, row.after) == ("ada", "keeps", "they keep what they were sold")


def test_whoever_is_on_a_plan_that_goes_is_named(sold: Subscription) -> None:
    (row,) = touched(('code = "standard"', 'code = "normal"'))

    assert (row.account, row.kind, row.before) == ("ada", "plan_gone", "standard")


def test_what_concerns_nobody_touches_nobody(sold: Subscription) -> None:
    assert touched() == []
    assert touched(('list = "266"', 'list = "299"')) == []
    assert touched(('table = { 5 = "10", 10 = "20" }', 'table = { 5 = "12", 10 = "20" }')) == []


def test_who_pays_is_touched_by_how_plans_are_changed_and_keeps_his_days_of_grace(
    ada: Account, sold: Subscription
) -> None:
    """Sold by hand, nothing of it concerns Ada; paid by periods, it concerns Eve."""
    anchor = datetime.now(UTC)
    eve = factories.new_account("eve")
    paid = tell(eve, what_is_sold(anchor), nth(anchor, "P1M", 0))

    rows = touched(GRACE, POLICY)

    assert rows == [
        Touched(
            "eve", paid.pk, "standard", "payments", "grace: P7D", "they keep what they were sold"
        ),
        Touched(
            *("eve", paid.pk, "standard", "change_policy"),
            "upgrade.credits: difference",
            "upgrade.credits: add",
        ),
    ]
    assert touched(METHODS) == []


def test_accounts_on_the_free_plan_are_touched_by_what_it_allows(
    ada: Account, sold: Subscription
) -> None:
    eve = factories.new_account("eve")
    factories.settle(eve)
    factories.new_account("nobody")  # has never had a wallet

    (row,) = touched(("concurrency = 3", "concurrency = 1"))

    assert row == Touched("eve", "", "free", "entitlements", "concurrency: 3", "concurrency: 1")


def test_everyone_is_listed_however_many_there_are(
    kling: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touching, "_CHUNK", 2)
    for number in range(5):
        services.start(account=factories.new_account(f"user-{number}"), plan="standard")

    rows = touched((STANDARD, MOVE), FEWER)

    assert sorted(row.account for row in rows) == [f"user-{number}" for number in range(5)]


def test_a_team_is_touched_by_another_price_of_a_seat_and_not_by_the_number_of_its_seats(
    kling: None,
) -> None:
    anchor = datetime.now(UTC)
    team = replace(
        what_is_sold(anchor, plan="team"), currency="USD", seats=5, renewal_micros=5 * 79 * MICROS
    )
    paid = tell(factories.new_account("team"), team, nth(anchor, "P1M", 0))

    assert touched(TEAM) == []
    (row,) = touched(TEAM, DEARER_SEAT)
    assert row == Touched("team", paid.pk, "team", "price", "79 USD/P1M", "89 USD/P1M")
