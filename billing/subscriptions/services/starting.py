"""Puts accounts on plans: the plan's allowances begin in the wallet in the same transaction."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from billing.accounts.models import Account
from billing.ids import new_id
from billing.ledger import services as ledger
from billing.ledger.journal import SYSTEM
from billing.ledger.services import Cause, LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.subscriptions import selectors
from billing.subscriptions.errors import (
    AlreadySubscribed,
    EndIsOver,
    NoSuchPrice,
    PlanNotOnSale,
    UnknownPlan,
)
from billing.subscriptions.models import Subscription
from billing.subscriptions.services import coming, ending, seating
from billing.subscriptions.services.telling import tell
from billing.transactions import require_transaction
from plans import prices
from plans import selectors as plans
from plans.catalog.offers import Plan, PlanPrice
from plans.catalog.schema import Catalog
from plans.selectors import Published


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is asked for; None of interval and currency: whatever it is, or no price.

    None of seats: as many as there are, or the fewest.
    """

    plan: Plan
    interval: str | None
    currency: str | None
    ends_at: datetime | None
    seats: int | None

    def is_met_by(self, subscription: Subscription) -> bool:
        return self.is_met_but_for_its_end_by(subscription) and subscription.ends_at == self.ends_at

    def is_met_but_for_its_end_by(self, subscription: Subscription) -> bool:
        return (
            subscription.plan == self.plan.code
            and self.interval in (None, subscription.interval)
            and self.currency in (None, subscription.currency)
        )


@transaction.atomic(durable=True)
def start(
    *,
    account: Account,
    plan: str,
    interval: str | None = None,
    currency: str | None = None,
    ends_at: datetime | None = None,
    seats: int | None = None,
) -> Subscription:
    """Put the account on `plan` from now on, as `begin` says; the wallet is locked here.

    Raises:
        UnknownPlan, PlanNotOnSale, NoSuchPrice, AlreadySubscribed, EndIsOver, SeatsOutOfRange,
            FewerSeatsThanMembers: as `begin`.
    """
    published = plans.current()
    return begin(
        ledger.lock_wallet(account, catalog=published.catalog),
        account=account,
        plan=plan,
        interval=interval,
        currency=currency,
        ends_at=ends_at,
        seats=seats,
        published=published,
    )


def keep(
    *,
    account: Account,
    plan: str,
    interval: str | None,
    currency: str | None,
    ends_at: datetime | None,
    is_past_due: bool,
    seats: int | None = None,
) -> Subscription | None:
    """Make the account's subscription so, in the caller's transaction. A repeat changes nothing.

    It is what a platform says that sells plans itself. The free plan ends the subscription:
    then nothing is returned. What is paid for goes on as it was sold when only its end is said
    anew: it is given one (canceled at the end of its period), another, or none any more.

    Raises:
        UnknownPlan, PlanNotOnSale, NoSuchPrice, AlreadySubscribed, EndIsOver, SeatsOutOfRange,
            FewerSeatsThanMembers: as `begin`.
    """
    require_transaction("subscriptions.keep")
    published = plans.current()
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    _refuse_if_paid_by_periods(account)
    if _plan(published.catalog, plan).free:
        locked = ending.finish_if_over(locked, account, catalog=published.catalog)
        subscription = selectors.open_of(account)
        if subscription is not None:
            ending.finish(locked, subscription, catalog=published.catalog)
        return None
    wish = _Wish(_plan(published.catalog, plan), interval, currency, ends_at, seats)
    locked = _reseated(locked, account, wish)
    subscription = _ending_otherwise(locked, account, wish) or begin(
        locked,
        account=account,
        plan=plan,
        interval=interval,
        currency=currency,
        ends_at=ends_at,
        seats=seats,
        published=published,
    )
    if is_past_due != (subscription.past_due_at is not None):
        subscription.past_due_at = locked.now if is_past_due else None
        subscription.save(update_fields=["past_due_at"])
        event = "subscription.past_due" if is_past_due else "subscription.changed"
        tell(subscription, event, now=locked.now)
    return subscription


