"""Judges a change of plan, and says what it costs and gives; nothing is written.

Lock order: the contract, the wallet.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final, Literal

from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger.services import LockedWallet
from billing.payments import selectors
from billing.payments.errors import NothingChanges, NotNow, PaymentIsDue, PlanIsPaused
from billing.payments.models import Contract
from billing.payments.money import micros_of
from billing.payments.services import following, tracing
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions.errors import NoSuchPrice, NotSubscribed, PlanNotOnSale, UnknownPlan
from billing.subscriptions.models import PaidPeriod, Subscription
from billing.subscriptions.services import coming, seating
from billing.transactions import require_transaction
from plans import changes, prices
from plans import selectors as plans
from plans.catalog.offers import Plan
from plans.changes import Held, Reckoned, Wanted

When = Literal["now", "period_end"]
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """Another plan, by the interval that pays for it.

    Attributes:
        seats: of an organization; None: as before.
        when: None: as the catalog has it.
    """

    plan: str
    interval: str
    seats: int | None = None
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A change that is possible: from what, to what, when, and what it comes to.

    Attributes:
        at: when it counts from.
        to_be_paid_by: when the period or its window of credits ends by which it was reckoned.
        reckoned: of a change at once; None: nothing is paid before `at`.
        carried: of which payments it is what is taken off the price, as a change keeps it.
        is_back: it takes back a change that waits for the end of the period.
    """

    contract: Contract
    subscription: Subscription
    plan: Plan
    version_id: str
    interval: str
    seats: int | None
    renewal_micros: int
    when: When
    at: datetime
    to_be_paid_by: datetime
    held: Held
    wanted: Wanted
    reckoned: Reckoned | None
    carried: dict[str, dict[str, int]]
    is_back: bool


@dataclass(frozen=True, slots=True)
class _Offered:
    plan: Plan
    seats: int | None
    renewal_micros: int
    is_back: bool


def judge(
    account: Account, wish: Wish, *, by: Membership | None = None
) -> tuple[LockedWallet, Judged]:
    """Return what a change comes to, in the caller's transaction; its wallet and `by`'s are locked.

    Raises:
        NotSubscribed: nothing is collected for the account.
        UnknownPlan, PlanNotOnSale, NoSuchPrice, SeatsOutOfRange, FewerSeatsThanMembers: as in
            `subscriptions.begin`.
        NothingChanges, NotNow, PaymentIsDue, PlanIsPaused: as they say.
    """
    require_transaction("payments.judge")
    contract, subscription = _collected(account)
    published = plans.current()
    locked = ledger.lock_wallet_by(account, by=by, catalog=published.catalog)
    offered = _offered(account, contract, subscription, wish, locked.now)
    rule = changes.rule_of(
        published.catalog.change_policy,
        changes.kind_of(
            interval=contract.interval,
            price_micros=contract.renewal_micros,
            new_interval=wish.interval,
            new_price_micros=offered.renewal_micros,
        ),
    )
    held = _held(locked, contract, subscription)
    wanted = Wanted(offered.renewal_micros, _window_micros(offered.plan.for_seats(offered.seats)))
    when: When = "period_end" if offered.is_back else wish.when or rule.when
    reckoned = None
    if when == "now":
        _require_paid(contract, subscription, at=locked.now)
        reckoned = changes.reckon(
            rule,
            held,
            wanted,
            same_interval=wish.interval == contract.interval
            and not coming.is_in_trial(subscription),
            unit_micros=micros_of(1, contract.currency),
        )
    assert subscription.paid_until is not None, "it is paid by periods"
    if when == "now" and (reckoned is None or rule.when != "now"):
        raise NotNow(at=subscription.paid_until)
    return locked, Judged(
        contract=contract,
        subscription=subscription,
        plan=offered.plan,
        version_id=published.version_id,
        interval=wish.interval,
        seats=offered.seats,
        renewal_micros=offered.renewal_micros,
        when=when,
        at=locked.now if when == "now" else subscription.paid_until,
        to_be_paid_by=_to_be_paid_by(subscription, subscription.paid_until, locked.now),
        held=held,
        wanted=wanted,
        reckoned=reckoned,
        carried=_carried(contract, subscription, locked.now, reckoned),
        is_back=offered.is_back,
    )


def _collected(account: Account) -> tuple[Contract, Subscription]:
    """Return the contract by which Stripe collects, locked, and what it pays for."""
    living = selectors.living_contract(account)
    if living is None:
        raise NotSubscribed
    contract = Contract.objects.select_for_update().get(pk=living.pk)
    subscription = following.subscription_of(contract)
    if subscription is None or subscription.ended_at is not None:
        raise NotSubscribed
    return contract, subscription


def _offered(
    account: Account, contract: Contract, subscription: Subscription, wish: Wish, at: datetime
) -> _Offered:
    """Return what the catalog in force offers for a wish.

    Raises:
        UnknownPlan, PlanNotOnSale, NoSuchPrice, SeatsOutOfRange, FewerSeatsThanMembers,
            NothingChanges: as `judge`.
    """
    catalog = plans.current().catalog
    plan = catalog.plan(wish.plan)
    if plan is None or plan.free:
        raise UnknownPlan(plan=wish.plan, known=sorted(one.code for one in catalog.plans))
    seats = seating.seats_of(plan, account, wish.seats, before=subscription.seats)
    is_same = (plan.code, wish.interval, seats) == (
        contract.plan,
        contract.interval,
        contract.seats,
    )
    if is_same and not contract.changes_to:
        raise NothingChanges(plan=plan.code)
    if is_same:
        return _Offered(plan, seats, contract.renewal_micros, is_back=True)
    if not prices.is_on_sale(plan, at=at):
        raise PlanNotOnSale(plan=plan.code)
    return _Offered(plan, seats, _renewal(plan, contract, wish, at, seats), is_back=False)


