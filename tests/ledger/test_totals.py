"""A wallet in which nothing is due says its sums by its row alone."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.accounts.models import Account
from billing.ledger import selectors
from billing.ledger.models import Wallet
from billing.ledger.selectors import Totals
from plans.credits import MICROS
from tests import factories

pytestmark = pytest.mark.django_db


def read(account: Account) -> tuple[Totals, int]:
    """Return the sums as a list of wallets reads them, and how many statements that took."""
    with CaptureQueriesContext(connection) as asked:
        (wallet,) = selectors.with_clock(Wallet.objects.filter(account=account))
        found = selectors.totals(wallet, now=wallet.instant)  # type: ignore[attr-defined]  # annotated
    return found, len(asked)


def test_a_settled_wallet_is_read_by_one_row_until_something_is_due(ada: Account) -> None:
    given = factories.give(ada, 10, expires_in=timedelta(hours=2))
    factories.give(ada, 5)
    factories.hold(ada, 3)
    assert read(ada) == (Totals(12 * MICROS, 3 * MICROS, 0), 1)

    Wallet.objects.update(clock_offset=timedelta(hours=2))

    assert given.expires_at is not None
    found, statements = read(ada)
    assert (found, statements > 1) == (Totals(5 * MICROS, 3 * MICROS, 0), True)
    assert Wallet.objects.get(account=ada).available_micros == 12 * MICROS
    factories.settle(ada)
    assert read(ada) == (found, 1)


def test_whoever_has_not_read_the_clock_asks_for_it_first(ada: Account) -> None:
    factories.give(ada, 10, expires_in=timedelta(hours=2))

    with CaptureQueriesContext(connection) as asked:
        found = selectors.totals(factories.wallet_of(ada))

    assert (found.available_micros, len(asked)) == (10 * MICROS, 2)
