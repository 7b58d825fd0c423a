"""A customer's life in a few seconds: a row of every kind that money leaves behind."""

from datetime import timedelta
from typing import Final

from billing.accounts.models import Account
from billing.promotions import services as promotions
from billing.promotions.services import Gift
from plans.credits import MICROS
from tests import everything, factories
from tests.jobs import shop
from tests.packs import shelf

HOUR: Final = timedelta(hours=1)


def live(name: str) -> Account:
    """Return an account that was given, held, spent, lent, owed and ordered a little of all."""
    ada = everything.customer(name, has=100)
    _credits(ada)
    _offers(ada)
    _jobs(ada)
    _debts(ada)
    return ada


def _credits(ada: Account) -> None:
    factories.give(ada, 30, expires_in=2 * HOUR)
    factories.give(ada, 20, begins_in=30 * HOUR)
    taken = factories.give(ada, 9)
    factories.claw_back(ada, [taken], 4)
    factories.capture(ada, factories.hold(ada, 12), 8 * MICROS)
    factories.release(ada, factories.hold(ada, 5))
    factories.hold(ada, 3, lasts=HOUR)
    factories.hold(ada, 2, lasts=40 * HOUR)
    factories.hold(ada, 6)
    lapsing = factories.hold(ada, 25)
    factories.give(ada, 7, goes_back=True, expires_in=HOUR)
    factories.later(ada, 3 * HOUR)
    factories.release(ada, lapsing)
    factories.claim(ada)


def _offers(ada: Account) -> None:
    shop.submit(ada, mode="pro")  # a counted unit of the free plan pays for it
    everything.join(ada)
    shelf.share(ada, "many")
    [code] = promotions.create_codes(
        Gift("pack", "plain"), count=1, uses=1, is_sandbox=True, now=everything.now()
    )
    shelf.redeem(ada, code)
    shelf.activate(ada, shelf.give(ada, "later"))


def _jobs(ada: Account) -> None:
    """Leave one job queued, one at a backend, one that succeeded, one canceled."""
    shop.submit(ada)
    everything.running(ada)
    everything.finish(everything.running(ada))
    everything.cancel(shop.submit(ada))


def _debts(ada: Account) -> None:
    factories.owe(ada, 2)
    factories.give(ada, 5)
    factories.owe(ada, 9)
    factories.give(ada, 4)