def begin(
    locked: LockedWallet,
    *,
    account: Account,
    plan: str,
    published: Published,
    interval: str | None = None,
    currency: str | None = None,
    ends_at: datetime | None = None,
    seats: int | None = None,
) -> Subscription:
    """Put the account on `plan` from now on; what the plan gives at once is in the wallet.

    What was sold is kept in the row: the version, the price in force, the book. The former
    plan's allowances end; credits already granted keep their terms, and those that last as long
    as the subscription stay while another paid plan follows. On the same plan at another price
    the allowances go on in their windows. A repeat changes nothing.

    Args:
        locked: the account's wallet, by the catalog in force; whoever goes on with it locks it
            anew.
        published: whose plan it is; a code's is that with which it was made.
        interval, currency: which of the plan's prices is paid; without both it is given free.
        ends_at: it ends by itself then; a later end prolongs one that ends by itself.
        seats: of an organization, on a plan that is sold by them; None: as before, or the fewest
            that hold its members.

    Raises:
        UnknownPlan: that catalog has no such plan.
        PlanNotOnSale: it cannot be chosen now.
        NoSuchPrice: it has no price for that interval and currency.
        AlreadySubscribed: it would end by itself, and the account's subscription would not; or
            that is paid for by periods, and changes where it is paid.
        EndIsOver: `ends_at` is not ahead.
        SeatsOutOfRange, FewerSeatsThanMembers: as `seating.seats_of`.
    """
    require_transaction("subscriptions.begin")
    wish = _Wish(_plan(published.catalog, plan), interval, currency, ends_at, seats)
    locked = ending.finish_if_over(locked, account, catalog=locked.catalog)
    locked = _reseated(locked, account, wish)
    before = selectors.open_of(account)
    if before is not None and wish.is_met_by(before):
        return before
    _refuse_if_paid_by_periods(account)
    if ends_at is not None and ends_at <= locked.now:
        raise EndIsOver
    if before is not None and ends_at is not None:
        if before.ends_at is None and not selectors.terms_of(before).free:
            raise AlreadySubscribed(plan=before.plan)
        if wish.is_met_but_for_its_end_by(before):
            return _end_at(locked, before, ends_at)
    if not prices.is_on_sale(wish.plan, at=locked.now):
        raise PlanNotOnSale(plan=plan)
    book, price = _price(published.catalog, wish, account=account, at=locked.now)
    return _replace(locked, account, before, wish, published, book, price)


def _refuse_if_paid_by_periods(account: Account) -> None:
    """Let what is collected for here change where it is collected: else it is paid for in vain.

    Raises:
        AlreadySubscribed: it is collected for.
    """
    before = selectors.open_of(account)
    if before is not None and before.paid_until is not None:
        raise AlreadySubscribed(plan=before.plan)


def _replace(
    locked: LockedWallet,
    account: Account,
    before: Subscription | None,
    wish: _Wish,
    published: Published,
    book: str,
    price: PlanPrice | None,
) -> Subscription:
    subscription_id = new_id("sub")
    had = before.seats if before is not None else None
    seats = seating.seats_of(wish.plan, account, wish.seats, before=had)
    given = wish.plan.for_seats(seats)
    if before is not None:
        ending.close(before, at=locked.now)
        if wish.plan.free:
            ledger.end_with_subscription(locked, cause=Cause("subscription", before.pk))
    if before is not None and before.plan == wish.plan.code:
        again = ledger.carry_allowances(locked, given, zone=account.zone, ends_at=wish.ends_at)
        cause = Cause("subscription", subscription_id)
        ledger.enlarge_windows(again, cause=cause, actor=SYSTEM)
    else:
        ledger.start_allowances(
            locked,
            given,
            zone=account.zone,
            # Who pays anew has the window's credits anew; what is given free is given once.
            subscription=subscription_id if price else "",
            ends_at=wish.ends_at,
        )
    subscription = Subscription.objects.create(
        pk=subscription_id,
        account=account,
        catalog_version_id=published.version_id,
        terms_version_id=published.version_id,
        plan=wish.plan.code,
        interval=(price.interval or "") if price else "",
        currency=price.currency if price else "",
        book=book,
        price_micros=prices.first_micros(price) if price else None,
        renewal_micros=prices.renewal_micros(price) if price else None,
        seats=seats,
        started_at=locked.now,
        ends_at=wish.ends_at,
    )
    if account.is_followed and subscription.price_micros:
        outbox.post(TaskName.LOOK_AT_REFERRAL, now=locked.now, account_id=account.pk)
    event = "subscription.activated" if before is None else "subscription.changed"
    tell(subscription, event, now=locked.now)
    return subscription


