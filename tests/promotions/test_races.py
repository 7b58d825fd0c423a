"""What many want at once is given as if they had stood in line; without the lock it races."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import IntegrityError

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.packs import services as packs
from billing.packs.models import PackPurchase
from billing.promotions import services
from billing.promotions.errors import AlreadyGranted, AlreadyRedeemed, CampaignExhausted, CodeUsedUp
from billing.promotions.models import CampaignBudget, CampaignGrant, Redemption, RedemptionCode
from billing.promotions.services import Gift, granting, redeeming
from plans.credits import MICROS
from tests import factories
from tests.http.racing import at_once
from tests.packs import shelf

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 100
AT_ONCE = 25  # so many threads at a time; the others follow at their heels


@pytest.fixture
def crowd(transactional_db: None) -> list[Account]:
    """A hundred accounts with open wallets."""
    shelf.publish_shop()
    accounts = [factories.new_account(f"bob-{place}") for place in range(MANY)]
    for account in accounts:
        factories.settle(account)
    return accounts


def by_all(crowd: list[Account], act: Callable[[Account], object]) -> list[object]:
    """Return what the act of each account returned or raised, many of them at once."""

    def part(some: list[Account]) -> list[object]:
        return list(at_once(len(some), lambda place: act(some[place])))

    starts = range(0, len(crowd), AT_ONCE)
    return [one for start in starts for one in part(crowd[start : start + AT_ONCE])]


def test_a_budget_of_ten_shares_is_given_to_ten_of_a_hundred(crowd: list[Account]) -> None:
    results = by_all(crowd, lambda account: shelf.share(account, "welcome"))

    assert sum(isinstance(one, CampaignGrant) for one in results) == 10
    assert sum(isinstance(one, CampaignExhausted) for one in results) == 90
    budget = CampaignBudget.objects.get()
    assert budget.granted_micros == budget.budget_micros == 30 * MICROS
    assert Grant.objects.count() == CampaignGrant.objects.count() == 10


def test_control_without_the_budgets_lock_only_the_database_stops_the_eleventh(
    crowd: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that this set-up can race at all, and that the constraints are the second wall."""
    shelf.share(crowd[0], "welcome")
    everyone_has_read = Barrier(4)

    def take(share: CampaignGrant, terms: object, *, is_sandbox: bool) -> None:
        budget = CampaignBudget.objects.get(is_sandbox=is_sandbox)
        try:
            everyone_has_read.wait(timeout=10)
        except BrokenBarrierError:
            pytest.fail("they did not all read: nothing raced")
        budget.granted_micros += share.amount_micros
        budget.save(update_fields=["granted_micros"])
        share.budget, share.granted_after_micros = budget, budget.granted_micros

    monkeypatch.setattr(granting, "_take", take)

    results = at_once(4, lambda place: shelf.share(crowd[place + 1], "welcome"))

    assert sum(isinstance(one, CampaignGrant) for one in results) == 1
    assert sum(isinstance(one, IntegrityError) for one in results) == 3
    assert CampaignBudget.objects.get().granted_micros == 6 * MICROS
    assert Grant.objects.count() == 2


def test_one_account_has_its_share_once_under_many_facts(crowd: list[Account]) -> None:
    ada = crowd[0]

    results = at_once(AT_ONCE, lambda place: shelf.share(ada, "welcome", fact=f"fact:{place}"))

    assert sum(isinstance(one, CampaignGrant) for one in results) == 1
    assert sum(isinstance(one, AlreadyGranted) for one in results) == AT_ONCE - 1
    assert factories.free_micros(ada) == 3 * MICROS


def test_one_fact_many_times_at_once_is_one_share(crowd: list[Account]) -> None:
    ada = crowd[0]

    results = at_once(AT_ONCE, lambda _place: shelf.share(ada, "dice"))

    assert {one.pk for one in results if isinstance(one, CampaignGrant)} == {
        CampaignGrant.objects.get().pk
    }
    assert all(isinstance(one, CampaignGrant) for one in results)


def _code(uses: int) -> str:
    [code] = services.create_codes(
        Gift("pack", "plain"), count=1, uses=uses, is_sandbox=True, now=datetime.now(UTC)
    )
    return code


@pytest.mark.parametrize("uses", [1, 7])
def test_a_code_is_redeemed_by_as_many_of_a_hundred_as_it_is_good_for(
    crowd: list[Account], uses: int
) -> None:
    code = _code(uses)

    results = by_all(crowd, lambda account: shelf.redeem(account, code))

    assert sum(isinstance(one, Redemption) for one in results) == uses
    assert sum(isinstance(one, CodeUsedUp) for one in results) == MANY - uses
    assert RedemptionCode.objects.get().used == uses
    assert PackPurchase.objects.count() == Redemption.objects.count() == uses


def test_control_without_the_codes_lock_only_the_database_stops_the_second(
    crowd: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = _code(1)
    everyone_has_read = Barrier(4)

    def read(typed: str, *, is_sandbox: bool) -> RedemptionCode:
        found = RedemptionCode.objects.get(is_sandbox=is_sandbox)
        try:
            everyone_has_read.wait(timeout=10)
        except BrokenBarrierError:
            pytest.fail("they did not all read: nothing raced")
        return found

    monkeypatch.setattr(redeeming, "_lock", read)

    results = at_once(4, lambda place: shelf.redeem(crowd[place], code))

    assert sum(isinstance(one, Redemption) for one in results) == 1
    assert sum(isinstance(one, IntegrityError) for one in results) == 3
    assert PackPurchase.objects.count() == 1


def test_one_account_redeems_a_code_once_however_often_it_asks(crowd: list[Account]) -> None:
    code, ada = _code(MANY), crowd[0]

    results = at_once(AT_ONCE, lambda _place: shelf.redeem(ada, code))

    assert sum(isinstance(one, Redemption) for one in results) == 1
    assert sum(isinstance(one, AlreadyRedeemed) for one in results) == AT_ONCE - 1
    assert factories.free_micros(ada) == 105 * MICROS


def test_ten_wrong_codes_are_ten_however_many_come_at_once(crowd: list[Account]) -> None:
    ada = crowd[0]

    results = at_once(AT_ONCE, lambda _place: shelf.redeem(ada, "nonsense"))

    assert sum(one is None for one in results) == 10
    assert not Grant.objects.exists()


def test_activated_by_its_owner_and_by_the_sweep_at_once_it_begins_once(
    crowd: list[Account],
) -> None:
    bought = shelf.give(crowd[0], "later")
    assert bought.activate_by is not None
    factories.later(crowd[0], bought.activate_by - bought.bought_at)

    def begin(place: int) -> object:
        if place % 2:
            return shelf.activate(crowd[0], bought)
        return packs.activate_due(now=bought.bought_at)

    results = at_once(8, begin)

    assert not any(isinstance(one, Exception) for one in results), results
    assert Grant.objects.count() == 1
    assert factories.free_micros(crowd[0]) == 50 * MICROS


def test_a_sale_told_many_times_at_once_is_one_purchase(crowd: list[Account]) -> None:
    results = at_once(AT_ONCE, lambda _place: shelf.give(crowd[0], "plain"))

    assert all(isinstance(one, PackPurchase) for one in results), results
    assert PackPurchase.objects.count() == 1
    assert factories.free_micros(crowd[0]) == 105 * MICROS
