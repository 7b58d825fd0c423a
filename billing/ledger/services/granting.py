"""Give credits, on the terms of a catalog or on others."""

from dataclasses import dataclass, field
from datetime import datetime

from billing.ids import new_id
from billing.ledger import store
from billing.ledger.errors import AmountOutOfRange, GrantsHalted
from billing.ledger.journal import AMOUNT_MAX_MICROS, SYSTEM, Actor, Cause
from billing.ledger.lots import Issue, Lot
from billing.ledger.models import Grant
from billing.ledger.schedules import expiry_of
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction
from plans.catalog.allowances import Terms
from plans.catalog.matching import Match
from plans.catalog.values import SUBSCRIPTION_END


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What a grant is: amount, where it comes from, and the fact that makes it unique.

    Attributes:
        fact: business key; a wallet has at most one grant for each.
        effective_at: None means at once.
        expires_at: first instant at which it is gone; None means it stays.
        priority: lower is burnt first, where the catalog's burn order asks for it.
        scope: which orders it pays, as a rate's match; empty: all.
        locked_while: how an account stands that cannot spend it ("past_due", "unsubscribed").
        with_subscription: it ends when the account's subscription does.
        series: what it is one of many of, such as an allowance; empty: of nothing.
        pack: the pack that it was bought as.
        paid_micros, paid_currency: what was paid for it, in money; 0 and empty: nothing.
        streak_days: on which of so many days in a row it was claimed; 0: it was not.
        goes_back: what is unused at its end is transferred, not expired.
        day_at: when the day began whose credits it is; None: no day's.
    """

    amount_micros: int
    source: str
    fact: str
    reason: str = ""
    priority: int = 100
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    scope: Match = field(default_factory=dict)
    locked_while: tuple[str, ...] = ()
    with_subscription: bool = False
    series: str = ""
    pack: str = ""
    paid_micros: int = 0
    paid_currency: str = ""
    streak_days: int = 0
    goes_back: bool = False
    day_at: datetime | None = None


def terms_of(  # noqa: PLR0913 (a grant has as many facts)
    terms: Terms,
    *,
    amount_micros: int,
    fact: str,
    zone: str,
    at: datetime,
    reason: str = "",
    series: str = "",
    pack: str = "",
    paid_micros: int = 0,
    paid_currency: str = "",
) -> GrantTerms:
    """Return the terms of a grant that a catalog describes, in effect from `at` on.

    Args:
        terms: a pack, its bonus, a campaign, a conversion; not an allowance, which has windows.
        zone: whose days and months count in its expiry.
        at: its effective instant, from which its expiry counts as well.
    """
    return GrantTerms(
        amount_micros=amount_micros,
        source=terms.source,
        fact=fact,
        reason=reason,
        priority=terms.priority,
        effective_at=at,
        expires_at=expiry_of(terms.expiry, granted_at=at, zone=zone),
        scope=terms.scope,
        locked_while=terms.locked_while,
        with_subscription=terms.expiry == SUBSCRIPTION_END,
        series=series,
        pack=pack,
        paid_micros=paid_micros,
        paid_currency=paid_currency,
    )


def grant(locked: LockedWallet, terms: GrantTerms, *, cause: Cause, actor: Actor) -> Grant:
    """Give credits; a repeat with the same fact changes nothing and returns the first grant.

    Raises:
        AmountOutOfRange: not above zero, or beyond 10^12 credits.
        GrantsHalted: nobody asked for it, and too much came by itself today already.
    """
    require_transaction("ledger.grant")
    if (before := Grant.objects.filter(wallet_id=locked.id, fact=terms.fact).first()) is not None:
        return before
    if not 0 < terms.amount_micros <= AMOUNT_MAX_MICROS - locked.timeline.available_micros:
        raise AmountOutOfRange
    automatic = locked.timeline.automatic
    if actor.type == SYSTEM.type and not automatic.admits(locked.now):
        raise GrantsHalted(limit=locked.catalog.safety.automatic_grants_per_day)
    if actor.type == SYSTEM.type and not automatic.has_room(locked.now):
        # The last one closes the gate: a refusal of the next one could not, for it is undone.
        automatic.halted_at = locked.now
    issue = issue_of(terms, now=locked.now)
    locked.timeline.grant(issue, cause=cause, actor=actor)
    locked.timeline.settle(locked.now)
    store.write(locked)
    return Grant.objects.get(pk=issue.lot.id, wallet_id=locked.id)


def issue_of(terms: GrantTerms, *, now: datetime) -> Issue:
    """Return the grant on these terms that is made at `now`, as a timeline takes it."""
    lot = Lot(
        id=new_id("gr"),
        source=terms.source,
        priority=terms.priority,
        effective_at=terms.effective_at or now,
        expires_at=terms.expires_at,
        series=terms.series,
        scope=terms.scope,
        locked_while=terms.locked_while,
        is_bought=terms.paid_micros > 0,
        with_subscription=terms.with_subscription,
        pack=terms.pack,
        goes_back=terms.goes_back,
    )
    return Issue(
        lot,
        terms.amount_micros,
        terms.fact,
        reason=terms.reason,
        paid_micros=terms.paid_micros,
        paid_currency=terms.paid_currency,
        streak_days=terms.streak_days,
        day_at=terms.day_at,
    )
