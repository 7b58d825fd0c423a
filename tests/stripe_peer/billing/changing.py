"""A change of a subscription takes effect: its money is invoiced, or waits for the next invoice."""

from typing import Final

from tests.stripe_peer.billing import (
    changes,
    collecting,
    discounts,
    invoicing,
    items,
    standing,
    waiting,
)
from tests.stripe_peer.billing.changes import Change
from tests.stripe_peer.billing.lines import Charge
from tests.stripe_peer.billing.periods import HOUR
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.world import Thing, World

_PENDING_SECONDS: Final = 23 * HOUR


def change(world: World, subscription: Thing, given: Thing, now: int) -> None:
    """Change a subscription's items, anchor or trial as `subscriptions.update` is asked to.

    Raises:
        Refused: what does not fit; with `payment_behavior` "error_if_incomplete", a payment that
            was refused. The caller undoes what was done by then.
    """
    behavior = given.get("payment_behavior", "allow_incomplete")
    if behavior == "pending_if_incomplete":
        _change_when_paid(world, subscription, given, now)
    else:
        _change(world, subscription, given, now, behavior)


def _change(world: World, subscription: Thing, given: Thing, now: int, behavior: str) -> None:
    plan = changes.planned(world, subscription, given, now)
    waiting.put_prices(world, subscription, given.get("add_invoice_items") or [], now)
    was_trialing = subscription["status"] == "trialing"
    before = seen(subscription)
    changes.take_effect(world, subscription, plan)
    if plan.starts_period and was_trialing and "trial_end" not in plan.fields:
        subscription |= {"status": "active", "trial_end": now}
    if is_invoiced(plan, given):
        invoice = invoice_now(world, subscription, plan.charges, now)
        tell(world, subscription, before)
        collect_now(world, invoice, now, behavior)
        return
    put_aside(world, subscription, plan.charges, now)
    tell(world, subscription, before)


def is_invoiced(plan: Change, given: Thing) -> bool:
    """Say whether a change has an invoice of its own, at once."""
    if given.get("proration_behavior") == "always_invoice" and plan.charges:
        return True
    return plan.starts_period


def invoice_now(world: World, subscription: Thing, charges: list[Charge], now: int) -> Thing:
    """Make the draft of a change, with what has waited, as the subscription's latest invoice."""
    invoice = invoice_of(world, subscription, charges, "subscription_update", now)
    subscription["latest_invoice"] = invoice["id"]
    discounts.use_up(world, subscription, invoice, now)
    return invoicing.keep_draft(world, invoice, finalizes_itself=True)


def invoice_of(
    world: World, subscription: Thing, charges: list[Charge], reason: str, now: int
) -> Thing:
    """Return a draft of these charges and of all that has waited; nothing keeps it yet."""
    customer = world.get("customer", subscription["customer"])
    waited = waiting.for_invoice(
        world,
        customer=customer["id"],
        currency=subscription["currency"],
        subscription=subscription["id"],
    )
    return invoicing.made(
        world,
        customer=customer,
        charges=[*waited, *charges],
        currency=subscription["currency"],
        reason=reason,
        now=now,
        subscription=subscription,
        discounts=discounts.living(world, subscription, now),
    )


def collect_now(world: World, invoice: Thing, now: int, behavior: str) -> None:
    """Finalize the invoice of a change, and take its money as `payment_behavior` says.

    Raises:
        Refused: the payment was refused, and the behavior is "error_if_incomplete".
    """
    if invoice["collection_method"] == "send_invoice":
        return
    collecting.finalize(world, invoice, now)
    if invoice["status"] == "paid":
        return
    if behavior == "default_incomplete":
        subscription = world.get("subscription", str(invoicing.subscription_of(invoice)))
        standing.change(world, subscription, status="past_due")
        return
    collecting.attempt(world, invoice, now, by_itself=behavior == "allow_incomplete")
    refusal = collecting.refusal_of(world, invoice)
    if behavior == "error_if_incomplete" and refusal is not None:
        raise refusal


def put_aside(world: World, subscription: Thing, charges: list[Charge], now: int) -> None:
    """Let charges wait for the subscription's next invoice."""
    customer = world.get("customer", subscription["customer"])
    for charge in charges:
        waiting.put(world, charge, customer=customer, currency=subscription["currency"], now=now)


def seen(subscription: Thing) -> Thing:
    """Return what of a subscription an event says that it was."""
    names = ("items", "status", "latest_invoice", "billing_cycle_anchor", "trial_end")
    return {name: subscription[name] for name in names} | {
        "items": items.listed(subscription["id"], [dict(one) for one in items.of(subscription)])
    }


def tell(world: World, subscription: Thing, before: Thing) -> None:
    """Tell that a subscription was updated, and what it was before."""
    old = {name: value for name, value in before.items() if value != subscription[name]}
    world.emit("customer.subscription.updated", subscription, old)


# -- pending updates: the change waits until its invoice is paid -------------------------------
def _change_when_paid(world: World, subscription: Thing, given: Thing, now: int) -> None:
    plan = changes.planned(world, subscription, given, now)
    if not is_invoiced(plan, given):
        raise Refused(
            "pending_if_incomplete needs a change that is invoiced at once: set "
            "proration_behavior to always_invoice.",
            param="payment_behavior",
        )
    before = seen(subscription)
    invoice = invoice_now(world, subscription, plan.charges, now)
    subscription |= {
        "pending_update": {
            "billing_cycle_anchor": plan.fields.get("billing_cycle_anchor"),
            "cancel_at_period_end": None,
            "discount": None,
            "discounts": None,
            "expires_at": now + _PENDING_SECONDS,
            "metadata": None,
            "subscription_items": plan.items,
            "trial_end": plan.fields.get("trial_end"),
            "trial_from_plan": None,
        },
        "_pending": {"invoice": invoice["id"], "plan": plan},
    }
    invoice["_is_pending_update"] = True
    collecting.finalize(world, invoice, now)
    if invoice["status"] != "paid":
        collecting.attempt(world, invoice, now)
    if subscription["pending_update"] is not None:
        tell(world, subscription, before)


@collecting.on_paid
def apply_pending(world: World, invoice: Thing) -> None:
    """Let the change take effect that waited for this invoice."""
    subscription = world.find(invoicing.subscription_of(invoice) or "")
    pending = (subscription or {}).get("_pending")
    if subscription is None or pending is None or pending["invoice"] != invoice["id"]:
        return
    before = seen(subscription)
    subscription |= {"pending_update": None, "_pending": None}
    changes.take_effect(world, subscription, pending["plan"])
    tell(world, subscription, before)
    world.emit("customer.subscription.pending_update_applied", subscription)


def expire_pending(world: World, subscription: Thing, now: int) -> None:
    """Give up a change whose invoice was not paid in time: the invoice is void."""
    invoice = world.get("invoice", subscription["_pending"]["invoice"])
    subscription |= {"pending_update": None, "_pending": None}
    collecting.drop(world, invoice, now)
    world.emit("customer.subscription.pending_update_expired", subscription)
