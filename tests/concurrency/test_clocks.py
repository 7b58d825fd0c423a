"""Clocks that several move at once: one of them does, and what comes due comes due once."""

from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import transaction
from django.utils import timezone

from billing.insights import audit
from billing.ledger.models import Grant
from billing.sandbox import selectors, services
from billing.sandbox.errors import ClockBusy
from billing.sandbox.models import TestClock
from plans.catalog import publish
from tests import factories
from tests.http.racing import at_once
from tests.sandbox.conftest import DAILY, clock_of, send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock() -> TestClock:
    """Return the clock of an account to which credits come by themselves each day."""
    publish.publish(factories.KLING.read_text().replace(*DAILY, 1), now=timezone.now())
    account = factories.new_account("ada")
    factories.settle(account)
    return clock_of(account)


def _advance(clock: TestClock) -> TestClock:
    with transaction.atomic(durable=True):
        to = selectors.shows(clock) + timedelta(days=2)
        return services.advance(clock=clock, to=to, now=timezone.now())


def test_of_six_moves_at_once_one_is_made(clock: TestClock) -> None:
    results = at_once(6, lambda _place: _advance(clock))

    assert sum(isinstance(one, TestClock) for one in results) == 1
    assert sum(isinstance(one, ClockBusy) for one in results) == 5


def test_control_without_the_lock_two_moves_are_made(
    clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that this set-up can race at all."""
    both_have_read = Barrier(2)

    def unlocked(clock: TestClock) -> TestClock:
        try:
            both_have_read.wait(timeout=5)
        except BrokenBarrierError:
            pytest.fail("they did not both read: nothing raced")
        return clock

    monkeypatch.setattr(services, "_ready", unlocked)

    results = at_once(2, lambda _place: _advance(clock))

    assert sum(isinstance(one, TestClock) for one in results) == 2


def test_three_who_walk_one_clock_do_each_days_work_once(clock: TestClock) -> None:
    send(clock, timedelta(days=5))

    results = at_once(3, lambda _place: services.walk(clock.pk, now=timezone.now()))

    assert results == [None, None, None]
    assert TestClock.objects.get().status == "ready"
    assert Grant.objects.count() == 6
    assert list(audit.breaches()) == []
