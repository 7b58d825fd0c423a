"""A pack that waits for its buyer, bought by itself: he has said beforehand when he needs it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.packs import services as packs
from billing.packs.models import PackPurchase
from billing.packs.services import Paid
from billing.topups import services
from billing.topups.models import TopUp
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.packs.shelf import PLATFORM
from tests.stripe_peer.driver import Peer
from tests.topups import desk

WAITS = desk.PACKS.replace('expiry = "P30D"', 'expiry = "P30D"\nactivate_within = "P90D"')


@pytest.fixture
def poor(ada: Account, peer: Peer) -> Account:
    """Ada has 5 credits and a card, where the pack waits to be activated."""
    desk.open_shop(packs=WAITS)
    desk.save_card(ada, peer)
    return ada


def test_a_pack_that_would_wait_is_in_effect_with_its_top_up_and_bought_once(
    poor: Account, peer: Peer
) -> None:
    desk.switch_on(poor, limit=1000)

    assert desk.run(poor).state == TopUp.State.SUCCEEDED

    assert factories.free_micros(poor) == 105 * MICROS
    assert desk.look(poor) is None
    assert services.sweep(now=datetime.now(UTC)) == 0
    assert desk.payments(peer) == [("succeeded", 6600)]
    bought = PackPurchase.objects.get()
    assert (bought.is_active, bought.activated_at) == (True, bought.bought_at)
    assert bought.expires_at == bought.bought_at + timedelta(days=30)


def test_the_same_pack_waits_when_somebody_buys_it_himself(poor: Account) -> None:
    with transaction.atomic():
        bought = packs.deliver(
            account=poor,
            pack="hundred",
            version_id=plans.current().version_id,
            quantity=1,
            fact="stripe:page",
            paid=Paid(66 * MICROS, "CNY"),
            actor=PLATFORM,
        )

    assert not bought.is_active
    assert factories.free_micros(poor) == 5 * MICROS
