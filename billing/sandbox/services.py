"""Moves the time of sandbox accounts, from instant to instant at which something comes due.

Lock order: the clock, then wallets by id. Whoever dies half-way leaves a goal, and the next one
goes on from the last stop whose work was committed with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.ledger import clocks
from billing.ledger import services as ledger
from billing.outbox import selectors as outbox_selectors
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.packs import services as packs
from billing.partners import services as partners
from billing.payments.services import clocks as stripe_clocks
from billing.payments.services import timing
from billing.sandbox import selectors
from billing.sandbox.errors import ClockBusy, ClockGoesForward, NotOnThisClock
from billing.sandbox.models import TestClock, TestClockAccount
from billing.subscriptions import services as subscriptions
from billing.sweeps import Sweep
from billing.transactions import require_transaction
from billing.webhooks import services as webhooks
from plans import periods
from plans import selectors as plans
from plans.catalog.schema import Catalog

MEMBERS_MAX: Final = 50
_AT_ONCE: Final = "P2Y"
_STOPS_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class _Stop:
    """Where a clock has come to on its way, and for whom something was due there."""

    accounts: Sequence[Account]
    at: datetime
    is_goal: bool


def create(
    *, owner: Account | None, name: str, accounts: Sequence[Account], now: datetime
) -> TestClock:
    """A clock exists, which these sandbox accounts live by; it shows what the latest of them did.

    Those that were behind are brought there, with all that comes due on their way.

    Args:
        owner: the sandbox user whose own it is; None: the platform's.
        now: the real instant.

    Raises:
        NotOnThisClock: an account is on another clock, or they are more than 50.
        CustomerHasNoClock: Stripe knows one of them already, without a clock.
    """
    require_transaction("sandbox.create")
    catalog = plans.current().catalog
    for account in sorted(accounts, key=lambda one: one.pk):
        ledger.settle(ledger.lock_wallet(account, catalog=catalog))
    offset = max((_offset_of(account) for account in accounts), default=timedelta(0))
    clock = TestClock.objects.create(
        owner=owner, name=name, offset=offset, moved_offset=offset, created_at=now
    )
    return join(clock=clock, accounts=accounts, now=now)


def join(*, clock: TestClock, accounts: Sequence[Account], now: datetime) -> TestClock:
    """These sandbox accounts live by the clock; who was behind is brought to what it shows.

    A repeat changes nothing.

    Args:
        now: the real instant.

    Raises:
        ClockBusy: it is being advanced, or has been retired.
        NotOnThisClock: an account is on another clock, its time is ahead of this clock's, or they
            would be more than 50.
        CustomerHasNoClock: Stripe knows one of them already, without a clock.
    """
    require_transaction("sandbox.join")
    clock = _ready(clock)
    catalog = plans.current().catalog
    members = {account.pk for account in selectors.accounts_of(clock)}
    behind: list[datetime] = []
    for account in sorted(accounts, key=lambda one: one.pk):
        if account.pk in members:
            continue
        ledger.settle(ledger.lock_wallet(account, catalog=catalog))
        _require_fit(clock, account, members=len(members))
        TestClockAccount.objects.create(clock=clock, account=account, joined_at=now)
        timing.expect(account, now=now)
        members.add(account.pk)
        if (by := clock.offset - _offset_of(account)) > timedelta(0):
            behind.append(clocks.database_now() + _offset_of(account))
            webhooks.pass_time(account_ids=[account.pk], by=by, now=now)
    if behind:
        _set_off(clock, since=min(behind), goal=selectors.shows(clock), now=now)
    return clock


def advance(*, clock: TestClock, to: datetime, now: datetime) -> TestClock:
    """The clock is on its way to `to`; whoever works takes it there, however often he dies.

    Args:
        now: the real instant.

    Raises:
        ClockBusy: it is on its way already, or has been retired.
        ClockGoesForward: `to` is not ahead of what it shows, or by more than two years.
    """
    require_transaction("sandbox.advance")
    clock = _ready(clock)
    shown = selectors.shows(clock)
    latest = periods.add_period(shown, _AT_ONCE)
    if not shown < to <= latest:
        raise ClockGoesForward(now=shown.isoformat(), latest=latest.isoformat())
    _set_off(clock, since=shown, goal=to, now=now)
    return clock


@transaction.atomic(durable=True)
def retire(*, clock: TestClock, now: datetime) -> None:
    """The clock is moved no more, and its accounts may go to another. A repeat changes nothing.

    Their time stays ahead: no clock runs back.

    Raises:
        ClockBusy: it is being advanced.
    """
    clock = TestClock.objects.select_for_update().get(pk=clock.pk)
    if clock.retired_at is not None:
        return
    clock = _ready(clock)
    TestClockAccount.objects.filter(clock=clock, left_at=None).update(left_at=now)
    clock.retired_at = now
    clock.save(update_fields=["retired_at"])


def walk(clock_id: str, *, now: datetime) -> None:
    """Take the clock on its way, stop by stop, and ask to be called again if it is long.

    A stop is an instant at which something comes due for one of its accounts. Two who walk at once
    take turns.

    Args:
        now: the real instant.
    """
    catalog = plans.current().catalog
    _catch_up(clock_id, now)
    for _number in range(_STOPS_AT_ONCE):
        stop = _go_on(clock_id, catalog)
        if stop is None:
            return
        for account in stop.accounts:
            # Outside, for a job is locked before its wallet. The jobs' own sweep is the net.
            jobs.expire_queued(account, now=clocks.database_now())
        # Outside as well, for Stripe is called. What it collects by then is applied here.
        stripe_clocks.follow(stop.accounts, at=stop.at, is_goal=stop.is_goal, now=now)
        if stop.is_goal:
            _arrive(clock_id, now)
            return
    _call_again(clock_id, now)


def sweep(*, now: datetime) -> int:
    """Call for clocks on their way that nobody is called for any more; return how many."""
    called = 0
    for clock in selectors.on_their_way():
        if not outbox_selectors.is_open(TaskName.ADVANCE_CLOCK, clock_id=clock.pk):
            _call_again(clock.pk, now)
            called += 1
    return called


def _catch_up(clock_id: str, now: datetime) -> None:
    """Do outside any transaction what the last stop left, if whoever took the clock there died."""
    for account in selectors.accounts_of(TestClock.objects.get(pk=clock_id)):
        shown = clocks.clock_of(account)
        assert shown is not None, "who lives by a clock has a wallet"
        stripe_clocks.follow([account], at=shown, is_goal=False, now=now)


def _ready(clock: TestClock) -> TestClock:
    """Lock the clock.

    Raises:
        ClockBusy: it is on its way, or has been retired.
    """
    locked = TestClock.objects.select_for_update().get(pk=clock.pk)
    if locked.status != "ready":
        raise ClockBusy(status=locked.status)
    return locked


def _offset_of(account: Account) -> timedelta:
    """Return how far the account's wallet, which is locked, is ahead."""
    return clocks.clock_offsets([account.pk])[account.pk]


