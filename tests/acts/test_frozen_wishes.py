"""A frozen account gets and spends nothing by what it does; what arrives is written down."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from billing.accounts.errors import AccountFrozen
from billing.accounts.models import Account
from billing.partners.models import Referral
from billing.promotions import services as promotions
from billing.promotions.models import Redemption, RedemptionTry
from billing.promotions.services import Gift
from tests import everything, factories
from tests.acts import frozen
from tests.packs import shelf
from tests.partners import shelf as programmes

pytestmark = pytest.mark.django_db
Story = tuple[Account, Callable[[], object]]


def _claims() -> Story:
    everything.open_platform()
    ada = factories.new_account("ada")
    return ada, lambda: factories.claim(ada)


def _redeems() -> Story:
    shelf.publish_shop()
    ada = factories.new_account("ada")
    gift = Gift("campaign", "welcome")
    [code] = promotions.create_codes(gift, count=1, is_sandbox=True, now=datetime.now(UTC))
    return ada, lambda: shelf.redeem(ada, code)


def _begins_a_pack() -> Story:
    shelf.publish_shop()
    ada = factories.new_account("ada")
    bought = shelf.give(ada, "later")
    return ada, lambda: shelf.activate(ada, bought)


def _comes_by_a_code() -> Story:
    programmes.open_shop()
    bob = factories.new_account("bob")
    ada, code = programmes.newcomer("ada", after=bob), programmes.code_of(bob)
    return ada, lambda: programmes.come(ada, code)


def _facts(account: Account) -> tuple[int, ...]:
    return (
        factories.free_micros(account),
        Redemption.objects.count(),
        RedemptionTry.objects.count(),
        Referral.objects.count(),
    )


@pytest.mark.parametrize("story", [_claims, _redeems, _begins_a_pack, _comes_by_a_code])
def test_what_a_frozen_account_does_gives_it_nothing_until_it_is_let_go(
    story: Callable[[], Story],
) -> None:
    ada, wish = story()
    factories.settle(ada)
    sam = frozen.freeze(ada)
    before = _facts(ada)

    with pytest.raises(AccountFrozen):
        wish()

    assert _facts(ada) == before
    frozen.let_go(ada, sam)
    wish()
    assert _facts(ada) > before


def test_what_was_claimed_before_is_told_again() -> None:
    ada, claim = _claims()
    claim()
    frozen.freeze(ada)
    before = _facts(ada)

    claim()

    assert _facts(ada) == before


def test_what_others_give_a_frozen_account_and_what_was_paid_for_it_arrives() -> None:
    shelf.publish_shop()
    ada = factories.new_account("ada")
    factories.settle(ada)
    frozen.freeze(ada)
    seen = [factories.free_micros(ada)]

    for arrives in (lambda: shelf.give(ada, "plain"), lambda: shelf.share(ada, "welcome")):
        arrives()
        seen.append(factories.free_micros(ada))

    assert seen == sorted(set(seen)), "each of them has added something"
