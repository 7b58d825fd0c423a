"""The only module that moves credits.

Every function here is a step of somebody's use case: it runs inside the caller's transaction,
on a wallet that the caller has locked.

Lock order everywhere: job, attempt, wallet, then grants (which only the wallet's holder writes).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F

from billing.accounts.models import Account
from billing.ids import new_id
from billing.ledger import selectors, store
from billing.ledger.errors import AmountOutOfRange, NothingToClaim
from billing.ledger.journal import AMOUNT_MAX_MICROS, Actor, Cause
from billing.ledger.models import Allocation, Allowance, Grant, Hold, Wallet
from billing.ledger.store import LockedWallet
from billing.ledger.timeline import Issue, Lot, Part, expiry_of, fact_of, window_of
from billing.transactions import require_transaction
from plans import burn_order
from plans.catalog.schema import Allowance as AllowanceTerms
from plans.catalog.schema import Catalog, Plan

DAILY_REST: Final = timedelta(hours=20)

__all__ = ["Actor", "Cause", "GrantTerms", "LockedWallet"]


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What a grant is: amount, where it comes from, and the fact that makes it unique.

    Attributes:
        fact: business key; a wallet has at most one grant for each.
        effective_at: None means at once.
        expires_at: first instant at which it is gone; None means it stays.
        priority: lower is burnt first, where the catalog's burn order asks for it.
    """

    amount_micros: int
    source: str
    fact: str
    reason: str = ""
    priority: int = 100
    effective_at: datetime | None = None
    expires_at: datetime | None = None


def lock_wallet(account: Account, *, catalog: Catalog) -> LockedWallet:
    """Lock the account's wallet, opened with the free plan's allowances at first sight.

    The lock is the clock: `.now` is the database's instant (a sandbox adds its offset), never
    before the wallet's last entry, and everything due by then is settled in memory.
    """
    require_transaction("ledger.lock_wallet")
    locked = store.lock(account.pk)
    if locked is None:
        _open(account, catalog)
        locked = store.lock(account.pk)
    assert locked is not None
    return locked


def open_wallet(account: Account, *, catalog: Catalog) -> Wallet:
    """Return the account's wallet, opened with the free plan's allowances at first sight."""
    wallet = Wallet.objects.filter(account=account).first()
    if wallet is None:
        with transaction.atomic(durable=True):
            settle(lock_wallet(account, catalog=catalog))
        wallet = Wallet.objects.get(account=account)
    return wallet


def settle(locked: LockedWallet) -> None:
    """Write down what has come due; a repeat at the same instant writes nothing new."""
    require_transaction("ledger.settle")
    if locked.timeline.movements or locked.timeline.due_at() != locked.due_at:
        store.write(locked)


def settle_due(*, catalog: Catalog, limit: int = 100) -> int:
    """Write down what has come due in up to `limit` wallets; return in how many.

    Nothing depends on it: who touches a wallet settles it. It only brings the rows of those
    who sleep up to date, so that reports are fresh.
    """
    accounts = Account.objects.filter(pk__in=selectors.due_wallets(limit=limit))
    for account in accounts:
        with transaction.atomic(durable=True):
            settle(lock_wallet(account, catalog=catalog))
    return len(accounts)


def grant(locked: LockedWallet, terms: GrantTerms, *, cause: Cause, actor: Actor) -> Grant:
    """Give credits; a repeat with the same fact changes nothing and returns the first grant.

    Raises:
        AmountOutOfRange: not above zero, or beyond 10^12 credits.
    """
    require_transaction("ledger.grant")
    if (before := Grant.objects.filter(wallet_id=locked.id, fact=terms.fact).first()) is not None:
        return before
    if not 0 < terms.amount_micros <= AMOUNT_MAX_MICROS - locked.timeline.available_micros:
        raise AmountOutOfRange
    lot = Lot(
        id=new_id("gr"),
        source=terms.source,
        priority=terms.priority,
        effective_at=terms.effective_at or locked.now,
        expires_at=terms.expires_at,
    )
    issue = Issue(lot, terms.amount_micros, terms.fact, terms.reason)
    locked.timeline.grant(issue, cause=cause, actor=actor)
    locked.timeline.settle(locked.now)
    store.write(locked)
    return Grant.objects.get(pk=lot.id)


def claim(locked: LockedWallet, *, actor: Actor) -> Grant:
    """Give today's free credits of the claimed allowance; the same grant again on a repeat.

    Today is the window of the allowance's zone that holds the lock's instant.

    Raises:
        NothingToClaim: the plan has no claimed allowance.
    """
    require_transaction("ledger.claim")
    allowance = Allowance.objects.filter(
        wallet_id=locked.id, mode=Allowance.Mode.CLAIMED, ends_at=None
    ).first()
    if allowance is None:
        raise NothingToClaim
    window = window_of(allowance.cadence, allowance.zone, allowance.anchor_at, locked.now)
    terms = GrantTerms(
        amount_micros=allowance.amount_micros,
        source=allowance.source,
        fact=fact_of(allowance.code, window),
        priority=allowance.priority,
        expires_at=expiry_of(allowance.expiry, window, locked.now),
    )
    return grant(locked, terms, cause=Cause("allowance", allowance.pk), actor=actor)


