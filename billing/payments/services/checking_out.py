"""Sends an account to pay for a plan or a pack; what is sold is written down first.

Lock order: the wallet, then the checkout.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.packs import services as packs
from billing.payments import lookups, selectors
from billing.payments.errors import CannotBePaid, PaymentsAway, PaymentsRefused, SubscribedAlready
from billing.payments.gateway import (
    ACCOUNT,
    CHECKOUT,
    FACT,
    PACK,
    QUANTITY,
    VERSION,
    StripeAway,
    StripeRefused,
    Wire,
    prices,
    sessions,
)
from billing.payments.gateway.seen import SeenSession
from billing.payments.gateway.sessions import Line, Order
from billing.payments.models import Checkout
from billing.payments.services import customers, overtaking, pages, returns, syncing
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions.errors import NoSuchPrice, PlanNotOnSale, UnknownPlan
from billing.subscriptions.services import seating
from billing.transactions import forbid_transaction, require_transaction
from plans import periods
from plans import prices as catalog_prices
from plans import selectors as plans
from plans.catalog.offers import Pack, Plan, PlanPrice
from plans.catalog.schema import Catalog

_CARD: Final = "card"
_COUPON_NAME: Final = "首期优惠 First period"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an account wants to pay for: a plan by the interval, or so many of a pack.

    Attributes:
        seats: of an organization's plan; None: as many as fit.
        language: of the buyer, as Django calls it; "": as his browser says.
        success_url, cancel_url: where its buyer is led after he has paid, or given up.
    """

    success_url: str
    cancel_url: str = ""
    plan: str = ""
    interval: str = ""
    seats: int | None = None
    pack: str = ""
    quantity: int = 1
    language: str = ""


@dataclass(frozen=True, slots=True)
class _Terms:
    """At which price something is sold."""

    code: str
    price: PlanPrice
    amount_micros: int
    renewal_micros: int
    seats: int | None = None
    trial: str = ""


def ask(*, account: Account, wish: Wish, by: Membership | None = None, now: datetime) -> Checkout:
    """Write down what the account wants to pay for, on the terms of the moment.

    In the caller's transaction; `open_page` goes on with it.

    Args:
        by: the member who decides so for a pool; None: the person himself.
        now: the real instant.

    Raises:
        PaymentsNotConfigured: as `customers.wire_for`.
        UnsafeAddress: nobody should be led there.
        AccountFrozen: an operator has frozen the account, or `by`.
        UnknownPlan, PlanNotOnSale, NoSuchPrice, SubscribedAlready, SeatsOutOfRange,
            FewerSeatsThanMembers: of a plan.
        UnknownPack, NotOnSale, QuantityOutOfRange, NotIncluded, NoPrice: of a pack.
        CannotBePaid: by none of the ways to pay.
    """
    require_transaction("payments.ask")
    wire = customers.wire_for(account)
    returns.require_safe(wish.success_url, pointer="/success_url", is_live=wire.is_live)
    if wish.cancel_url:
        returns.require_safe(wish.cancel_url, pointer="/cancel_url", is_live=wire.is_live)
    published = plans.current()
    locked = ledger.lock_wallet_by(account, by=by, catalog=published.catalog)
    accounts.require_not_frozen(account, by=by)
    judge = _plan_terms if wish.plan else _pack_terms
    terms = judge(account, published.catalog, wish, locked.now)
    _methods(published.catalog, terms.price.currency, is_plan=bool(wish.plan))
    return Checkout.objects.create(
        account=account,
        kind=Checkout.Kind.PLAN if wish.plan else Checkout.Kind.PACK,
        code=terms.code,
        interval=terms.price.interval or "",
        seats=terms.seats,
        quantity=wish.quantity,
        book=terms.price.book or "",
        currency=terms.price.currency,
        amount_micros=terms.amount_micros,
        renewal_micros=terms.renewal_micros,
        trial=terms.trial,
        catalog_version_id=published.version_id,
        language=wish.language,
        success_url=wish.success_url,
        cancel_url=wish.cancel_url,
        created_at=now,
    )