def _require_fit(clock: TestClock, account: Account, *, members: int) -> None:
    assert account.is_sandbox, "the edge knows no live account here"
    reason = ""
    if TestClockAccount.objects.filter(account=account, left_at=None).exists():
        reason = "on_another"
    elif _offset_of(account) > clock.offset:
        reason = "ahead"
    elif members >= MEMBERS_MAX:
        reason = "full"
    if reason:
        raise NotOnThisClock(account=account.external_id, reason=reason)


def _set_off(clock: TestClock, *, since: datetime, goal: datetime, now: datetime) -> None:
    clock.moved_from, clock.moved_offset, clock.goal_at = since, clock.offset, goal
    clock.save(update_fields=["moved_from", "moved_offset", "goal_at"])
    outbox.post(TaskName.ADVANCE_CLOCK, now=now, clock_id=clock.pk)


@transaction.atomic(durable=True)
def _go_on(clock_id: str, catalog: Catalog) -> _Stop | None:
    """Take the clock and its accounts to the next stop, and do what is due there, in one commit.

    None: it has arrived.
    """
    clock = TestClock.objects.select_for_update().get(pk=clock_id)
    if clock.goal_at is None:
        return None
    accounts, real_now = selectors.accounts_of(clock), clocks.database_now()
    ids = [account.pk for account in accounts]
    dues, offsets = selectors.dues(ids, catalog=catalog), clocks.clock_offsets(ids)
    ahead = (at for pk in ids for at in dues[pk] if real_now + offsets[pk] < at < clock.goal_at)
    stop_at = min(ahead, default=clock.goal_at)
    is_goal = stop_at == clock.goal_at
    offset = stop_at - real_now
    clock.offset = max(clock.offset, offset)
    clock.save(update_fields=["offset"])
    # At the goal all are alike; on the way those who are behind stop where something is due.
    ledger.move_clocks(ids, offset=clock.offset if is_goal else offset)
    due = [one for one in accounts if is_goal or any(at <= stop_at for at in dues[one.pk])]
    sweep = Sweep("clock_stumbled")
    for account in due:
        with sweep.row(account_id=account.pk), transaction.atomic():
            _touch(account, catalog)
    return _Stop(due, stop_at, is_goal)


def _touch(account: Account, catalog: Catalog) -> None:
    """Do for an account what is due by its clock."""
    locked = ledger.lock_wallet(account, catalog=catalog)
    locked = subscriptions.finish_if_over(locked, account, catalog=catalog)
    packs.begin_overdue(locked, account)
    for conversion in catalog.conversions:
        if conversion.at <= locked.now:
            ledger.convert(locked, conversion, zone=account.zone)
    ledger.settle(locked)
    for programme in catalog.programmes:
        partners.collect(account=account, programme=programme.code)
    subscriptions.admit_again(account=account)


@transaction.atomic(durable=True)
def _arrive(clock_id: str, now: datetime) -> None:
    """The goal is reached: webhooks are told how much time has passed, and the clock is ready."""
    clock = TestClock.objects.select_for_update().get(pk=clock_id)
    if clock.goal_at is None:
        return
    webhooks.pass_time(
        account_ids=[account.pk for account in selectors.accounts_of(clock)],
        by=clock.offset - clock.moved_offset,
        now=now,
    )
    clock.goal_at = None
    clock.save(update_fields=["goal_at"])


@transaction.atomic(durable=True)
def _call_again(clock_id: str, now: datetime) -> None:
    outbox.post(TaskName.ADVANCE_CLOCK, now=now, clock_id=clock_id)
