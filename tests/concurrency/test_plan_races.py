"""Sweeps, sales and orders at once: each subscriber is moved once, and sold to once."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.ledger import services as ledger
from billing.ledger import statements
from billing.ledger.models import Allowance, Grant
from billing.subscriptions import selectors, services
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Event
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.concurrency.conftest import ROOMY
from tests.http.racing import at_once

NAMED = 'code = "standard"\n'
MOVE = f'{NAMED}existing = "move"\n'
FEWER = ('credits = "660"\n  rollover', 'credits = "600"\n  rollover')
ORDER = JobOrder(
    spec={"model": "kling-v1-6", "mode": "std", "seconds": 5}, inputs={"prompt": "a race"}
)
USER = ledger.Actor("user", "ada")


def _now() -> datetime:
    return datetime.now(UTC)


def _put(*changes: tuple[str, str]) -> None:
    text = factories.KLING.read_text()
    for old, new in (ROOMY, *changes):
        assert old in text
        text = text.replace(old, new, 1)
    publish.publish(text, now=_now())


def _move() -> int:
    return services.move_subscribers(now=_now())


def _submit(account: Account) -> Job:
    with transaction.atomic(durable=True):
        return jobs.submit(account=account, order=ORDER, actor=USER, now=_now())


def _clean() -> bool:
    return list(audit.breaches()) == []


def test_four_sweeps_move_each_subscriber_once(ada: Account) -> None:
    sold = [services.start(account=ada, plan="standard")]
    for number in range(5):
        other = factories.new_account(f"user-{number}", is_sandbox=False)
        sold.append(services.start(account=other, plan="standard"))
    _put((NAMED, MOVE), FEWER)

    at_once(4, lambda _place: _move())

    assert Subscription.objects.exclude(moved_at=None).count() == len(sold)
    assert Event.objects.filter(type="subscription.changed").count() == len(sold)
    assert Grant.objects.count() == len(sold)
    assert _clean()


def test_control_without_the_lock_only_the_database_stops_a_second_move(
    ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that this set-up can race at all, and that the constraint is the second wall."""
    services.start(account=ada, plan="standard")
    _put((NAMED, MOVE), FEWER)
    everyone_has_read = Barrier(2)
    carry = ledger.carry_allowances

    def carry_together(*given: Any, **facts: Any) -> Any:  # noqa: ANN401 (passed on as they are)
        try:
            everyone_has_read.wait(timeout=5)
        except BrokenBarrierError:
            pytest.fail("they did not both get past the lock: nothing raced")
        return carry(*given, **facts)

    monkeypatch.setattr(statements, "LOCK", statements.LOCK.replace("FOR UPDATE", ""))
    monkeypatch.setattr(ledger, "carry_allowances", carry_together)

    results = at_once(2, lambda _place: _move())

    # The database refused one, which is left to the next sweep.
    assert (results.count(0), results.count(1)) == (1, 1)
    assert Allowance.objects.filter(wallet__account=ada, ends_at=None).count() == 1
    assert _clean()


def test_orders_and_a_move_at_once_leave_whole_terms(ada: Account) -> None:
    services.start(account=ada, plan="standard")
    _put((NAMED, MOVE), FEWER)

    results = at_once(6, lambda place: _submit(ada) if place < 4 else _move())

    assert [one for one in results if isinstance(one, Exception)] == []
    subscription = Subscription.objects.get()
    assert selectors.terms_of(subscription).allowances[0].credits_micros == 600 * MICROS
    assert Job.objects.count() == 4
    assert factories.free_micros(ada) == 620 * MICROS
    assert _clean()


def test_eight_sales_at_once_are_one(ada: Account) -> None:
    results = at_once(
        8,
        lambda _place: services.start(account=ada, plan="standard", interval="P1M", currency="CNY"),
    )

    assert len({one.pk for one in results if isinstance(one, Subscription)}) == 1
    assert Subscription.objects.count() == 1
    assert factories.free_micros(ada) == 660 * MICROS
    assert _clean()


def test_two_sweeps_end_a_gift_once(ada: Account) -> None:
    eve = factories.new_account("eve")  # in the sandbox, where clocks can be moved
    services.start(account=eve, plan="standard", ends_at=_now() + timedelta(days=1))
    factories.later(eve, timedelta(days=1))

    at_once(2, lambda _place: services.end_due())

    assert Event.objects.filter(type="subscription.canceled").count() == 1
    assert Subscription.objects.get().ended_at is not None
    assert _clean()
