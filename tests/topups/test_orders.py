"""An order that leaves few credits has more bought; everybody else's costs nothing more."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from billing.accounts.models import Account
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from tests import factories
from tests.jobs import shop
from tests.stripe_peer.driver import Peer
from tests.topups import desk


@pytest.fixture(autouse=True)
def _a_backend(settings: Settings) -> None:
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["m"],
            "concurrency": 50,
            "sandbox": True,
        }
    }


def statements_of_an_order(account: Account) -> int:
    """Return how many statements one order of 10 credits takes, its account just read."""
    fresh = Account.objects.get(pk=account.pk)
    with CaptureQueriesContext(connection) as seen:
        shop.submit(fresh)
    return len(seen)


def rung() -> int:
    return Message.objects.filter(task=TaskName.LOOK_AT_TOP_UP).count()


def test_an_order_takes_one_statement_more_and_only_where_few_credits_are_left(
    ada: Account, peer: Peer
) -> None:
    factories.give(ada, 1000)
    shop.submit(Account.objects.get(pk=ada.pk))  # what a first order reads and keeps
    without = statements_of_an_order(ada)
    assert rung() == 0

    desk.save_card(ada, peer)
    desk.switch_on(ada, threshold=500)
    Message.objects.all().delete()
    enough = statements_of_an_order(ada)
    assert rung() == 0

    desk.switch_on(ada, threshold=990)
    Message.objects.all().delete()
    low = statements_of_an_order(ada)

    assert rung() == 1
    assert (enough, low) == (without, without + 1)
