"""Reads which payment has brought which credits, which time, and what of its money has stayed."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final

from django.db.models import Q, QuerySet

from billing.accounts.models import Account
from billing.ledger import selectors as ledger_selectors
from billing.ledger.services import Grant
from billing.payments import tracing
from billing.payments.models import Contract, PlanChange, Purchase
from billing.payments.tracing import Carried, Change, Line, Shares, Stretch
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import PaidPeriod, Subscription

# By then its money has come, whatever Stripe still has to be told.
_PAID: Final = (PlanChange.State.PAID, PlanChange.State.APPLIED)
_WHOLE: Final = Fraction(1)


@dataclass(frozen=True, slots=True)
class Part:
    """A grant, and which share of it a payment has brought.

    Attributes:
        worth: how many of the credits that the payment has brought one of it is: 1, but where a
            conversion has made more of them, or fewer.
        weighs: it has its own weight when what is taken is divided; no: it is in that of what it
            was before, whose row still says so.
        is_own: the payment has brought it; no: it is what became of that, or was given back.
    """

    grant: Grant
    share: Fraction
    worth: Fraction = _WHOLE
    weighs: bool = True
    is_own: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether no other payment has a share in it."""
        return self.share == _WHOLE

    @property
    def own_micros(self) -> int:
        """What of the grant is the payment's, rounded down."""
        return self.share_of(self.grant.amount_micros)

    def share_of(self, micros: int) -> int:
        """Return the payment's share of an amount of the grant, rounded down."""
        return int(micros * self.share)

    def worth_of(self, micros: int) -> int:
        """Return an amount of the grant in the credits that the payment has brought, rounded up."""
        return math.ceil(micros * self.worth)

    def within(self, micros: int) -> int:
        """Return the most of the grant that is worth no more of what the payment has brought."""
        return micros * self.worth.denominator // self.worth.numerator


@dataclass(frozen=True, slots=True)
class PaidTime:
    """A period of which a payment has paid the time, and all that have paid it."""

    starts_at: datetime
    payers: tuple[Purchase, ...]


@dataclass(frozen=True, slots=True)
class _Traced:
    """A contract's line, with the subscriptions of its stretches and what stays of its money."""

    line: Line
    subscriptions: Mapping[str, Subscription]
    purchases: Mapping[str, Purchase]

    @property
    def stays(self) -> dict[str, int]:
        return {key: stays_micros(one) for key, one in self.purchases.items()}


def brought_by(purchase: Purchase) -> list[Part]:
    """Return what a payment has brought so far, in the order in which it is taken.

    Of a pack its credits and its bonus; of a plan's period its share of what the windows gave
    in it, and of what followed when the plan was changed; of a change also what it gave at once.
    """
    shares = {f"change:{purchase.fact.removeprefix('stripe:')}": _WHOLE, **_facts(purchase)}
    which = Q(fact__in=[*shares])
    if (pack := purchase.pack_purchase) is not None:
        which |= Q(pk__in=[one for one in (pack.grant_id, pack.bonus_grant_id) if one])
    for fact in shares:
        if fact.startswith("allowance:"):
            which |= Q(fact__startswith=_of_seats(fact))
    own = ledger_selectors.grants(purchase.account).filter(which).order_by("effective_at", "id")
    return [Part(grant, _share(grant, shares)) for grant in own]


def time_of(purchase: Purchase) -> list[PaidTime]:
    """Return the periods whose time a payment has paid for, alone or with others."""
    if purchase.contract is None:
        if purchase.subscription_id is None or purchase.period_starts_at is None:
            return []
        return [PaidTime(purchase.period_starts_at, (purchase,))]
    traced = _read(purchase.contract, purchase)
    return [
        PaidTime(starts_at, tuple(traced.purchases[key] for key in keys))
        for starts_at, keys in tracing.payers(traced.line).items()
        if purchase.pk in keys
    ]


def paid_micros(contract: Contract, period: PaidPeriod) -> dict[str, int]:
    """Return what was paid for a period and has stayed, with what was carried over, by payment."""
    traced = _read(contract)
    return tracing.money(traced.line, period.starts_at, traced.stays)


