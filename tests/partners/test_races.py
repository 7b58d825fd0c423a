"""What many want at once is as if they had stood in line; without the lock it races."""

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import IntegrityError

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.partners import selectors, services
from billing.partners.errors import AlreadyReferred, NotNew, ReferralLimit
from billing.partners.models import Referral, ReferralCode, Reward
from billing.promotions.models import CampaignGrant
from plans.credits import MICROS
from tests import factories
from tests.http.racing import at_once
from tests.partners import shelf

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 100
AT_ONCE = 25


@pytest.fixture
def crowd(transactional_db: None, ada: Account) -> list[Account]:
    """A hundred accounts that came after Ada, with open wallets."""
    first = shelf.newcomer("guest-0", after=ada)
    crowd = [first, *(factories.new_account(f"guest-{place}") for place in range(1, MANY))]
    for account in crowd:
        factories.settle(account)
    return crowd


def everyone_comes(crowd: list[Account], code: str) -> Iterator[object]:
    for start in range(0, len(crowd), AT_ONCE):
        some = crowd[start : start + AT_ONCE]
        yield from at_once(len(some), lambda place, some=some: shelf.come(some[place], code))  # type: ignore[misc]


def test_of_a_hundred_as_many_come_by_a_code_as_can(ada: Account, crowd: list[Account]) -> None:
    results = list(everyone_comes(crowd, shelf.code_of(ada)))

    assert sum(isinstance(one, Referral) for one in results) == 3
    assert sum(isinstance(one, ReferralLimit) for one in results) == MANY - 3
    assert sorted(Referral.objects.values_list("number", flat=True)) == [1, 2, 3]
    assert CampaignGrant.objects.count() == 3


def test_control_without_the_codes_lock_only_the_database_stops_the_fourth(
    ada: Account, crowd: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = shelf.code_of(ada)
    for account in crowd[:2]:
        shelf.come(account, code)
    everyone_has_read = Barrier(4)
    place = services.bringing._placed

    def read(typed: str, *, is_sandbox: bool) -> ReferralCode:
        return ReferralCode.objects.select_related("account").get()

    def placed(*facts: object) -> Referral:
        referral: Referral = place(*facts)  # type: ignore[arg-type]
        try:
            everyone_has_read.wait(timeout=10)
        except BrokenBarrierError:
            pytest.fail("they did not all read: nothing raced")
        return referral

    monkeypatch.setattr(selectors, "lock_code", read)
    monkeypatch.setattr(services.bringing, "_placed", placed)

    results = at_once(4, lambda number: shelf.come(crowd[number + 2], code))

    assert sum(isinstance(one, Referral) for one in results) == 1
    assert sum(isinstance(one, IntegrityError) for one in results) == 3
    assert Referral.objects.count() == 3


def test_one_account_comes_by_one_of_many_codes(ada: Account, crowd: list[Account]) -> None:
    codes = [shelf.code_of(account) for account in crowd[:AT_ONCE]]
    late = shelf.newcomer("late", after=crowd[-1])

    results = at_once(AT_ONCE, lambda place: shelf.come(late, codes[place]))

    assert sum(isinstance(one, Referral) for one in results) == 1
    assert sum(isinstance(one, AlreadyReferred) for one in results) == AT_ONCE - 1
    assert factories.free_micros(late) == 3 * MICROS


def test_two_who_would_bring_each_other_at_once_make_no_circle(
    ada: Account, crowd: list[Account]
) -> None:
    bob = crowd[0]
    codes = {ada: shelf.code_of(bob), bob: shelf.code_of(ada)}

    def come(place: int) -> Referral:
        account = (ada, bob)[place % 2]
        return shelf.come(account, codes[account])

    results = at_once(8, come)

    assert sum(isinstance(one, NotNew) for one in results) == 4
    assert {one.pk for one in results if isinstance(one, Referral)} == {Referral.objects.get().pk}


def test_looked_at_and_paid_by_many_at_once_a_video_earns_once(
    ada: Account, crowd: list[Account]
) -> None:
    bob = crowd[0]
    shelf.come(bob, shelf.code_of(ada))
    shelf.make_video(bob)

    def settle(place: int) -> object:
        if place % 3 == 0:
            return services.look(account_id=bob.pk, now=datetime.now(UTC))
        if place % 3 == 1:
            return shelf.collect(ada)
        return services.sweep(now=datetime.now(UTC))

    results = [*at_once(9, settle), *at_once(9, settle)]

    assert not any(isinstance(one, Exception) for one in results), results
    assert shelf.rewards(ada) == [("first_video", "granted")]
    assert Grant.objects.filter(wallet__account=ada).count() == 1


def test_control_without_the_rewards_lock_only_the_shares_fact_keeps_it_single(
    ada: Account, crowd: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reward's row is the first wall, its share's fact the second: both name one share."""
    bob = crowd[0]
    shelf.come(bob, shelf.code_of(ada))
    shelf.make_video(bob)
    services.look(account_id=bob.pk, now=datetime.now(UTC))
    stale = Reward.objects.select_related("account", "referral__code").get(account=ada)
    monkeypatch.setattr(services.paying, "_lock", lambda _id: stale)

    results = at_once(4, lambda _place: services.pay(reward_id=stale.pk))

    assert not any(isinstance(one, Exception) for one in results), results
    assert CampaignGrant.objects.filter(account=ada).count() == 1
    assert factories.free_micros(ada) == 10 * MICROS
