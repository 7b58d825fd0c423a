"""Sells packs: the record of the purchase and its grants arrive in one commit.

Each function but the sweep is a step of somebody's use case and runs inside its transaction.
Lock order: the wallet, then nothing: what is written of an account's purchases is written by
the holder of its wallet.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger.errors import AmountOutOfRange
from billing.ledger.journal import AMOUNT_MAX_MICROS
from billing.ledger.services import Actor, Cause, LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.packs import offers, selectors
from billing.packs.errors import NoPrice, NotIncluded, NotOnSale, QuantityOutOfRange, UnknownPack
from billing.packs.models import PackPurchase
from billing.packs.offers import NOTHING, Asked, Paid
from billing.subscriptions import selectors as subscriptions
from billing.sweeps import Sweep
from billing.transactions import require_transaction
from plans import periods
from plans import selectors as plans
from plans.catalog.offers import Pack
from plans.catalog.schema import Catalog
from plans.catalog.values import SUBSCRIPTION_END

__all__ = [
    "NOTHING",
    "Paid",
    "activate",
    "activate_due",
    "begin",
    "begin_overdue",
    "deliver",
    "give",
    "offer",
    "present",
]


_SLOTS_MAX: Final = 2**31 - 1  # more jobs at once than this nobody can tell from this many
# Not the system: a purchase was asked for, and begins once. The bound on what comes by itself must
# not stop it, nor count it; only its hour was left to us.
_CLOCK: Final = Actor("service", "activation")


@dataclass(frozen=True, slots=True)
class _Lot:
    """So many of one pack of one catalog version; in effect at once where it `begins`."""

    version_id: str
    pack: Pack
    quantity: int
    begins: bool = False


def offer(*, account: Account, pack: str, quantity: int, at: datetime) -> Asked:
    """Return what the account is asked for so many of the pack at `at`; nothing is given.

    Raises:
        UnknownPack, NotOnSale, QuantityOutOfRange, NotIncluded, NoPrice: as `give`.
    """
    catalog = plans.current().catalog
    sold = _sold(catalog, pack)
    _require_sale(account, catalog, sold, quantity=quantity, at=at)
    if not sold.prices:
        raise NoPrice(pack=pack, currency=None, known=[])
    return _asked(account, catalog, sold, quantity=quantity, at=at)


def give(
    *,
    account: Account,
    pack: str,
    quantity: int = 1,
    fact: str,
    paid: Paid | None = None,
    actor: Actor,
) -> PackPurchase:
    """The account has bought `quantity` of `pack` on the terms of the catalog in force.

    Its credits, and its bonus as a grant of its own, are in the wallet; or they wait to be
    activated, where the pack is one of that kind. A repeat with the same fact changes nothing.

    Args:
        fact: business key; an account has at most one purchase for each.
        paid: for all of them; None: what the catalog asks of this account now.

    Raises:
        UnknownPack: the catalog has none of that name.
        NotOnSale: not yet, or no more.
        QuantityOutOfRange: not as many as it is sold by, or for more money than can be written.
        NotIncluded: the account's plan may not buy it.
        NoPrice: nothing was said of the price, and the catalog's are in other currencies.
        AmountOutOfRange: beyond what a wallet may hold.
    """
    require_transaction("packs.give")
    published = plans.current()
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    if (before := _known(account, fact)) is not None:
        return before
    sold = _sold(published.catalog, pack)
    _require_sale(account, published.catalog, sold, quantity=quantity, at=locked.now)
    if paid is None:
        paid = _usual(account, published.catalog, sold, quantity=quantity, at=locked.now)
    lot = _Lot(published.version_id, sold, quantity)
    return _record(account, locked, lot, fact=fact, paid=paid, actor=actor)


def present(
    *, account: Account, pack: str, version_id: str, quantity: int, fact: str, actor: Actor
) -> PackPurchase:
    """The account has `quantity` of `pack` as a present, on the terms of that catalog version.

    No right to buy is asked for and nothing counts as paid: someone else has settled that. A
    repeat with the same fact changes nothing.

    Raises:
        UnknownPack: that version has none of that name.
        AmountOutOfRange: beyond what a wallet may hold.
    """
    require_transaction("packs.present")
    lot = _Lot(version_id, _sold(plans.version(version_id).catalog, pack), quantity)
    return _hand_over(account, lot, fact=fact, paid=NOTHING, actor=actor)


def deliver(
    *,
    account: Account,
    pack: str,
    version_id: str,
    quantity: int,
    fact: str,
    paid: Paid,
    begins: bool = False,
    actor: Actor,
) -> PackPurchase:
    """The account has what it has paid for: `quantity` of `pack`, as that catalog version sold it.

    Nothing that has changed since keeps it from that: no end of the sale, no other plan, no other
    price. A repeat with the same fact changes nothing.

    Args:
        begins: it is in effect at once, also one that would wait to be activated: its buyer has
            said beforehand that he needs it when it comes.

    Raises:
        UnknownPack: that version has none of that name.
        AmountOutOfRange: beyond what a wallet may hold.
    """
    require_transaction("packs.deliver")
    lot = _Lot(version_id, _sold(plans.version(version_id).catalog, pack), quantity, begins=begins)
    return _hand_over(account, lot, fact=fact, paid=paid, actor=actor)


def activate(
    *, account: Account, purchase_id: str, by: Membership | None = None, actor: Actor
) -> PackPurchase:
    """The purchase is in effect: its credits are in the wallet, and their time has begun.

    A repeat changes nothing. After its last day it has come into effect by itself, on that day.

    Args:
        by: the member who does so for a pool; None: the person himself, or the platform.

    Raises:
        NotFound: the account has no such purchase.
        AccountFrozen: an operator has frozen it, or `by`; it begins by itself on its last day all
            the same.
    """
    require_transaction("packs.activate")
    locked = ledger.lock_wallet_by(account, by=by, catalog=plans.current().catalog)
    bought = selectors.purchase(account, purchase_id)
    if bought.is_active:
        return bought
    accounts.require_not_frozen(account, by=by)
    assert bought.activate_by is not None, "what waits has a last day"
    return _begin(locked, bought, at=min(locked.now, bought.activate_by), actor=actor)


def begin(locked: LockedWallet, bought: PackPurchase, *, actor: Actor) -> PackPurchase:
    """A purchase that waits is in effect, in a wallet that the caller has locked already.

    A repeat changes nothing.

    Raises:
        AmountOutOfRange: beyond what a wallet may hold.
    """
    require_transaction("packs.begin")
    if bought.is_active:
        return bought
    assert bought.activate_by is not None, "what waits has a last day"
    return _begin(locked, bought, at=min(locked.now, bought.activate_by), actor=actor)


def activate_due(*, now: datetime, limit: int = 100) -> int:
    """Bring up to `limit` purchases into effect whose last day has come; return how many.

    Their validity counts from that day, however late this runs. One that fails is tried again
    by the next run, and does not keep the others waiting.
    """
    found, sweep = 0, Sweep("activation_stumbled")
    for purchase_id in selectors.due(now=now, limit=limit):
        with sweep.row(purchase_id=purchase_id), transaction.atomic(durable=True):
            found += _activate_late(purchase_id)
    return found


def begin_overdue(locked: LockedWallet, account: Account) -> None:
    """What the account has bought and whose last day has come is in effect, from that day on.

    It is what the sweep does, for an order that comes before it. What the wallet has no room for
    goes on waiting: that is no ground to refuse an order.
    """
    require_transaction("packs.begin_overdue")
    for bought in selectors.overdue(account, at=locked.now):
        room_micros = AMOUNT_MAX_MICROS - locked.timeline.available_micros
        if bought.credits_micros + bought.bonus_micros <= room_micros:
            assert bought.activate_by is not None, "what waits has a last day"
            _begin(locked, bought, at=bought.activate_by, actor=_CLOCK)


def _activate_late(purchase_id: str) -> bool:
    account = Account.objects.get(pack_purchases=purchase_id)
    locked = ledger.lock_wallet(account, catalog=plans.current().catalog)
    bought = selectors.purchase(account, purchase_id)
    # Its owner may have been first, or the wallet's clock, which alone counts, may be behind.
    if bought.is_active or bought.activate_by is None or locked.now < bought.activate_by:
        return False
    _begin(locked, bought, at=bought.activate_by, actor=_CLOCK)
    return True


def _hand_over(account: Account, lot: _Lot, *, fact: str, paid: Paid, actor: Actor) -> PackPurchase:
    """Record what was settled elsewhere, once for each fact."""
    locked = ledger.lock_wallet(account, catalog=plans.current().catalog)
    if (before := _known(account, fact)) is not None:
        return before
    return _record(account, locked, lot, fact=fact, paid=paid, actor=actor)


def _known(account: Account, fact: str) -> PackPurchase | None:
    return PackPurchase.objects.filter(account=account, fact=fact).first()


def _sold(catalog: Catalog, code: str) -> Pack:
    pack = catalog.pack(code)
    if pack is None:
        raise UnknownPack(pack=code, known=[one.code for one in catalog.packs])
    return pack


def _require_sale(
    account: Account, catalog: Catalog, pack: Pack, *, quantity: int, at: datetime
) -> None:
    if not offers.is_on_sale(pack, at):
        raise NotOnSale(
            pack=pack.code, starts_at=_said(pack.starts_at), ends_at=_said(pack.ends_at)
        )
    _require_right(account, catalog, pack)
    if not pack.quantity_min <= quantity <= pack.quantity_max:
        raise QuantityOutOfRange(pack=pack.code, least=pack.quantity_min, most=pack.quantity_max)


def _require_right(account: Account, catalog: Catalog, pack: Pack) -> None:
    plan = subscriptions.plan_of(account, catalog=catalog)
    if offers.may_buy(plan, pack.code):
        return
    required = offers.required_plan(catalog, pack.code)
    allowed = plan.entitlements.packs if plan is not None else ()
    raise NotIncluded(
        _("The plan %(plan)s may not buy the pack %(pack)s.")
        % {"plan": plan.name.said() if plan else "-", "pack": pack.name.said()},
        entitlement="packs",
        limit="" if isinstance(allowed, bool) else ", ".join(allowed),
        required_plan=required,
    )


def _usual(account: Account, catalog: Catalog, pack: Pack, *, quantity: int, at: datetime) -> Paid:
    """Return what counts as paid; a pack without any price is sold by who knows it."""
    if not pack.prices:
        return NOTHING
    asked = _asked(account, catalog, pack, quantity=quantity, at=at)
    return Paid(asked.amount_micros, asked.price.currency)


def _asked(account: Account, catalog: Catalog, pack: Pack, *, quantity: int, at: datetime) -> Asked:
    currency = accounts.currency_of(account, catalog=catalog)
    asked = offers.price_of(
        pack,
        quantity=quantity,
        at=at,
        book=accounts.book_of(account, catalog=catalog),
        currency=currency,
        is_first=not selectors.has_paid_for(account, pack.code),
    )
    if asked is None:
        known = sorted({one.currency for one in pack.prices})
        raise NoPrice(pack=pack.code, currency=currency, known=known)
    if asked.amount_micros > AMOUNT_MAX_MICROS:
        most = quantity * AMOUNT_MAX_MICROS // asked.amount_micros
        raise QuantityOutOfRange(pack=pack.code, least=pack.quantity_min, most=most)
    return asked


def _record(
    account: Account, locked: LockedWallet, lot: _Lot, *, fact: str, paid: Paid, actor: Actor
) -> PackPurchase:
    pack, quantity = lot.pack, lot.quantity
    bonus_micros = pack.bonus.credits_micros * quantity if pack.bonus else 0
    # What waits to be activated is asked of no wallet yet, so it is asked here.
    if pack.credits_micros * quantity + bonus_micros > AMOUNT_MAX_MICROS:
        raise AmountOutOfRange
    bought = PackPurchase(
        account=account,
        catalog_version_id=lot.version_id,
        pack=pack.code,
        quantity=quantity,
        fact=fact,
        credits_micros=pack.credits_micros * quantity,
        bonus_micros=bonus_micros,
        paid_micros=paid.amount_micros,
        paid_currency=paid.currency if paid.amount_micros else "",
        concurrency=pack.perks.concurrency,
        concurrency_more=min((pack.perks.concurrency_more or 0) * quantity, _SLOTS_MAX),
        is_while_subscribed=pack.expiry == SUBSCRIPTION_END,
        bought_at=locked.now,
    )
    if account.is_followed and paid.amount_micros:
        outbox.post(TaskName.LOOK_AT_REFERRAL, now=locked.now, account_id=account.pk)
    if lot.begins or pack.activate_within is None:
        return _begin(locked, bought, at=locked.now, actor=actor, is_new=True)
    bought.activate_by = periods.add_period(locked.now, pack.activate_within, zone=account.zone)
    bought.save(force_insert=True)
    return bought


def _begin(
    locked: LockedWallet, bought: PackPurchase, *, at: datetime, actor: Actor, is_new: bool = False
) -> PackPurchase:
    """Make the grants of a purchase, which count and whose validity counts from `at` on."""
    cause = Cause("pack", bought.pk)
    terms, *more = selectors.grants_of(bought, at=at)
    bought.grant = ledger.grant(locked, terms, cause=cause, actor=actor)
    for bonus in more:
        bought.bonus_grant = ledger.grant(locked, bonus, cause=cause, actor=actor)
    bought.activated_at = at
    bought.expires_at = terms.expires_at
    if is_new:
        bought.save(force_insert=True)
    else:
        bought.save(update_fields=["grant", "bonus_grant", "activated_at", "expires_at"])
    return bought


def _said(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant is not None else None
