"""Through which paid times a purchase's money goes: a change of plan carries on what is left."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from billing.ledger.models import Entry
from billing.payments.models import PlanChange, Purchase
from billing.subscriptions.models import PaidPeriod, Subscription


@dataclass(frozen=True, slots=True)
class Stretch:
    """A paid time, and the subscription that gives in it.

    Attributes:
        left_at: when a change of plan began another time and carried on what was left of this
            one; None: none did.
        pledged: the credits that the change took for it, by grant.
    """

    subscription: Subscription | None
    starts_at: datetime
    ends_at: datetime
    left_at: datetime | None = None
    pledged: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Change:
    """A change that took what was left of one paid time off the price of the next."""

    to: Stretch
    pledged: Mapping[str, int]


def read(purchases: Sequence[Purchase]) -> dict[str, list[Stretch]]:
    """Return by its id the paid times of each purchase that has one, in their order."""
    changes = _changes({one.contract_id for one in purchases if one.contract_id is not None})
    found = {}
    for one in purchases:
        if one.period_starts_at is not None and one.period_ends_at is not None:
            own = Stretch(one.subscription, one.period_starts_at, one.period_ends_at)
            found[one.pk] = _followed(own, changes.get(one.contract_id or "", []))
    return found


def _followed(own: Stretch, changes: Sequence[_Change]) -> list[Stretch]:
    """Return a paid time with those that its money was carried on to, one after the other."""
    found, present = [], own
    for change in changes:
        if present.starts_at < change.to.starts_at < present.ends_at:
            found.append(replace(present, left_at=change.to.starts_at, pledged=change.pledged))
            present = change.to
    return [*found, present]


def _changes(contracts: set[str]) -> dict[str, list[_Change]]:
    """Return by contract the changes that carried something on, the earliest first."""
    rows = PlanChange.objects.filter(
        contract__in=contracts,
        state=PlanChange.State.APPLIED,
        begins_anew=True,
        worth_micros__gt=0,
        subscription__isnull=False,
    ).select_related("subscription")
    changes = list(rows)
    pledged = _pledged([one.hold_id for one in changes if one.hold_id is not None])
    begun = _first_periods([one.subscription_id for one in changes if one.subscription_id])
    found: dict[str, list[_Change]] = defaultdict(list)
    for one in changes:
        if one.subscription_id in begun:
            period = begun[one.subscription_id]
            to = Stretch(one.subscription, period.starts_at, period.ends_at)
            found[one.contract_id].append(_Change(to, pledged.get(one.hold_id or "", {})))
    for some in found.values():
        some.sort(key=lambda change: change.to.starts_at)
    return found


def _pledged(holds: Sequence[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    parts = Entry.objects.filter(hold__in=holds, kind="hold")
    for hold, grant, amount in parts.values_list("hold_id", "grant_id", "amount_micros"):
        found[str(hold)][grant] = found[str(hold)].get(grant, 0) + amount
    return found


def _first_periods(subscriptions: Sequence[str]) -> dict[str, PaidPeriod]:
    found: dict[str, PaidPeriod] = {}
    for period in PaidPeriod.objects.filter(subscription__in=subscriptions).order_by("starts_at"):
        found.setdefault(period.subscription_id, period)
    return found