def _require_paid(contract: Contract, subscription: Subscription, *, at: datetime) -> None:
    """Between two periods the bill of the next one is made, at the price of the present plan.

    Raises:
        PlanIsPaused: Stripe would void the bill with which another period begins.
        PaymentIsDue: it is not paid yet.
    """
    if contract.paused_at is not None:
        raise PlanIsPaused
    is_unpaid = contract.status in {Contract.Status.PAST_DUE, Contract.Status.UNPAID}
    assert subscription.paid_until is not None, "it is paid by periods"
    if is_unpaid or subscription.paid_until <= at:
        raise PaymentIsDue(pay_url=selectors.pay_url(contract))


def _renewal(plan: Plan, contract: Contract, wish: Wish, at: datetime, seats: int | None) -> int:
    price = prices.price_of(
        plan, currency=contract.currency, interval=wish.interval, at=at, book=contract.book or None
    )
    if price is None:
        sold = prices.prices_of(plan, at=at, book=contract.book or None)
        known = sorted(f"{one.currency} {one.interval}" for one in sold)
        raise NoSuchPrice(plan=plan.code, known=known)
    return prices.renewal_micros(price) * (seats or 1)


def _held(locked: LockedWallet, contract: Contract, subscription: Subscription) -> Held:
    """Return what is left of the period under way, and what was paid for it."""
    now = locked.now
    price_micros = _price_micros(contract, subscription)
    period = subscriptions.period_under_way(subscription, at=now)
    window_micros = _window_micros(coming.given_by_periods(subscription))
    if period is None or period.is_trial:
        return Held(price_micros, 0, window_micros, 1, 0, Fraction(0), 0, 0)
    starts, current_left = _windows(subscription, period, now)
    given_micros, unused_micros = _credits(locked, period)
    return Held(
        price_micros=price_micros,
        paid_micros=sum(tracing.paid_micros(contract, period).values()),
        window_micros=window_micros,
        windows=len(starts),
        unbegun=sum(1 for start in starts if start > now),
        window_left=current_left,
        given_micros=given_micros,
        unused_micros=unused_micros,
    )


def _price_micros(contract: Contract, subscription: Subscription) -> int:
    """Return what a period of the plan under way costs.

    Where Stripe did not carry a change out, the contract is of the former plan: what was paid for
    the new one is not asked for again.
    """
    assert subscription.renewal_micros is not None, "it is paid by periods"
    sold = (contract.plan, contract.interval, contract.seats)
    is_sold = (subscription.plan, subscription.interval, subscription.seats) == sold
    return contract.renewal_micros if is_sold else subscription.renewal_micros


def _to_be_paid_by(subscription: Subscription, paid_until: datetime, now: datetime) -> datetime:
    """Return until when it holds what was reckoned: with another window come other credits."""
    main = None if coming.is_in_trial(subscription) else coming.main_schedule(subscription)
    return paid_until if main is None else min(paid_until, main.window(now).ends_at)


def _windows(
    subscription: Subscription, period: PaidPeriod, now: datetime
) -> tuple[list[datetime], Fraction]:
    """Return when the windows of a period begin, and what is left of the one under way."""
    main = coming.main_schedule(subscription)
    if main is None:  # it brings no credits: the period itself is its window
        whole = (period.starts_at, period.ends_at)
        return [period.starts_at], _left(*whole, now)
    found = list(ledger.windows_from(main, period.starts_at, period.ends_at))
    current = main.window(now)
    return [one.starts_at for one in found], _left(current.starts_at, current.ends_at, now)


def _window_micros(plan: Plan) -> int:
    """Return what a window brings: of the allowance that brings most, and those of its rhythm."""
    given = [
        one
        for one in plan.allowances
        if one.credits_micros
        and one.mode == "auto"
        and one.cadence in {"weekly", "monthly", "yearly"}
    ]
    main = max(given, key=lambda one: one.credits_micros or 0, default=None)
    if main is None:
        return 0
    return sum(one.credits_micros or 0 for one in given if one.cadence == main.cadence)


def _credits(locked: LockedWallet, period: PaidPeriod) -> tuple[int, int]:
    """Return which credits came for a period so far and stayed, and which of them are free."""
    lots = locked.timeline.lots
    grants = list(
        subscriptions.grants_of(period).values_list("pk", "amount_micros", "revoked_micros")
    )
    unused = sum(lots[key].available_micros for key, _came, _gone in grants if key in lots)
    return sum(came - gone for _key, came, gone in grants), unused


def _carried(
    contract: Contract, subscription: Subscription, at: datetime, reckoned: Reckoned | None
) -> dict[str, dict[str, int]]:
    """Return of which payments it is what is taken off the price."""
    period = subscriptions.period_under_way(subscription, at=at)
    if reckoned is None or not reckoned.worth_micros or period is None:
        return {}
    return tracing.carried(contract, period, reckoned.worth_micros)


def _left(starts_at: datetime, ends_at: datetime, now: datetime) -> Fraction:
    """Return the share of a stretch of time that is left."""
    left = max(timedelta(), ends_at - max(now, starts_at))
    return Fraction(left // _TICK, (ends_at - starts_at) // _TICK)
