"""Jobs at once that a pack brings last as long as its money stays."""

import pytest

from billing.accounts.models import Account
from billing.ledger import selectors as ledger_selectors
from billing.packs import selectors
from plans import selectors as plans
from tests import factories
from tests.payments import back
from tests.payments.back import PAID

pytestmark = pytest.mark.django_db
FAST = """
[[pack]]
code = "fast_one"
name = { en = "Fast one", zh = "加速" }
credits = "100"
expiry = "P30D"
prices = [{ currency = "CNY", list = "90" }]
perks = { concurrency_more = 7 }

[[pack]]
code = "fast_later"
name = { en = "Fast later", zh = "以后加速" }
credits = "100"
expiry = "P30D"
activate_within = "P20D"
prices = [{ currency = "CNY", list = "90" }]
perks = { concurrency = 20 }
"""
FREE = 3


@pytest.fixture
def ada(db: None) -> Account:
    """Ada has nothing but what she will buy."""
    back.open_shop(FAST + back.RULE)
    return factories.new_account("ada")


def at_once(account: Account) -> int:
    """Return how many jobs at once the account may have on the free plan."""
    plan = plans.current().catalog.plan("free")
    assert plan is not None
    now = ledger_selectors.instant(factories.wallet_of(account))
    return selectors.concurrency_of(account, plan, at=now)


def test_perks_go_with_all_the_money(ada: Account) -> None:
    purchase = back.buy(ada, "fast_one")
    assert at_once(ada) == FREE + 7

    back.approve(back.ask(purchase, rule="cooling_off"))

    assert at_once(ada) == FREE


def test_perks_stay_while_a_part_of_the_money_does(ada: Account) -> None:
    seen = back.payment(ada, "fast_one")
    back.look(seen, [back.refund(PAID // 2)])
    assert at_once(ada) == FREE + 7

    back.look(seen, [back.refund(PAID // 2), back.refund(PAID // 2, key="re_2")])
    assert at_once(ada) == FREE


@pytest.mark.parametrize(("pack", "more"), [("fast_one", FREE + 7), ("fast_later", 20)])
def test_perks_are_away_while_the_bank_has_the_money(ada: Account, pack: str, more: int) -> None:
    seen = back.payment(ada, pack)
    back.look(seen, disputes=[back.dispute()])
    assert at_once(ada) == FREE

    back.look(seen, disputes=[back.dispute(status="won")])

    assert (at_once(ada), back.standing(ada)) == (more, (100, 0))


def test_a_pack_that_waits_brings_no_perk_by_being_lost(ada: Account) -> None:
    seen = back.payment(ada, "fast_later")
    back.look(seen)
    assert at_once(ada) == FREE

    purchase = back.look(seen, disputes=[back.dispute(status="lost")])

    assert purchase.pack_purchase is not None
    assert purchase.pack_purchase.is_active
    assert (at_once(ada), back.standing(ada)) == (FREE, (0, 0))
