"""The end of a subscription, and of a product: what becomes of the credits that are left."""

from dataclasses import dataclass, field
from datetime import datetime

from billing.ids import new_id
from billing.ledger import past, selectors, store
from billing.ledger.journal import SYSTEM, Actor, Cause
from billing.ledger.lots import Issue, Lot, conversion_series
from billing.ledger.models import Allowance, Grant
from billing.ledger.schedules import expiry_of
from billing.ledger.services.beginning import allowances
from billing.ledger.services.wallets import settle
from billing.ledger.store import LockedWallet
from billing.ledger.timeline import Timeline
from billing.transactions import require_transaction
from plans.catalog.offers import Plan
from plans.catalog.policies import Conversion
from plans.catalog.values import SUBSCRIPTION_END


def end_with_subscription(
    locked: LockedWallet, *, cause: Cause, actor: Actor = SYSTEM, brought_by: str = ""
) -> int:
    """Expire the credits that last as long as the subscription; return how many were free.

    That is what was granted with the expiry "subscription_end", or rolls over while subscribed
    or up to a cap. What of them is held stays valid for its work; what comes back lapses. A
    repeat changes nothing.

    Args:
        cause: Cause("subscription", its id).
        brought_by: only what the windows of this subscription brought: another one goes on;
            empty: all.
    """
    require_transaction("ledger.end_with_subscription")
    timeline, gone_micros = locked.timeline, 0
    for lot in list(timeline.lots.values()):
        if lot.with_subscription and lot.series.endswith(brought_by):
            gone_micros += lot.available_micros
            timeline.expire(lot, cause=cause, actor=actor)
            timeline.end(lot)
    store.write(locked)
    return gone_micros


@dataclass(slots=True)
class SubscriptionEnd:
    """A subscription's end that stands in no row at the instant that is asked for.

    It is lived through in memory; `end_with_subscription` and `start_allowances` write the same.

    Attributes:
        known_at: the instant that is asked for: what was given later is not known.
        plan: whose allowances begin then; None: none do, or rows say them already.
        zone: the account's, if it never moved.
        begins: those allowances, once it has happened.
    """

    at: datetime
    wallet_id: str
    known_at: datetime
    cause: Cause
    plan: Plan | None
    zone: str
    begins: list[Allowance] = field(default_factory=list)
    gives: None = None

    def happen(self, timeline: Timeline) -> None:
        """Let what lasted as long as the subscription be gone, and the plan begin."""
        for lot in list(timeline.lots.values()):
            if lot.with_subscription:
                timeline.expire(lot, cause=self.cause, actor=SYSTEM)
                timeline.end(lot)
        if self.plan is None:
            return
        self.begins = list(
            allowances(self.wallet_id, self.plan, zone=self.zone, now=self.at, made=timeline.issues)
        )
        moves = store.moves(self.wallet_id, until=self.known_at)
        automatic = [one for one in self.begins if one.mode == Allowance.Mode.AUTO]
        schedules = [store.schedule(one, moves=moves) for one in automatic]
        known = past.given(self.wallet_id, schedules, until=None, known_at=self.known_at)
        timeline.given |= known
        timeline.schedules.extend(schedules)


def convert(
    locked: LockedWallet, conversion: Conversion, *, zone: str, actor: Actor = SYSTEM
) -> int:
    """Turn what is left of a product's credits into others; return how many new ones there are.

    Each grant of the conversion's sources and scope is revoked as far as it is free, and its
    rest times the factor, rounded down, is a new grant. A repeat changes nothing, except that
    it converts what was held and has come back since, or was not yet in effect: whoever
    converts a product's credits calls this again until no hold on them is open. What was given
    after the conversion's instant stays what it is.

    Args:
        zone: the account's, for the new grants' expiry.
    """
    require_transaction("ledger.convert")
    settle(locked)
    timeline, made_micros = locked.timeline, 0
    series = conversion_series(conversion.code)
    ended = set(
        selectors.to_convert(conversion).filter(wallet=locked.id).values_list("pk", flat=True)
    )
    cause = Cause("conversion", conversion.code)
    known = set(
        Grant.objects.filter(wallet_id=locked.id, series=series).values_list("fact", flat=True)
    )
    for lot in list(timeline.lots.values()):
        if lot.id not in ended:
            continue
        taken = timeline.revoke(lot, cause=cause, actor=actor)
        new_micros = taken * conversion.factor.numerator // conversion.factor.denominator
        if not new_micros:
            continue
        fact = f"{series}:{lot.id}"
        if fact in known:  # it was converted before, and something has come back since
            fact = f"{fact}:{locked.seq + len(timeline.movements)}"
        new = _converted(conversion, series=series, zone=zone, now=locked.now)
        timeline.grant(Issue(new, new_micros, fact), cause=cause, actor=actor)
        made_micros += new_micros
    store.write(locked)
    return made_micros


def _converted(conversion: Conversion, *, series: str, zone: str, now: datetime) -> Lot:
    return Lot(
        id=new_id("gr"),
        source=conversion.source,
        priority=conversion.priority,
        effective_at=now,
        expires_at=expiry_of(conversion.expiry, granted_at=now, zone=zone),
        series=series,
        scope=conversion.scope,
        locked_while=conversion.locked_while,
        with_subscription=conversion.expiry == SUBSCRIPTION_END,
    )