def open_page(*, checkout_id: str, now: datetime) -> Checkout:
    """Return the checkout with the page on which it is paid; a repeat opens no second one.

    Outside any transaction. Of several pages for plans, and of several on which a pack has its
    first price, the last one that was asked for stays open, so that two are not paid: an earlier
    one is closed, before and after this one is opened; this one is, where a later one was asked
    for, or one was paid, meanwhile. Where a first price was had before, it is asked no more.

    Raises:
        PaymentsNotConfigured: as `customers.wire_for`.
        PaymentsAway: Stripe gave no answer; a repeat goes on.
        PriceOutOfStep: Stripe asks another price than the catalog.
        PaymentsRefused: Stripe does not sell this; the checkout has failed.
    """
    forbid_transaction("payments.open_page")
    checkout = Checkout.objects.select_related("account").get(pk=checkout_id)
    if checkout.state != Checkout.State.ASKED:
        return checkout
    try:
        wire = customers.wire_for(checkout.account)
        customer = customers.ensure_customer(checkout.account, language=checkout.language, now=now)
        checkout = overtaking.make_way(wire, checkout, now=now)
        seen = sessions.open_session(wire, _order(wire, checkout, customer.stripe_id))
        checkout = _write_down(checkout_id, seen)
        checkout = overtaking.close_if_overtaken(wire, checkout, now=now)
    except StripeAway as away:
        _log.warning("checkout_waits", checkout_id=checkout_id, reason=str(away))
        raise PaymentsAway from None
    except StripeRefused as refusal:
        _log.exception("checkout_refused", checkout_id=checkout_id, code=refusal.code)
        _fail(checkout_id, now=now)
        raise PaymentsRefused(reason=refusal.code) from None
    return checkout


def _plan_terms(account: Account, catalog: Catalog, wish: Wish, at: datetime) -> _Terms:
    plan = catalog.plan(wish.plan)
    if plan is None:
        raise UnknownPlan(plan=wish.plan, known=sorted(one.code for one in catalog.plans))
    if selectors.living_contract(account) is not None:
        now_on = subscriptions.open_of(account)
        raise SubscribedAlready(plan=now_on.plan if now_on else plan.code)
    if not catalog_prices.is_on_sale(plan, at=at):
        raise PlanNotOnSale(plan=plan.code)
    price = _plan_price(account, catalog, plan, wish, at)
    before = subscriptions.open_of(account)
    seats = seating.seats_of(
        plan, account, wish.seats, before=before.seats if before is not None else None
    )
    renewal = catalog_prices.renewal_micros(price) * (seats or 1)
    has_trial = plan.trial is not None and not selectors.had_trial(account)
    # A trial is a cheaper beginning already; and who paid for the plan once is not new to it.
    is_new = not has_trial and not selectors.has_paid_for_plan(account, plan.code)
    return _Terms(
        code=plan.code,
        price=price,
        amount_micros=catalog_prices.first_micros(price) * (seats or 1) if is_new else renewal,
        renewal_micros=renewal,
        seats=seats,
        trial=plan.trial.period if plan.trial is not None and has_trial else "",
    )


def _plan_price(
    account: Account, catalog: Catalog, plan: Plan, wish: Wish, at: datetime
) -> PlanPrice:
    book = accounts.book_of(account, catalog=catalog)
    currency = accounts.currency_of(account, catalog=catalog)
    sold = catalog_prices.prices_of(plan, at=at, book=book.code if book is not None else None)
    for price in sold:
        if price.interval == wish.interval and currency in {None, price.currency}:
            return price
    known = sorted(f"{one.currency} {one.interval}" for one in sold)
    raise NoSuchPrice(plan=plan.code, known=known)


def _pack_terms(account: Account, _catalog: Catalog, wish: Wish, at: datetime) -> _Terms:
    asked = packs.offer(account=account, pack=wish.pack, quantity=wish.quantity, at=at)
    return _Terms(
        code=wish.pack,
        price=asked.price,
        amount_micros=asked.amount_micros,
        renewal_micros=asked.each_micros,
    )


def _methods(catalog: Catalog, currency: str, *, is_plan: bool) -> list[str]:
    """Return by which ways something is paid; Checkout collects by cards alone again and again.

    Raises:
        CannotBePaid: by none.
    """
    methods = catalog.payments.methods.get(currency, (_CARD,))
    usable = [one for one in methods if one == _CARD or not is_plan]
    if not usable:
        raise CannotBePaid(currency=currency)
    return list(usable)


