"""A member is frozen while he acts for his team: what came first is seen by who froze him."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from threading import Event

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership, Organization
from billing.accounts.models import Account
from billing.jobs.models import Job
from billing.ledger import services as ledger
from billing.ledger.models import Transfer
from billing.promotions import services as promotions
from billing.promotions.models import Redemption
from billing.promotions.services import Gift
from billing.subscriptions import services
from plans.catalog.schema import Catalog
from tests import factories
from tests.http.racing import at_once
from tests.organizations import studio
from tests.organizations.conftest import _away
from tests.packs import shelf

__all__ = ["_away"]
_BLOCKED_SECONDS = 1.5  # for so long a freeze that is not held up would be over


@pytest.fixture
def team(transactional_db: None, _away: None) -> Organization:
    """The studio, committed; only its pool pays, and lends 10 of its 100 to others."""
    studio.open_shop(team='team = { pays = ["pool"] }')
    team = studio.found()
    factories.give(team.account, 100, source="pack")
    for name in ("cleo", "ben"):
        factories.settle(studio.member(team, name).account)
    return team


def _raced(
    member: Account,
    act: Callable[[], object],
    made: type[Job | Transfer | Redemption],
    patch: pytest.MonkeyPatch,
) -> tuple[int, int]:
    """Freeze the member between the question whether he is and the end of his act.

    Return how many rows there were as soon as the freeze had been committed, and at the end.
    """
    asked, frozen, seen = Event(), Event(), [0]
    operator = User.objects.create_user("sam", is_staff=True)
    ask = accounts.frozen

    def ask_and_wait(*whom: Account) -> object:
        said = ask(*whom)
        asked.set()
        frozen.wait(timeout=_BLOCKED_SECONDS)
        return said

    def freeze() -> None:
        assert asked.wait(timeout=10), "nobody asked: nothing raced"
        services.freeze(account=member, operator=operator, reason="x", now=timezone.now())
        seen[0] = made.objects.count()
        frozen.set()

    patch.setattr(accounts, "frozen", ask_and_wait)
    results = at_once(2, lambda place: act() if place else freeze())

    assert not [one for one in results if isinstance(one, Exception)]
    return seen[0], made.objects.count()


def test_who_froze_a_member_sees_each_order_that_went_before(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleo = studio.member(team, "cleo").account

    assert _raced(cleo, lambda: studio.submit(team, "cleo", 5), Job, monkeypatch) == (1, 1)
    studio.checked()


def test_control_without_the_members_lock_an_order_comes_after_the_freeze(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleo, lock = studio.member(team, "cleo").account, ledger.lock_wallets

    def lock_the_payers(whom: Iterable[Account], *, catalog: Catalog) -> object:
        return lock([one for one in whom if one != cleo], catalog=catalog)

    monkeypatch.setattr(ledger, "lock_wallets", lock_the_payers)

    assert _raced(cleo, lambda: studio.submit(team, "cleo", 5), Job, monkeypatch) == (0, 1)


def test_who_froze_a_member_sees_each_loan_that_he_made_before(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = studio.member(team, "ben")

    def lend() -> object:
        return studio.allot(team, "cleo", 10, by=ben)

    assert _raced(ben.account, lend, Transfer, monkeypatch) == (1, 1)
    studio.checked()


def test_control_without_the_members_lock_a_loan_comes_after_the_freeze(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben, lock = studio.member(team, "ben"), ledger.lock_wallets

    def lock_both_sides(whom: Iterable[Account], *, catalog: Catalog) -> object:
        return lock([one for one in whom if one != ben.account], catalog=catalog)

    def lend() -> object:
        return studio.allot(team, "cleo", 10, by=ben)

    monkeypatch.setattr(ledger, "lock_wallets", lock_both_sides)

    assert _raced(ben.account, lend, Transfer, monkeypatch) == (0, 1)


def _taking_back(team: Organization, ben: Membership) -> Callable[[], object]:
    """Lend some of the pool; return what has Ben take it back."""
    lent = studio.allot(team, "cleo", 10)
    return lambda: studio.take_back(lent, by=ben)


def test_who_froze_a_member_sees_each_loan_that_he_took_back_before(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = studio.member(team, "ben")
    take_back = _taking_back(team, ben)

    assert _raced(ben.account, take_back, Transfer, monkeypatch) == (2, 2)
    studio.checked()


def test_control_without_the_members_lock_a_loan_is_back_after_the_freeze(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben, lock = studio.member(team, "ben"), ledger.lock_wallets
    take_back = _taking_back(team, ben)

    def lock_both_sides(whom: Iterable[Account], *, catalog: Catalog) -> object:
        return lock([one for one in whom if one != ben.account], catalog=catalog)

    monkeypatch.setattr(ledger, "lock_wallets", lock_both_sides)

    assert _raced(ben.account, take_back, Transfer, monkeypatch) == (1, 2)


def _redeeming(team: Organization, ben: Membership) -> Callable[[], object]:
    """Sell codes; return what has Ben redeem one for the pool."""
    shelf.publish_shop()
    gift = Gift("campaign", "welcome")
    [code] = promotions.create_codes(gift, count=1, is_sandbox=True, now=datetime.now(UTC))

    @transaction.atomic
    def redeem() -> object:
        actor = studio.actor(ben.account)
        return promotions.redeem(account=team.account, typed=code, by=ben, actor=actor)

    return redeem


def test_who_froze_a_member_sees_each_code_that_he_redeemed_before(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = studio.member(team, "ben")
    redeem = _redeeming(team, ben)

    assert _raced(ben.account, redeem, Redemption, monkeypatch) == (1, 1)
    studio.checked()


def test_control_without_the_members_lock_a_code_is_redeemed_after_the_freeze(
    team: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = studio.member(team, "ben")
    redeem = _redeeming(team, ben)

    def lock_the_pool(account: Account, *, by: Membership, catalog: Catalog) -> object:
        assert by == ben
        return ledger.lock_wallet(account, catalog=catalog)

    monkeypatch.setattr(ledger, "lock_wallet_by", lock_the_pool)

    assert _raced(ben.account, redeem, Redemption, monkeypatch) == (0, 1)
