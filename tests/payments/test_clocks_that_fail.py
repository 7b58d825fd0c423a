"""Whoever dies, is away or has thrown a clock away: the time of an account goes on, once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import clocks as ledger_clocks
from billing.ledger.models import Grant
from billing.payments.gateway import StripeAway, configured
from billing.payments.gateway import clocks as gateway_clocks
from billing.payments.models import Customer, Purchase
from billing.payments.services import clocks as stripe_clocks
from billing.payments.services import timing
from billing.sandbox import services as sandbox
from billing.sandbox.models import TestClock
from tests import factories
from tests.payments.clocks_at_stripe import (
    CLOCK,
    DAY,
    MONTH,
    SOON,
    ada,
    advances,
    near,
    nobody_is_rung,
    open_page,
    shown_at_stripe,
    subscribe,
    till,
    wish,
)
from tests.payments.dying import Died
from tests.payments.till import Till
from tests.sandbox.conftest import advance, clock_of, fresh, send

__all__ = ["ada", "nobody_is_rung", "till"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nobody_is_rung")]


def walk(clock: TestClock) -> None:
    while fresh(clock).goal_at is not None:
        sandbox.walk(clock.pk, now=datetime.now(UTC))


def test_who_dies_where_stripe_acts_is_made_good_at_that_very_instant(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = clock_of(ada)
    subscribe(till, ada)
    send(clock, 2 * MONTH)
    deaths = iter([True, False] * 50)
    advance_at_stripe = gateway_clocks.advance_clock

    def dying(*given: Any, **named: Any) -> bool:  # noqa: ANN401 (of `advance_clock`)
        if next(deaths):
            raise Died  # before anything is done there
        return advance_at_stripe(*given, **named)

    monkeypatch.setattr(gateway_clocks, "advance_clock", dying)
    died = 0
    while fresh(clock).goal_at is not None:
        try:
            sandbox.walk(clock.pk, now=datetime.now(UTC))
        except Died:
            died += 1

    assert died > 3
    assert Purchase.objects.count() == 3
    for bill in Purchase.objects.order_by("paid_at")[1:]:
        assert bill.period_starts_at is not None
        due_at = bill.period_starts_at + timedelta(hours=1, minutes=1)
        assert Grant.objects.filter(effective_at__range=(due_at, due_at + SOON)).exists()


def test_a_stripe_that_is_away_leaves_the_clock_on_its_way(till: Till, ada: Account) -> None:
    clock = clock_of(ada)
    subscribe(till, ada)
    goal = send(clock, MONTH + DAY)
    till.peer.break_next("error_before", method="POST", path=".*/advance", times=3)

    with pytest.raises(StripeAway):
        walk(clock)
    assert fresh(clock).status == "advancing"
    assert Purchase.objects.count() == 1
    walk(clock)

    assert Purchase.objects.count() == 2
    assert near(shown_at_stripe(till, ada) + timedelta(seconds=1), goal)


def test_who_goes_on_with_a_repeat_has_nothing_twice(till: Till, ada: Account) -> None:
    clock = clock_of(ada)
    subscribe(till, ada)
    goal = advance(clock, MONTH + DAY)
    before = (advances(till), Purchase.objects.count(), Grant.objects.count())

    for _again in range(2):
        stripe_clocks.follow([ada], at=goal, is_goal=True, now=datetime.now(UTC))

    assert (advances(till), Purchase.objects.count(), Grant.objects.count()) == before


def test_a_clock_thrown_away_at_stripe_stops_nobody(till: Till, ada: Account) -> None:
    bob = factories.new_account("bob")
    clock = clock_of(ada, bob)
    begun = subscribe(till, ada)
    subscribe(till, bob)
    thrown = Customer.objects.get(account=ada).clock_stripe_id
    till.peer.client().v1.test_helpers.test_clocks.delete(thrown)

    goal = advance(clock, MONTH + 20 * DAY)

    assert fresh(clock).status == "ready"
    assert near(ledger_clocks.clock_of(ada), goal)
    assert Purchase.objects.filter(account=bob).count() == 2
    begun.refresh_from_db()
    assert begun.paid_until is not None
    assert near(begun.ended_at, begun.paid_until + 7 * DAY)


def test_a_clock_that_does_not_come_to_rest_is_asked_again_later(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_of(ada)
    open_page(wish(ada))
    wire, mine = configured(), Customer.objects.get(account=ada).clock_stripe_id
    assert wire is not None
    before = advances(till)
    monkeypatch.setattr(gateway_clocks, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(gateway_clocks, "_READY", "at rest")  # which it never says that it is

    with pytest.raises(StripeAway, match="on its way"):
        gateway_clocks.advance_clock(wire, mine, to=datetime.now(UTC) + DAY)

    assert advances(till) == before


def test_a_clock_that_another_has_moved_meanwhile_is_as_good_as_moved(
    till: Till, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_of(ada)
    open_page(wish(ada))
    wire, mine = configured(), Customer.objects.get(account=ada).clock_stripe_id
    assert wire is not None
    goal, look = datetime.now(UTC) + DAY, gateway_clocks._ready
    looks: list[int] = []

    def another_is_first(*given: Any) -> int:  # noqa: ANN401 (of `_ready`)
        shown = look(*given)
        looks.append(shown)
        if len(looks) == 1:
            gateway_clocks.advance_clock(wire, mine, to=goal)
        return shown

    monkeypatch.setattr(gateway_clocks, "_ready", another_is_first)

    assert gateway_clocks.advance_clock(wire, mine, to=goal)

    assert look(wire.client().v1.test_helpers.test_clocks, mine) == int(goal.timestamp())


def test_neither_is_asked_inside_a_transaction(till: Till, ada: Account) -> None:
    clock_of(ada)
    wire, row = configured(), Customer.objects.get(account=ada)
    assert wire is not None

    for act in (
        lambda: stripe_clocks.follow([ada], at=datetime.now(UTC), is_goal=True, now=row.created_at),
        lambda: timing.clock_for(wire, row),
    ):
        with pytest.raises(RuntimeError, match="outside any transaction"), transaction.atomic():
            act()
    assert CLOCK not in till.peer.objects()
