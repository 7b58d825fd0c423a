"""What the next invoice would be, of a subscription as it is, as it might be, or of a new one."""

import copy
from typing import Final

from tests.stripe_peer.billing import (
    beginning,
    changes,
    changing,
    cycling,
    discounts,
    invoicing,
    items,
    lines,
    scheduling,
)
from tests.stripe_peer.billing.changes import Change
from tests.stripe_peer.refusals import Refused, missing
from tests.stripe_peer.world import Thing, World

_KNOWN: Final = frozenset(
    {"customer", "discounts", "preview_mode", "schedule", "subscription", "subscription_details"}
)
_DETAILS: Final = frozenset(
    {
        "billing_cycle_anchor",
        "cancel_at_period_end",
        "cancel_now",
        "items",
        "proration_behavior",
        "proration_date",
        "trial_end",
    }
)


def preview(world: World, given: Thing) -> Thing:
    """Return an invoice that is not kept: `invoices.create_preview`.

    A change that would be invoiced at once is previewed as that invoice; else the invoice is the
    next renewal's, with what the change would leave waiting.

    Raises:
        Refused: `invoice_upcoming_none` when there is no next one; what does not fit a change.
    """
    items.require_known(given, _KNOWN)
    details = given.get("subscription_details") or {}
    items.require_known(details, _DETAILS)
    if "schedule" in given:
        schedule = world.get("subscription_schedule", given["schedule"], "schedule")
        return _of_subscription(world, schedule["subscription"], details, given)
    if "subscription" in given:
        return _of_subscription(world, given["subscription"], details, given)
    if "items" in details:
        return _of_new(world, given, details)
    running = [
        one
        for one in world.all("subscription")
        if one["customer"] == given.get("customer") and one["status"] in ("active", "trialing")
    ]
    if not running:
        raise _none()
    return _of_subscription(world, running[-1]["id"], details, given)


def _of_subscription(world: World, identity: str | None, details: Thing, given: Thing) -> Thing:
    real = world.get("subscription", identity or "", "subscription")
    if real["status"] in ("canceled", "incomplete_expired") or details.get("cancel_now"):
        raise _none()
    now = world.now(real["customer"])
    subscription = _double(real)
    change = changes.planned(world, subscription, details, now)
    subscription |= change.fields
    subscription["items"] = items.listed(subscription["id"], change.items)
    if changing.is_invoiced(change, details):
        return _shown(world, subscription, change.charges, "subscription_update", now, given)
    is_ending = details.get("cancel_at_period_end", subscription["cancel_at_period_end"])
    if is_ending and not change.charges:
        raise _none()
    return _next(world, real, subscription, change, given)


def _next(world: World, real: Thing, subscription: Thing, change: Change, given: Thing) -> Thing:
    """Return the renewal's invoice, after the phase that a schedule begins with it."""
    at = items.period_of(subscription).end
    phase = _phase_at(world, real, at)
    if phase is not None:
        wanted = scheduling.replacement(subscription, phase["items"])
        after = changes.items_after(world, subscription, {"items": wanted}, at)
        if items.interval_of(after) != items.interval_of(items.of(subscription)):
            subscription["billing_cycle_anchor"] = at
        subscription["items"] = items.listed(subscription["id"], after)
    period = cycling.upcoming_period(subscription)
    whole = [lines.whole_period(world, item, period) for item in items.of(subscription)]
    return _shown(world, subscription, [*change.charges, *whole], "upcoming", at, given)


def _phase_at(world: World, subscription: Thing, at: int) -> Thing | None:
    schedule = world.find(subscription["schedule"] or "")
    if schedule is None:
        return None
    return next((one for one in schedule["phases"] if one["start_date"] == at), None)


def _of_new(world: World, given: Thing, details: Thing) -> Thing:
    if "customer" not in given:
        raise missing("customer")
    wanted: Thing = {
        name: details[name]
        for name in ("items", "trial_end", "proration_behavior")
        if name in details
    }
    subscription, charges = beginning.imagined(world, {**wanted, "customer": given["customer"]})
    now = world.now(given["customer"])
    return _shown(world, subscription, charges, "subscription_create", now, given)


def _shown(
    world: World,
    subscription: Thing,
    charges: list[lines.Charge],
    reason: str,
    now: int,
    given: Thing,
) -> Thing:
    invoice = changing.invoice_of(world, subscription, charges, reason, now)
    wanted = given.get("discounts") or []
    if wanted:
        imagined = [
            {
                "id": f"di_preview_{n}",
                "_coupon": discounts.coupon_of(world, one, subscription["customer"], now),
            }
            for n, one in enumerate(wanted)
        ]
        for line in invoice["lines"]["data"]:
            line["discount_amounts"] = []
        discounts.apply(invoice, imagined)
        invoicing.total_up(invoice, world.get("customer", subscription["customer"]))
    invoice["id"] = "upcoming_" + invoice["id"]
    invoice["lines"]["url"] = f"/v1/invoices/{invoice['id']}/lines"
    for line in invoice["lines"]["data"]:
        line["invoice"] = invoice["id"]
    return invoice


def _double(subscription: Thing) -> Thing:
    """Return a copy to try things on; its prices are the real ones."""
    kept = [{**item, "metadata": dict(item["metadata"])} for item in items.of(subscription)]
    double = copy.copy(subscription)
    double["items"] = items.listed(subscription["id"], kept)
    return double


def _none() -> Refused:
    return Refused("No upcoming invoices for customer", status=404, code="invoice_upcoming_none")
