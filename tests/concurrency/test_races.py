"""What happens at once happens as if one after the other; and the same set-up, unlocked, races."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError, Event, Thread
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from billing.accounts.models import Account
from billing.gpu.protocol import Fail, State, Status
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs.errors import ConcurrencyLimit
from billing.jobs.models import Attempt, Job
from billing.jobs.orders import JobOrder
from billing.jobs.services import hearing
from billing.ledger import services as ledger
from billing.ledger import statements, store
from billing.ledger.errors import InsufficientCredits
from billing.ledger.models import CountedUse, Entry, Grant, Hold, Wallet
from billing.ledger.timeline import Timeline
from plans import selectors as plans
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.http.racing import at_once
from tests.ledger.shop import allowance, customer

ORDER = JobOrder(
    spec={"model": "kling-v1-6", "mode": "std", "seconds": 5}, inputs={"prompt": "a race"}
)
USER = ledger.Actor("user", "ada")


def _submit(account: Account) -> Job:
    with transaction.atomic(durable=True):
        return jobs.submit(account=account, order=ORDER, actor=USER, now=datetime.now(UTC))


def _clean() -> bool:
    return list(audit.breaches()) == []


def test_twelve_orders_cannot_spend_the_credits_of_three(ada: Account) -> None:
    factories.give(ada, 35)

    results = at_once(12, lambda _place: _submit(ada))

    assert sum(isinstance(one, Job) for one in results) == 3
    assert sum(isinstance(one, InsufficientCredits) for one in results) == 9
    assert Job.objects.count() == Hold.objects.count() == 3
    assert factories.free_micros(ada) == 5 * MICROS
    assert _clean()


def test_control_without_the_lock_only_the_database_stops_the_overdraft(
    ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that this set-up can race at all, and that the constraints are the second wall."""
    factories.give(ada, 35)
    everyone_has_read = Barrier(4)
    hold = Timeline.hold

    def hold_together(self: Timeline, **facts: Any) -> Any:  # noqa: ANN401 (passed on as they are)
        try:
            everyone_has_read.wait(timeout=5)
        except BrokenBarrierError:
            pytest.fail("they did not all get past the lock: nothing raced")
        return hold(self, **facts)

    monkeypatch.setattr(statements, "LOCK", statements.LOCK.replace("FOR UPDATE", ""))
    monkeypatch.setattr(Timeline, "hold", hold_together)

    results = at_once(4, lambda _place: _submit(ada))

    assert sum(isinstance(one, Job) for one in results) == 1
    assert sum(isinstance(one, IntegrityError) for one in results) == 3
    assert factories.free_micros(ada) == 25 * MICROS
    assert _clean()


