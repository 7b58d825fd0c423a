"""What happens to subscriptions and invoices by themselves, as their clock goes on."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from tests.stripe_peer.billing import (
    beginning,
    changing,
    collecting,
    discounts,
    invoicing,
    items,
    lines,
    scheduling,
    standing,
)
from tests.stripe_peer.billing.periods import Period, period_at
from tests.stripe_peer.timetable import Due, timetable
from tests.stripe_peer.world import Thing, World

_RUNNING: Final = ("trialing", "active", "past_due", "unpaid")


@timetable
def due(world: World, clock: str | None) -> Iterator[Due]:
    """Yield what is due; of one instant, phases come before ends, and ends before renewals."""
    living = [
        one
        for one in world.all("subscription")
        if one["test_clock"] == clock and one["status"] in standing.LIVING
    ]
    for at, run in (*_schedules(world, clock), *_ends(world, living), *_renewals(world, living)):
        yield Due(at, clock, run)
    for at, run in (*_notices(world, living), *_invoices(world, clock)):
        yield Due(at, clock, run)


_Entry = tuple[int, partial[None]]


def _schedules(world: World, clock: str | None) -> Iterator[_Entry]:
    for schedule in world.all("subscription_schedule"):
        at = scheduling.next_step_at(schedule) if schedule["test_clock"] == clock else None
        if at is not None:
            yield at, partial(scheduling.step, world, schedule, at)


def _ends(world: World, living: list[Thing]) -> Iterator[_Entry]:
    for one in living:
        if one["status"] == "incomplete" and one["_expires_at"] is not None:
            yield one["_expires_at"], partial(expire, world, one, one["_expires_at"])
        if one["cancel_at"] is not None and one["status"] != "incomplete":
            yield (
                one["cancel_at"],
                partial(standing.end, world, one, one["cancel_at"], why="cancellation_requested"),
            )
        if one["pending_update"] is not None:
            at = one["pending_update"]["expires_at"]
            yield at, partial(changing.expire_pending, world, one, at)


def _renewals(world: World, living: list[Thing]) -> Iterator[_Entry]:
    for one in living:
        if one["status"] in _RUNNING:
            at = items.period_of(one).end
            yield at, partial(renew, world, one, at)


def _notices(world: World, living: list[Thing]) -> Iterator[_Entry]:
    for one in living:
        if one["status"] == "trialing" and not one["_is_told_of_trial"]:
            at = one["trial_end"] - beginning.NOTICE
            yield at, partial(beginning.tell_of_trial, world, one, at)
        resumes = (one["pause_collection"] or {}).get("resumes_at")
        if resumes is not None:
            yield resumes, partial(standing.change, world, one, pause_collection=None)


def _invoices(world: World, clock: str | None) -> Iterator[_Entry]:
    for invoice in world.all("invoice"):
        if invoice["test_clock"] != clock:
            continue
        if invoice["status"] == "draft" and invoice["automatically_finalizes_at"] is not None:
            at = invoice["automatically_finalizes_at"]
            yield at, partial(finalize, world, invoice, at)
        elif invoice["status"] == "open" and invoice["next_payment_attempt"] is not None:
            at = invoice["next_payment_attempt"]
            yield at, partial(collecting.attempt, world, invoice, at, by_itself=True)


def renew(world: World, subscription: Thing, now: int) -> None:
    """Let a subscription's next period begin, with the draft of its invoice.

    A trial that ends is such a beginning too; without a payment method it may be the end.
    """
    if subscription["status"] == "trialing" and _ends_for_want_of_method(world, subscription, now):
        return
    before = changing.seen(subscription)
    old = items.period_of(subscription)
    kept = items.of(subscription)
    period = period_at(subscription["billing_cycle_anchor"], items.interval_of(kept), now)
    items.set_period(kept, period)
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    invoice = invoice_period(world, subscription, now)
    invoice |= {"period_start": old.start, "period_end": old.end}
    changing.tell(world, subscription, before)
    _treat_paused(world, subscription, invoice, now)


def invoice_period(
    world: World, subscription: Thing, now: int, reason: str = "subscription_cycle"
) -> Thing:
    """Make the draft for the period that a subscription is in; it finalizes itself in an hour."""
    kept = items.of(subscription)
    period = items.period_of(subscription)
    charges = [lines.whole_period(world, item, period) for item in kept]
    invoice = changing.invoice_of(world, subscription, charges, reason, now)
    subscription["latest_invoice"] = invoice["id"]
    is_collected = subscription["status"] != "unpaid"
    invoicing.keep_draft(world, invoice, finalizes_itself=is_collected)
    discounts.use_up(world, subscription, invoice, now)
    return invoice


def finalize(world: World, invoice: Thing, now: int) -> None:
    """Finalize a draft whose hour is over, and try to take its money."""
    collecting.finalize(world, invoice, now)
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        collecting.attempt(world, invoice, now, by_itself=True)


def expire(world: World, subscription: Thing, now: int) -> None:
    """End a subscription whose first invoice was not paid within 23 hours."""
    subscription |= {"status": "incomplete_expired", "ended_at": now, "_expires_at": None}
    invoice = world.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        collecting.drop(world, invoice, now)
    world.emit("customer.subscription.updated", subscription, {"status": "incomplete"})


def upcoming_period(subscription: Thing) -> Period:
    """Return the period that comes after the one that a subscription is in."""
    kept = items.of(subscription)
    end = items.period_of(subscription).end
    return period_at(subscription["billing_cycle_anchor"], items.interval_of(kept), end)


def _ends_for_want_of_method(world: World, subscription: Thing, now: int) -> bool:
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    customer = world.get("customer", subscription["customer"])
    method = (
        subscription["default_payment_method"]
        or customer["invoice_settings"]["default_payment_method"]
    )
    if method is not None or behavior == "create_invoice":
        return False
    if behavior == "cancel":
        standing.end(world, subscription, now, why=None)
    else:
        standing.pause(world, subscription, now, "trial_end_without_payment_method")
    return True


def _treat_paused(world: World, subscription: Thing, invoice: Thing, now: int) -> None:
    """Do with an invoice what `pause_collection` says, instead of collecting it."""
    pause = subscription["pause_collection"]
    if pause is None:
        return
    invoice |= {
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
    }
    if pause["behavior"] == "keep_as_draft":
        return
    invoicing.finalize(world, invoice, now)
    if pause["behavior"] == "void":
        invoicing.void(world, invoice, now)
    else:
        invoicing.mark_uncollectible(world, invoice, now, "subscription_paused")
