"""A clock stops where something comes due, and does it at that instant."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from billing.accounts.models import Account
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs.errors import QuoteExpired
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.ledger import clocks
from billing.ledger import services as ledger
from billing.ledger.models import Entry, Grant, Hold
from billing.outbox.models import Message
from billing.packs import services as packs
from billing.packs.models import PackPurchase
from billing.sandbox import selectors, services
from billing.sandbox.errors import ClockBusy, ClockGoesForward, NotOnThisClock
from billing.subscriptions import selectors as subscriptions_read
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from billing.webhooks import services as webhooks
from billing.webhooks.models import Delivery, Event
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.sandbox.conftest import advance, clock_of, fresh, send

SPEC = {"model": "kling-v1-6", "mode": "std", "seconds": 5}
ORDER = JobOrder(spec=SPEC, inputs={"prompt": "a clock"})
USER = ledger.Actor("user", "ada")
A_DAY = timedelta(days=1)
SOON = timedelta(seconds=30)  # a slow machine; the clock ticks on


def near(one: datetime | None, other: datetime) -> bool:
    return one is not None and timedelta(0) <= one - other < SOON


def submit(account: Account, order: JobOrder = ORDER) -> Job:
    with transaction.atomic():
        return jobs.submit(account=account, order=order, actor=USER, now=timezone.now())


def test_every_account_of_a_clock_shows_its_instant(ada: Account) -> None:
    bob, clock = factories.new_account("bob"), clock_of(ada)
    with transaction.atomic():
        services.join(clock=clock, accounts=[bob], now=timezone.now())

    goal = advance(clock, timedelta(days=40))

    shown = [clocks.clock_of(one) for one in (ada, bob)]
    assert all(near(at, goal) for at in shown)
    assert len({one.wallet.clock_offset for one in Account.objects.all()}) == 1
    assert near(selectors.shows(fresh(clock)), goal)


def test_each_days_credits_come_and_go_on_their_way(daily: None, ada: Account) -> None:
    clock = clock_of(ada)

    advance(clock, timedelta(days=30))

    assert Grant.objects.filter(wallet__account=ada).count() == 31
    assert Entry.objects.filter(kind="expire").count() == 30
    assert factories.free_micros(ada) == 66 * MICROS
    assert selectors.happened(fresh(clock))["entries"] == {"expire": 30, "grant": 30}
    assert list(audit.breaches()) == []


def test_a_subscription_ends_at_its_end_and_the_free_plan_begins_there(ada: Account) -> None:
    clock = clock_of(ada)
    ends_at = selectors.shows(clock) + timedelta(days=10)
    subscriptions.start(
        account=ada, plan="standard", interval="P1M", currency="CNY", ends_at=ends_at
    )

    advance(clock, timedelta(days=100))

    ended = Subscription.objects.get()
    assert near(ended.ended_at, ends_at)
    event = Event.objects.get(type="subscription.canceled")
    assert near(event.created_at, ends_at)
    assert subscriptions_read.open_of(ada) is None
    assert selectors.happened(fresh(clock))["events"] == {"subscription.canceled": 1}


def test_a_yearly_plan_drips_each_month(ada: Account) -> None:
    clock = clock_of(ada)
    subscriptions.start(account=ada, plan="standard", interval="P1M", currency="CNY")
    before = Grant.objects.filter(series__startswith="standard.monthly").count()

    advance(clock, timedelta(days=350))

    assert before == 1
    assert Grant.objects.filter(series__startswith="standard.monthly").count() == 12


def test_a_hold_with_an_end_a_grant_and_a_waiting_pack_come_due(ada: Account) -> None:
    clock = clock_of(ada)
    factories.give(ada, 100, expires_in=timedelta(days=5))
    with transaction.atomic():
        locked = factories.lock(ada)
        held = ledger.hold(
            locked,
            amount_micros=10 * MICROS,
            reference="test:1",
            catalog=plans.current().catalog,
            facts={},
            standing=frozenset(),
            cause=ledger.Cause("operator", "grace"),
            actor=factories.OPERATOR,
            lasts_until=locked.now + timedelta(hours=6),
        )
        bought = packs.give(account=ada, pack="later", fact="order:1", actor=factories.OPERATOR)

    advance(clock, timedelta(days=60))

    held.refresh_from_db()
    assert held.state == Hold.State.EXPIRED
    assert Grant.objects.get(source="goodwill").expired_micros == 100 * MICROS
    bought = PackPurchase.objects.get()
    assert bought.activated_at == bought.activate_by
    assert bought.grant is not None
    assert bought.grant.expired_micros == 500 * MICROS
    assert list(audit.breaches()) == []


def test_an_order_that_waits_too_long_is_given_up_and_its_event_says_when(ada: Account) -> None:
    clock = clock_of(ada)
    factories.give(ada, 100)
    advance(clock, timedelta(days=3))
    ordered_at = selectors.shows(fresh(clock))
    job = submit(ada)

    advance(clock, timedelta(hours=23))
    waits = Job.objects.get().status
    advance(clock, timedelta(hours=2))

    job.refresh_from_db()
    assert (waits, job.status) == ("queued", "expired")
    told = Event.objects.order_by("sequence").last()
    assert told is not None
    assert near(told.created_at, ordered_at + A_DAY)
    assert f'"timestamp":"{told.created_at:%Y-%m-%dT%H:%M}' in told.payload


def test_a_sweep_gives_up_what_the_ticking_of_a_moved_clock_brings_due(ada: Account) -> None:
    clock = clock_of(ada)
    factories.give(ada, 100)
    submit(ada)
    advance(clock, timedelta(hours=23))
    Job.objects.update(status="queued")

    early = jobs.sweep(now=timezone.now())
    late = jobs.sweep(now=timezone.now() + timedelta(hours=1, minutes=1))

    assert (early, late) == (0, 1)
    assert Job.objects.get().status == "expired"


def test_a_quote_is_over_by_the_clock(ada: Account) -> None:
    clock = clock_of(ada)
    told = jobs.quote(account=ada, order=ORDER)

    advance(clock, timedelta(minutes=16))

    with pytest.raises(QuoteExpired):
        submit(ada, JobOrder(spec=SPEC, inputs={"prompt": "x"}, quote_id=told.quote.pk))
    assert not Job.objects.exists()


def test_webhooks_go_out_in_real_time_and_what_is_tried_again_comes_nearer(ada: Account) -> None:
    clock, now = clock_of(ada), timezone.now()
    factories.give(ada, 100)
    with transaction.atomic():
        webhooks.create_endpoint(account=ada, url="https://example.com/hook", now=now)
    advance(clock, timedelta(days=30))
    submit(ada)
    sent = Delivery.objects.get()
    in_two_hours = timezone.now() + timedelta(hours=2)
    Delivery.objects.update(attempts=4, next_at=in_two_hours)
    calls = Message.objects.filter(task="webhooks.deliver")
    before = calls.count()

    advance(clock, timedelta(hours=1))
    waits = calls.count() - before
    advance(clock, timedelta(hours=1, minutes=1))

    assert sent.next_at is not None
    assert sent.next_at <= timezone.now()  # though it happened a month ahead
    assert sent.event.created_at > timezone.now() + timedelta(days=29)
    assert (waits, calls.count() - before) == (0, 1)
    assert Delivery.objects.filter(next_at__lte=timezone.now()).exists()


def test_a_walk_that_dies_goes_on_from_where_it_stopped(
    daily: None, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = clock_of(ada)
    goal = send(clock, timedelta(days=20))
    monkeypatch.setattr(services, "_STOPS_AT_ONCE", 7)
    touch, times = services._touch, iter(range(100))

    def dying(*given: object) -> None:
        if next(times) == 4:
            raise KeyboardInterrupt  # as a killed process: nobody catches it
        touch(*given)  # type: ignore[arg-type]  # as they are

    monkeypatch.setattr(services, "_touch", dying)
    with pytest.raises(KeyboardInterrupt):
        services.walk(clock.pk, now=timezone.now())
    left = fresh(clock)
    assert left.status == "advancing"
    assert selectors.shows(left) < goal
    Message.objects.filter(task="sandbox.advance").update(ring_at=None, done_at=timezone.now())

    assert services.sweep(now=timezone.now()) == 1
    assert services.sweep(now=timezone.now()) == 0  # it has been called
    while fresh(clock).goal_at is not None:
        services.walk(clock.pk, now=timezone.now())

    assert Grant.objects.filter(wallet__account=ada).count() == 21
    assert list(audit.breaches()) == []


def test_one_account_that_fails_does_not_stop_the_others(
    daily: None, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = factories.new_account("bob")
    clock = clock_of(ada, bob)
    settle = ledger.settle

    def failing(locked: ledger.LockedWallet) -> None:
        if locked.account_id == ada.pk:
            raise RuntimeError
        settle(locked)

    monkeypatch.setattr(ledger, "settle", failing)
    advance(clock, timedelta(days=3))

    assert fresh(clock).status == "ready"
    assert Grant.objects.filter(wallet__account=bob).count() == 4


def test_who_joins_late_is_brought_along_with_all_that_comes_due(daily: None, ada: Account) -> None:
    clock = clock_of(ada)
    advance(clock, timedelta(days=10))
    bob = factories.new_account("bob")
    factories.settle(bob)

    with transaction.atomic():
        services.join(clock=clock, accounts=[bob], now=timezone.now())
    assert fresh(clock).status == "advancing"
    services.walk(clock.pk, now=timezone.now())

    assert fresh(clock).status == "ready"
    assert Grant.objects.filter(wallet__account=bob).count() == 11
    assert bob.wallet.clock_offset == timedelta(0)  # as it was read
    bob.wallet.refresh_from_db()
    assert bob.wallet.clock_offset >= timedelta(days=10) - SOON


def test_a_clock_goes_forward_only_one_move_at_a_time_and_by_two_years_at_most(
    ada: Account,
) -> None:
    clock = clock_of(ada)
    before = ada.wallet.clock_offset
    with pytest.raises(ClockGoesForward):
        send(clock, timedelta(seconds=-1))
    with pytest.raises(ClockGoesForward):
        send(clock, timedelta(days=732))
    send(clock, A_DAY)
    for act in (
        lambda: send(clock, A_DAY),
        lambda: services.join(clock=clock, accounts=[], now=timezone.now()),
    ):
        with pytest.raises(ClockBusy), transaction.atomic():
            act()
    with pytest.raises(ClockBusy):
        services.retire(clock=clock, now=timezone.now())

    ada.wallet.refresh_from_db()
    assert ada.wallet.clock_offset == before


def test_an_account_is_on_one_clock_and_not_on_one_that_is_behind_it(ada: Account) -> None:
    clock = clock_of(ada)
    other = clock_of()
    advance(clock, A_DAY)

    with pytest.raises(NotOnThisClock, match="another clock"), transaction.atomic():
        services.join(clock=other, accounts=[ada], now=timezone.now())
    for _again in range(2):
        services.retire(clock=clock, now=timezone.now())
    with pytest.raises(NotOnThisClock, match="ahead"), transaction.atomic():
        services.join(clock=other, accounts=[ada], now=timezone.now())

    third = clock_of(ada)
    assert third.offset == fresh(clock).offset