def test_the_plans_concurrency_holds_under_parallel_orders(
    ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish.publish(factories.KLING, now=datetime.now(UTC))
    factories.give(ada, 1000)

    results = at_once(10, lambda _place: _submit(ada))

    assert sum(isinstance(one, Job) for one in results) == 3
    assert sum(isinstance(one, ConcurrencyLimit) for one in results) == 7
    assert _clean()


def test_forty_check_ins_at_once_give_one_grant(ada: Account) -> None:
    results = at_once(40, lambda _place: factories.claim(ada))

    assert {one.pk for one in results if isinstance(one, Grant)} == {Grant.objects.get().pk}
    assert all(isinstance(one, Grant) for one in results)
    assert factories.free_micros(ada) == 66 * MICROS
    assert _clean()


def test_a_first_sight_by_many_at_once_opens_one_wallet(ada: Account) -> None:
    bob = factories.new_account("bob", is_sandbox=False)

    results = at_once(16, lambda _place: factories.give(bob, 1, fact="payment:1"))

    assert {one.pk for one in results if isinstance(one, Grant)} == {Grant.objects.get().pk}
    assert _clean()


def test_capture_and_release_at_once_end_a_hold_once(ada: Account) -> None:
    factories.give(ada, 100)
    held = factories.hold(ada, 40)

    def end(place: int) -> Hold:
        if place % 2:
            return factories.capture(ada, held, 40 * MICROS)
        return factories.release(ada, held)

    results = at_once(12, end)

    assert all(isinstance(one, Hold) for one in results)
    ends = Entry.objects.filter(hold=held, kind__in=("capture", "release"))
    assert ends.count() == 1
    assert _clean()


def test_a_job_rung_many_times_is_claimed_by_one(ada: Account) -> None:
    factories.give(ada, 10)
    job = _submit(ada)
    now = datetime.now(UTC)

    results = at_once(8, lambda _place: jobs.dispatch(job_id=job.pk, now=now))

    assert results == [None] * 8

    # Nobody listens at the backend's address: each claim that was made was undone before the
    # next one could be, and never were two alive together.
    numbers = list(Attempt.objects.order_by("number").values_list("number", flat=True))
    assert numbers
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {"NotSent"}
    assert Job.objects.get().status == "queued"
    assert _clean()


def test_a_failure_and_a_cancel_and_an_operator_at_once_settle_a_job_once(ada: Account) -> None:
    factories.give(ada, 10)
    job = _submit(ada)
    now = datetime.now(UTC)
    attempt = Attempt.objects.create(
        job=job, number=1, backend="away", lease_until=now, check_at=now, created_at=now
    )
    Job.objects.filter(pk=job.pk).update(status="dispatched")
    failed = Status(state=State.FAILED, fail=Fail.PROVIDER, message="broken")

    def end(place: int) -> object:
        if place % 3 == 0:
            hearing.apply_status(attempt.pk, failed, now=now)
            return None
        if place % 3 == 1:
            return jobs.fail(job_id=job.pk, operator="grace", now=now)
        with transaction.atomic(durable=True):
            return jobs.cancel(job=job, actor=USER, now=now)

    results = at_once(12, end)

    assert not any(isinstance(one, DatabaseError) for one in results), results
    assert Entry.objects.filter(kind="release").count() == 1
    assert factories.free_micros(ada) == 10 * MICROS
    assert _clean()


def test_three_videos_a_day_are_three_under_parallel_orders(transactional_db: None) -> None:
    ada = customer(
        free=allowance(cadence="daily", unit="order", amount=3, zone="UTC"), is_sandbox=False
    )

    def order(place: int) -> int:
        with transaction.atomic(durable=True):
            locked = factories.lock(ada)
            covers = ledger.cover(ledger.counted(locked), facts={}, outputs=1, seconds=5)
            ledger.draw(locked, covers, reference=f"test:{place}")
            return len(covers)

    results = at_once(10, order)

    assert (results.count(0), results.count(1)) == (7, 3)
    assert CountedUse.objects.count() == 3
    assert _clean()


def test_control_without_the_lock_only_the_database_stops_the_fourth(
    transactional_db: None,
) -> None:
    """Shows that looks at the same window can race, and that the trigger is the second wall."""
    ada = customer(
        free=allowance(cadence="daily", unit="order", amount=3, zone="UTC"), is_sandbox=False
    )
    with transaction.atomic(durable=True):
        allowance_id = ledger.counted(factories.lock(ada))[0].schedule.id
    everyone_has_looked = Barrier(5)

    def order(place: int) -> None:
        now = store.database_now()
        with transaction.atomic(durable=True):
            assert CountedUse.objects.count() == 0
            everyone_has_looked.wait(timeout=5)
            CountedUse.objects.create(
                wallet=factories.wallet_of(ada),
                allowance_id=allowance_id,
                series="a",
                window="today",
                window_ends_at=now + timedelta(days=1),
                reference=f"test:{place}",
                units_micros=MICROS,
                created_at=now,
            )

    results = at_once(5, order)

    assert sum(isinstance(one, IntegrityError) for one in results) == 2
    assert CountedUse.objects.count() == 3


def test_a_busy_wallet_does_not_keep_the_others_from_being_settled(ada: Account) -> None:
    """Whoever holds it settles it himself; the sweep goes on to the next."""
    bob = factories.new_account("bob", is_sandbox=False)
    catalog = plans.current().catalog
    for account in (ada, bob):
        ledger.open_wallet(account, catalog=catalog)
        Wallet.objects.filter(account=account).update(due_at=timezone.now())
    is_held, may_go = Event(), Event()

    def hold_it() -> None:
        try:
            with transaction.atomic():
                factories.lock(ada)
                is_held.set()
                may_go.wait(timeout=20)
        finally:
            connection.close()

    holder = Thread(target=hold_it)
    holder.start()
    assert is_held.wait(timeout=20)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    try:
        assert ledger.settle_due(catalog=catalog) == 1
    finally:
        may_go.set()
        holder.join()
        connection.close()
    assert [one.account for one in Wallet.objects.filter(due_at__lte=timezone.now())] == [ada]
