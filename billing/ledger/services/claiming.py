"""The check-in: today's credits of the claimed allowance, by chance and by days in a row."""

import math
import secrets
from dataclasses import dataclass

from billing.accounts import selectors as accounts
from billing.errors import DomainError
from billing.ledger import selectors, store
from billing.ledger.errors import NothingToClaim
from billing.ledger.journal import Actor, Cause
from billing.ledger.models import Grant
from billing.ledger.schedules import Schedule
from billing.ledger.services.granting import GrantTerms, grant
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction
from plans.credits import MICROS
from plans.periods import Window


@dataclass(frozen=True, slots=True)
class Claim:
    """What a check-in gave.

    Attributes:
        streak_days: how many days in a row were claimed by now, today included.
        first: it was this check-in that gave it, and no earlier one of the same day.
    """

    grant: Grant
    streak_days: int
    first: bool


def claim(locked: LockedWallet, *, actor: Actor) -> Claim:
    """Give today's free credits of the claimed allowance; the same grant again on a repeat.

    Today is the window of the allowance's zone that holds the lock's instant. What comes by
    chance is decided here, once: a repeat finds it written.

    Raises:
        AccountFrozen: an operator has frozen the account; what it has claimed today stays.
        FreeTierRefused: the account is on the free plan, and not admitted to what that gives.
        NothingToClaim: the plan has no claimed allowance, or only fills up credits that are
            all there still.
    """
    require_transaction("ledger.claim")
    allowance = selectors.claimed(locked.id, at=locked.now).first()
    if allowance is None:
        raise _why_nothing(locked)
    schedule = store.schedule(allowance, moves=store.moves(locked.id))
    window = schedule.window(locked.now)
    fact = schedule.fact(window)
    before = Grant.objects.filter(wallet_id=locked.id, fact=fact).first()
    if before is not None:
        return Claim(before, before.streak_days, first=False)
    accounts.require_not_frozen(locked.account_id)
    streak_days = _days_before(locked.id, schedule, window) + 1
    amount_micros = _by_chance(schedule) + _for_the_streak(schedule, streak_days)
    if schedule.terms.fill == "set_to":
        amount_micros -= locked.timeline.left_micros(schedule.series)
    if amount_micros <= 0:
        raise NothingToClaim
    lot = schedule.lot("", window, locked.now)
    terms = GrantTerms(
        amount_micros=amount_micros,
        source=lot.source,
        fact=fact,
        priority=lot.priority,
        expires_at=lot.expires_at,
        scope=lot.scope,
        locked_while=lot.locked_while,
        with_subscription=lot.with_subscription,
        series=lot.series,
        streak_days=streak_days,
        day_at=schedule.day_at(window),
    )
    given = grant(locked, terms, cause=Cause("allowance", allowance.pk), actor=actor)
    return Claim(given, streak_days, first=True)


def _why_nothing(locked: LockedWallet) -> DomainError:
    """Return why there is nothing to claim: whom no plan gives anything may have been shut out."""
    plan = locked.catalog.free_plan
    if plan is not None and any(terms.mode == "claimed" for terms in plan.allowances):
        refusal = accounts.free_tier_refusal(locked.account_id, catalog=locked.catalog)
        if refusal is not None and not selectors.has_allowances(locked.id, at=locked.now):
            return refusal
    return NothingToClaim()


def _days_before(wallet_id: str, schedule: Schedule, window: Window) -> int:
    """Return how many days in a row were claimed up to yesterday."""
    yesterday = Grant.objects.filter(
        wallet_id=wallet_id, fact=schedule.fact(schedule.before(window))
    ).first()
    # A grant from before days were counted is a first one.
    return 0 if yesterday is None else max(1, yesterday.streak_days)


def _by_chance(schedule: Schedule) -> int:
    """Return the day's credits, where they vary in steps that both ends and a credit share."""
    low, high = schedule.terms.credits_min_micros, schedule.terms.credits_max_micros
    if low is None or high is None:
        return schedule.amount_micros
    step = math.gcd(low, high, MICROS)
    return low + step * secrets.randbelow((high - low) // step + 1)


def _for_the_streak(schedule: Schedule, streak_days: int) -> int:
    return sum(
        more.credits_micros
        for more in schedule.terms.streak
        if streak_days == more.days or (more.repeats and streak_days % more.days == 0)
    )
