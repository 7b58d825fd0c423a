"""Money that came: one purchase for each payment, and what was bought with it.

Lock order: the wallet, then the purchase.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger.services import Actor, LockedWallet
from billing.packs import services as packs
from billing.packs.models import PackPurchase
from billing.packs.services import Paid
from billing.payments.gateway import ACCOUNT, CHECKOUT, FACT, PACK, QUANTITY, VERSION
from billing.payments.gateway.seen import SeenPayment
from billing.payments.models import Checkout, Contract, Invoice, Purchase
from billing.payments.services import following, lasting, pages, returning, undoing
from billing.payments.services.telling import tell_payment
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions.models import Subscription
from billing.transactions import require_transaction
from plans import selectors as plans

# Not the system: the bound on what comes by itself must not stop what was paid for.
STRIPE: Final = Actor("service", "stripe")
_SUCCEEDED: Final = "succeeded"
_PAID_TWICE: Final = "paid_twice"  # why it goes back
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bought:
    """What a purchase was of; all of it None for what is none of these.

    Attributes:
        period: of a plan, from and until when it is paid.
    """

    pack_purchase: PackPurchase | None = None
    invoice: Invoice | None = None
    contract: Contract | None = None
    subscription: Subscription | None = None
    period: tuple[datetime, datetime] | None = None


def record(  # noqa: PLR0913 (a purchase has as many facts)
    *,
    account: Account,
    kind: Purchase.Kind,
    fact: str,
    stripe_id: str,
    paid: Paid,
    paid_at: datetime,
    credited_micros: int,
    bought: Bought,
    now: datetime,
) -> Purchase:
    """The money of `fact` has come by the payment `stripe_id`: written down once, and told.

    In the caller's transaction, in which the account's wallet is locked and what was bought is
    given. A repeat with the same fact changes nothing. `payment.succeeded` is published: nothing
    more of the account may be locked after it but what the transaction holds.

    Args:
        fact: the business fact, such as "stripe:<checkout>".
        stripe_id: of the payment; of a bill that needed none, the bill's own.
        paid: what really came, all of it.
        credited_micros: what it has brought so far, in credits, the bonus with it.
        now: by the account's clock.
    """
    require_transaction("payments.purchases.record")
    known = Purchase.objects.filter(fact=fact).first()
    if known is not None:
        return known
    starts_at, ends_at = bought.period or (None, None)
    purchase = Purchase.objects.create(
        account=account,
        kind=kind,
        fact=fact,
        stripe_id=stripe_id,
        invoice=bought.invoice,
        pack_purchase=bought.pack_purchase,
        contract=bought.contract,
        subscription=bought.subscription,
        currency=paid.currency,
        amount_micros=paid.amount_micros,
        period_starts_at=starts_at,
        period_ends_at=ends_at,
        credited_micros=credited_micros,
        paid_at=paid_at,
        recorded_at=now,
    )
    tell_payment(purchase, now=now)
    return purchase


def apply(seen: SeenPayment, *, now: datetime) -> None:
    """Let what a payment has brought be as it was seen: its pack, and what went back of it.

    What was paid is given on the terms that it was sold on, whatever has changed since. Money
    for a bill is the bill's: its purchase is recorded there, before this. What was paid a second
    time for one fact goes back, and so does what came again after its time had lapsed, if that
    cannot be given any more. In the caller's transaction; a repeat changes nothing, and what is
    none of ours is left alone.

    Args:
        now: the real instant.

    Raises:
        AmountOutOfRange: the wallet has no room; nothing is recorded, so that it is seen and
            tried again.
    """
    require_transaction("payments.purchases.apply")
    if seen.status != _SUCCEEDED:
        return
    purchase = Purchase.objects.filter(stripe_id=seen.id).first()
    if purchase is None:
        purchase = _hand_over(seen, now=now)
    if purchase is None:
        return
    if purchase.stripe_id != seen.id:
        _pay_second_back(purchase, seen, now=now)
        return
    locked, purchase = returning.lock_purchase(purchase.pk)
    returning.apply(locked, purchase, seen)
    if lasting.is_in_vain(purchase):
        _pay_time_back(locked, purchase, now=now)
    undoing.go_on(locked, purchase, now=now)


@dataclass(frozen=True, slots=True)
class Sale:
    """A pack that somebody has paid for, on the terms of when he was asked to."""

    account: Account
    kind: Purchase.Kind
    fact: str
    pack: str
    version_id: str
    quantity: int


def sale_of(checkout: Checkout) -> Sale:
    """Return what a checkout of a pack sells."""
    assert checkout.kind == Checkout.Kind.PACK, "a plan is paid for by its bills"
    return Sale(
        account=checkout.account,
        kind=Purchase.Kind.PACK,
        fact=f"stripe:{checkout.pk}",
        pack=checkout.code,
        version_id=checkout.catalog_version_id,
        quantity=checkout.quantity,
    )


def hand_over(sale: Sale, *, stripe_id: str, paid: Paid, paid_at: datetime) -> Purchase:
    """Give what was paid for, and write down that it was; once for each sale.

    In the caller's transaction.

    Raises:
        AmountOutOfRange: the wallet has no room.
    """
    require_transaction("payments.purchases.hand_over")
    given = packs.deliver(
        account=sale.account,
        pack=sale.pack,
        version_id=sale.version_id,
        quantity=sale.quantity,
        fact=sale.fact,
        paid=paid,
        # Bought because credits ran low: one that waited would be bought again and again.
        begins=sale.kind == Purchase.Kind.TOP_UP,
        actor=STRIPE,
    )
    return record(
        account=sale.account,
        kind=sale.kind,
        fact=sale.fact,
        stripe_id=stripe_id,
        paid=paid,
        paid_at=paid_at,
        credited_micros=given.credits_micros + given.bonus_micros,
        bought=Bought(pack_purchase=given),
        now=given.bought_at,
    )


def _pay_second_back(first: Purchase, seen: SeenPayment, *, now: datetime) -> None:
    """Write down a second payment for one fact: it brings nothing, and goes back by itself.

    It is a purchase of its own, so that what goes back of it takes nothing of the first.
    """
    _log.error("paid_twice", purchase_id=first.pk, stripe_id=seen.id)
    locked = ledger.lock_wallet(first.account, catalog=plans.current().catalog)
    recorded = record(
        account=first.account,
        kind=Purchase.Kind(first.kind),
        fact=f"{first.fact}:{seen.id}",
        stripe_id=seen.id,
        paid=Paid(seen.received_micros, seen.currency),
        paid_at=seen.paid_at or seen.created_at,
        credited_micros=0,
        bought=Bought(),
        now=locked.now,
    )
    second = Purchase.objects.select_for_update().get(pk=recorded.pk)
    undoing.pay_back(locked, second, reason=_PAID_TWICE, now=now, payment=seen)


def _pay_time_back(locked: LockedWallet, purchase: Purchase, *, now: datetime) -> None:
    """Have money go back that came again after its time had lapsed, and can give it no more."""
    is_on_another = subscriptions.open_of(purchase.account) is not None
    reason = following.SUBSCRIBED_ALREADY if is_on_another else following.ENDED
    if undoing.pay_back(locked, purchase, reason=reason, now=now) is not None:
        _log.warning("came_again_in_vain", purchase_id=purchase.pk, reason=reason)


def _hand_over(seen: SeenPayment, *, now: datetime) -> Purchase | None:
    """Give the pack that a payment is for, by what we wrote on it; None: it is for none."""
    said = seen.metadata
    checkout = Checkout.objects.select_for_update().filter(pk=said.get(CHECKOUT, "")).first()
    if checkout is None:
        sale = _sale_without_page(said)
    else:
        sale = sale_of(checkout) if checkout.kind == Checkout.Kind.PACK else None
    if sale is None:
        return None
    purchase = hand_over(
        sale,
        stripe_id=seen.id,
        paid=Paid(seen.received_micros, seen.currency),
        paid_at=seen.paid_at or seen.created_at,
    )
    if checkout is not None:
        pages.end(checkout, Checkout.State.COMPLETED, now=now)
    return purchase


def _sale_without_page(said: Mapping[str, str]) -> Sale | None:
    """Return what was bought by a payment that we made ourselves, or on a page that was lost.

    A database that was restored to an instant does not know the pages of after it.
    """
    account = Account.objects.filter(pk=said.get(ACCOUNT, "")).first()
    if account is None or not {FACT, PACK, QUANTITY, VERSION} <= said.keys():
        return None
    return Sale(
        account=account,
        kind=Purchase.Kind.PACK if CHECKOUT in said else Purchase.Kind.TOP_UP,
        fact=said[FACT],
        pack=said[PACK],
        version_id=said[VERSION],
        quantity=int(said[QUANTITY]),
    )
