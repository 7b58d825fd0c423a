"""Counts and counted units hold under parallel orders, because the wallet's lock is held."""

from datetime import UTC, datetime
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs.errors import ConcurrencyLimit, QuotaExceeded
from billing.jobs.models import Job
from billing.ledger import past, statements
from billing.ledger import services as ledger
from billing.ledger.errors import InsufficientCredits
from billing.ledger.models import CountedUse, Hold
from billing.ledger.timeline import Timeline
from plans.credits import MICROS
from tests import factories
from tests.http.racing import at_once
from tests.jobs import shop

USER = ledger.Actor("user", "ada")
FREE_ORDERS = """
[[rate]]
id = "free"
form = "flat"
price = "0"
free = true
"""


@pytest.fixture
def bob(transactional_db: None, settings: Settings) -> Account:
    """Bob may order what the shop of each test lets him; no backend is ever called."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["m"],
            "concurrency": 50,
        }
    }
    shop.open_shop()
    account = factories.new_account("bob", is_sandbox=False)
    factories.settle(account)
    return account


def order(account: Account, **spec: object) -> Job:
    with transaction.atomic(durable=True):
        return jobs.submit(
            account=account, order=shop.order_of(spec), actor=USER, now=datetime.now(UTC)
        )


def unlocked(monkeypatch: pytest.MonkeyPatch, people: int) -> None:
    """Have `people` orders judged together, before any of them is written, without the lock."""
    everyone_has_read = Barrier(people)
    hold = Timeline.hold

    def hold_together(self: Timeline, **facts: Any) -> Any:  # noqa: ANN401 (passed on as they are)
        try:
            everyone_has_read.wait(timeout=5)
        except BrokenBarrierError:
            pytest.fail("they did not all get past the lock: nothing raced")
        return hold(self, **facts)

    # All at one instant, or the wallet would refuse those whose clock was read a moment earlier.
    one_instant = statements.LOCK.replace("FOR UPDATE", "").replace(
        "clock_timestamp()", "date_trunc('hour', clock_timestamp() + interval '1 hour')"
    )
    monkeypatch.setattr(statements, "LOCK", one_instant)
    monkeypatch.setattr(Timeline, "hold", hold_together)


def limited(*rights: str) -> str:
    return shop.FREE.replace("  concurrency = 100", "\n".join(rights))


@pytest.mark.parametrize("window", ["day", "PT24H"])
def test_twelve_orders_at_once_are_no_more_than_the_plan_counts(bob: Account, window: str) -> None:
    count = f'count = [{{ window = "{window}", orders = 3 }}]'
    shop.open_shop(plans=limited("concurrency = 100", count), rates=FREE_ORDERS)

    results = at_once(12, lambda _place: order(bob))

    assert sum(isinstance(one, Job) for one in results) == 3
    assert sum(isinstance(one, QuotaExceeded) for one in results) == 9
    assert Job.objects.count() == Hold.objects.count() == 3
    assert list(audit.breaches()) == []


def test_control_without_the_lock_all_are_counted_as_the_first(
    bob: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that this set-up can race: what costs nothing leaves no entries to collide on."""
    count = 'count = [{ window = "day", orders = 3 }]'
    shop.open_shop(plans=limited("concurrency = 100", count), rates=FREE_ORDERS)
    unlocked(monkeypatch, 5)

    results = at_once(5, lambda _place: order(bob))

    assert sum(isinstance(one, Job) for one in results) == 5, results


def test_twelve_orders_at_once_have_three_slots_of_a_kind(bob: Account) -> None:
    slot = 'slot = [{ match = { mode = "pro" }, concurrency = 3 }]'
    shop.open_shop(plans=limited("concurrency = 100", slot), rates=FREE_ORDERS)

    results = at_once(12, lambda _place: order(bob, mode="pro"))

    assert sum(isinstance(one, Job) for one in results) == 3
    assert sum(isinstance(one, ConcurrencyLimit) for one in results) == 9
    assert list(audit.breaches()) == []


COUNTED = shop.FREE.replace(
    "  [plan.entitlements]",
    """
  [[plan.allowance]]
  code = "videos"
  cadence = "monthly"
  anchor = "calendar"
  unit = "output"
  amount = 3
  [plan.entitlements]""",
)


@pytest.fixture
def with_videos(bob: Account) -> Account:
    """Bob's plan has three videos a month; he has no credits."""
    shop.open_shop(plans=COUNTED)
    eve = factories.new_account("eve", is_sandbox=False)
    factories.settle(eve)
    return eve


def test_twelve_orders_at_once_use_each_counted_unit_once(with_videos: Account) -> None:
    results = at_once(12, lambda _place: order(with_videos))

    assert sum(isinstance(one, Job) for one in results) == 3
    assert sum(isinstance(one, InsufficientCredits) for one in results) == 9
    assert sum(CountedUse.objects.values_list("units_micros", flat=True)) == 3 * MICROS
    assert list(audit.breaches()) == []


def test_control_without_the_lock_only_the_database_stops_the_fourth(
    with_videos: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlocked(monkeypatch, 5)

    results = at_once(5, lambda _place: order(with_videos))

    assert sum(isinstance(one, Job) for one in results) == 3, results
    assert sum(isinstance(one, IntegrityError) for one in results) == 2, results
    assert past.uses(factories.wallet_of(with_videos).pk, since=datetime.now(UTC))
    assert list(audit.breaches()) == []
