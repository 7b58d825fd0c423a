"""An allowance that goes on under another code: it stays one, and gives nothing a second time."""

from datetime import timedelta
from fractions import Fraction

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import selectors
from billing.ledger import services as ledger
from billing.ledger.errors import NothingToClaim
from billing.ledger.models import Allowance, Grant
from billing.subscriptions import services as subscriptions
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.ledger.shop import allowance, customer, free, open_shop, spend

pytestmark = pytest.mark.usefixtures("ends_clean")

DAY = timedelta(days=1)


@transaction.atomic
def carry(account: Account, code: str, **more: object) -> None:
    """Give the wallet the plan's allowances as the catalog in force has them."""
    plan = plans.current().catalog.plan(code)
    assert plan is not None
    ledger.carry_allowances(factories.lock(account), plan, zone=account.zone, **more)  # type: ignore[arg-type]  # ends_at


def test_what_comes_once_does_not_come_again_under_another_name() -> None:
    ada = customer(free=allowance(code="welcome", cadence="once", credits="100", expiry="never"))
    open_shop(free=allowance(code="signup", cadence="once", credits="100", expiry="never"))

    carry(ada, "free")

    assert free(ada) == 100
    assert Grant.objects.count() == 1
    open_shop(free=allowance(code="hello", cadence="once", credits="100", expiry="never"))
    carry(ada, "free")
    assert free(ada) == 100


def test_a_last_month_does_not_come_again_under_another_name() -> None:
    ada = customer(pro=allowance(code="monthly", cadence="monthly", credits="660"))
    end = factories.later(ada, timedelta()) + 20 * DAY
    subscriptions.start(account=ada, plan="pro", ends_at=end)
    open_shop(pro=allowance(code="credits", cadence="monthly", credits="660"))

    carry(ada, "pro", ends_at=end)
    assert free(ada) == 660

    carry(ada, "pro", ends_at=end + 31 * DAY)
    assert free(ada) == 660
    factories.later(ada, 31 * DAY)
    assert free(ada) == 660
    assert Grant.objects.count() == 2


def test_what_rolls_goes_on_under_another_name_from_its_first_use() -> None:
    ada = customer(free=allowance(code="roll", cadence="rolling", period="PT24H", credits="50"))
    open_shop(free=allowance(code="turn", cadence="rolling", period="PT24H", credits="50"))

    carry(ada, "free")
    assert free(ada) == 50
    factories.later(ada, 3 * DAY)
    assert free(ada) == 50

    spend(ada, 20)
    factories.later(ada, DAY)
    assert free(ada) == 50
    assert Grant.objects.count() == 2


def test_a_day_is_checked_in_once_whatever_the_allowance_is_called() -> None:
    ada = customer(free=allowance(code="a", cadence="daily", mode="claimed", credits="66"))
    first = factories.claim(ada)
    open_shop(free=allowance(code="b", cadence="daily", mode="claimed", credits="66"))

    carry(ada, "free")

    assert factories.claim(ada) == first
    factories.later(ada, DAY)
    assert factories.claim(ada).streak_days == 2


def test_counted_units_are_not_counted_anew_under_another_name() -> None:
    def videos(code: str) -> str:
        return allowance(code=code, cadence="daily", unit="output", amount=3)

    ada = customer(free=videos("a"))
    with transaction.atomic():
        locked = factories.lock(ada)
        covers = ledger.cover(ledger.counted(locked), facts={}, outputs=2, seconds=2)
        ledger.draw(locked, covers, reference="job:1")
    assert covers[0].share == Fraction(1)
    open_shop(free=videos("b"))

    carry(ada, "free")

    (one,) = selectors.balance(factories.wallet_of(ada), as_of=None).counted
    assert one.left_micros == MICROS


def test_the_cap_of_a_renamed_allowance_counts_what_it_gave_before() -> None:
    def capped(code: str) -> str:
        return allowance(
            code=code, cadence="daily", credits="100", rollover="cap", rollover_cap="50"
        )

    ada = customer(free=capped("a"))
    open_shop(free=capped("b"))
    carry(ada, "free")

    factories.later(ada, 3 * DAY)

    assert free(ada) == 150


def test_an_old_name_may_be_used_anew_and_has_windows_of_its_own() -> None:
    def daily(code: str, credits_: str) -> str:
        return allowance(code=code, cadence="daily", credits=credits_, expiry="never")

    ada = customer(free=daily("a", "10"))
    open_shop(free=daily("b", "10"))
    carry(ada, "free")
    assert free(ada) == 10
    open_shop(free="\n".join((daily("a", "5"), daily("b", "10"))))

    carry(ada, "free")
    factories.later(ada, DAY)

    assert Allowance.objects.filter(ends_at=None).count() == 2
    before = free(ada)
    factories.later(ada, DAY)
    assert free(ada) - before == 15
    factories.later(ada, DAY)
    assert free(ada) - before == 30


def test_who_leaves_and_comes_back_has_a_renamed_welcome_once() -> None:
    def once(code: str) -> str:
        return allowance(code=code, cadence="once", credits="100", expiry="never")

    ada = customer(free=once("a"))
    open_shop(free=once("b"))
    carry(ada, "free")
    subscriptions.start(account=ada, plan="pro")

    subscriptions.start(account=ada, plan="free")

    assert free(ada) == 100


def test_who_has_a_plan_until_a_day_checks_in_until_then() -> None:
    ada = customer(
        pro=allowance(code="checkin", cadence="daily", mode="claimed", credits="66", expiry="never")
    )
    now = factories.later(ada, timedelta())
    subscriptions.start(account=ada, plan="pro", ends_at=now + 2 * DAY)
    wallet = factories.wallet_of(ada)
    balance = selectors.balance(wallet, as_of=None)
    assert balance.next_grant is not None
    assert balance.next_grant.mode == "claimed"
    assert balance.resets_at is not None

    assert factories.claim(ada).amount_micros == 66 * MICROS
    factories.later(ada, 2 * DAY)

    with pytest.raises(NothingToClaim):
        factories.claim(ada)
    assert free(ada) == 66
    assert selectors.balance(factories.wallet_of(ada), as_of=None).next_grant is None
