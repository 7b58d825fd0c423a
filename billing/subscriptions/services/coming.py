"""Sees to it that what a subscription's plan gives comes as long as it is to come."""

from datetime import datetime
from typing import Final

from billing.ledger import services as ledger
from billing.ledger.services import LockedWallet
from billing.subscriptions import selectors
from billing.subscriptions.models import Subscription
from billing.transactions import require_transaction
from plans.catalog.allowances import Allowance
from plans.catalog.offers import Plan
from plans.catalog.schema import Catalog

# Periods that are paid for are drawn in UTC, from an instant, and end with a short month.
PAID_ZONE: Final = "UTC"
_PAST_DUE: Final = "past_due"


def go_on(locked: LockedWallet, subscription: Subscription, plan: Plan) -> LockedWallet:
    """What `plan` gives comes to the subscription's account, each from its next window on.

    Of a subscription that is paid by periods it comes until the end of what is paid for, in
    windows that begin with the periods; of any other until its end, if it has one. Nothing that
    was given comes again.

    Args:
        plan: the subscription's, for its seats.
    """
    require_transaction("subscriptions.go_on")
    zone = subscription.account.zone
    if subscription.paid_until is None:
        return ledger.carry_allowances(locked, plan, zone=zone, ends_at=subscription.ends_at)
    in_trial = is_in_trial(subscription)
    return ledger.start_allowances(
        locked,
        of_periods(of_trial(plan) if in_trial else plan, selectors.catalog_of(subscription)),
        zone=zone,
        anchor_at=subscription.anchor_at,
        subscription=trial_series(subscription) if in_trial else subscription.pk,
        ends_at=comes_until(subscription),
        paid_from=_paid_from(subscription),
    )


def comes_until(subscription: Subscription) -> datetime | None:
    """Return until when anything comes by itself; None: no end is known."""
    known = [at for at in (subscription.paid_until, subscription.ends_at) if at is not None]
    return min(known, default=None)


def is_in_trial(subscription: Subscription) -> bool:
    """Say whether nothing but the trial is paid for, as it were."""
    trial_ends_at, paid_until = subscription.trial_ends_at, subscription.paid_until
    return trial_ends_at is not None and paid_until is not None and paid_until <= trial_ends_at


def given_by_periods(subscription: Subscription) -> Plan:
    """Return what a subscription that is paid by periods gives for its seats, as they are drawn."""
    return of_periods(selectors.given_by(subscription), selectors.catalog_of(subscription))


def main_schedule(subscription: Subscription) -> ledger.Schedule | None:
    """Return the allowance that brings most in a window; None: none brings credits by itself."""
    assert subscription.anchor_at is not None, "it is paid by periods"
    found = ledger.paid_schedules(
        given_by_periods(subscription),
        zone=subscription.account.zone,
        anchor_at=subscription.anchor_at,
        subscription=subscription.pk,
    )
    return max(found, key=lambda one: one.amount_micros, default=None)


def of_periods(plan: Plan, catalog: Catalog) -> Plan:
    """Return the plan with its weeks, months and years drawn as the periods that pay for them.

    Where the catalog freezes what an unpaid plan gave, that is locked while past due.

    Args:
        catalog: the one that it was sold by.
    """
    given = tuple(_of_periods(one, catalog) for one in plan.allowances)
    return plan.model_copy(update={"allowances": given})


def of_trial(plan: Plan) -> Plan:
    """Return what comes by itself in a trial.

    A trial with credits of its own has those, and nothing beside them. In any other comes what is
    counted, and what comes each day or rolls; the credits of the plan's windows are given with the
    trial itself, and what comes once waits until something is paid.
    """
    has_credits = plan.trial is not None and plan.trial.credits_micros is not None
    beside = tuple(
        one
        for one in plan.allowances
        if not has_credits and (one.is_counted or one.cadence in {"daily", "rolling"})
    )
    return plan.model_copy(update={"allowances": beside})


def trial_series(subscription: Subscription) -> str:
    """Return whose windows those of the trial are: not those of what is paid for."""
    return f"{subscription.pk}.trial"


def _of_periods(one: Allowance, catalog: Catalog) -> Allowance:
    said: dict[str, object] = {}
    if one.cadence in {"weekly", "monthly", "yearly"}:
        said = {"zone": PAID_ZONE, "anchor": "start", "short_month": "clamp"}
    if catalog.payments.past_due == "freeze" and _PAST_DUE not in one.locked_while:
        said["locked_while"] = (*one.locked_while, _PAST_DUE)
    return one.model_copy(update=said)


def _paid_from(subscription: Subscription) -> datetime | None:
    """Return when the last time began that is paid for without a gap."""
    found: datetime | None = None
    periods = subscription.paid_periods.filter(taken_back_at=None).order_by("-ends_at")
    for starts_at, ends_at in periods.values_list("starts_at", "ends_at"):
        if found is not None and ends_at < found:
            break
        found = starts_at if found is None else min(found, starts_at)
    return found
