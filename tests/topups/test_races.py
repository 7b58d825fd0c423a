"""Many look at an account at once, and one thing is bought; money never beyond the limit."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError
from pytest_django import Settings

from billing.accounts.models import Account
from billing.outbox import gateway
from billing.payments.gateway import StripeAway
from billing.payments.models import Purchase
from billing.topups import selectors, services
from billing.topups.models import AutoTopUp, TopUp
from billing.topups.services import deciding
from plans.credits import MICROS
from tests import factories
from tests.http.racing import at_once
from tests.stripe_peer.driver import Peer
from tests.topups import desk


@pytest.fixture
def eve(
    transactional_db: None, peer: Peer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Account:
    """Eve runs low, and has a good card."""
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    desk.open_shop()
    account = factories.new_account("eve")
    factories.give(account, 5)
    desk.save_card(account, peer)
    desk.switch_on(account, threshold=1000, limit=140)
    return account


def look(account: Account) -> None:
    services.look(account_id=account.pk, now=datetime.now(UTC))


def test_many_that_look_at_once_order_one(eve: Account) -> None:
    results = at_once(6, lambda _n: look(eve))

    assert results == [None] * 6
    assert TopUp.objects.count() == 1


def test_control_without_the_lock_only_the_database_stops_the_second(
    eve: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves that this setup can race at all, and that the constraint is the second wall."""
    monkeypatch.setattr(
        deciding,
        "lock",
        lambda account_id: AutoTopUp.objects.select_related("account").get(pk=account_id),
    )
    monkeypatch.setattr(selectors, "in_flight", lambda _account: None)

    results = at_once(6, lambda _n: look(eve))

    assert sum(isinstance(result, IntegrityError) for result in results) == 5
    assert TopUp.objects.count() == 1


def test_many_that_look_and_pay_at_once_never_spend_beyond_the_limit(
    eve: Account, peer: Peer
) -> None:
    def work(_n: int) -> None:
        for _round in range(3):
            look(eve)
            for top_up in TopUp.objects.filter(state="asked"):
                with suppress(StripeAway):  # another is at it, with the same key
                    services.go_on(top_up_id=top_up.pk, now=datetime.now(UTC))

    results = at_once(4, work)

    assert results == [None] * 4
    paid = [got for status, got in desk.payments(peer) if status == "succeeded"]
    assert paid == [6600, 6600]
    assert Purchase.objects.count() == 2
    assert factories.free_micros(eve) == 205 * MICROS


def test_control_without_the_sum_more_is_spent(
    eve: Account, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves that it is the month's sum that stops the third."""
    month_of = selectors.month_of
    monkeypatch.setattr(
        selectors,
        "month_of",
        lambda account, *, at: selectors.Month(0, month_of(account, at=at).ends_at),
    )

    for _round in range(3):
        desk.run(eve)

    assert len(desk.payments(peer)) == 3