def carried(contract: Contract, period: PaidPeriod, worth_micros: int) -> dict[str, dict[str, int]]:
    """Return of which payments an amount is that is taken off a price, as a change keeps it."""
    traced = _read(contract)
    stays = traced.stays
    parts = tracing.carry(worth_micros, tracing.money(traced.line, period.starts_at, stays), stays)
    return {key: {"micros": one.micros, "of": one.of_micros} for key, one in parts.items()}


def stays_micros(purchase: Purchase) -> int:
    """Return what of a payment has not gone back, nor is in a dispute."""
    gone_micros = purchase.refunded_micros + purchase.disputed_micros
    return max(0, purchase.amount_micros - gone_micros)


def _facts(purchase: Purchase) -> dict[str, Fraction]:
    """Return the facts of the windows that a payment has a share in, given or to come."""
    starts_at, ends_at = purchase.period_starts_at, purchase.period_ends_at
    if purchase.contract is None:
        if purchase.subscription is None or starts_at is None or ends_at is None:
            return {}
        own = subscriptions.facts_of(purchase.subscription, starts_at=starts_at, ends_at=ends_at)
        return dict.fromkeys(own, _WHOLE)
    traced = _read(purchase.contract, purchase)
    shares = {
        stretch: found[purchase.pk]
        for stretch, found in tracing.trace(traced.line).items()
        if purchase.pk in found
    }
    return {
        fact: share
        for stretch, share in shares.items()
        for fact in subscriptions.facts_of(
            traced.subscriptions[stretch.subscription],
            starts_at=stretch.starts_at,
            ends_at=stretch.ends_at,
        )
    }


def _of_seats(fact: str) -> str:
    """Return how the facts begin of what more seats brought of a window."""
    return f"{fact.replace('allowance:', 'seats:', 1)}:"


def _share(grant: Grant, shares: Shares) -> Fraction:
    window = grant.fact.rpartition(":")[0].replace("seats:", "allowance:", 1)
    return shares.get(grant.fact) or shares.get(window) or _WHOLE


def _read(contract: Contract, purchase: Purchase | None = None) -> _Traced:
    """Return the line of a contract; of one whose plan was never changed, the purchase's own."""
    changes = list(_changes(contract.pk).select_related("subscription"))
    paid = Purchase.objects.filter(contract=contract.pk)
    if purchase is not None and not changes:
        purchases = [purchase]
    else:
        purchases = list(paid.exclude(pk=purchase.pk) if purchase is not None else paid)
        purchases += [purchase] if purchase is not None else []
    by_fact = {one.fact: one.pk for one in purchases}
    stretches, known = _stretches(contract.account, purchases)
    line = Line(
        stretches=stretches,
        paid={
            (one.subscription_id, one.period_starts_at): one.pk
            for one in sorted(purchases, key=lambda one: one.pk, reverse=True)
            if one.kind == Purchase.Kind.PLAN and one.subscription_id and one.period_starts_at
        },
        changes={
            one.subscription_id: _as_change(one, by_fact.get(f"stripe:{one.pk}", ""))
            for one in changes
            if one.subscription_id is not None
        },
    )
    return _Traced(line, known, {one.pk: one for one in purchases})


def _changes(contract_id: str) -> QuerySet[PlanChange]:
    return PlanChange.objects.filter(
        contract=contract_id, state__in=_PAID, subscription__isnull=False
    )


def _stretches(
    account: Account, purchases: Iterable[Purchase]
) -> tuple[list[Stretch], dict[str, Subscription]]:
    begins = {one.period_starts_at for one in purchases if one.period_starts_at is not None}
    periods = list(
        PaidPeriod.objects.filter(
            subscription__account=account, starts_at__in=begins, is_trial=False
        ).select_related("subscription__account")
    )
    stretches = [
        Stretch(one.subscription_id, one.starts_at, one.ends_at, one.subscription.started_at)
        for one in periods
    ]
    return stretches, {one.subscription_id: one.subscription for one in periods}


def _as_change(change: PlanChange, purchase_id: str) -> Change:
    before, after = change.held_window_micros, change.window_micros
    return Change(
        purchase=purchase_id,
        due_micros=change.due_micros,
        begins_anew=change.begins_anew,
        worth_micros=change.worth_micros,
        keep=min(_WHOLE, Fraction(before, after)) if after else _WHOLE,
        carried={key: Carried(part["micros"], part["of"]) for key, part in change.carried.items()},
    )