def hold(
    locked: LockedWallet,
    *,
    amount_micros: int,
    reference: str,
    catalog: Catalog,
    cause: Cause,
    actor: Actor,
) -> Hold:
    """Set `amount_micros` aside for `reference`, from the grants the catalog burns first.

    Raises:
        InsufficientCredits: the free, unexpired credits fall short; nothing has moved.
    """
    require_transaction("ledger.hold")
    hold_id = new_id("ho")
    parts = locked.timeline.hold(
        hold_id=hold_id,
        amount_micros=amount_micros,
        rank=burn_order.rank(catalog.burn_order),
        cause=cause,
        actor=actor,
    )
    held = Hold.objects.create(
        pk=hold_id,
        wallet_id=locked.id,
        reference=reference,
        amount_micros=amount_micros,
        created_at=locked.now,
    )
    store.write(locked)
    Allocation.objects.bulk_create(
        Allocation(
            hold=held,
            grant_id=part.grant_id,
            wallet_id=locked.id,
            position=position,
            amount_micros=part.amount_micros,
            created_at=locked.now,
        )
        for position, part in enumerate(parts)
    )
    return held


def capture(
    locked: LockedWallet, *, hold_id: str, amount_micros: int, cause: Cause, actor: Actor
) -> Hold:
    """Spend `amount_micros` of an open hold and give the rest back. A repeat changes nothing.

    What goes back to a grant that has expired meanwhile is expired, not free.
    """
    require_transaction("ledger.capture")
    return _resolve(locked, hold_id, amount_micros, cause, actor)


def release(locked: LockedWallet, *, hold_id: str, cause: Cause, actor: Actor) -> Hold:
    """Give an open hold back to the very grants it came from. A repeat changes nothing."""
    require_transaction("ledger.release")
    return _resolve(locked, hold_id, 0, cause, actor)


def start_allowances(locked: LockedWallet, plan: Plan, *, zone: str) -> LockedWallet:
    """Replace the wallet's allowances by those of `plan`; return it with what they give at once.

    Grants that the former allowances made keep the terms they were made with.
    """
    require_transaction("ledger.start_allowances")
    settle(locked)
    Allowance.objects.filter(wallet_id=locked.id, ends_at=None).update(
        ends_at=locked.now, next_at=None
    )
    Allowance.objects.bulk_create(_allowances(locked.id, locked.now, plan, zone))
    again = store.lock(locked.account_id)
    assert again is not None
    settle(again)
    return again


def move_clock(account: Account, *, by: timedelta, catalog: Catalog) -> datetime:
    """Move a sandbox wallet's clock forward; return its new instant, with all that came due.

    Only a sandbox has a clock of its own: the database refuses an offset on any other wallet.
    """
    require_transaction("ledger.move_clock")
    assert by >= timedelta(0)
    locked = lock_wallet(account, catalog=catalog)
    Wallet.objects.filter(pk=locked.id).update(clock_offset=F("clock_offset") + by)
    moved = store.lock(account.pk)
    assert moved is not None
    settle(moved)
    return moved.now


def _resolve(
    locked: LockedWallet, hold_id: str, amount_micros: int, cause: Cause, actor: Actor
) -> Hold:
    held = Hold.objects.get(pk=hold_id, wallet_id=locked.id)
    if held.state != Hold.State.OPEN:
        return held
    assert 0 <= amount_micros <= held.amount_micros
    parts = [
        Part(grant_id, part_micros)
        for grant_id, part_micros in held.allocations.order_by("position").values_list(
            "grant_id", "amount_micros"
        )
    ]
    locked.timeline.resolve(
        hold_id=hold_id, parts=parts, capture_micros=amount_micros, cause=cause, actor=actor
    )
    held.state = Hold.State.CAPTURED if amount_micros else Hold.State.RELEASED
    held.captured_micros = amount_micros
    held.settled_at = locked.now
    held.save(update_fields=["state", "captured_micros", "settled_at"])
    store.write(locked)
    return held


def _open(account: Account, catalog: Catalog) -> None:
    """Make the wallet; of two first sights at once, the second finds the first one's."""
    now = store.database_now()
    wallet, made = Wallet.objects.get_or_create(
        account=account,
        defaults={"touched_at": now, "created_at": now, "is_sandbox": account.is_sandbox},
    )
    if not made:
        return
    if catalog.free_plan is not None:
        Allowance.objects.bulk_create(_allowances(wallet.pk, now, catalog.free_plan, account.zone))


def _allowances(wallet_id: str, now: datetime, plan: Plan, zone: str) -> Iterator[Allowance]:
    """Yield what `plan` gives a wallet from `now` on, in its own zone or else in `zone`."""
    for terms in plan.allowances:
        monthly = terms.cadence == "monthly"
        allowance = Allowance(
            wallet_id=wallet_id,
            code=f"{plan.code}.{terms.code}" if monthly else terms.code,
            mode=terms.mode,
            cadence=terms.cadence,
            zone=terms.zone or zone,
            amount_micros=terms.credits_micros,
            source=terms.source,
            priority=terms.priority,
            expiry=terms.expiry,
            anchor_at=now,
        )
        if terms.mode == "auto":
            allowance.next_at = now if monthly else _first_at(wallet_id, terms, now)
        yield allowance


def _first_at(wallet_id: str, terms: AllowanceTerms, now: datetime) -> datetime | None:
    """Return when an allowance that is the account's own gives first; None: it has given.

    A day's credits come 20 hours after the last at the earliest: a plan whose days begin
    elsewhere must not give two days' credits in one.
    """
    last = (
        Grant.objects.filter(wallet_id=wallet_id, fact__startswith=f"allowance:{terms.code}:")
        .order_by("-effective_at")
        .values_list("effective_at", flat=True)
        .first()
    )
    if last is None:
        return now
    return max(now, last + DAILY_REST) if terms.cadence == "daily" else None