def _order(wire: Wire, checkout: Checkout, customer_id: str) -> Order:
    """Return what Stripe is asked for, by what the row says alone: a repeat asks for the same."""
    catalog = plans.version(checkout.catalog_version_id).catalog
    is_plan = checkout.kind == Checkout.Kind.PLAN
    price = _price_of(catalog, checkout)
    offer = lookups.offer_of(catalog.slug, checkout.kind, _sold(catalog, checkout), price)
    price_id = syncing.price_for(wire, offer).id
    return Order(
        key=checkout.pk,
        customer_id=customer_id,
        is_plan=is_plan,
        currency=checkout.currency,
        lines=_lines(checkout, price_id, offer.product_id),
        methods=_methods(catalog, checkout.currency, is_plan=is_plan),
        success_url=checkout.success_url,
        cancel_url=checkout.cancel_url,
        trial_days=_days(checkout),
        coupon_id=_coupon(wire, checkout, offer.lookup_key),
        takes_codes=catalog.payments.coupons,
        language=returns.language_of(checkout.language),
        metadata={
            FACT: f"stripe:{checkout.pk}",
            ACCOUNT: checkout.account_id,
            CHECKOUT: checkout.pk,
            **({} if is_plan else _pack_of(checkout)),
        },
    )


def _pack_of(checkout: Checkout) -> dict[str, str]:
    """Return what is sold, so that Stripe still knows when our row is lost with a database."""
    return {
        PACK: checkout.code,
        QUANTITY: str(checkout.quantity),
        VERSION: checkout.catalog_version_id,
    }


def _lines(checkout: Checkout, price_id: str, product_id: str) -> list[Line]:
    """Return what is paid: the usual price, but for what is asked once instead, or on top."""
    if checkout.kind == Checkout.Kind.PLAN:
        usual = Line(checkout.seats or 1, price_id)
        more_micros = checkout.amount_micros - checkout.renewal_micros
        if more_micros <= 0:
            return [usual]
        return [usual, Line(1, product_id=product_id, amount_micros=more_micros)]
    others = checkout.quantity - 1
    first_micros = checkout.amount_micros - others * checkout.renewal_micros
    if first_micros == checkout.renewal_micros:
        return [Line(checkout.quantity, price_id)]
    first = Line(1, product_id=product_id, amount_micros=first_micros)
    return [first, Line(others, price_id)] if others else [first]


def _coupon(wire: Wire, checkout: Checkout, lookup_key: str) -> str:
    """Return what takes a plan's first bill down to its first price; "": that is the usual one."""
    off_micros = checkout.renewal_micros - checkout.amount_micros
    if checkout.kind != Checkout.Kind.PLAN or off_micros <= 0:
        return ""
    coupon_id = lookups.coupon_of(lookup_key, off_micros)
    prices.put_coupon(
        wire, coupon_id, name=_COUPON_NAME, off_micros=off_micros, currency=checkout.currency
    )
    return coupon_id


def _days(checkout: Checkout) -> int:
    """Return a trial in whole days, as Stripe counts it from when it begins."""
    if not checkout.trial:
        return 0
    ends_at = periods.add_period(checkout.created_at, checkout.trial)
    return max(1, (ends_at - checkout.created_at).days)


def _sold(catalog: Catalog, checkout: Checkout) -> Plan | Pack:
    of_plan = checkout.kind == Checkout.Kind.PLAN
    sold = catalog.plan(checkout.code) if of_plan else catalog.pack(checkout.code)
    assert sold is not None, "a checkout's version has what it sells"
    return sold


def _price_of(catalog: Catalog, checkout: Checkout) -> PlanPrice:
    """Return the price by which a checkout was written down."""
    each_micros = checkout.renewal_micros // (checkout.seats or 1)
    return next(
        price
        for price in _sold(catalog, checkout).prices
        if (price.currency, price.interval or "") == (checkout.currency, checkout.interval)
        and (price.book or "") == checkout.book
        and catalog_prices.renewal_micros(price) == each_micros
    )


@transaction.atomic(durable=True)
def _write_down(checkout_id: str, seen: SeenSession) -> Checkout:
    checkout = Checkout.objects.select_for_update().get(pk=checkout_id)
    if not checkout.stripe_id:
        pages.note_page(checkout, seen)
    return checkout


@transaction.atomic(durable=True)
def _fail(checkout_id: str, *, now: datetime) -> None:
    checkout = Checkout.objects.select_for_update().get(pk=checkout_id)
    pages.end(checkout, Checkout.State.FAILED, now=now)
