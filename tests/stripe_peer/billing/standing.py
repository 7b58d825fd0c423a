"""What a subscription's status becomes when an invoice is paid, declined or given up."""

from typing import Final

from tests.stripe_peer.billing import invoicing
from tests.stripe_peer.world import Thing, World

LIVING: Final = ("incomplete", "trialing", "active", "past_due", "unpaid", "paused")
_OWING: Final = ("past_due", "unpaid")
_UNMOVED: Final = ("incomplete", "incomplete_expired", "paused", "canceled")


def change(world: World, subscription: Thing, **new: object) -> None:
    """Change fields of a subscription, and tell what they were."""
    before = {name: subscription[name] for name in new if subscription[name] != new[name]}
    subscription |= new
    world.emit("customer.subscription.updated", subscription, before)


def after_paid(world: World, invoice: Thing, now: int) -> None:
    """Let a subscription be active again when what it owed last is paid."""
    subscription = _of(world, invoice)
    if subscription is None or subscription["latest_invoice"] != invoice["id"]:
        return
    status = subscription["status"]
    if status == "incomplete":
        in_trial = subscription["trial_end"] is not None and subscription["trial_end"] > now
        change(world, subscription, status="trialing" if in_trial else "active")
    elif status in _OWING:
        change(world, subscription, status="active")
    elif status == "paused" and subscription["_resumes_with"] == invoice["id"]:
        resume(world, subscription)


def after_failed(world: World, invoice: Thing, now: int, *, outcome: str | None) -> None:
    """Let a subscription be past due, and at last what the account's settings say.

    What is asked for by hand beside its periods leaves it alone.

    Args:
        outcome: None while the invoice is tried again.
    """
    subscription = _of(world, invoice)
    if subscription is None or subscription["latest_invoice"] != invoice["id"]:
        return
    if subscription["status"] in _UNMOVED or _is_optional(invoice):
        return
    if subscription["status"] not in _OWING:
        change(world, subscription, status="past_due")
    if outcome == "canceled":
        end(world, subscription, now, why="payment_failed")
    elif outcome is not None and subscription["status"] != outcome:
        change(world, subscription, status=outcome)


def after_given_up(world: World, invoice: Thing) -> None:
    """Let a subscription be active when its last invoice is void or uncollectible."""
    subscription = _of(world, invoice)
    if (
        subscription is not None
        and subscription["latest_invoice"] == invoice["id"]
        and subscription["status"] in _OWING
    ):
        change(world, subscription, status="active")


def _is_optional(invoice: Thing) -> bool:
    """Say whether an invoice is only of a change that takes effect when it is paid."""
    return bool(invoice.get("_is_pending_update"))


def is_retried(world: World, invoice: Thing) -> bool:
    """Say whether a declined invoice is tried again: a subscription's first never is."""
    subscription = _of(world, invoice)
    return (
        invoice["auto_advance"]
        and invoice["billing_reason"] != "subscription_create"
        and not _is_optional(invoice)
        and (subscription is None or subscription["status"] in LIVING)
    )


def end(world: World, subscription: Thing, now: int, *, why: str | None) -> None:
    """Cancel a subscription this moment; none of its invoices is collected any more.

    Args:
        why: the reason that `cancellation_details` is to give; None leaves what stands there.
    """
    subscription |= {
        "status": "canceled",
        "ended_at": now,
        "canceled_at": subscription["canceled_at"] or now,
        "pause_collection": None,
    }
    if why is not None:
        subscription["cancellation_details"] |= {"reason": why}
    stop_collecting(world, subscription)
    _release_schedule(world, subscription, now)
    world.emit("customer.subscription.deleted", subscription)


def stop_collecting(world: World, subscription: Thing) -> None:
    """Leave a subscription's drafts and open invoices to whoever asks for them by hand."""
    for invoice in world.all("invoice"):
        if invoicing.subscription_of(invoice) == subscription["id"] and invoice["status"] in (
            "draft",
            "open",
        ):
            invoice |= {
                "auto_advance": False,
                "next_payment_attempt": None,
                "automatically_finalizes_at": None,
            }


def pause(world: World, subscription: Thing, now: int, why: str) -> None:
    """Pause a subscription: no period begins and no invoice is made until it is resumed."""
    before = {"status": subscription["status"]}
    subscription |= {
        "status": "paused",
        "status_details": {
            "paused": {
                "subscription": {"type": why},
                "transitioned_at": now,
                "type": "subscription",
            }
        },
    }
    world.emit("customer.subscription.paused", subscription)
    world.emit("customer.subscription.updated", subscription, before)


def resume(world: World, subscription: Thing) -> None:
    """Let a paused subscription go on."""
    subscription |= {"status": "active", "status_details": None, "_resumes_with": None}
    world.emit("customer.subscription.resumed", subscription)
    world.emit("customer.subscription.updated", subscription, {"status": "paused"})


def _release_schedule(world: World, subscription: Thing, now: int) -> None:
    schedule = world.find(subscription["schedule"] or "")
    if schedule is not None and schedule["status"] in ("active", "not_started"):
        schedule |= {"status": "canceled", "canceled_at": now, "current_phase": None}
        world.emit("subscription_schedule.canceled", schedule)


def _of(world: World, invoice: Thing) -> Thing | None:
    identity = invoicing.subscription_of(invoice)
    return None if identity is None else world.get("subscription", identity)
