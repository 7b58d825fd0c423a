"""Holds that end by themselves: at their instant, swept or not, and once (I6, I22)."""

from datetime import timedelta

import pytest

from billing.ledger.models import Entry, Hold, Wallet
from plans.credits import MICROS
from tests import factories
from tests.ledger.refusing import refused
from tests.ledger.shop import customer, free

pytestmark = pytest.mark.usefixtures("ends_clean")

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


def test_a_hold_ends_at_its_instant_without_a_sweep() -> None:
    ada = customer()
    factories.give(ada, 10)
    held = factories.hold(ada, 10, lasts=HOUR)
    wallet = factories.wallet_of(ada)
    assert wallet.due_at == held.expires_at
    assert held.expires_at is not None

    assert free(ada, held.expires_at - MICROSECOND) == 0
    assert free(ada, held.expires_at) == 10

    factories.later(ada, 2 * HOUR)
    held.refresh_from_db()
    assert (held.state, held.settled_at) == (Hold.State.EXPIRED, held.expires_at)
    assert Entry.objects.latest("seq").effective_at == held.expires_at
    assert Wallet.objects.get().timed_holds == 0
    assert free(ada) == 10


def test_a_verdict_that_comes_too_late_changes_nothing() -> None:
    ada = customer()
    factories.give(ada, 10)
    held = factories.hold(ada, 10, lasts=HOUR)
    Wallet.objects.update(clock_offset=2 * HOUR)  # the clock moves; nobody has looked yet

    captured = factories.capture(ada, held, 10 * MICROS)

    assert (captured.state, captured.captured_micros) == (Hold.State.EXPIRED, 0)
    assert free(ada) == 10


def test_a_verdict_in_time_is_all_there_is() -> None:
    ada = customer()
    factories.give(ada, 10)
    held = factories.hold(ada, 10, lasts=HOUR)

    factories.capture(ada, held, 4 * MICROS)
    factories.later(ada, 2 * HOUR)

    held.refresh_from_db()
    assert held.state == Hold.State.CAPTURED
    assert free(ada) == 6


def test_what_comes_back_into_a_grant_that_is_over_is_gone() -> None:
    ada = customer()
    factories.give(ada, 10, expires_in=HOUR)
    factories.hold(ada, 10, lasts=2 * HOUR)

    factories.later(ada, 3 * HOUR)

    assert free(ada) == 0


def test_what_costs_nothing_ends_by_itself_as_well_and_blocks_nothing() -> None:
    ada = customer()
    held = factories.hold(ada, 0, lasts=HOUR)
    factories.give(ada, 10)

    factories.later(ada, HOUR)

    held.refresh_from_db()
    assert (held.state, held.settled_at) == (Hold.State.EXPIRED, held.expires_at)
    assert Wallet.objects.get().timed_holds == 0
    assert free(ada) == 10


def test_the_database_moves_no_holds_end() -> None:
    ada = customer()
    factories.give(ada, 10)
    factories.hold(ada, 10, lasts=HOUR)

    refused(lambda: Hold.objects.update(expires_at=None), "hold_ends_once")
    refused(lambda: Wallet.objects.update(timed_holds=0), "wallet_is_balanced")
    refused(
        lambda: Hold.objects.update(state="expired", settled_at=factories.lock(ada).now),
        "hold_state_matches_columns",
    )

    assert Hold.objects.get().state == Hold.State.OPEN