def _reseated(locked: LockedWallet, account: Account, wish: _Wish) -> LockedWallet:
    """Let the subscription that is wished for have the seats that are wished, if they are said.

    Raises:
        SeatsOutOfRange, FewerSeatsThanMembers: as `seating.seats_of`.
    """
    before = selectors.open_of(account)
    if before is None or wish.seats is None or not wish.is_met_but_for_its_end_by(before):
        return locked
    plan = selectors.terms_of(before)
    seats = seating.seats_of(plan, account, wish.seats, before=before.seats)
    return locked if seats is None else seating.change_seats(locked, before, seats)


def _ending_otherwise(locked: LockedWallet, account: Account, wish: _Wish) -> Subscription | None:
    """Let the paid subscription that is wished for end when it is wished to.

    None: there is no such one, or it ends just then; the wish needs more than another end.

    Raises:
        EndIsOver: that end is not ahead.
    """
    before = selectors.open_of(account)
    if before is None or not before.interval or not wish.is_met_but_for_its_end_by(before):
        return None
    if before.ends_at == wish.ends_at:
        return None
    if wish.ends_at is not None and wish.ends_at <= locked.now:
        raise EndIsOver
    return _end_at(locked, before, wish.ends_at)


def _end_at(
    locked: LockedWallet, subscription: Subscription, ends_at: datetime | None
) -> Subscription:
    """Let it end by itself at `ends_at`; None: it goes on."""
    before, subscription.ends_at = subscription.ends_at, ends_at
    coming.go_on(locked, subscription, selectors.given_by(subscription))
    subscription.save(update_fields=["ends_at"])
    is_longer = before is not None and ends_at is not None and ends_at > before
    event = "subscription.renewed" if is_longer else "subscription.changed"
    tell(subscription, event, now=locked.now)
    return subscription


def _plan(catalog: Catalog, code: str) -> Plan:
    plan = catalog.plan(code)
    if plan is None:
        raise UnknownPlan(plan=code, known=sorted(one.code for one in catalog.plans))
    return plan


def _price(
    catalog: Catalog, wish: _Wish, *, account: Account, at: datetime
) -> tuple[str, PlanPrice | None]:
    """Return the account's price book and the price that is asked; None: it is given free.

    Raises:
        NoSuchPrice: only one of interval and currency is said, or there is no such price.
    """
    found = catalog.book_for(
        region=account.region or None, currency=wish.currency or account.currency or None
    )
    book = found.code if found else None
    if wish.interval is None and wish.currency is None:
        return book or "", None
    price = prices.price_of(
        wish.plan, currency=wish.currency or "", interval=wish.interval, at=at, book=book
    )
    if price is None:
        sold = prices.prices_of(wish.plan, at=at, book=book)
        raise NoSuchPrice(
            plan=wish.plan.code,
            known=sorted(f"{one.currency} {one.interval}" for one in sold),
            missing=_unsaid(wish),
        )
    return book or "", price


def _unsaid(wish: _Wish) -> str:
    """Return which half of a price a wish leaves out; "": none."""
    if wish.currency is None:
        return "currency"
    return "interval" if wish.interval is None else ""
